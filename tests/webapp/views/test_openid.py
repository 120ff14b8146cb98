"""Against a real provider on loopback: what lets in, and each thing that must not."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, make_user
from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider, keyed, unsigned
from tests.webapp.views.conftest import post
from webapp import create_app
from webapp.models import AuditEntry, Role, User
from webapp.services import passwords
from webapp.settings import Settings

Build = Callable[..., FlaskClient]


@pytest.fixture(params=["RS256", "ES256"])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with Provider(request.param) as provider:
        yield provider


@pytest.fixture
def rsa() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def build(settings: Settings) -> Iterator[Build]:
    """A client of pages that are set to a provider; more: further settings."""
    apps: list[Flask] = []

    def build_client(provider: Provider, **more: object) -> FlaskClient:
        values = {
            "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET, **more,
        }  # fmt: skip
        apps.append(create_app(Settings(home=settings.home, database_url=settings.database_url, **values)))
        return apps[-1].test_client()

    yield build_client
    for app in apps:
        app.extensions["tuskline"].engine.dispose()


def make_known(session: Session, provider: Provider, role: Role = Role.REVIEWER) -> User:
    user = make_user(session, "ann", role, oidc_subject=f"{provider.issuer}|4711")
    session.commit()
    return user


def go_to_provider(client: FlaskClient, address: str = "/sign-in/openid") -> str:
    """What the provider sends the browser back to, as a path of ours."""
    begun = client.get(address)
    assert begun.status_code == 302, begun.text
    back = urlsplit(httpx2.get(begun.location).headers["Location"])
    return f"{back.path}?{back.query}"


def sign_in(client: FlaskClient, address: str = "/sign-in/openid") -> TestResponse:
    return client.get(go_to_provider(client, address))


def test_a_known_person_is_let_in_to_the_page_that_was_asked_for(
    build: Build, provider: Provider, session: Session
) -> None:
    user, client = make_known(session, provider), build(provider)
    assert sign_in(client, "/sign-in/openid?next=/queue").location == "/queue"
    assert client.get("/queue").status_code == 200
    session.expire_all()
    assert user.signed_in_at is not None
    assert {"way": "openid", "second": ""}.items() <= session.query(AuditEntry).one().facts.items()


def test_the_request_carries_state_nonce_and_a_challenge(build: Build, rsa: Provider) -> None:
    begun = build(rsa).get("/sign-in/openid")
    asked = parse_qs(urlsplit(begun.location).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == ["http://localhost/sign-in/openid/return"]
    assert min(len(asked[name][0]) for name in ("state", "nonce", "code_challenge")) >= 20
    assert CLIENT_SECRET not in begun.location


def test_the_address_to_come_back_to_is_the_public_one(build: Build, rsa: Provider) -> None:
    begun = build(rsa, public_url="https://tusk.example").get("/sign-in/openid", headers={"Host": "evil.example"})
    assert "https%3A%2F%2Ftusk.example%2Fsign-in%2Fopenid%2Freturn" in begun.location


def test_somebody_unknown_is_refused_and_told_what_to_hand_on(build: Build, rsa: Provider, session: Session) -> None:
    answer = sign_in(build(rsa))
    assert answer.status_code == 403
    assert "4711" in answer.text
    assert session.query(User).count() == 0


def test_neither_name_nor_mail_makes_somebody_known(build: Build, rsa: Provider, session: Session) -> None:
    make_user(session, "mirela", Role.ADMIN)
    session.commit()
    rsa.claims = {"preferred_username": "mirela", "email": "mirela@example.org", "email_verified": True}
    assert sign_in(build(rsa)).status_code == 403


def test_a_subject_of_another_issuer_is_somebody_else(build: Build, rsa: Provider, session: Session) -> None:
    make_user(session, "ann", oidc_subject="https://elsewhere.example|4711")
    session.commit()
    assert sign_in(build(rsa)).status_code == 403


def test_newcomers_become_viewers_with_a_name_of_their_own(build: Build, rsa: Provider, session: Session) -> None:
    admin = make_user(session, "mirela", Role.ADMIN)
    session.commit()
    assert sign_in(build(rsa, oidc_newcomers=True)).status_code == 302
    newcomer = session.query(User).filter(User.id != admin.id).one()
    assert (newcomer.name, newcomer.role, newcomer.password_hash) == ("mirela-2", Role.VIEWER, passwords.NONE)
    assert sign_in(build(rsa, oidc_newcomers=True)).status_code == 302
    assert session.query(User).count() == 2


def test_roles_come_from_the_provider_at_each_sign_in(build: Build, rsa: Provider, session: Session) -> None:
    make_user(session, "root", Role.ADMIN)
    user = make_known(session, rsa)
    client = build(rsa, oidc_role_claim="realm.groups", oidc_roles={"wildlife": "reviewer", "heads": "lead"})
    for groups, role in ((["wildlife", "heads", "x"], Role.LEAD), (["wildlife"], Role.REVIEWER), ([], Role.VIEWER)):
        rsa.claims["realm"] = {"groups": groups}
        assert sign_in(client).status_code == 302
        session.expire_all()
        assert user.role is role


def test_the_last_admin_stays_admin_whatever_the_provider_says(build: Build, rsa: Provider, session: Session) -> None:
    user = make_known(session, rsa, Role.ADMIN)
    assert sign_in(build(rsa, oidc_role_claim="groups", oidc_roles={})).status_code == 302
    session.expire_all()
    assert user.role is Role.ADMIN


def test_claims_that_the_token_leaves_out_are_asked_for(build: Build, rsa: Provider, session: Session) -> None:
    rsa.claims, rsa.userinfo = {}, {"preferred_username": "zoe"}
    assert sign_in(build(rsa, oidc_newcomers=True)).status_code == 302
    assert session.query(User).one().name == "zoe"


def test_userinfo_of_somebody_else_is_refused(build: Build, rsa: Provider, session: Session) -> None:
    rsa.claims, rsa.userinfo = {}, {"preferred_username": "zoe", "sub": "another"}
    assert sign_in(build(rsa, oidc_newcomers=True)).status_code == 401
    assert session.query(User).count() == 0


def test_an_account_that_is_off_stays_out(build: Build, rsa: Provider, session: Session) -> None:
    make_known(session, rsa).is_active = False
    session.commit()
    client = build(rsa)
    assert sign_in(client).status_code == 403
    assert client.get("/").location.startswith("/sign-in")


WRONG = {
    "another nonce": {"nonce": "made up"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "expired": {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200},
    "another audience": {"aud": "another-client"},
    "another audience, for us": {"aud": "another-client", "azp": CLIENT_ID},
    "another party": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "nobody": {"sub": ""},
    "somebody with a NUL": {"sub": "47\0 11"},
    "somebody of half a letter": {"sub": "\ud800"},
    "somebody of a long name": {"sub": "4711" * 100},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    build: Build, rsa: Provider, session: Session, claims: dict[str, object]
) -> None:
    make_known(session, rsa)
    client = build(rsa)
    rsa.claims = claims
    refuse(client, sign_in(client))


def refuse(client: FlaskClient, answer: TestResponse) -> None:
    assert answer.status_code == 401
    assert "Begin the sign-in again" in answer.text
    assert client.get("/").location.startswith("/sign-in")


@pytest.mark.parametrize("offered", [["RS256"], ["RS256", "none"], ["RS256", "HS256"], []])
def test_a_token_that_nobody_signed_lets_nobody_in(
    build: Build, rsa: Provider, session: Session, offered: list[str]
) -> None:
    make_known(session, rsa)
    client = build(rsa)
    rsa.spoil, rsa.offered = unsigned, offered
    refuse(client, sign_in(client))


def test_a_token_signed_with_what_everybody_knows_lets_nobody_in(build: Build, rsa: Provider, session: Session) -> None:
    make_known(session, rsa)
    rsa.spoil = lambda claims: keyed(claims, rsa.key.as_pem(private=False))
    rsa.offered = ["RS256", "HS256"]
    client = build(rsa)
    refuse(client, sign_in(client))


def test_a_token_of_another_key_lets_nobody_in(build: Build, rsa: Provider, session: Session) -> None:
    make_known(session, rsa)
    client, with_own_key = build(rsa), Provider().sign
    rsa.spoil = with_own_key
    refuse(client, sign_in(client))


def test_a_key_that_is_new_is_asked_for(build: Build, provider: Provider, session: Session) -> None:
    make_known(session, provider)
    client = build(provider)
    assert sign_in(client).status_code == 302
    provider.rotate()
    assert sign_in(client).status_code == 302


def test_a_code_lets_in_once(build: Build, rsa: Provider, session: Session) -> None:
    make_known(session, rsa)
    client = build(rsa)
    back = go_to_provider(client)
    held = client.get_cookie("tuskline").value
    assert client.get(back).status_code == 302
    client.delete_cookie("tuskline")
    client.set_cookie("tuskline", held)
    refuse(client, client.get(back))
    assert len(rsa.token_requests) == 2


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(build: Build, rsa: Provider, session: Session) -> None:
    make_known(session, rsa)
    attacker, victim = build(rsa), build(rsa)
    refuse(victim, victim.get(go_to_provider(attacker)))
    refuse(victim, victim.get("/sign-in/openid/return?code=made-up&state=made-up"))
    refuse(victim, victim.get("/sign-in/openid/return?error=access_denied"))
    assert rsa.token_requests == []


def test_a_provider_of_another_name_is_not_the_one_that_was_set(build: Build, rsa: Provider) -> None:
    rsa.named = "https://evil.example"
    assert build(rsa).get("/sign-in/openid").status_code == 502


def test_a_provider_that_is_away_is_said_to_be(build: Build) -> None:
    with Provider() as gone:
        client = build(gone)
    assert client.get("/sign-in/openid").status_code == 502


def test_the_second_factor_is_asked_of_whoever_set_one_up(build: Build, rsa: Provider, session: Session) -> None:
    user = make_known(session, rsa)
    user.totp_since, user.totp_secret = user.created_at, "sealed"
    session.commit()
    client = build(rsa)
    assert sign_in(client, "/sign-in/openid?next=/queue").location == "/sign-in/code?next=/queue"
    assert client.get("/queue").location.startswith("/sign-in")


def test_the_button_stands_on_the_page_where_a_provider_is_set(
    build: Build, rsa: Provider, client: FlaskClient
) -> None:
    assert "Sign in with your organisation" in build(rsa).get("/sign-in").text
    assert "Sign in with your organisation" not in client.get("/sign-in").text
    assert client.get("/sign-in/openid").status_code == 404
    assert client.get("/sign-in/openid/return").status_code == 404


def test_without_passwords_the_provider_alone_lets_in(build: Build, rsa: Provider, session: Session) -> None:
    make_user(session, "ben")
    session.commit()
    client = build(rsa, local_sign_in=False)
    assert 'name="password"' not in client.get("/sign-in").text
    token_page = build(rsa)
    assert post(token_page, "/sign-in", name="ben", password=PASSWORD).status_code == 302
    app = client.application
    app.config["WTF_CSRF_ENABLED"] = False  # the page has no form whose token could be sent
    assert client.post("/sign-in", data={"name": "ben", "password": PASSWORD}).status_code == 403


def test_an_admin_says_who_somebody_is_at_the_provider(build: Build, rsa: Provider, session: Session) -> None:
    make_user(session, "root", Role.ADMIN)
    user = make_user(session, "ann")
    other = make_user(session, "ben")
    session.commit()
    admin = build(rsa)
    post(admin, "/sign-in", name="root", password=PASSWORD)
    assert post(admin, f"/users/{user.id}/identity", subject=" 4711 ").status_code == 302
    refused = post(admin, f"/users/{other.id}/identity", subject="4711")
    assert (refused.status_code, "ann has this subject already" in refused.text) == (422, True)
    assert sign_in(build(rsa)).status_code == 302
    assert post(admin, f"/users/{user.id}/identity", subject="").status_code == 302
    assert sign_in(build(rsa)).status_code == 403
