import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import post, token_of
from webapp.db import now
from webapp.models import AuditEntry, User
from webapp.services import attempts, links, second_factor
from webapp.settings import Settings


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No code runs out while a slow machine gets to it."""
    at = now()
    monkeypatch.setattr(second_factor, "now", lambda: at)


def code_of(app: pyotp.TOTP, steps: int = 0) -> str:
    """What the app shows, so many steps of 30 seconds later."""
    return app.at(second_factor.now(), counter_offset=steps)


@pytest.fixture
def mirela(session: Session) -> None:
    make_user(session, "mirela")
    session.commit()


@pytest.mark.usefixtures("mirela")
def test_the_right_password_leads_to_the_page_that_was_asked_for(client: FlaskClient) -> None:
    answer = post(client, "/sign-in?next=/queue", name="mirela", password=PASSWORD)
    assert answer.location == "/queue"


@pytest.mark.usefixtures("mirela")
def test_a_page_elsewhere_is_not_followed(client: FlaskClient) -> None:
    answer = post(client, "/sign-in?next=https://evil.example/", name="mirela", password=PASSWORD)
    assert answer.location == "/"


@pytest.mark.usefixtures("mirela")
def test_a_wrong_password_keeps_the_name_and_says_so(client: FlaskClient) -> None:
    answer = post(client, "/sign-in", name="mirela", password="not this one")
    assert answer.status_code == 401
    assert 'value="mirela"' in answer.text
    assert "do not belong together" in answer.text
    assert "not this one" not in answer.text


def test_an_empty_form_says_what_is_missing(client: FlaskClient) -> None:
    answer = post(client, "/sign-in", name="", password="")
    assert answer.status_code == 422
    assert "Enter your name." in answer.text


@pytest.mark.usefixtures("mirela")
def test_guessing_is_slowed_and_told_when_to_come_back(client: FlaskClient) -> None:
    token = token_of(client)
    for _ in range(8):
        client.post("/sign-in", data={"csrf_token": token, "name": "mirela", "password": "a guess"})
    answer = client.post("/sign-in", data={"csrf_token": token, "name": "mirela", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "Too many attempts" in answer.text


@pytest.mark.usefixtures("mirela")
def test_signing_in_makes_a_new_cookie_that_scripts_cannot_read(client: FlaskClient) -> None:
    with client.session_transaction() as cookie:
        cookie["planted"] = "by somebody"
    answer = post(client, "/sign-in", name="mirela", password=PASSWORD)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]


def test_the_cookie_of_a_secure_connection_stays_on_secure_connections(client: FlaskClient) -> None:
    assert "Secure" in client.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert "Secure" not in client.get("/sign-in").headers["Set-Cookie"]


def test_signing_out_ends_it(reviewer: FlaskClient) -> None:
    token = token_of(reviewer, "/queue")
    reviewer.post("/sign-out", data={"csrf_token": token})
    assert reviewer.get("/queue").location.startswith("/sign-in")


def actions(session: Session) -> list[str]:
    session.expire_all()
    return [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.id)]


@pytest.mark.usefixtures("mirela")
def test_coming_failing_and_going_are_in_the_audit_log(client: FlaskClient, session: Session) -> None:
    post(client, "/sign-in", name="mirela", password="not this one")
    post(client, "/sign-in", name="nobody", password="my password by mistake")
    post(client, "/sign-in", name="mirela", password=PASSWORD)
    client.post("/sign-out", data={"csrf_token": token_of(client, "/account")})
    assert actions(session) == ["sign_in.wrong_password", "sign_in.done", "sign_out.done"]
    told = str([(entry.actor, entry.facts) for entry in session.query(AuditEntry)])
    assert "not this one" not in told and "nobody" not in told and "127.0.0.1" not in told
    assert session.query(User).one().signed_in_at is not None


def fail_at(session: Session, step: str, is_known: bool = False) -> None:
    """As many failures as an account may have, from wherever."""
    user = session.query(User).one()
    for _ in range(attempts.LIMITS[step]):
        attempts.note_failure(session, user, step, is_known)
    session.commit()


@pytest.mark.usefixtures("mirela")
def test_failures_that_another_process_saw_count_and_the_right_password_waits(
    client: FlaskClient, session: Session
) -> None:
    fail_at(session, attempts.PASSWORD)
    answer = post(client, "/sign-in", name="mirela", password=PASSWORD)
    assert answer.status_code == 429
    assert "quarter of an hour" in answer.text


@pytest.mark.usefixtures("mirela")
def test_strangers_do_not_lock_the_owner_out_of_a_browser_of_before(client: FlaskClient, session: Session) -> None:
    post(client, "/sign-in", name="mirela", password=PASSWORD)
    client.post("/sign-out", data={"csrf_token": token_of(client, "/account")})
    fail_at(session, attempts.PASSWORD)
    assert post(client, "/sign-in", name="mirela", password=PASSWORD).status_code == 302


@pytest.mark.usefixtures("mirela")
def test_a_made_up_browser_is_a_stranger(client: FlaskClient, session: Session) -> None:
    client.set_cookie("tuskline-known", "WyJtaXJlbGEiXQ.aaaa.bbbb", path="/sign-in")
    fail_at(session, attempts.PASSWORD)
    assert post(client, "/sign-in", name="mirela", password=PASSWORD).status_code == 429


@pytest.fixture
def factor(session: Session, settings: Settings, mirela: None) -> tuple[pyotp.TOTP, list[str]]:  # noqa: ARG001  (she must be there)
    """The app of mirela's second factor, and her recovery codes."""
    user = session.query(User).one()
    app = pyotp.TOTP(second_factor.begin(session, settings.secret_key, user))
    codes = second_factor.switch_on(session, settings.secret_key, user, code_of(app, -1))
    session.commit()
    return app, codes


