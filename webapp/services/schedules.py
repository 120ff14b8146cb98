"""When sources are crawled without anybody asking. What is due is fired by services.firing."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random, SystemRandom
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from webapp.db import now
from webapp.language import say
from webapp.models import Overlap, Scan, Schedule, Source
from webapp.services import audit, moments
from webapp.services.errors import NotFound, Refused

RUNS_SHOWN = 5
DICE = SystemRandom()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule says; the fields are those of the table."""

    cron: str
    time_zone: str = "UTC"
    jitter_s: int = 0
    overlap: Overlap = Overlap.SKIP

    def check(self) -> moments.Faults:
        return moments.check(self.cron, self.time_zone, self.jitter_s)

    def next_runs(self, count: int = RUNS_SHOWN, after: datetime | None = None) -> list[datetime]:
        """Raises what moments.moments raises, where the plan has faults."""
        return list(islice(moments.moments(self.cron, self.time_zone, after or now()), count))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "overlap": self.overlap.value}


def plan_of(schedule: Schedule) -> Plan:
    return Plan(schedule.cron, schedule.time_zone, schedule.jitter_s, schedule.overlap)


def next_runs(schedule: Schedule, count: int = RUNS_SHOWN, after: datetime | None = None) -> list[datetime]:
    """The moments of the expression after `after` (now, unless given) in UTC, jitter not counted.

    Empty where the stored expression or zone can't be read.
    """
    plan = plan_of(schedule)
    return [] if plan.check() else plan.next_runs(count, after)


def described(schedule: Schedule) -> str:
    """One line for a terminal: `1: At 03:00 every day (0 3 * * *, Europe/Berlin), next run 2026-03-28 02:00 UTC`."""
    words = moments.cron_words(schedule.cron)
    due = f"next run {schedule.due_at:%Y-%m-%d %H:%M} UTC" if schedule.due_at else "paused"
    return f"{schedule.id}: {words} ({schedule.cron}, {schedule.time_zone}), {due}"


def create(session: Session, source_id: int, plan: Plan, actor: str, dice: Random = DICE) -> Schedule:
    """Add a schedule that runs from now on; the caller commits. Raises NotFound, Refused with every fault."""
    if session.get(Source, source_id) is None:
        raise NotFound(say("There is no source %(source_id)s.", source_id=source_id))
    schedule = Schedule(source_id=source_id)
    take_plan(schedule, plan, dice)
    session.add(schedule)
    session.flush()
    audit.record(
        session, actor, "schedule.create", f"schedule:{schedule.id}", source=source_id, **plan_of(schedule).to_json()
    )
    return schedule


def change(session: Session, schedule: Schedule, plan: Plan, actor: str, dice: Random = DICE) -> None:
    """Take another plan, from now on; paused it stays paused. Raises Refused with every fault."""
    before = plan_of(schedule).to_json()
    take_plan(schedule, plan, dice)
    after = plan_of(schedule).to_json()
    audit.record(session, actor, "schedule.change", f"schedule:{schedule.id}", before=before, after=after)


def take_plan(schedule: Schedule, plan: Plan, dice: Random) -> None:
    faults = plan.check()
    if faults:
        raise Refused(" ".join(sentence for sentences in faults.values() for sentence in sentences))
    schedule.cron, schedule.time_zone = " ".join(plan.cron.split()), plan.time_zone
    schedule.jitter_s, schedule.overlap = plan.jitter_s, plan.overlap
    if not schedule.is_paused:
        place_next(schedule, dice)


def place_next(schedule: Schedule, dice: Random) -> None:
    schedule.due_at = plan_of(schedule).next_runs(1)[0]
    schedule.fires_at = put_off(schedule.due_at, schedule.jitter_s, dice)


def put_off(due_at: datetime, jitter_s: int, dice: Random) -> datetime:
    return due_at + timedelta(seconds=dice.uniform(0, jitter_s))


def pause(session: Session, schedule: Schedule, actor: str) -> None:
    """No run is due until it is resumed; a scan that runs goes on."""
    if schedule.is_paused:
        return
    schedule.is_paused, schedule.due_at, schedule.fires_at = True, None, None
    audit.record(session, actor, "schedule.pause", f"schedule:{schedule.id}", source=schedule.source_id)


def resume(session: Session, schedule: Schedule, actor: str, dice: Random = DICE) -> None:
    """Run again from now on; what was due meanwhile is not made up for. Raises Refused where the plan has faults."""
    if not schedule.is_paused:
        return
    schedule.is_paused, schedule.note = False, None
    take_plan(schedule, plan_of(schedule), dice)
    audit.record(session, actor, "schedule.resume", f"schedule:{schedule.id}", source=schedule.source_id)


def delete(session: Session, schedule: Schedule, actor: str) -> None:
    """Its scans stay, as scans of no schedule."""
    session.execute(update(Scan).where(Scan.schedule_id == schedule.id).values(schedule_id=None, due_at=None))
    session.execute(delete_rows(Schedule).where(Schedule.id == schedule.id))
    plan = plan_of(schedule).to_json()
    audit.record(session, actor, "schedule.delete", f"schedule:{schedule.id}", source=schedule.source_id, **plan)


def find(session: Session, schedule_id: int) -> Schedule:
    """With its source. Raises NotFound."""
    query = select(Schedule).options(joinedload(Schedule.source)).where(Schedule.id == schedule_id)
    schedule = session.scalar(query)
    if schedule is None:
        raise NotFound(say("There is no schedule %(schedule_id)s.", schedule_id=schedule_id))
    return schedule


def list_schedules(session: Session, source_id: int | None = None) -> list[Schedule]:
    """In the order in which they were made; source_id: only those of that source."""
    query = select(Schedule).options(joinedload(Schedule.source)).order_by(Schedule.id)
    if source_id is not None:
        query = query.where(Schedule.source_id == source_id)
    return list(session.scalars(query))
