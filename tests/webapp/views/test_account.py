from xml.etree import ElementTree

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import SignIn, post, token_of
from webapp.db import now
from webapp.models import ApiToken, RecoveryCode, Role, User
from webapp.services import passwords, preferences, second_factor, team, tokens, users
from webapp.services.tokens import Scope
from webapp.settings import Settings
from webapp.views.access import Account

NEW = "another long sentence"
FACTOR = "/account/second-factor"


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No code runs out while a slow machine gets to it."""
    at = now()
    monkeypatch.setattr(second_factor, "now", lambda: at)


def code_of(app: pyotp.TOTP, steps: int = 0) -> str:
    """What the app shows, so many steps of 30 seconds later."""
    return app.at(second_factor.now(), counter_offset=steps)


def send(client: FlaskClient, address: str, **fields: object) -> TestResponse:
    return client.post(address, data={"csrf_token": token_of(client, FACTOR), **fields})


def reread(session: Session) -> User:
    session.expire_all()
    return session.query(User).one()


def test_language_theme_and_country_are_kept(reviewer: FlaskClient, session: Session) -> None:
    assert send(reviewer, "/account", language="en", theme="dark", country="DE").status_code == 302
    user = reread(session)
    assert (user.language, user.theme, user.country) == ("en", "dark", "DE")
    send(reviewer, "/account", language="", theme="system", country="")
    user = reread(session)
    assert (user.language, user.theme, user.country) == (None, "system", None)


@pytest.mark.parametrize("fields", [{"language": "xx"}, {"theme": "pink"}, {"country": "EU"}, {"country": "BR"}])
def test_what_is_not_offered_is_refused(reviewer: FlaskClient, session: Session, fields: dict[str, str]) -> None:
    sent = {"language": "en", "theme": "dark", "country": "DE", **fields}
    assert send(reviewer, "/account", **sent).status_code == 422
    assert reread(session).theme is None


def test_how_pictures_are_shown_is_kept(reviewer: FlaskClient, session: Session) -> None:
    send(reviewer, "/account/look", grey="y")
    look = preferences.of(reread(session))
    assert (look.blur, look.grey, look.keys) == (False, True, False)


def test_a_country_of_the_settings_goes_before_one_that_was_looked_at(reviewer: FlaskClient, session: Session) -> None:
    user = reread(session)
    preferences.keep(session, user, country="US")
    session.commit()
    send(reviewer, "/account", language="", theme="system", country="DE")
    assert preferences.country_of(reread(session), "GB") == "DE"


def test_a_new_password_ends_the_sign_ins_elsewhere(app: Flask, reviewer: FlaskClient, session: Session) -> None:
    elsewhere = app.test_client()
    post(elsewhere, "/sign-in", name="reviewer", password=PASSWORD)
    answer = send(reviewer, "/account/password", current=PASSWORD, password=NEW, again=NEW)
    assert answer.status_code == 302
    assert users.authenticate(session, "reviewer", NEW) is not None
    assert reviewer.get("/account").status_code == 200
    assert elsewhere.get("/account").location.startswith("/sign-in")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [("current", "not mine", "not your password"), ("password", "short", "12 letters"), ("again", "x", "not the same")],
)
def test_a_password_that_will_not_do_is_refused(
    reviewer: FlaskClient, session: Session, field: str, value: str, says: str
) -> None:
    sent = {"current": PASSWORD, "password": NEW, "again": NEW, field: value}
    answer = send(reviewer, "/account/password", **sent)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert NEW not in answer.text
    assert users.authenticate(session, "reviewer", PASSWORD) is not None


def test_signing_out_everywhere_else_leaves_this_browser(app: Flask, reviewer: FlaskClient) -> None:
    elsewhere = app.test_client()
    post(elsewhere, "/sign-in", name="reviewer", password=PASSWORD)
    assert elsewhere.get("/account").status_code == 200
    assert send(reviewer, "/account/sign-ins/end").status_code == 302
    assert reviewer.get("/account").status_code == 200
    assert elsewhere.get("/account").location.startswith("/sign-in")


def secret_on(client: FlaskClient) -> str:
    """What the page shows to enter by hand."""
    return "".join(LexborHTMLParser(client.get(FACTOR).text).css_first("code.copied").text().split())


def set_up(client: FlaskClient) -> tuple[pyotp.TOTP, list[str]]:
    """The app, and the recovery codes that the page shows; the code of 30 seconds ago is spent."""
    app = pyotp.TOTP(secret_on(client))
    answer = send(client, FACTOR, code=code_of(app, -1))
    assert answer.status_code == 200
    return app, [node.text() for node in LexborHTMLParser(answer.text).css(".recovery-codes code")]


def test_the_second_factor_is_set_up_with_a_code_of_the_app(reviewer: FlaskClient, session: Session) -> None:
    assert send(reviewer, FACTOR, code="000 000").status_code == 422
    assert reread(session).totp_since is None
    _, codes = set_up(reviewer)
    assert reread(session).totp_since is not None
    assert len(codes) == 10
    page = reviewer.get(FACTOR).text
    assert not any(code in page for code in codes)
    assert "10 recovery codes are left" in page


def test_the_picture_says_what_the_letters_beside_it_say(reviewer: FlaskClient) -> None:
    page = LexborHTMLParser(reviewer.get(FACTOR).text)
    svg = page.css_first(".qr svg").html
    assert svg is not None and "style" not in svg and "<script" not in svg
    assert len(ElementTree.fromstring(svg).findall(".//path")) == 2  # noqa: S314  (our own page)


def test_switching_off_takes_password_and_code(reviewer: FlaskClient, session: Session) -> None:
    app, codes = set_up(reviewer)
    for fields in (
        {"password": PASSWORD, "any_code": "000000"},
        {"password": "not mine", "any_code": codes[0]},
        {"password": "", "any_code": codes[0]},
    ):
        assert send(reviewer, f"{FACTOR}/off", **fields).status_code == 422
    assert reread(session).totp_since is not None
    assert session.query(RecoveryCode).filter(RecoveryCode.used_at.is_(None)).count() == 10, "none was spent"
    assert send(reviewer, f"{FACTOR}/off", password=PASSWORD, any_code=code_of(app)).status_code == 302
    assert reread(session).totp_secret is None


def test_someone_without_a_password_switches_off_by_a_code(reviewer: FlaskClient, session: Session) -> None:
    _, codes = set_up(reviewer)
    with reviewer.session_transaction() as cookie:
        user = reread(session)
        user.password_hash = passwords.NONE
        session.commit()
        cookie["_user_id"] = Account(user).get_id()
    assert 'name="password"' not in reviewer.get(FACTOR).text
    assert send(reviewer, f"{FACTOR}/off", any_code=codes[0]).status_code == 302


def test_new_recovery_codes_take_a_code_of_the_app(reviewer: FlaskClient, session: Session) -> None:
    app, codes = set_up(reviewer)
    assert send(reviewer, f"{FACTOR}/codes", code=codes[0]).status_code == 422
    answer = send(reviewer, f"{FACTOR}/codes", code=code_of(app))
    assert answer.status_code == 200
    assert codes[0] not in answer.text
    assert session.query(RecoveryCode).count() == 10


def test_codes_can_not_be_guessed_at_on_a_page_that_was_left_open(reviewer: FlaskClient) -> None:
    app, _ = set_up(reviewer)
    for _ in range(5):
        send(reviewer, f"{FACTOR}/off", password=PASSWORD, any_code="000000")
    answer = send(reviewer, f"{FACTOR}/off", password=PASSWORD, any_code=code_of(app))
    assert (answer.status_code, "too many" in answer.text) == (422, True)


def test_a_role_of_which_the_team_asks_it_sets_it_up_before_any_page_opens(sign_in: SignIn, session: Session) -> None:
    team.choose(session, None, second_factor_from="lead")
    session.commit()
    lead = sign_in(Role.LEAD)
    assert lead.get("/queue?state=open").location == f"{FACTOR}?next=/queue?state%3Dopen"
    assert lead.get("/account").status_code == 302
    assert lead.post("/account", data={"csrf_token": token_of(lead, FACTOR)}).status_code == 403
    code = code_of(pyotp.TOTP(secret_on(lead)))
    answer = send(lead, f"{FACTOR}?next=/queue", code=code)
    assert 'href="/queue"' in answer.text
    assert lead.get("/queue").status_code == 200


def test_a_role_below_is_not_asked(sign_in: SignIn, session: Session) -> None:
    team.choose(session, None, second_factor_from="lead")
    session.commit()
    assert sign_in(Role.REVIEWER).get("/queue").status_code == 200


def test_a_token_is_shown_once_and_works(reviewer: FlaskClient, session: Session) -> None:
    answer = send(reviewer, "/account/tokens", name="exporter", scopes=["read", "review"], days="30")
    text = LexborHTMLParser(answer.text).css_first("code.copied").text()
    found = tokens.authenticate(session, text)
    assert found is not None
    assert (found.name, found.scopes, found.user.name) == ("exporter", ["read", "review"], "reviewer")
    session.commit()
    page = reviewer.get("/account").text
    assert text not in page
    assert found.head in page
    assert send(reviewer, f"/account/tokens/{found.id}/revoke").status_code == 302
    session.expire_all()
    assert tokens.authenticate(session, text) is None


@pytest.mark.parametrize(
    "fields", [{"scopes": []}, {"scopes": ["admin"]}, {"scopes": ["rules"]}, {"name": ""}, {"days": "9999"}]
)
def test_a_token_above_the_role_or_without_a_name_is_refused(
    reviewer: FlaskClient, session: Session, fields: dict[str, object]
) -> None:
    sent = {"name": "exporter", "scopes": ["read"], "days": "30", **fields}
    assert send(reviewer, "/account/tokens", **sent).status_code == 422
    assert session.query(ApiToken).count() == 0


def test_a_token_of_somebody_else_is_not_there(reviewer: FlaskClient, session: Session) -> None:
    other = make_user(session, "ann")
    made, text = tokens.create(session, other, other, "hers", [Scope.READ], None)
    session.commit()
    assert send(reviewer, f"/account/tokens/{made.id}/revoke").status_code == 404
    assert tokens.authenticate(session, text) is not None


def test_an_admin_switches_off_the_factor_of_somebody_who_lost_it(
    admin: FlaskClient, session: Session, settings: Settings
) -> None:
    user = make_user(session, "ann")
    secret = second_factor.begin(session, settings.secret_key, user)
    second_factor.switch_on(session, settings.secret_key, user, code_of(pyotp.TOTP(secret)))
    session.commit()
    assert "on</td>" in admin.get("/users").text
    assert send(admin, f"/users/{user.id}/second-factor/off").status_code == 302
    session.expire_all()
    assert not second_factor.is_on(user)


def test_an_admin_does_not_get_round_the_own_factor(admin: FlaskClient, session: Session) -> None:
    set_up(admin)
    user = reread(session)
    assert send(admin, f"/users/{user.id}/second-factor/off").status_code == 409
    assert reread(session).totp_since is not None


def test_an_admin_ends_sign_ins_and_revokes_tokens(admin: FlaskClient, sign_in: SignIn, session: Session) -> None:
    reviewer = sign_in(Role.REVIEWER)
    user = users.find_user(session, "reviewer")
    assert user is not None
    made, text = tokens.create(session, user, user, "exporter", [Scope.READ], None)
    session.commit()
    assert made.head in admin.get(f"/users/{user.id}").text
    assert send(admin, f"/users/{user.id}/tokens/{made.id}/revoke").status_code == 302
    assert send(admin, f"/users/{user.id}/sign-ins/end").status_code == 302
    session.expire_all()
    assert tokens.authenticate(session, text) is None
    assert reviewer.get("/queue").location.startswith("/sign-in")
