"""What browsers keep: under which name, for how long, and what is forgotten when somebody signs out."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import TOKEN, SignIn, post, token_of
from webapp import create_app
from webapp.models import Role
from webapp.settings import Settings

SAFE = "https://tusk.example"


@pytest.fixture
def safe(app: Flask, session: Session) -> FlaskClient:
    make_user(session, "mirela")
    session.commit()
    return app.test_client()


def sign_in_safely(client: FlaskClient) -> list[str]:
    """Over HTTPS; the cookies of the answer."""
    page = client.get("/sign-in", base_url=SAFE).text
    found = TOKEN.search(page)
    assert found
    fields = {"csrf_token": found[1] or found[2], "name": "mirela", "password": PASSWORD}
    answer = client.post("/sign-in", data=fields, base_url=SAFE)
    assert answer.status_code == 302
    return answer.headers.getlist("Set-Cookie")


def test_over_https_every_cookie_is_of_this_host_alone(safe: FlaskClient) -> None:
    cookies = sign_in_safely(safe)
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-tuskline", "__Host-tuskline-known"}
    for cookie in cookies:
        parts = {part.strip() for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts, cookie
        assert not any(part.startswith("Domain") for part in parts)
        assert len(cookie.partition(";")[0]) < 4096
    assert safe.get("/queue", base_url=SAFE).status_code == 200


def test_a_cookie_without_the_prefix_opens_nothing_over_https(safe: FlaskClient) -> None:
    sign_in_safely(safe)
    held = safe.get_cookie("__Host-tuskline", domain="tusk.example")
    assert held
    other = safe.application.test_client()
    other.set_cookie("tuskline", held.value, domain="tusk.example")
    assert other.get("/queue", base_url=SAFE).status_code == 302


def test_https_is_asked_for_ever_after(safe: FlaskClient, settings: Settings) -> None:
    for address in ("/sign-in", "/nothing-here", "/health/live", "/static/tuskline.css", "/api/v1/me"):
        answer = safe.get(address, base_url=SAFE)
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
        answer.close()
    assert "Strict-Transport-Security" not in safe.get("/sign-in").headers, "loopback has no HTTPS"
    behind = create_app(settings.model_copy(update={"public_url": SAFE}))
    assert "Strict-Transport-Security" in behind.test_client().get("/health/live").headers
    behind.extensions["tuskline"].engine.dispose()


def test_a_copy_of_a_cookie_ends_with_the_sign_out(app: Flask, reviewer: FlaskClient) -> None:
    held = reviewer.get_cookie("tuskline")
    assert held
    answer = reviewer.post("/sign-out", data={"csrf_token": token_of(reviewer, "/hosts")})
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    thief = app.test_client()
    thief.set_cookie("tuskline", held.value)
    assert thief.get("/queue").location.startswith("/sign-in")


def test_one_browser_signs_another_out(app: Flask, sign_in: SignIn) -> None:
    here, there = sign_in(Role.REVIEWER), app.test_client()
    post(there, "/sign-in", name="reviewer", password=PASSWORD)
    page = here.get("/account").text
    assert page.count("Sign out there") == 1 and page.count("this browser") == 1
    address = page.partition('action="/account/sign-ins/')[2].partition('"')[0]
    assert post(here, f"/account/sign-ins/{address}").status_code == 302
    assert there.get("/queue").location.startswith("/sign-in")
    assert here.get("/queue").status_code == 200
    assert post(here, f"/account/sign-ins/{address}").status_code == 404


def test_each_sign_in_has_a_cookie_of_its_own(app: Flask, session: Session) -> None:
    make_user(session, "mirela")
    session.commit()
    words = set()
    for _ in range(3):
        client = app.test_client()
        post(client, "/sign-in", name="mirela", password=PASSWORD)
        with client.session_transaction() as cookie:
            words.add(cookie["word"])
    assert len(words) == 3
