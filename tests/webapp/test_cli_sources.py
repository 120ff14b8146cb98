from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from scanner.markets import registry
from tests.webapp.views.test_sources import STALL
from webapp.cli import main
from webapp.models import AuditEntry, Overlap, Schedule, Source
from webapp.services import schedules
from webapp.services.schedules import Plan
from webapp.settings import Settings

Run = Callable[..., Result]
STALL_OF_ANN = ("stall", "Ann's stall", "start_url=https://stall.example/?a=b", "least=5", "key=env:STALL_KEY")


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the test's home and database, with a market of the tests."""
    monkeypatch.setitem(registry.BUILT_IN, "stall", STALL)
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def schedule(run: Run, session: Session) -> Schedule:
    assert run("sources", "add", *STALL_OF_ANN).exit_code == 0
    zone = ("--time-zone", "Europe/Berlin")
    added = run("schedules", "add", "Ann's stall", "0 3 * * *", *zone, "--jitter", "5", "--overlap", "stop")
    assert added.exit_code == 0, added.output
    return session.query(Schedule).one()


def test_a_source_is_added_listed_and_shown(run: Run, session: Session, schedule: Schedule) -> None:
    source = session.query(Source).one()
    assert source.options == {"start_url": "https://stall.example/?a=b", "least": 5, "key": "env:STALL_KEY"}
    listed = run("sources", "list").output
    assert listed.startswith("Ann's stall\tstall\t0 listings\tnext run 20")
    shown = run("sources", "show", "Ann's stall").output
    assert "First page: https://stall.example/?a=b" in shown
    assert "Key: from the environment variable STALL_KEY" in shown
    assert f"{schedule.id}: At 03:00 every day" in shown


def test_faults_of_all_options_are_told_at_once(run: Run, session: Session) -> None:
    result = run("sources", "add", "stall", "A stall", "pattern=(", "least=many", "colour=red", "key=hunter2")
    assert result.exit_code == 1
    for name in ("start_url: This is needed", "pattern: ", "least: ", "colour: A source of kind stall has no option",
                 "key: Give the name of an environment variable"):  # fmt: skip
        assert name in result.output
    assert "start_url (url, needed): First page Where the crawl begins." in result.output
    assert "hunter2" not in result.output
    assert session.query(Source).count() == 0


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("sources", "add", "bazaar", "A name"), 1, "There is no market of kind bazaar; there are:"),
        (("sources", "add", "stall", "A name", "start_url"), 2, "write it as name=value"),
        (("sources", "add", *STALL_OF_ANN), 1, "already"),
        (("sources", "show", "Nobody"), 1, "there is no source Nobody"),
        (("schedules", "add", "Nobody", "0 3 * * *"), 1, "there is no source Nobody"),
        (("schedules", "add", "Ann's stall", "61 25 * * *", "--time-zone", "Mars"), 1, "“25” is no hour"),
        (("schedules", "add", "Ann's stall", "0 3 * * *", "--overlap", "both"), 2, "--overlap"),
        (("schedules", "pause", "99"), 1, "There is no schedule 99."),
        (("schedules", "next", "99"), 1, "There is no schedule 99."),
    ],
)
@pytest.mark.usefixtures("schedule")
def test_what_can_not_be_done_is_told(
    run: Run, session: Session, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    result = run(*arguments)
    assert (result.exit_code, says in result.output) == (exit_code, True), result.output
    assert (session.query(Source).count(), session.query(Schedule).count()) == (1, 1)


def test_a_schedule_is_listed_paused_and_resumed(run: Run, session: Session, schedule: Schedule) -> None:
    assert schedules.plan_of(schedule) == Plan("0 3 * * *", "Europe/Berlin", 300, Overlap.STOP)
    assert "(0 3 * * *, Europe/Berlin), next run" in run("schedules", "list").output
    assert run("schedules", "pause", str(schedule.id)).output.endswith(", paused\n")
    session.expire_all()
    assert schedule.is_paused
    assert "next run" in run("schedules", "resume", str(schedule.id)).output
    actions = [entry.action for entry in session.query(AuditEntry).filter_by(actor="system")]
    assert actions == ["source.create", "schedule.create", "schedule.pause", "schedule.resume"]


def test_the_next_five_runs_are_shown_by_both_clocks(run: Run, schedule: Schedule) -> None:
    lines = run("schedules", "next", str(schedule.id)).output.splitlines()
    assert len(lines) == 5
    assert all(", 03:00 CE" in line and line.endswith(":00 UTC") for line in lines)
