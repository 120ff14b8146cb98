from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_scan, make_source
from webapp.db import now
from webapp.models import Overlap, Scan, Schedule
from webapp.services import audit, schedules
from webapp.services.errors import NotFound, Refused
from webapp.services.schedules import Plan

DAILY = Plan("0 3 * * *", "Europe/Berlin", 600, Overlap.QUEUE)


@pytest.fixture
def schedule(session: Session) -> Schedule:
    return schedules.create(session, make_source(session).id, DAILY, "ann")


def test_a_new_schedule_is_due_at_its_next_moment(schedule: Schedule) -> None:
    assert schedule.due_at is not None and schedule.fires_at is not None
    assert now() < schedule.due_at <= now() + timedelta(days=1, hours=1)
    assert schedules.next_runs(schedule, 1) == [schedule.due_at]
    assert timedelta(0) <= schedule.fires_at - schedule.due_at <= timedelta(minutes=10)


def test_jitter_spreads_over_its_whole_length_and_no_further() -> None:
    due_at, dice = datetime(2026, 3, 1, tzinfo=UTC), Random(7)  # noqa: S311  (repeatable)
    waits = [(schedules.put_off(due_at, 600, dice) - due_at).total_seconds() for _ in range(400)]
    assert 0 <= min(waits) < 10 and 590 < max(waits) <= 600
    assert schedules.put_off(due_at, 0, dice) == due_at


def test_the_next_five_runs_follow_the_zone(schedule: Schedule) -> None:
    after = datetime(2026, 3, 27, 12, tzinfo=UTC)
    found = [f"{one:%d %H:%M}" for one in schedules.next_runs(schedule, after=after)]
    assert found == ["28 02:00", "29 01:00", "30 01:00", "31 01:00", "01 01:00"]


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan("61 3 * * *"), "no minute"),
        (Plan("0 3 * * *", "Mars/Base"), "no time zone"),
        (Plan("0 3 * * *", jitter_s=3601), "0 to 60 minutes"),
        (Plan("61 3 * * *", "Mars/Base"), "no minute.*no time zone"),
    ],
)
def test_a_faulty_plan_is_refused_and_nothing_is_changed(
    session: Session, schedule: Schedule, plan: Plan, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        schedules.create(session, schedule.source_id, plan, "ann")
    with pytest.raises(Refused, match=says):
        schedules.change(session, schedule, plan, "ann")
    assert schedules.plan_of(schedule) == DAILY
    assert session.query(Schedule).count() == 1


def test_no_source_no_schedule(session: Session) -> None:
    with pytest.raises(NotFound):
        schedules.create(session, 99, DAILY, "ann")
    with pytest.raises(NotFound):
        schedules.find(session, 99)


def test_a_changed_schedule_is_due_anew(session: Session, schedule: Schedule) -> None:
    schedules.change(session, schedule, Plan("  */30   * * * * "), "ann")
    assert schedule.cron == "*/30 * * * *"
    assert schedule.due_at is not None and schedule.due_at - now() <= timedelta(minutes=30)
    assert schedule.fires_at == schedule.due_at


def test_a_paused_schedule_is_never_due_and_runs_again_from_now_on(session: Session, schedule: Schedule) -> None:
    schedules.pause(session, schedule, "ann")
    assert (schedule.is_paused, schedule.due_at, schedule.fires_at) == (True, None, None)
    schedules.change(session, schedule, Plan("0 5 * * *"), "ann")
    assert schedule.due_at is None
    schedules.resume(session, schedule, "ben")
    assert schedule.due_at is not None and schedule.due_at > now()


def test_a_broken_schedule_is_not_resumed(session: Session, schedule: Schedule) -> None:
    schedule.is_paused, schedule.cron = True, "61 * * * *"
    assert schedules.next_runs(schedule) == []
    with pytest.raises(Refused, match="no minute"):
        schedules.resume(session, schedule, "ann")


def test_a_deleted_schedule_leaves_its_scans(session: Session, schedule: Schedule) -> None:
    scan = make_scan(session, schedule.source, schedule_id=schedule.id, due_at=now())
    schedules.delete(session, schedule, "ann")
    session.commit()
    session.expire_all()
    assert session.query(Schedule).count() == 0
    assert (session.get_one(Scan, scan.id).schedule_id, scan.due_at) == (None, None)


def test_every_change_is_in_the_audit(session: Session, schedule: Schedule) -> None:
    schedules.change(session, schedule, Plan("0 5 * * *"), "ben")
    schedules.pause(session, schedule, "cat")
    schedules.pause(session, schedule, "cat")
    schedules.resume(session, schedule, "cat")
    schedules.delete(session, schedule, "ann")
    entries = audit.recent(session, 10)[::-1]
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("ann", "schedule.create"),
        ("ben", "schedule.change"),
        ("cat", "schedule.pause"),
        ("cat", "schedule.resume"),
        ("ann", "schedule.delete"),
    ]
    assert entries[1].facts["before"]["cron"] == "0 3 * * *"
    assert entries[1].facts["after"] == {"cron": "0 5 * * *", "time_zone": "UTC", "jitter_s": 0, "overlap": "skip"}
