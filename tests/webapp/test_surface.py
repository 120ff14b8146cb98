"""What the pages answer to whoever asks oddly: other methods, other sites, folders, files that are none of theirs."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import app, backend, client, post, reviewer, sign_in  # noqa: F401  (fixtures)

ADDRESSES = ("/sign-in", "/health/live", "/api/v1/openapi.json", "/static/tuskline.css")


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG"])
def test_methods_that_nobody_needs_are_refused(client: FlaskClient, method: str) -> None:  # noqa: F811
    for address in ADDRESSES:
        answer = client.open(address, method=method, headers={"X-Secret": "echo me"})
        assert answer.status_code in (400, 404, 405) and "echo me" not in answer.text, address


def test_no_other_site_may_read_an_answer(reviewer: FlaskClient) -> None:  # noqa: F811
    for address in (*ADDRESSES, "/queue", "/api/v1/me"):
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        for method in ("GET", "OPTIONS"):
            answer = reviewer.open(address, method=method, headers=asked)
            assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")], address
            answer.close()


ELSEWHERE = [
    "/static/",
    "/static",
    "/bootstrap/static/",
    "/.git/config",
    "/.env",
    "/static/../settings.py",
    "/static/%2e%2e/settings.py",
    "/photos/",
    "/secret.key",
    "/debug",
    "/console",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_folders_and_files_that_are_not_the_pages_own_are_not_there(client: FlaskClient, address: str) -> None:  # noqa: F811
    answer = client.get(address)
    assert answer.status_code in (308, 404) and "TUSKLINE_" not in answer.text


def test_every_answer_names_its_type_and_texts_their_alphabet(reviewer: FlaskClient) -> None:  # noqa: F811
    for address in (*ADDRESSES, "/queue", "/nothing-here", "/static/desk.js", "/api/v1/nothing"):
        answer = reviewer.get(address)
        kind = answer.headers["Content-Type"]
        assert kind.startswith("application/") or "charset=utf-8" in kind, (address, kind)
        answer.close()


def test_the_policy_closes_what_a_page_could_be_made_to_do(client: FlaskClient) -> None:  # noqa: F811
    answer = client.get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    for word in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert word in policy
    assert {"camera=()", "geolocation=()", "microphone=()", "usb=()"} <= set(
        answer.headers["Permissions-Policy"].split(", ")
    )
    assert "Server" not in answer.headers and "X-Powered-By" not in answer.headers


def test_no_mode_for_developers_is_on(client: FlaskClient) -> None:  # noqa: F811
    assert not client.application.debug and not client.application.testing
    assert not client.application.config["TEMPLATES_AUTO_RELOAD"]
    assert not client.application.config.get("PROPAGATE_EXCEPTIONS")


def test_a_parameter_that_comes_twice_is_read_once(client: FlaskClient, session: Session) -> None:  # noqa: F811
    make_user(session, "mirela")
    session.commit()
    answer = post(client, "/sign-in?next=/queue&next=/users", name="mirela", password=PASSWORD)
    assert answer.location == "/queue"
