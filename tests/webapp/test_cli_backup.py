"""`tuskline backup` and `tuskline restore`."""

import fcntl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.webapp.services.shelves import Shelves
from webapp.cli import main
from webapp.services import photos
from webapp.settings import Settings


def run(home: Path, database_url: str | None, *words: str) -> Result:
    env = {"TUSKLINE_HOME": str(home), "TUSKLINE_DATABASE_URL": database_url}
    return CliRunner(env=env).invoke(main, list(words))


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "backups")


def test_a_backup_is_made_listed_and_restored(session: Session, settings: Settings, place: str, tmp_path: Path) -> None:
    photo = Shelves(session, settings).photo(Shelves(session, settings).listing(1))
    session.commit()
    made = run(settings.home, settings.database_url, "backup", place, "--keep", "3")
    assert (made.exit_code, "with keys" in made.output) == (0, True), made.output
    assert run(settings.home, settings.database_url, "restore", place, "--list").output == made.output
    refused = run(settings.home, settings.database_url, "restore", place)
    assert refused.exit_code == 1 and "goes into an empty database" in refused.output
    other = tmp_path / "other"
    restored = run(other, None, "restore", place)
    assert (restored.exit_code, "all as they were" in restored.output) == (0, True), restored.output
    assert run(other, None, "audit", "verify").exit_code == 0
    assert run(other, None, "retention", "check").exit_code == 0
    assert (other / photos.name_of(photo.sha256)).is_file()


def test_what_is_missing_is_said(session: Session, settings: Settings, place: str, tmp_path: Path) -> None:
    shelves = Shelves(session, settings)
    photo = shelves.photo(shelves.listing(1))
    session.commit()
    shelves.place.remove(photos.name_of(photo.sha256))
    made = run(settings.home, settings.database_url, "backup", place, "--without-keys")
    assert made.exit_code == 1
    assert f"FAIL  missing, or not what the rows say: {photos.name_of(photo.sha256)}" in made.output
    restored = run(tmp_path / "other", None, "restore", place)
    assert restored.exit_code == 0 and "was missing when the backup was made" in restored.output
    nothing = run(tmp_path / "third", None, "restore", str(tmp_path / "nothing"))
    assert nothing.exit_code == 1 and "There is no such backup" in nothing.output


@pytest.mark.usefixtures("session")
def test_one_backup_at_a_time(settings: Settings, place: str) -> None:
    with (settings.home / ".backup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        second = run(settings.home, settings.database_url, "backup", place)
    assert second.exit_code == 1 and "another backup or restore is under way" in second.output
    assert run(settings.home, settings.database_url, "backup", place).exit_code == 0


@pytest.mark.usefixtures("session")
def test_what_a_killed_one_left_behind_goes(settings: Settings, place: str) -> None:
    left = [settings.home / ".backup-abc", settings.home / ".restore-def"]
    for folder in left:
        folder.mkdir()
        (folder / "half").write_text("half of a file")
    assert run(settings.home, settings.database_url, "backup", place).exit_code == 0
    assert not any(folder.exists() for folder in left)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://tuskline:geheim@[", "postgresql+psycopg://tuskline:geheim@127.0.0.1:1/x"]
)
def test_a_database_that_can_not_be_had_is_said_without_its_password(
    session: Session, settings: Settings, place: str, tmp_path: Path, url: str
) -> None:
    session.commit()
    assert run(settings.home, settings.database_url, "backup", place).exit_code == 0
    restored = run(tmp_path / "other", url, "restore", place)
    assert restored.exit_code == 1 and isinstance(restored.exception, SystemExit)
    assert "TUSKLINE_DATABASE_URL" in restored.output and "geheim" not in restored.output
