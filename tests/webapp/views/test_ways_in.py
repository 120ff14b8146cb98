"""Every way in, and what each asks: as docs/security.md has it."""

import re
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_user
from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.webapp.views.conftest import post
from tests.webapp.views.test_openid import Build, build, make_known, rsa, sign_in  # noqa: F401  (fixtures)
from webapp.db import now
from webapp.models import RecoveryCode, User
from webapp.services import passwords, second_factor

ROOT = Path(__file__).resolve().parents[3]
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
STARTS = re.compile(r"\b(start_session|renew_session|login_user)\(")


def test_every_way_in_is_written_down(app: Flask) -> None:
    ways = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/sign-in")}
    written = set(re.findall(r"^\| `(/sign-in[^`]*)`", SECURITY, re.MULTILINE))
    assert ways == written
    starting = {path.name for path in (ROOT / "webapp").rglob("*.py") if STARTS.search(path.read_text())}
    assert starting == {"access.py", "sessions.py", "account.py", "users.py"}, "a sign-in that begins elsewhere"


def test_password_fields_hide_and_let_managers_help(client: FlaskClient, reviewer: FlaskClient) -> None:
    pages = [client.get("/sign-in").text, reviewer.get("/account").text]
    fields = [
        field.attributes
        for page in pages
        for field in LexborHTMLParser(page).css("input[name*=password], input#current")
    ]
    assert len(fields) >= 3
    assert {field["type"] for field in fields} == {"password"}
    assert {field["autocomplete"] for field in fields} == {"current-password", "new-password"}
    scripts = "".join(path.read_text() for path in (ROOT / "webapp" / "static").glob("*.js"))
    assert "paste" not in scripts, "nobody is kept from pasting"


def test_every_page_offers_to_sign_out(reviewer: FlaskClient) -> None:
    for address in ("/", "/queue", "/account", "/rules", "/nothing-here"):
        assert 'action="/sign-out"' in reviewer.get(address).text, address


def test_no_password_runs_out_by_itself(reviewer: FlaskClient, session: Session) -> None:
    user = session.query(User).one()
    user.created_at = user.signed_in_at = now() - timedelta(days=3650)
    session.commit()
    other = reviewer.application.test_client()
    assert post(other, "/sign-in", name="reviewer", password=PASSWORD).status_code == 302
    assert other.get("/queue").status_code == 200


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    at = now()
    monkeypatch.setattr(second_factor, "now", lambda: at)


@pytest.mark.usefixtures("still_clock")
def test_setting_up_a_factor_takes_the_password_where_the_sign_in_is_an_older_one(
    reviewer: FlaskClient, session: Session
) -> None:
    with reviewer.session_transaction() as cookie:
        cookie["signed_in_at"] -= 601
    page = reviewer.get("/account/second-factor").text
    assert 'name="password"' in page
    secret = second_factor.begin(session, reviewer.application.config["SECRET_KEY"], session.query(User).one())
    code = pyotp.TOTP(secret).at(second_factor.now())
    for password, status in (("", 422), ("not mine", 422), (PASSWORD, 200)):
        assert post(reviewer, "/account/second-factor", code=code, password=password).status_code == status
    session.expire_all()
    assert session.query(User).one().totp_since is not None


def test_codes_of_the_app_end_soon() -> None:
    secret, at = pyotp.random_base32(), now()
    code = pyotp.TOTP(secret).at(at)
    steps = [second_factor.step_of(secret, code, at + timedelta(seconds=away)) for away in (-61, 0, 61, 3600)]
    assert [step is not None for step in steps] == [False, True, False, False]
    assert second_factor.STEP_S == 30


def test_tokens_of_the_provider_stay_on_the_server(build: Build, rsa: Provider, session: Session) -> None:  # noqa: F811
    make_known(session, rsa)
    client = build(rsa)
    answer = sign_in(client)
    assert answer.status_code == 302
    with client.session_transaction() as cookie:
        held = str(dict(cookie))
    told = f"{answer.headers} {answer.text} {held} {client.get('/account').text}"
    assert "access_token" not in told and "id_token" not in told and CLIENT_SECRET not in told
    assert CLIENT_ID not in held


def test_recovery_codes_have_138_bits_and_are_kept_as_digests(session: Session) -> None:
    user = make_user(session, "ann")
    codes = second_factor.write_codes(session, user)
    assert all(re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){6}", code) for code in codes) and len(set(codes)) == 10
    assert len(passwords.LETTERS) ** 28 > 2**138
    kept = {row.code_hash for row in session.query(RecoveryCode)}
    assert kept == {second_factor.hash_of(code) for code in codes} and not kept & set(codes)
