import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.webapp.views.conftest import SignIn, post, token_of
from webapp.language import languages, speaking
from webapp.models import Role, User

pytestmark = pytest.mark.skipif("zh" not in languages(), reason="there is no Chinese catalogue yet")

SIGN_IN_ZH = "登录"


def lang_of(page: str) -> str:
    return page.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh", "zh"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("fr, zh;q=0.2", "zh"),
        ("", "en"),
    ],
)
def test_a_browser_is_answered_in_its_language_where_there_is_one(client: FlaskClient, asked: str, given: str) -> None:
    page = client.get("/sign-in", headers={"Accept-Language": asked}).text
    assert lang_of(page) == given
    assert (SIGN_IN_ZH in page) is (given == "zh")


def test_a_choice_outweighs_the_browser_and_outlasts_the_sign_in(client: FlaskClient, session: Session) -> None:
    answer = post(client, "/language", language="zh", next="/sign-in?next=/queue")
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/queue")
    assert lang_of(client.get("/sign-in", headers={"Accept-Language": "en"}).text) == "zh"
    session.rollback()


def test_a_choice_of_somebody_signed_in_goes_with_the_account(sign_in: SignIn, session: Session) -> None:
    viewer = sign_in(Role.VIEWER)
    post(viewer, "/language", language="zh")
    post(viewer, "/theme", theme="dark")
    user = session.query(User).one()
    assert (user.language, user.theme) == ("zh", "dark")
    with viewer.session_transaction() as cookie:
        cookie.pop("language")
        cookie.pop("theme")
    page = viewer.get("/").text
    assert lang_of(page) == "zh"
    assert 'data-theme="dark"' in page


def test_one_reader_does_not_change_the_language_of_the_next(client: FlaskClient) -> None:
    client.get("/sign-in", headers={"Accept-Language": "zh"})
    assert lang_of(client.get("/sign-in").text) == "en"


@pytest.mark.parametrize(("path", "field"), [("/language", "language"), ("/theme", "theme")])
def test_what_is_not_offered_is_refused(client: FlaskClient, path: str, field: str) -> None:
    assert post(client, path, **{field: "../etc"}).status_code == 400
    assert client.post(path, data={field: "en"}).status_code == 400


def test_a_page_without_a_valid_token_is_refused_in_the_readers_language(client: FlaskClient) -> None:
    token_of(client)
    assert lang_of(client.post("/theme", headers={"Accept-Language": "zh"}).text) == "zh"


@pytest.mark.parametrize("theme", ["system", "light", "dark"])
def test_the_light_is_said_to_the_browser(client: FlaskClient, theme: str) -> None:
    post(client, "/theme", theme=theme)
    page = client.get("/sign-in").text
    assert f'data-theme="{theme}"' in page
    assert f'value="{theme}" aria-pressed="true"' in page


def test_it_leads_back_to_this_site_only(client: FlaskClient) -> None:
    assert post(client, "/language", language="en", next="//evil.example/").location == "/"


def test_the_messages_that_forms_have_of_themselves_are_in_the_readers_language(admin: FlaskClient) -> None:
    post(admin, "/language", language="zh")
    answer = post(admin, "/reports", first_day="tomorrow", last_day="")
    assert answer.status_code == 422
    assert "Not a valid" not in answer.text
    assert "请选择结束日。" in answer.text


@pytest.mark.parametrize("text", ['{{ "open"|word }}', '{% set words = ["open"|word] %}{{ words[0] }}'])
def test_a_filter_speaks_each_readers_language_also_where_a_template_holds_the_value(app: Flask, text: str) -> None:
    template = app.jinja_env.from_string(text)
    with speaking("zh"):
        assert template.render() == "待处理"
    with speaking("en"):
        assert template.render() == "open"
