"""`tuskline capacity`."""

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.webapp.api.test_capacity import make_measured
from webapp.cli import main
from webapp.settings import Settings


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["capacity", *arguments])


@pytest.fixture(autouse=True)
def _home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)


@pytest.mark.usefixtures("session")
def test_without_a_measurement_it_says_how_to_get_one() -> None:
    told = ask().output
    assert "`tuskline models bench`" in told
    assert "crawls: none was measured; scan a source" in told


def test_it_tells_machines_and_crawls(session: Session) -> None:
    make_measured(session)
    told = ask()
    assert told.exit_code == 0, told.output
    assert "box (cpu, paddle, fp32, exact decoding): 864,000 pictures a day, bound by predict" in told.output
    assert "(Bazaar): brings 172,800 pictures a day; at most 1.00 requests a second and host, 1.00 as measured" in (
        told.output
    )


def test_it_answers_what_so_many_ask_for(session: Session) -> None:
    make_measured(session)
    told = ask("--pictures", "2000000").output
    assert "The crawl bounds first" in told
    assert (
        "3 like box (cpu, paddle, fp32, exact decoding); a scan of that many takes 11 days 13 h, bound by fetch" in told
    )


@pytest.mark.usefixtures("session")
def test_listings_that_nobody_saw_are_told_as_a_fault() -> None:
    result = ask("--listings", "10")
    assert result.exit_code == 1
    assert "how many pictures a listing shows" in result.output


def test_pictures_and_listings_are_two_questions() -> None:
    result = ask("--listings", "10", "--pictures", "10")
    assert result.exit_code == 2 and "not both" in result.output
