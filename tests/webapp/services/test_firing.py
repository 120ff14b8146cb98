"""What is due becomes scans: each run once, whoever tries."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.factories import make_scan, make_source
from webapp.db import now
from webapp.models import AuditEntry, Overlap, Scan, ScanState, Schedule, Source
from webapp.services import firing, scans, schedules
from webapp.services.schedules import Plan
from webapp.settings import Settings
from webapp.tasks import schedules as tasks

AT = datetime(2026, 3, 10, 3, 0, 5, tzinfo=UTC)
DUE = datetime(2026, 3, 10, 3, tzinfo=UTC)


def make_due(session: Session, source: Source | None = None, due_at: datetime = DUE, **fields: Any) -> Schedule:
    """A schedule that is due at `due_at`; every day at 03:00 UTC unless `fields` say otherwise."""
    source = source or make_source(session)
    fields = {"cron": "0 3 * * *", "fires_at": due_at, **fields}
    schedule = Schedule(source=source, due_at=due_at, **fields)
    session.add(schedule)
    session.commit()
    return schedule


def forbid(*_: object) -> None:
    raise AssertionError("nothing is to be cancelled")


def fire(session: Session, at: datetime = AT, **more: Any) -> list[int]:
    fired = firing.fire_due(session, at, **{"cancel": forbid, **more})
    session.expire_all()
    return fired


def test_a_due_schedule_becomes_one_scan_and_moves_on(session: Session) -> None:
    schedule = make_due(session)
    (scan_id,) = fire(session)
    scan = session.get_one(Scan, scan_id)
    assert (scan.source_id, scan.schedule_id, scan.due_at) == (schedule.source_id, schedule.id, DUE)
    assert (scan.state, scan.requested_by) == (ScanState.QUEUED, f"schedule:{schedule.id}")
    assert scan.lease_until is not None and scan.lease_until > now()
    assert (schedule.due_at, schedule.fires_at) == (DUE + timedelta(days=1), DUE + timedelta(days=1))
    assert (schedule.last_fired_at, schedule.note) == (AT, f"Scan {scan_id} was queued.")
    assert fire(session) == []


def test_what_is_not_due_or_paused_does_not_fire(session: Session) -> None:
    make_due(session, fires_at=AT + timedelta(seconds=1))
    make_due(session, is_paused=True)
    assert fire(session) == []


def test_a_run_comes_back_from_the_queue_where_its_message_is_lost(session: Session, settings: Settings) -> None:
    make_due(session)
    (scan_id,) = fire(session)
    session.query(Scan).update({"lease_until": now() - timedelta(seconds=1)})
    assert scans.reconcile(session, settings) == [scan_id]


def test_the_next_run_is_put_off_within_its_jitter(session: Session) -> None:
    schedule = make_due(session, jitter_s=600)
    fire(session, dice=Random(3))  # noqa: S311  (repeatable)
    assert schedule.due_at is not None and schedule.fires_at is not None
    assert timedelta(0) < schedule.fires_at - schedule.due_at < timedelta(minutes=10)


def test_a_run_that_was_put_off_is_not_missed(session: Session) -> None:
    put_off = DUE + timedelta(minutes=50)
    schedule = make_due(session, cron="0 * * * *", jitter_s=3599, fires_at=put_off)
    (scan_id,) = fire(session, put_off + timedelta(minutes=11))  # the next moment has come, its jitter is not over
    assert schedule.due_at == DUE + timedelta(hours=1)
    assert schedule.note == f"The run is late, since nothing ran when it was due. Scan {scan_id} was queued."


def test_missed_runs_are_made_up_for_once(session: Session) -> None:
    schedule = make_due(session)
    (scan_id,) = fire(session, AT + timedelta(days=2))
    assert schedule.note == (
        f"3 runs were missed while nothing ran; one was to make up for all. Scan {scan_id} was queued."
    )
    assert session.get_one(Scan, scan_id).due_at == DUE
    assert schedule.due_at == DUE + timedelta(days=3)
    assert fire(session, AT + timedelta(days=2)) == []


def test_a_year_of_missed_minutes_is_over_at_once(session: Session) -> None:
    schedule = make_due(session, cron="* * * * *")
    assert len(fire(session, AT + timedelta(days=365))) == 1
    assert schedule.note is not None and schedule.note.startswith("More than 1,000 runs were missed")
    assert schedule.due_at == datetime(2027, 3, 10, 3, 1, tzinfo=UTC)


def test_a_late_run_says_so(session: Session) -> None:
    schedule = make_due(session)
    fire(session, AT + timedelta(hours=2))
    assert schedule.note is not None and schedule.note.startswith("The run is late, since nothing ran")


@pytest.mark.parametrize("state", [state for state in ScanState if not state.is_over])
def test_skip_leaves_the_run_out_while_an_older_scan_is_not_over(session: Session, state: ScanState) -> None:
    schedule = make_due(session, overlap=Overlap.SKIP)
    older = make_scan(session, schedule.source, state=state)
    session.commit()
    assert fire(session) == []
    assert schedule.note == f"The run was left out: scan {older.id} of this source was not over ({state.value})."
    assert (schedule.due_at, schedule.last_fired_at) == (DUE + timedelta(days=1), None)
    assert session.query(Scan).count() == 1


def test_skip_minds_neither_what_is_over_nor_other_sources(session: Session) -> None:
    schedule = make_due(session, overlap=Overlap.SKIP)
    make_scan(session, schedule.source, state=ScanState.CANCELLED)
    make_scan(session, state=ScanState.RUNNING)
    session.commit()
    assert len(fire(session)) == 1


def test_queue_lets_one_run_wait_and_no_more(session: Session) -> None:
    schedule = make_due(session, overlap=Overlap.QUEUE)
    make_scan(session, schedule.source, state=ScanState.RUNNING)
    session.commit()
    (waiting,) = fire(session)
    assert fire(session, AT + timedelta(days=1)) == []
    assert schedule.note == f"The run was left out: scan {waiting} of this schedule was still waiting."
    session.get_one(Scan, waiting).state = ScanState.RUNNING
    session.commit()
    assert len(fire(session, AT + timedelta(days=2))) == 1


def test_stop_cancels_what_is_older_and_nothing_else(session: Session) -> None:
    schedule = make_due(session, overlap=Overlap.STOP)
    older = [make_scan(session, schedule.source, state=state) for state in (ScanState.RUNNING, ScanState.QUEUED)]
    make_scan(session, schedule.source, state=ScanState.DONE)
    make_scan(session, state=ScanState.RUNNING)
    session.commit()
    calls: list[tuple[object, ...]] = []
    (scan_id,) = fire(session, cancel=lambda _session, *rest: calls.append(rest))
    actor, reason = f"schedule:{schedule.id}", f"Scan {scan_id} of schedule {schedule.id} takes its place."
    assert calls == [(scan.id, actor, reason) for scan in older]


def test_two_schedules_of_one_source_at_one_moment_make_one_scan(session: Session) -> None:
    first = make_due(session)
    make_due(session, first.source)
    assert len(fire(session)) == 1


def test_a_moment_that_ran_already_does_not_run_again(session: Session) -> None:
    schedule = make_due(session, overlap=Overlap.QUEUE)
    ran = make_scan(session, schedule.source, schedule_id=schedule.id, due_at=DUE)
    session.commit()
    assert fire(session) == []
    assert schedule.note == f"The run was left out: it had run already, as scan {ran.id}."


@pytest.mark.parametrize(
    ("broken", "says"),
    [({"cron": "61 3 * * *"}, "no minute"), ({"cron": "x"}, "five fields"), ({"cron": "0 0 30 2 *"}, "never come"),
     ({"time_zone": "Mars/Base"}, "no time zone"), ({"time_zone": "Europe"}, "no time zone")],
)  # fmt: skip
def test_a_broken_schedule_is_paused_and_stops_no_other(session: Session, broken: dict[str, str], says: str) -> None:
    bad = make_due(session, **broken)
    make_due(session)
    assert len(fire(session)) == 1
    assert (bad.is_paused, bad.due_at, bad.fires_at) == (True, None, None)
    assert bad.note is not None and bad.note.startswith("It was paused") and says in bad.note
    entry = session.query(AuditEntry).filter_by(action="schedule.pause").one()
    assert (entry.actor, entry.subject) == ("system", f"schedule:{bad.id}")


def test_an_error_in_one_leaves_it_due_and_stops_no_other(session: Session) -> None:
    bad = make_due(session, overlap=Overlap.STOP)
    make_scan(session, bad.source, state=ScanState.RUNNING)
    make_due(session)
    assert len(fire(session)) == 1  # `cancel` raises for the first
    assert (bad.due_at, bad.note) == (DUE, None)
    assert session.query(Scan).filter_by(schedule_id=bad.id).count() == 0


@pytest.mark.parametrize("deed", ["pause", "change", "delete"])
def test_a_schedule_that_is_touched_meanwhile_is_let_go(session: Session, deed: str) -> None:
    schedule = make_due(session)
    (due,) = firing.read_due(session, AT)
    match deed:
        case "pause":
            schedules.pause(session, schedule, "ann")
        case "change":
            schedules.change(session, schedule, Plan("0 4 * * *"), "ann")
        case "delete":
            schedules.delete(session, schedule, "ann")
    session.commit()
    assert firing.fire(session, due, AT, forbid, schedules.DICE) is None
    assert session.query(Scan).count() == 0


def test_the_task_queues_what_was_fired_after_the_commit(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    make_due(session)
    seen: list[tuple[int, ScanState]] = []
    monkeypatch.setattr(tasks.run_scan, "delay", lambda scan_id: seen.append((scan_id, state_of(session, scan_id))))
    tasks.fire()
    assert [state for _, state in seen] == [ScanState.QUEUED]


def state_of(session: Session, scan_id: int) -> ScanState:
    session.rollback()
    return session.get_one(Scan, scan_id).state


BEAT = """
import sys
from datetime import datetime
from sqlalchemy import select
from webapp.db import open_engine, session_factory
from webapp.models import Schedule
from webapp.services import firing

