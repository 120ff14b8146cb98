from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import add, make_user
from webapp.db import now
from webapp.models import (
    AuditEntry,
    DeliveryWay,
    Report,
    ReportDelivery,
    ReportSchedule,
    Role,
    SavedFilter,
    Span,
    User,
)
from webapp.services import report_schedules, saved_filters
from webapp.services.errors import NotFound, Refused
from webapp.services.report_schedules import ReportPlan

WEEKLY = ReportPlan("Weekly", "0 6 * * 1", "Europe/Berlin")


@pytest.fixture
def lead(session: Session) -> User:
    return make_user(session, "lea", Role.LEAD)


def make(session: Session, **fields: object) -> ReportSchedule:
    plan = ReportPlan(**{"name": "Weekly", "cron": "0 6 * * 1", **fields})  # type: ignore[arg-type]
    return report_schedules.create(session, plan, None)


def test_a_schedule_keeps_its_plan_and_knows_its_next_run(session: Session, lead: User) -> None:
    shared = saved_filters.save(session, lead, "Ivory", {"concept": "ivory"}, is_shared=True)
    plan = ReportPlan(
        "Weekly ivory",
        " 0  6 * * 1 ",
        "Europe/Berlin",
        Span.WEEK,
        shared.id,
        ("json", "csv"),
        folder="team/weekly",
        mail_to=("ann@team.example", "Ann@team.example", "ann@TEAM.example"),
        keep_days=30,
    )
    schedule = report_schedules.create(session, plan, lead)
    session.commit()
    session.expire_all()
    kept = report_schedules.plan_of(schedule)
    assert (kept.cron, kept.formats, kept.folder, kept.keep_days) == ("0 6 * * 1", ("csv", "json"), "team/weekly", 30)
    assert kept.mail_to == ("ann@team.example", "Ann@team.example")
    assert (schedule.filter_name, schedule.user_id) == ("Ivory", lead.id)
    assert schedule.due_at == report_schedules.next_runs(schedule)[0]
    entry = session.query(AuditEntry).one()
    assert (entry.actor, entry.action, entry.subject) == (
        "lea",
        "report_schedule.create",
        f"report_schedule:{schedule.id}",
    )
    assert entry.facts["formats"] == ["csv", "json"] and entry.facts["folder"] == "team/weekly"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "1 to 80 letters"),
        ("name", "x" * 81, "1 to 80 letters"),
        ("cron", "61 6 * * *", "no minute"),
        ("cron", "*/30 * * * *", "an hour or more"),
        ("time_zone", "Mars/Base", "no time zone"),
        ("filter_id", 99, "that the team shares"),
        ("formats", (), "at least one format"),
        ("formats", ("doc",), "at least one format"),
        ("language", "xx", "one of the languages"),
        ("folder", "../elsewhere", "Name a folder"),
        ("folder", "", "Name a folder"),
        ("mail_to", ("ann@team.example", "Ann <ann@team.example>"), "“Ann <ann@team.example>” is no e-mail address"),
        ("mail_to", tuple(f"a{number}@team.example" for number in range(51)), "50 addresses at most"),
        ("keep_days", 0, "from 1 to 36500"),
    ],
)
def test_a_fault_is_told_and_nothing_is_added(session: Session, field: str, value: object, says: str) -> None:
    with pytest.raises(Refused, match=says):
        make(session, **{field: value})
    assert session.query(ReportSchedule).count() == 0


def test_all_faults_come_at_once_by_field(session: Session) -> None:
    faults = report_schedules.check(session, ReportPlan("", "x", formats=(), keep_days=-1))
    assert set(faults) == {"name", "cron", "formats", "keep_days"}


def test_a_name_is_free_to_the_schedule_that_has_it_alone(session: Session) -> None:
    schedule = make(session)
    report_schedules.change(session, schedule, ReportPlan("Weekly", "0 7 * * 1"), None)
    assert schedule.cron == "0 7 * * 1"
    with pytest.raises(Refused, match="this name already"):
        make(session)


