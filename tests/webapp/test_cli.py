import csv
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from scanner.zoo.catalogue import DEFAULT
from tests.factories import PASSWORD, make_finding, make_user
from webapp.cli import COMMANDS, LazyGroup, main
from webapp.services import links, second_factor, tokens, users
from webapp.settings import Settings

HEAVY = ("alembic", "celery", "flask", "numpy", "paddle", "PIL", "pydantic", "rich", "sqlalchemy", "yaml")


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a command on the test's home and database."""
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom webapp.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_shows_its_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_an_unknown_command_is_a_usage_error() -> None:
    assert isinstance(main, LazyGroup)
    assert CliRunner().invoke(main, ["fly"]).exit_code == 2


def test_db_upgrade_makes_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSKLINE_HOME", str(tmp_path / "new"))
    assert "tuskline db upgrade" in CliRunner().invoke(main, ["users", "list"]).output
    assert not (tmp_path / "new").exists(), "asking for users must not make an empty database"
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    assert CliRunner().invoke(main, ["users", "list"]).exit_code == 0


def test_a_setting_that_can_not_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSKLINE_DEVICE", "toaster")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "TUSKLINE_DEVICE" in result.output


def test_users_are_added_listed_and_get_another_password(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    added = run("users", "add", "ann", "--role", "viewer", "--password", PASSWORD)
    assert added.exit_code == 0, added.output
    assert run("users", "password", "ann", "--password", PASSWORD + "2").exit_code == 0
    assert run("users", "list").output == "ann\tviewer\tactive\n"
    assert users.authenticate(session, "ann", PASSWORD + "2") is not None
    again = run("users", "add", "ann", "--password", PASSWORD)
    assert (again.exit_code, "already" in again.output) == (1, True)
    assert run("users", "password", "nobody", "--password", PASSWORD).exit_code == 1


def test_rules_check_reports_every_fault_with_its_place(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "pack.yaml").write_text("id: x\n")
    (tmp_path / "a_rule.yaml").write_text("id: another\n")
    result = run("rules", "check", str(tmp_path))
    assert result.exit_code == 1
    assert f"{tmp_path}/pack.yaml:1: " in result.output
    assert f"{tmp_path}/a_rule.yaml:1: " in result.output


def test_the_shipped_pack_has_no_faults_and_is_listed(run) -> None:  # type: ignore[no-untyped-def]
    assert run("rules", "check").exit_code == 0
    assert "elephant_seen\t" in run("rules", "list").output


@pytest.mark.parametrize("output", ["-", "report.csv"])
def test_report_writes_the_findings_of_the_period(  # type: ignore[no-untyped-def]
    run, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    row = make_finding(session)
    session.commit()
    result = run("report", "--from", "2020-01-01", "-o", output)
    assert result.exit_code == 0, result.output
    text = result.stdout if output == "-" else Path(output).read_text(encoding="utf-8-sig")
    assert [one["finding"] for one in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))] == [str(row.id)]


def test_report_refuses_a_period_that_is_none(run) -> None:  # type: ignore[no-untyped-def]
    result = run("report", "--from", "2026-11-10", "--to", "2026-11-01")
    assert (result.exit_code, "must lie after" in result.output) == (1, True)
    assert run("report", "--from", "yesterday").exit_code == 2


def test_doctor_says_what_to_do_about_what_is_missing(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    make_user(session)
    result = run("doctor")
    assert result.exit_code == 1, "no model is installed in a fresh home"
    assert "ok    database" in result.output
    assert "FAIL  models: " in result.output
    assert "tuskline models install" in result.output
    assert "ok    queue" in result.output


@pytest.mark.parametrize(("name", "says"), [("../x", "use small letters"), (DEFAULT, "is a model of the catalogue")])
def test_a_name_that_no_model_may_have_is_refused_before_the_learning(
    run, tmp_path: Path, name: str, says: str
) -> None:  # type: ignore[no-untyped-def]
    result = run("models", "train", name, "--on", str(tmp_path), "--backbone", "no_such_model")
    assert result.exit_code == 2
    assert says in result.output


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "webapp.cli", "run", "--once", "--port", str(port)],
            env=os.environ | {"TUSKLINE_HOME": str(tmp_path / "other")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert f"port {port} can't be used" in result.stderr
    assert "--port" in result.stderr


def test_tokens_are_made_listed_and_revoked(run, session: Session) -> None:  # type: ignore[no-untyped-def]
    make_user(session, "ann")
    session.commit()
    made = run("tokens", "add", "ann", "exporter", "--scope", "read", "--scope", "review", "--days", "7")
    assert made.exit_code == 0, made.output
    text = made.output.strip()
    found = tokens.authenticate(session, text)
    assert found is not None and found.scopes == ["read", "review"]
    session.rollback()
    listed = run("tokens", "list", "ann").output
    assert listed.startswith(f"{found.id}\tann\texporter\t{text[:12]}\tread,review\tuntil ")
    assert run("tokens", "revoke", str(found.id)).output == "exporter of ann counts no more\n"
    session.expire_all()
    assert tokens.authenticate(session, text) is None
    assert "revoked" in run("tokens", "list").output
    assert run("tokens", "revoke", "99").exit_code == 1
    refused = run("tokens", "add", "ann", "exporter", "--scope", "admin")
    assert (refused.exit_code, "may not" in refused.output) == (1, True)


def test_a_lost_second_factor_is_switched_off(run, session: Session, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    user = make_user(session, "ann")
    secret = second_factor.begin(session, settings.secret_key, user)
    second_factor.switch_on(session, settings.secret_key, user, pyotp.TOTP(secret).now())
    session.commit()
    assert run("users", "unfactor", "ann").output == "ann signs in without a second factor\n"
    session.expire_all()
    assert not second_factor.is_on(user)
    assert run("users", "unfactor", "nobody").exit_code == 1


def test_a_link_is_made_for_whom_no_other_way_is_left(run, session: Session, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    user = make_user(session, "ann")
    session.commit()
    address = run("users", "link", "ann").output.strip()
    assert address.startswith("http://127.0.0.1:8000/sign-in/link/")
    assert links.take(session, settings.secret_key, address.rpartition("/")[2]) is user
    session.rollback()
    user.is_active = False
    session.commit()
    assert run("users", "link", "ann").exit_code == 1