url, at = sys.argv[1], datetime.fromisoformat(sys.argv[2])
def forbid(*_): raise AssertionError
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
with session_factory(open_engine(url))() as session:
    while session.scalar(select(Schedule.id).where(Schedule.fires_at <= at).limit(1)):
        session.rollback()
        for scan_id in firing.fire_due(session, at, forbid):
            print(scan_id)
"""


def test_two_beats_and_one_hundred_due_runs_are_one_hundred_runs(session: Session, settings: Settings) -> None:
    # Fired twice, a run would find its own first scan and want to cancel it, which fails.
    due = [make_due(session, overlap=Overlap.STOP) for _ in range(100)]
    beats = [start_beat(settings) for _ in range(2)]
    for beat in beats:
        assert beat.stdout is not None and beat.stdout.readline() == "ready\n"
    for beat in beats:  # both are there: now they race
        assert beat.stdin is not None
        beat.stdin.write("go\n")
        beat.stdin.flush()
    said = [beat.communicate(timeout=120) for beat in beats]
    assert [beat.returncode for beat in beats] == [0, 0], said
    assert all("Traceback" not in errors for _, errors in said), said
    fired = [int(line) for output, _ in said for line in output.split()]
    session.expire_all()
    rows = session.query(Scan).all()
    assert Counter(row.schedule_id for row in rows) == Counter(schedule.id for schedule in due)
    assert sorted(fired) == sorted(row.id for row in rows)
    assert all(schedule.due_at == DUE + timedelta(days=1) for schedule in due)


def start_beat(settings: Settings) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BEAT, settings.sqlalchemy_url, AT.isoformat()]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_beat_that_read_before_the_other_fired_adds_nothing(session: Session) -> None:
    """The race, played step by step: both read, one fires, the other comes too late."""
    make_due(session)
    slow = firing.read_due(session, AT)
    session.commit()
    assert len(fire(session)) == 1
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert [firing.fire_alone(session, one, AT, forbid, schedules.DICE) for one in slow] == [None]
    assert [statement.split()[0] for statement in statements] == ["UPDATE"]
    assert session.query(Scan).count() == 1