def first_step(client: FlaskClient, address: str = "/sign-in?next=/queue") -> str:
    answer = post(client, address, name="mirela", password=PASSWORD)
    assert answer.status_code == 302
    return str(answer.location)


def second_step(client: FlaskClient, code: str, address: str = "/sign-in/code?next=/queue") -> TestResponse:
    return client.post(address, data={"csrf_token": token_of(client, address), "code": code})


def test_password_and_code_lead_to_the_page_that_was_asked_for(
    client: FlaskClient, factor: tuple[pyotp.TOTP, list[str]], session: Session
) -> None:
    assert first_step(client) == "/sign-in/code?next=/queue"
    assert client.get("/queue").location.startswith("/sign-in?"), "a password alone opens nothing"
    assert second_step(client, code_of(factor[0])).location == "/queue"
    assert client.get("/queue").status_code == 200
    facts = session.query(AuditEntry).order_by(AuditEntry.id.desc()).first().facts
    assert (facts["way"], facts["second"]) == ("password", "code")


def test_a_code_that_was_seen_over_a_shoulder_is_spent(
    app: Flask, client: FlaskClient, factor: tuple[pyotp.TOTP, list[str]]
) -> None:
    code = code_of(factor[0], 1)
    first_step(client)
    assert second_step(client, code).status_code == 302
    thief = app.test_client()
    first_step(thief)
    assert second_step(thief, code).status_code == 401


def test_a_recovery_code_lets_in_once(app: Flask, client: FlaskClient, factor: tuple[pyotp.TOTP, list[str]]) -> None:
    first_step(client)
    answer = second_step(client, factor[1][0])
    assert answer.status_code == 302
    assert "Codes left: 9" in client.get("/queue").text
    again = app.test_client()
    first_step(again)
    assert second_step(again, factor[1][0]).status_code == 401


def test_codes_can_not_be_guessed_at(
    client: FlaskClient, factor: tuple[pyotp.TOTP, list[str]], session: Session
) -> None:
    first_step(client)
    for _ in range(attempts.LIMITS[attempts.CODE]):
        assert second_step(client, "00000").status_code == 401
    assert second_step(client, code_of(factor[0])).status_code == 429
    assert actions(session)[-1] == attempts.CODE


@pytest.mark.usefixtures("factor")
def test_the_second_step_waits_five_minutes(client: FlaskClient) -> None:
    first_step(client)
    with client.session_transaction() as cookie:
        cookie["halfway"]["at"] -= 301
        cookie.modified = True
    assert client.get("/sign-in/code").location == "/sign-in"


@pytest.mark.usefixtures("factor")
def test_a_new_password_ends_a_sign_in_that_is_halfway(client: FlaskClient, session: Session) -> None:
    first_step(client)
    session.query(User).update({"sign_ins_from": 5})
    session.commit()
    assert client.get("/sign-in/code").location == "/sign-in"


def test_the_second_step_without_the_first_leads_to_it(client: FlaskClient) -> None:
    assert client.get("/sign-in/code?next=/queue").location == "/sign-in?next=/queue"


@pytest.mark.usefixtures("mirela")
def test_a_link_lets_in_by_its_button_and_once(
    app: Flask, client: FlaskClient, settings: Settings, session: Session
) -> None:
    address = f"/sign-in/link/{links.make(session, settings.secret_key, session.query(User).one())}"
    session.commit()
    assert "works once" in client.get(address).text
    assert client.post(address, data={"csrf_token": token_of(client, address)}).location == "/"
    assert client.get("/queue").status_code == 200
    second = app.test_client()
    answer = second.post(address, data={"csrf_token": token_of(second, address)})
    assert (answer.status_code, "used up" in answer.text) == (401, True)


@pytest.mark.usefixtures("factor")
def test_a_link_leaves_the_second_step(client: FlaskClient, settings: Settings, session: Session) -> None:
    address = f"/sign-in/link/{links.make(session, settings.secret_key, session.query(User).one())}"
    session.commit()
    assert client.post(address, data={"csrf_token": token_of(client, address)}).location == "/sign-in/code"
    assert client.get("/queue").location.startswith("/sign-in")


@pytest.mark.usefixtures("mirela")
def test_what_was_chosen_before_the_sign_in_stays(client: FlaskClient) -> None:
    with client.session_transaction() as cookie:
        cookie["theme"] = "dark"
    post(client, "/sign-in", name="mirela", password=PASSWORD)
    with client.session_transaction() as cookie:
        assert cookie["theme"] == "dark"


def test_settings_that_would_let_nobody_in_are_refused(settings: Settings) -> None:
    with pytest.raises(ValidationError, match="TUSKLINE_OIDC_ISSUER"):
        Settings(home=settings.home, local_sign_in=False)
    with pytest.raises(ValidationError, match="https://"):
        Settings(home=settings.home, oidc_issuer="http://provider.example")
    with pytest.raises(ValidationError):
        Settings(home=settings.home, oidc_issuer="https://provider.example", oidc_roles={"heads": "owner"})
