"""`tuskline retention` and `tuskline hold`."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.factories import make_source
from tests.webapp.services.shelves import Shelves
from webapp.cli import main
from webapp.models import RetentionPolicy
from webapp.services import photos
from webapp.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)
    return lambda *words, answer=None: CliRunner().invoke(main, list(words), input=answer)


@pytest.fixture
def shelves(session: Session, settings: Settings) -> Shelves:
    return Shelves(session, settings)


def test_a_policy_is_set_once_it_was_confirmed(run: Run, shelves: Shelves, session: Session) -> None:
    shelves.photo(shelves.listing(20))
    session.commit()
    asked = run("retention", "set", "unflagged", "10", answer="n\n")
    assert asked.exit_code == 1 and "1 files with" in asked.output and session.query(RetentionPolicy).count() == 0
    assert run("retention", "set", "unflagged", "10", answer="y\n").exit_code == 0
    assert "10 days" in run("retention", "show").output and "acts from" in run("retention", "show").output
    assert "for-ever" in run("retention", "set", "unflagged", "x").output
    assert "Choose from 7" in run("retention", "set", "unflagged", "3", "--yes").output
    assert run("retention", "set", "unflagged", "for-ever", "--yes").exit_code == 0
    assert "10 days" not in run("retention", "show").output


def test_a_dry_run_removes_nothing_and_a_purge_does(run: Run, shelves: Shelves, session: Session) -> None:
    shelves.policy(unflagged=10)
    photo = shelves.photo(shelves.listing(20))
    session.commit()
    assert "1 files with" in run("retention", "dry-run").output
    assert shelves.place.has(photos.name_of(photo.sha256))
    assert "1 files with" in run("retention", "purge", "--yes").output
    assert not shelves.place.has(photos.name_of(photo.sha256))
    checked = run("retention", "check")
    assert (checked.exit_code, "1 were purged" in checked.output) == (0, True)


def test_the_check_names_what_is_missing(run: Run, shelves: Shelves, session: Session) -> None:
    photo = shelves.photo(shelves.listing(1))
    session.commit()
    shelves.place.remove(photos.name_of(photo.sha256))
    checked = run("retention", "check")
    assert checked.exit_code == 1 and f"missing: {photos.name_of(photo.sha256)}" in checked.output


def test_holds_from_the_terminal(run: Run, session: Session) -> None:
    source = make_source(session)
    session.commit()
    assert run("hold", "place", "source", str(source.id), "--reason", "An inquiry.").output == "hold 1 is in force\n"
    assert "there is nothing" in run("hold", "place", "finding", "9", "--reason", "x").output.lower()
    assert "An inquiry." in run("hold", "list").output
    assert run("hold", "release", "1", "--reason", "Over.").exit_code == 0
    assert "released already" in run("hold", "release", "1", "--reason", "Over.").output
    assert run("hold", "list").output == "" and "An inquiry." in run("hold", "list", "--released").output
