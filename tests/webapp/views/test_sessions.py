import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.webapp.views.conftest import post, token_of


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
