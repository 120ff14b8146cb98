from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from tests.factories import make_user
from tests.webapp.services.mail_server import mail_server
from webapp.cli import main
from webapp.models import AuditEntry, Job, PictureChoice, Redaction, ReportSchedule, Role, Span
from webapp.services import report_schedules, saved_filters
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `tuskline report-schedules` on the test's home and database."""
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)
    return lambda *arguments: CliRunner().invoke(main, ["report-schedules", *arguments])


@pytest.fixture
def schedule(run: Run, session: Session) -> ReportSchedule:
    lead = make_user(session, "lea", Role.LEAD)
    saved_filters.save(session, lead, "Ivory", {"concept": "ivory"}, is_shared=True)
    session.commit()
    look = ("--format", "csv", "--format", "json", "--redaction", "minimal", "--pictures", "none", "--span", "month")
    where = ("--folder", "customs", "--mail", "ann@team.example", "--webhooks", "--keep-days", "90")
    added = run("add", "Monthly", "0 6 1 * *", "--time-zone", "Asia/Bangkok", "--filter", "Ivory", *look, *where)
    assert added.exit_code == 0, added.output
    return session.query(ReportSchedule).one()


def test_a_schedule_is_added_as_it_was_said_and_listed(run: Run, schedule: ReportSchedule) -> None:
    assert report_schedules.plan_of(schedule) == ReportPlan(
        "Monthly", "0 6 1 * *", "Asia/Bangkok", Span.MONTH, schedule.filter_id, ("csv", "json"), "en",
        Redaction.MINIMAL, PictureChoice.NONE, "customs", ("ann@team.example",), True, 90,
    )  # fmt: skip
    listed = run("list").output
    assert "Monthly: At 06:00" in listed and "folder customs, ann@team.example, webhooks" in listed


def test_it_is_paused_resumed_run_and_deleted(run: Run, session: Session, schedule: ReportSchedule) -> None:
    number = str(schedule.id)
    assert run("pause", number).output.endswith(", paused\n")
    assert "next run" in run("resume", number).output
    assert "builds it" in run("run", number).output
    assert session.query(Job).one().options["schedule_id"] == schedule.id
    assert run("run", number).exit_code == 1
    assert run("delete", number).output == f"schedule {number} is deleted\n"
    actions = [entry.action for entry in session.query(AuditEntry).filter(AuditEntry.action.like("report_schedule%"))]
    assert [action.partition(".")[2] for action in actions] == ["create", "pause", "resume", "run", "delete"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("add", "Weekly", "61 6 * * *"), 1, "“61” is no minute"),
        (("add", "Weekly", "0 6 * * 1", "--folder", "../up"), 1, "Name a folder"),
        (("add", "Weekly", "0 6 * * 1", "--mail", "x"), 1, "“x” is no e-mail address"),
        (("add", "Weekly", "0 6 * * 1", "--filter", "Nobody's"), 1, "Nobody's"),
        (("add", "Weekly", "0 6 * * 1", "--span", "year"), 2, "--span"),
        (("pause", "99"), 1, "There is no report schedule 99."),
        (("test-mail", "ann@team.example"), 1, "TUSKLINE_SMTP_HOST"),
    ],
)
def test_what_can_not_be_done_is_told(run: Run, arguments: tuple[str, ...], exit_code: int, says: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, says in result.output) == (exit_code, True), result.output


def test_a_test_mail_tries_the_way(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as server:
        for name, value in (("SMTP_HOST", "localhost"), ("SMTP_PORT", str(server.port)), ("SMTP_SECURITY", "none"),
                            ("MAIL_FROM", "tuskline@team.example")):  # fmt: skip
            monkeypatch.setenv(f"TUSKLINE_{name}", value)
        assert run("test-mail", "ann@team.example").exit_code == 0
        assert server.postbox.messages[0]["To"] == "ann@team.example"