def test_a_filter_of_one_person_alone_is_no_filter_of_a_schedule(session: Session, lead: User) -> None:
    own = saved_filters.save(session, lead, "Mine", {"concept": "ivory"}, is_shared=False)
    with pytest.raises(Refused, match="that the team shares"):
        make(session, filter_id=own.id)
    assert own not in report_schedules.shared_filters(session)


def test_pausing_takes_the_next_run_away_and_resuming_begins_from_now(session: Session) -> None:
    schedule = make(session)
    report_schedules.pause(session, schedule, None)
    report_schedules.pause(session, schedule, None)
    assert (schedule.is_paused, schedule.due_at) == (True, None)
    report_schedules.change(session, schedule, ReportPlan("Weekly", "0 7 * * 1"), None)
    assert schedule.due_at is None, "paused it stays paused"
    report_schedules.resume(session, schedule, None)
    assert schedule.due_at is not None and schedule.due_at > now()
    actions = [entry.action.partition(".")[2] for entry in session.query(AuditEntry).order_by(AuditEntry.id)]
    assert actions == ["create", "pause", "change", "resume"]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_schedule_whose_filter_is_lost_is_not_resumed_until_another_is_chosen(
    session: Session, lead: User, is_deleted: bool
) -> None:
    shared = saved_filters.save(session, lead, "Ivory", {"concept": "ivory"}, is_shared=True)
    schedule = make(session, filter_id=shared.id)
    report_schedules.pause(session, schedule, None)
    if is_deleted:
        saved_filters.delete(session, lead, shared.id)
    else:
        saved_filters.rename(session, lead, shared.id, "Ivory", is_shared=False)
    session.commit()
    session.expire_all()
    with pytest.raises(Refused, match="was deleted" if is_deleted else "be used any more"):
        report_schedules.resume(session, schedule, lead)
    report_schedules.change(session, schedule, ReportPlan("Weekly", "0 6 * * 1"), lead)
    report_schedules.resume(session, schedule, lead)
    assert not schedule.is_paused and report_schedules.lost_filter(schedule) is None


def test_deleting_leaves_the_reports_and_what_is_on_its_way(session: Session) -> None:
    schedule = make(session)
    report = make_report(session, schedule)
    row = add(session, ReportDelivery(report=report, schedule_id=schedule.id, way=DeliveryWay.FOLDER, target="a"))
    session.commit()
    report_schedules.delete(session, schedule, None)
    session.commit()
    session.expire_all()
    assert (report.schedule_id, report.due_at, row.schedule_id) == (None, None, None)
    with pytest.raises(NotFound):
        report_schedules.find(session, schedule.id)


def make_report(session: Session, schedule: ReportSchedule | None = None, **fields: object) -> Report:
    at = now()
    values = {"from_at": at - timedelta(days=7), "to_at": at, "sha256": "0" * 64, "findings_count": 0, "due_at": at}
    return add(session, Report(schedule_id=schedule.id if schedule else None, **values | fields))


def test_schedules_are_listed_by_name_and_described_in_a_line(session: Session) -> None:
    second, first = make(session, name="b"), make(session, name="A")
    assert report_schedules.list_schedules(session) == [first, second]
    assert report_schedules.described(first).startswith(
        f"{first.id} A: At 06:00 on Monday (0 6 * * 1, UTC), next run 2"
    )
    report_schedules.pause(session, first, None)
    assert report_schedules.described(first).endswith(", paused")


def test_a_broken_expression_has_no_next_runs(session: Session) -> None:
    schedule = make(session)
    schedule.cron = "61 * * * *"
    assert report_schedules.next_runs(schedule) == []


def test_the_shared_filters_are_offered_by_name(session: Session, lead: User) -> None:
    for name in ("b", "a"):
        saved_filters.save(session, lead, name, {}, is_shared=True)
    offered: list[SavedFilter] = report_schedules.shared_filters(session)
    assert [row.name for row in offered] == ["a", "b"]
