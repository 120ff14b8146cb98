"""Firing what is due: of any number of beats and workers that try, the database lets one through for each run."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import Overlap, Scan, ScanState, Schedule, Source
from webapp.services import audit, moments, scans
from webapp.services.schedules import DICE, put_off

logger = logging.getLogger(__name__)

Cancel = Callable[[Session, int, str, str], object]

UNDER_WAY = [state for state in ScanState if not state.is_over]


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule as it stood when it was found due; the columns are the table's."""

    id: int
    source_id: int
    cron: str
    time_zone: str
    jitter_s: int
    overlap: Overlap
    due_at: datetime
    fires_at: datetime

    @property
    def actor(self) -> str:
        return f"schedule:{self.id}"


@dataclass(frozen=True, slots=True)
class Following:
    """The run after one that is due. missed_count: the runs between the two whose time is over too."""

    due_at: datetime
    fires_at: datetime
    missed_count: int


def fire_due(
    session: Session, at: datetime | None = None, cancel: Cancel = scans.cancel, dice: Random = DICE
) -> list[int]:
    """Add a scan for each schedule that is due; ids of the scans, to be queued by the caller.

    Commits schedule by schedule, so that one that can't be fired stops no other. at: the moment that counts as now.
    """
    at = at or now()
    bring_back(session, at, dice)
    due = read_due(session, at)
    session.commit()
    scan_ids = [fire_alone(session, one, at, cancel, dice) for one in due]
    return [scan_id for scan_id in scan_ids if scan_id is not None]


def bring_back(session: Session, at: datetime, dice: Random) -> None:
    """Schedules that fired by a clock that ran ahead come at their next moment after all; what has run is left out."""
    columns = [getattr(Schedule, name) for name in Due.__slots__]
    is_far = Schedule.is_paused.is_(False), Schedule.due_at > at + moments.FAR_AHEAD
    for due in [Due(*row) for row in session.execute(select(*columns).where(*is_far))]:
        if due_at := moments.brought_back(due.cron, due.time_zone, due.due_at, at):
            fires_at = put_off(due_at, due.jitter_s, dice)
            move_on(session, due, due_at=due_at, fires_at=fires_at, note=moments.CLOCK_WORDS)


def read_due(session: Session, at: datetime) -> list[Due]:
    columns = [getattr(Schedule, name) for name in Due.__slots__]
    is_due = Schedule.is_paused.is_(False), Schedule.fires_at <= at
    rows = session.execute(select(*columns).where(*is_due).order_by(Schedule.fires_at, Schedule.id))
    return [Due(*row) for row in rows]


def fire_alone(session: Session, due: Due, at: datetime, cancel: Cancel, dice: Random) -> int | None:
    try:
        scan_id = fire(session, due, at, cancel, dice)
        session.commit()
    except Exception:
        session.rollback()
        logger.exception("schedule %d was not fired; it is tried again", due.id)
        return None
    return scan_id


def fire(session: Session, due: Due, at: datetime, cancel: Cancel, dice: Random) -> int | None:
    """The id of the scan that was added; None where another was faster, or where the run is left out."""
    faults = moments.check(due.cron, due.time_zone, jitter_s=0)
    if faults:
        give_up(session, due, " ".join(sentence for sentences in faults.values() for sentence in sentences))
        return None
    following = follow(due, at, dice)
    if not move_on(session, due, due_at=following.due_at, fires_at=following.fires_at):
        return None
    missed = moments.late_words(following.missed_count, at - due.fires_at > moments.LATE)
    obstacle = find_obstacle(session, due)
    if obstacle is not None:
        note(session, due, f"{missed} {obstacle}")
        return None
    scan = add_scan(session, due)
    note(session, due, f"{missed} Scan {scan.id} was queued.", last_fired_at=at)
    if due.overlap is Overlap.STOP:
        stop_older(session, due, scan, cancel)
    return scan.id


def move_on(session: Session, due: Due, **values: object) -> bool:
    """One statement, so that the database lets one through; False where the schedule is not as it was found."""
    as_found = Schedule.id == due.id, Schedule.due_at == due.due_at, Schedule.is_paused.is_(False)
    return session.scalar(update(Schedule).where(*as_found).values(**values).returning(Schedule.id)) is not None


def follow(due: Due, at: datetime, dice: Random) -> Following:
    """The first run that may still come in its time, however far it is put off."""
    over = max(due.due_at, at - timedelta(seconds=due.jitter_s))
    missed_count = len(moments.missed(due.cron, due.time_zone, due.due_at, over))
    due_at = next(moments.moments(due.cron, due.time_zone, over))
    return Following(due_at, put_off(due_at, due.jitter_s, dice), missed_count)


def find_obstacle(session: Session, due: Due) -> str | None:
    """Why the run is left out, in a sentence; None where nothing stands in its way."""
    # Schedules of one source that fire at once must see each other's scan.
    session.execute(select(Source.id).where(Source.id == due.source_id).with_for_update(key_share=True))
    made = session.scalar(select(Scan.id).where(Scan.schedule_id == due.id, Scan.due_at == due.due_at))
    if made is not None:
        return f"The run was left out: it had run already, as scan {made}."
    if due.overlap is Overlap.SKIP and (older := under_way(session, due)):
        return f"The run was left out: scan {older[0].id} of this source was not over ({older[0].state.value})."
    waiting = [scan for scan in under_way(session, due) if scan.schedule_id == due.id and is_waiting(scan)]
    if due.overlap is Overlap.QUEUE and waiting:
        return f"The run was left out: scan {waiting[0].id} of this schedule was still waiting."
    return None


def under_way(session: Session, due: Due) -> list[Scan]:
    """The source's scans that are not over, the oldest first, as they stand in the database."""
    query = select(Scan).where(Scan.source_id == due.source_id, Scan.state.in_(UNDER_WAY)).order_by(Scan.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def is_waiting(scan: Scan) -> bool:
    return scan.state is ScanState.QUEUED


def add_scan(session: Session, due: Due) -> Scan:
    scan = scans.create(session, due.source_id, due.actor)
    scan.requested_by, scan.schedule_id, scan.due_at = due.actor, due.id, due.due_at
    session.flush()
    return scan


def stop_older(session: Session, due: Due, scan: Scan, cancel: Cancel) -> None:
    reason = f"Scan {scan.id} of schedule {due.id} takes its place."
    for older in under_way(session, due):
        if older.id != scan.id:
            cancel(session, older.id, due.actor, reason)


def note(session: Session, due: Due, text: str, **values: object) -> None:
    session.execute(update(Schedule).where(Schedule.id == due.id).values(note=text.strip(), **values))


def give_up(session: Session, due: Due, why: str) -> None:
    """Pause a schedule that can't be read: it would be tried for ever."""
    text = f"It was paused, since it can't be read. {why}"
    if move_on(session, due, is_paused=True, due_at=None, fires_at=None, note=text):
        audit.record(session, audit.SYSTEM, "schedule.pause", due.actor, source=due.source_id, why=why)
