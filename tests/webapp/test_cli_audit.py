"""`tuskline audit`, as somebody who must be sure of the log runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.cli import main
from webapp.services import audit, chain, signing
from webapp.settings import Settings
from webapp.tasks import audit as tasks

Tell = Callable[..., Result]


@pytest.fixture
def backend() -> str:
    """What the database does is the services' test."""
    return "sqlite"


@pytest.fixture
def tell(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Tell:
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    return lambda *arguments: CliRunner().invoke(main, ["audit", *map(str, arguments)])


def write(session: Session, count: int) -> None:
    for number in range(count):
        audit.record(session, "ann", "decision.confirm", f"finding:{number}")
    session.commit()


def test_a_whole_log_ends_with_0(tell: Tell, session: Session, settings: Settings) -> None:
    write(session, 3)
    assert tell("seal").output == "3 entries sealed\n"
    write(session, 1)
    result = tell("verify")
    assert result.exit_code == 0, result.output
    assert "ok    3 entries in 1 seals are as they were written" in result.output
    assert f"signed by {signing.signing_key(settings.home).fingerprint}" in result.output
    assert "1 entries have no seal yet" in result.output


def test_a_log_that_was_touched_ends_with_1_and_names_what(tell: Tell, session: Session) -> None:
    write(session, 3)
    tell("seal")
    session.execute(text("DROP TRIGGER audit_entries_no_update"))
    session.execute(text("UPDATE audit_entries SET actor = 'eve' WHERE id = 2"))
    session.commit()
    result = tell("verify")
    assert result.exit_code == 1
    assert "FAIL  Entry 2 was changed after it was written (seal 1)." in result.output


def test_a_head_that_was_exported_finds_a_cut_end(
    tell: Tell, session: Session, settings: Settings, tmp_path: Path
) -> None:
    assert "nothing is sealed yet" in tell("export-head").output
    for _ in range(2):
        write(session, 1)
        tell("seal")
    kept = tmp_path / "head.json"
    assert tell("export-head", "-o", kept).exit_code == 0
    assert json.loads(tell("export-head").output) == json.loads(kept.read_text())
    for table in ("audit_seals", "audit_entries", "sealed_entries"):
        session.execute(text(f"DROP TRIGGER {table}_no_delete"))
    for cut in ("sealed_entries WHERE seal_number = 2", "audit_seals WHERE number = 2", "audit_entries WHERE id = 2"):
        session.execute(text(f"DELETE FROM {cut}"))  # noqa: S608
    session.commit()
    (settings.home / chain.KEPT_HEAD).unlink()
    assert tell("verify").exit_code == 0
    result = tell("verify", "--head", kept)
    assert result.exit_code == 1
    assert "FAIL  The end of the log is gone: a head names seal 2." in result.output


def test_a_file_that_is_no_head_is_refused(tell: Tell, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    result = tell("verify", "--head", tmp_path / "x")
    assert result.exit_code == 1 and "This is no head of an audit log" in result.output


def test_the_public_key_is_told(tell: Tell, settings: Settings) -> None:
    ours = signing.signing_key(settings.home)
    assert tell("key").output.split("\n")[0].endswith(ours.public)
    assert ours.fingerprint in tell("key").output


def test_the_tick_seals_where_the_key_of_the_installation_lies(session: Session, settings: Settings) -> None:
    write(session, 2)
    tasks.seal()
    assert chain.count_unsealed(session) == 2  # this machine has no key, and makes none
    signing.signing_key(settings.home)
    tasks.seal()
    session.rollback()
    assert chain.count_unsealed(session) == 0


def test_the_task_that_verifies_notes_what_it_found(session: Session, settings: Settings) -> None:
    signing.signing_key(settings.home)
    write(session, 2)
    tasks.seal()
    tasks.verify("ann")
    session.rollback()
    noted = audit.last_verification(session)
    assert noted is not None and noted.actor == "ann"
    assert (noted.facts["entries"], noted.facts["faults"]) == (2, 0)
