"""What is due becomes reports: each run once, whoever tries, and none left out."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_user
from tests.webapp.services.conftest import AtOnce
from webapp.db import now
from webapp.models import (
    AuditEntry,
    DeliveryWay,
    Job,
    JobKind,
    JobState,
    Report,
    ReportDelivery,
    ReportSchedule,
    Role,
    SavedFilter,
    Span,
)
from webapp.services import jobs, report_firing, report_jobs, report_schedules, saved_filters
from webapp.services.errors import Refused
from webapp.services.report_firing import days_before
from webapp.services.report_schedules import ReportPlan
from webapp.services.workshop import FAILURES, WORKS
from webapp.settings import Settings

DUE = datetime(2026, 3, 9, 6, tzinfo=UTC)  # a Monday
AT = DUE + timedelta(seconds=5)
WEEK = timedelta(weeks=1)


def make_due(session: Session, name: str = "Weekly", due_at: datetime = DUE, **fields: Any) -> ReportSchedule:
    """A schedule that is due at `due_at`; every Monday at 06:00 UTC unless `fields` say otherwise."""
    schedule = report_schedules.create(session, ReportPlan(name, "0 6 * * 1"), None)
    for field, value in {"due_at": due_at, **fields}.items():
        setattr(schedule, field, value)
    session.commit()
    return schedule


def fire(session: Session, at: datetime = AT) -> list[int]:
    fired = report_firing.fire_due(session, at)
    session.expire_all()
    return fired


def work(session: Session, settings: Settings, job_id: int) -> Job:
    """As a worker does it."""
    jobs.run(session, job_id, settings, "worker", WORKS, failures=FAILURES)
    session.expire_all()
    return jobs.find(session, job_id)


def fail_job(session: Session, job_id: int, at: datetime, why: str = "The store is away.") -> None:
    job = session.get_one(Job, job_id)
    job.state, job.holds, job.note, job.finished_at = JobState.FAILED, None, why, at
    session.commit()


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("span", "due", "zone", "from_at", "to_at"),
    [
        (Span.DAY, "2026-03-10T03:00Z", "UTC", "2026-03-09T00:00Z", "2026-03-10T00:00Z"),
        (Span.DAY, "2026-03-09T23:30Z", "Europe/Berlin", "2026-03-08T23:00Z", "2026-03-09T23:00Z"),
        # The days on which clocks are put forward and back: 23 and 25 hours.
        (Span.DAY, "2026-03-30T04:00Z", "Europe/Berlin", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        (Span.DAY, "2026-10-26T04:00Z", "Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        (Span.WEEK, "2026-03-30T04:00Z", "Europe/Berlin", "2026-03-22T23:00Z", "2026-03-29T22:00Z"),
        (Span.WEEK, "2026-01-01T06:00Z", "Asia/Bangkok", "2025-12-24T17:00Z", "2025-12-31T17:00Z"),
        (Span.MONTH, "2026-03-01T06:00Z", "UTC", "2026-02-01T00:00Z", "2026-03-01T00:00Z"),
        (Span.MONTH, "2026-01-05T06:00Z", "UTC", "2025-12-05T00:00Z", "2026-01-05T00:00Z"),
        (Span.MONTH, "2026-03-31T06:00Z", "UTC", "2026-02-28T00:00Z", "2026-03-31T00:00Z"),
        (Span.MONTH, "2024-03-30T06:00Z", "UTC", "2024-02-29T00:00Z", "2024-03-30T00:00Z"),
        # A day that begins at 01:00, as clocks are put forward at midnight.
        (Span.DAY, "2026-04-24T12:00Z", "Africa/Cairo", "2026-04-22T22:00Z", "2026-04-23T22:00Z"),
        (Span.DAY, "2026-04-25T12:00Z", "Africa/Cairo", "2026-04-23T22:00Z", "2026-04-24T21:00Z"),
    ],
)
def test_a_period_is_of_whole_days_of_the_zone(span: Span, due: str, zone: str, from_at: str, to_at: str) -> None:
    assert days_before(span, day(due), zone) == (day(from_at), day(to_at))


def test_weeks_follow_each_other_without_a_gap_through_a_year(session: Session) -> None:
    schedule = make_due(session, time_zone="America/New_York")
    runs = report_schedules.plan_of(schedule).next_runs(60, DUE)
    periods = [days_before(Span.WEEK, run, "America/New_York") for run in runs]
    assert all(before[1] == after[0] for before, after in pairwise(periods))


def test_a_due_schedule_becomes_one_report_with_its_files(session: Session, settings: Settings) -> None:
    inside = make_finding(session, found_at=DUE - timedelta(days=3))
    make_finding(session, found_at=DUE - timedelta(days=9))
    schedule = make_due(session, formats=["csv", "json"], folder="weekly", mail_to=["ann@team.example"])
    (job_id,) = fire(session)
    assert (schedule.due_at, schedule.last_fired_at, schedule.note) == (DUE + WEEK, AT, "Its report is being built.")
    assert fire(session) == []
    assert work(session, settings, job_id).state is JobState.DONE
    report = session.query(Report).one()
    assert (report.schedule_id, report.due_at, report.title) == (schedule.id, DUE, "Weekly")
    assert (report.from_at, report.to_at) == (day("2026-03-02T00:00Z"), day("2026-03-09T00:00Z"))
    assert report.findings_count == 1 and inside.found_at >= report.from_at
    assert [file.format for file in report.files] == ["csv", "json"]
    planned = session.query(ReportDelivery).order_by(ReportDelivery.id).all()
    assert [(row.way, row.target) for row in planned] == [
        (DeliveryWay.FOLDER, "weekly"),
        (DeliveryWay.MAIL, "ann@team.example"),
    ]
    assert all(row.file_ids == [file.id for file in report.files] for row in planned)
    assert schedule.note == f"Report {report.id} was built."


def test_of_two_beats_one_is_let_through(session: Session, at_once: AtOnce) -> None:
    make_due(session)
    fired = at_once([lambda own: report_firing.fire_due(own, AT)] * 4)
    assert sorted(len(ids) for ids in fired) == [0, 0, 0, 1]
    assert session.query(Job).count() == 1


def test_a_beat_that_read_before_the_other_fired_adds_nothing(session: Session, settings: Settings) -> None:
    make_due(session)
    (slow,) = report_firing.read_due(session, AT)
    session.commit()
    (job_id,) = fire(session)
    assert report_firing.fire(session, slow, AT) is None
    work(session, settings, job_id)
    assert report_firing.fire(session, slow, AT) is None
    session.commit()
    assert (session.query(Job).count(), session.query(Report).count()) == (1, 1)


def test_what_is_not_due_or_paused_does_not_fire(session: Session) -> None:
    make_due(session, "later", due_at=AT + timedelta(seconds=1))
    make_due(session, "paused", is_paused=True)
    assert fire(session) == []


def test_missed_runs_are_made_up_for_by_one_report_of_all_their_periods(session: Session, settings: Settings) -> None:
    schedule = make_due(session)
    (job_id,) = fire(session, AT + 3 * WEEK)
    assert schedule.note == (
        "4 runs were missed while nothing ran; one was to make up for all. Its report is being built."
    )
    assert schedule.due_at == DUE + 4 * WEEK
    work(session, settings, job_id)
    report = session.query(Report).one()
    assert report.due_at == DUE + 3 * WEEK
    assert (report.from_at, report.to_at) == (day("2026-03-02T00:00Z"), day("2026-03-30T00:00Z"))


def test_a_late_run_says_so(session: Session) -> None:
    schedule = make_due(session)
    fire(session, AT + timedelta(hours=2))
    assert schedule.note is not None and schedule.note.startswith("The run is late, since nothing ran")


def test_a_run_waits_for_the_one_before_and_then_comes(session: Session, settings: Settings) -> None:
    schedule = make_due(session)
    (job_id,) = fire(session)
    schedule.due_at = DUE + timedelta(days=1)
    session.commit()
    assert fire(session, AT + timedelta(days=1)) == []
    assert schedule.due_at == DUE + timedelta(days=1), "it stays due"
    work(session, settings, job_id)
    assert len(fire(session, AT + timedelta(days=1))) == 1


def test_since_the_last_report_nothing_is_left_out_and_nothing_told_twice(session: Session, settings: Settings) -> None:
    schedule = make_due(session, span=Span.SINCE_LAST)
    work(session, settings, fire(session)[0])
    work(session, settings, fire(session, AT + WEEK)[0])
    # One by hand between two runs moves the beginning of the next.
    by_hand = work(session, settings, run_by_hand(session, schedule))
    first, second, third = session.query(Report).order_by(Report.id)
    assert (first.from_at, first.to_at) == (DUE - WEEK, DUE)
    assert (second.from_at, second.to_at) == (first.to_at, DUE + WEEK)
    assert third.from_at == second.to_at and by_hand.state is JobState.DONE


def run_by_hand(session: Session, schedule: ReportSchedule) -> int:
    job_id = report_firing.run_now(session, schedule, make_user(session, "lea", Role.LEAD))
    session.commit()
    return job_id


def test_a_run_by_hand_leaves_the_next_one_as_it_is(session: Session, settings: Settings) -> None:
    next_at = now().replace(microsecond=0) + timedelta(days=2)
    schedule = make_due(session, due_at=next_at)
    job_id = run_by_hand(session, schedule)
    with pytest.raises(Refused, match="being built already"):
        report_firing.run_now(session, schedule, None)
    work(session, settings, job_id)
    assert schedule.due_at == next_at
    assert session.query(Report).one().user_id is not None
    assert "report_schedule.run" in [entry.action for entry in session.query(AuditEntry)]


def test_a_run_by_hand_that_comes_between_takes_no_run_away(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = make_due(session)
    by_hand = run_by_hand(session, schedule)
    with monkeypatch.context() as patched:  # a beat that looked before somebody pressed the button
        patched.setattr(report_firing, "under_way", lambda *_: None)
        assert fire(session) == []
    assert schedule.due_at == DUE
    work(session, settings, by_hand)
    (job_id,) = fire(session)
    work(session, settings, job_id)
    assert session.query(Report).filter_by(due_at=DUE).count() == 1


def test_nothing_to_report_is_refused_by_hand_and_left_out_by_the_clock(session: Session) -> None:
    schedule = make_due(session, span=Span.SINCE_LAST)
    to_at = now() + timedelta(days=1)
    add(session, Report(schedule_id=schedule.id, due_at=DUE, from_at=DUE, to_at=to_at, sha256="0", findings_count=0))
    session.commit()
    with pytest.raises(Refused, match="nothing to report"):
        report_firing.run_now(session, schedule, None)
    schedule.due_at = DUE + timedelta(hours=1)
    session.commit()
    assert fire(session) == []
    assert fire(session, AT + timedelta(hours=1)) == []
    assert schedule.note == "The run was left out: nothing lies between it and the last report."


@pytest.fixture
def shared(session: Session) -> SavedFilter:
    lead = make_user(session, "leo", Role.LEAD)
    return saved_filters.save(session, lead, "Ivory", {"concept": "ivory"}, is_shared=True)


def test_a_saved_filter_narrows_as_it_stands_when_it_is_due(
    session: Session, settings: Settings, shared: SavedFilter
) -> None:
    found_at = DUE - timedelta(days=3)
    make_finding(session, found_at=found_at, concept="ivory", seller="Lin")
    make_finding(session, found_at=found_at, concept="ivory", seller="Mai")
    make_finding(session, found_at=found_at, concept="elephant")
    make_due(session, filter=shared)
    shared.arguments = {"concept": "ivory", "seller": "Lin"}
    session.commit()
    work(session, settings, fire(session)[0])
    report = session.query(Report).one()
    assert (report.findings_count, report.filters_name) == (1, "Ivory")
    assert report.filters == {"concept": "ivory", "seller": "Lin"}


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_lost_filter_pauses_the_schedule_and_says_what_to_do(
    session: Session, shared: SavedFilter, is_deleted: bool
) -> None:
    schedule = make_due(session, filter=shared, filter_name="Ivory")
    make_due(session, "another")
    if is_deleted:
        saved_filters.delete(session, shared.user, shared.id)
    else:
        saved_filters.rename(session, shared.user, shared.id, "Ivory", is_shared=False)
    session.commit()
    assert len(fire(session)) == 1, "it stops no other"
    assert (schedule.is_paused, schedule.due_at) == (True, None)
    assert schedule.note == (
        "It was paused. Its filter Ivory was deleted: choose another one, or everything."
        if is_deleted
        else "It was paused. Its filter Ivory is not shared any more: share it, or choose another one."
    )
    entry = session.query(AuditEntry).filter_by(action="report_schedule.pause").one()
    assert (entry.actor, entry.subject) == ("system", f"report_schedule:{schedule.id}")
    with pytest.raises(Refused):
        report_firing.run_now(session, schedule, None)


def test_a_schedule_that_can_not_be_read_is_paused(session: Session) -> None:
    schedule = make_due(session, cron="61 6 * * 1")
    assert fire(session) == []
    assert schedule.is_paused and "no minute" in (schedule.note or "")


@pytest.mark.parametrize("deed", ["pause", "change", "delete"])
def test_a_schedule_that_is_touched_meanwhile_is_let_go(session: Session, deed: str) -> None:
    schedule = make_due(session)
    (due,) = report_firing.read_due(session, AT)
    match deed:
        case "pause":
            report_schedules.pause(session, schedule, None)
        case "change":
            report_schedules.change(session, schedule, ReportPlan("Weekly", "0 7 * * 1"), None)
        case "delete":
            report_schedules.delete(session, schedule, None)
    session.commit()
    session.expunge_all()
    assert report_firing.alone(session, due.id, lambda: report_firing.fire(session, due, AT)) is None
    assert session.query(Job).count() == 0


def test_a_failed_run_is_told_and_tried_again_with_growing_pauses(session: Session, settings: Settings) -> None:
    schedule = make_due(session)
    at, job_ids = AT, fire(session)
    for pause_s in report_firing.RETRIES_S:
        fail_job(session, job_ids[0], at)
        assert fire(session, at + timedelta(seconds=pause_s - 1)) == []
        again_at = at + timedelta(seconds=pause_s)
        assert schedule.note == (
            f"Its report was not built. The store is away. It is tried again at {again_at:%H:%M} UTC."
        )
        assert list(report_firing.failures(session, at)) == [schedule.id]
        at, job_ids = again_at, fire(session, again_at)
        assert len(job_ids) == 1
        assert fire(session, again_at) == [], "it is under way"
    fail_job(session, job_ids[0], at)
    assert fire(session, at + timedelta(days=2)) == []
    assert schedule.note == "Its report was not built. The store is away. Run it by hand once that is put right."
    assert schedule.due_at == DUE + WEEK
    by_hand = run_by_hand(session, schedule)
    assert work(session, settings, by_hand).state is JobState.DONE
    assert report_firing.failures(session, now()) == {}


def test_a_retry_that_succeeds_builds_the_report_of_the_run(session: Session, settings: Settings) -> None:
    schedule = make_due(session)
    (job_id,) = fire(session)
    fail_job(session, job_id, AT)
    (again,) = fire(session, AT + timedelta(seconds=report_firing.RETRIES_S[0]))
    assert work(session, settings, again).state is JobState.DONE
    assert session.query(Report).one().due_at == DUE
    assert schedule.note is not None and schedule.note.endswith("was built.")


def test_a_run_that_failed_after_it_was_frozen_builds_no_second_report(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = make_due(session)
    (job_id,) = fire(session)
    schedule.due_at = now() + WEEK
    session.commit()

    def full(*_: object) -> int:
        raise Refused("There is no room left.")

    with monkeypatch.context() as patch:
        patch.setattr(report_jobs, "write_style", full)
        assert work(session, settings, job_id).state is JobState.FAILED
    built = session.query(Report).one().id
    failed_at = jobs.find(session, job_id).finished_at or now()
    (again,) = fire(session, failed_at + timedelta(seconds=report_firing.RETRIES_S[0]))
    assert work(session, settings, again).state is JobState.DONE
    assert session.query(Report).one().id == built


def test_a_report_whose_schedule_is_deleted_meanwhile_is_a_report_of_nobody(
    session: Session, settings: Settings
) -> None:
    schedule = make_due(session, folder="weekly")
    (job_id,) = fire(session)
    report_schedules.delete(session, schedule, None)
    session.commit()
    session.expunge_all()
    assert work(session, settings, job_id).state is JobState.DONE
    report = session.query(Report).one()
    assert (report.schedule_id, report.due_at) == (None, None)
    assert session.query(ReportDelivery).count() == 0


def test_jobs_of_people_are_no_runs_of_schedules(session: Session) -> None:
    add(session, Job(kind=JobKind.REPORT, actor="ann", state=JobState.FAILED, options={"user": 1}))
    session.commit()
    assert report_firing.failures(session, now()) == {}
    assert fire(session) == []
