"""Reports that are due: each asked for once, however many beats try, and asked for again where building failed."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say
from webapp.models import Job, JobKind, JobState, Report, ReportSchedule, Span, User
from webapp.services import audit, jobs, moments, report_files, report_jobs, report_schedules
from webapp.services.errors import Refused
from webapp.services.freezing import Wanted
from webapp.services.report_schedules import ReportPlan, lost_filter, subject_of

logger = logging.getLogger(__name__)

# Seconds after a failure until it is tried again; after the last it is left to people.
RETRIES_S = (300, 1800, 7200)
REMEMBERED = timedelta(days=30)  # how long a failure is told where no newer run took its place
LATE = timedelta(minutes=2)  # one that is due since then, and is not under way, has nobody who fires it
of_schedule = Job.options["schedule_id"].as_integer()  # of a job that builds a scheduled report
Period = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule as it stood when it was found due; the columns are the table's."""

    id: int
    cron: str
    time_zone: str
    span: Span
    due_at: datetime


def fire_due(session: Session, at: datetime | None = None) -> list[int]:
    """Ask for the report of each schedule that is due, or whose last one failed; ids of the jobs, to be queued.

    Commits schedule by schedule, so that one that can't be fired stops no other. at: the moment that counts as now.
    """
    at = at or now()
    bring_back(session, at)
    due = read_due(session, at)
    session.commit()
    fired = [alone(session, one.id, partial(fire, session, one, at)) for one in due]
    failed = list(failures(session, at).values())
    session.commit()
    again = [alone(session, job.options["schedule_id"], partial(retry, session, job, at)) for job in failed]
    return [job_id for job_id in (*fired, *again) if job_id is not None]


def bring_back(session: Session, at: datetime) -> None:
    """As firing.bring_back."""
    columns = [getattr(ReportSchedule, name) for name in Due.__slots__]
    is_far = ReportSchedule.is_paused.is_(False), ReportSchedule.due_at > at + moments.FAR_AHEAD
    for due in [Due(*row) for row in session.execute(select(*columns).where(*is_far))]:
        if due_at := moments.brought_back(due.cron, due.time_zone, due.due_at, at):
            move_on(session, due, due_at=due_at, note=moments.CLOCK_WORDS)


def read_due(session: Session, at: datetime) -> list[Due]:
    columns = [getattr(ReportSchedule, name) for name in Due.__slots__]
    is_due = ReportSchedule.is_paused.is_(False), ReportSchedule.due_at <= at
    rows = session.execute(select(*columns).where(*is_due).order_by(ReportSchedule.due_at, ReportSchedule.id))
    return [Due(*row) for row in rows]


def alone(session: Session, schedule_id: int, deed: Callable[[], int | None]) -> int | None:
    try:
        job_id = deed()
        session.commit()
    except Exception:
        session.rollback()
        logger.exception("report schedule %d was not fired; it is tried again", schedule_id)
        return None
    return job_id


def fire(session: Session, due: Due, at: datetime) -> int | None:
    """The id of the job; None where another was faster, where its last one is not over, or nothing is to be built."""
    if faults := moments.check(due.cron, due.time_zone, jitter_s=0):
        give_up(session, due, " ".join(sentence for sentences in faults.values() for sentence in sentences))
        return None
    schedule = session.get_one(ReportSchedule, due.id, populate_existing=True)
    if lost := lost_filter(schedule):
        give_up(session, due, lost)
        return None
    if under_way(session, due.id) is not None:
        return None  # it stays due, and comes once the other is over: a period begins where the last one ended
    missed = moments.missed(due.cron, due.time_zone, due.due_at, at)
    last_at = last_missed(due, missed, at)
    if not move_on(session, due, due_at=next(moments.moments(due.cron, due.time_zone, last_at)), last_fired_at=at):
        return None
    late = moments.late_words(len(missed), at - due.due_at > moments.LATE)
    period = whole_period(session, due, last_at)
    return ask(session, schedule, last_at, period, late, None)


def last_missed(due: Due, missed: Sequence[datetime], at: datetime) -> datetime:
    if len(missed) < moments.MISSED_COUNTED:
        return missed[-1] if missed else due.due_at
    return moments.previous(due.cron, due.time_zone, at)


def ask(
    session: Session, schedule: ReportSchedule, due_at: datetime, period: Period, words: str, user: User | None
) -> int | None:
    """words: what the schedule's note begins with. Rolls back where another run of the schedule came first."""
    if session.scalar(select(Report.id).where(Report.schedule_id == schedule.id, Report.due_at == due_at)):
        return None
    if period[0] >= period[1]:
        note(session, schedule.id, f"{words} The run was left out: nothing lies between it and the last report.")
        return None
    wanted, styles = wanted_of(schedule, period), styles_of(schedule)
    job = report_jobs.ask_report(session, wanted, user, styles, schedule.id, due_at)
    if job.options["due_at"] != due_at.isoformat():
        session.rollback()  # one for another moment was asked for meanwhile: this run stays due
        return None
    note(session, schedule.id, f"{words} Its report is being built.")
    return job.id


def wanted_of(schedule: ReportSchedule, period: Period) -> Wanted:
    row = schedule.filter
    filters = dict(row.arguments) if row else {}
    return Wanted(*period, title=schedule.name, filters=filters, filters_name=row.name if row else None)


def styles_of(schedule: ReportSchedule) -> list[report_files.Style]:
    return [
        report_files.Style(name, schedule.language, schedule.redaction, schedule.pictures) for name in schedule.formats
    ]


def move_on(session: Session, due: Due, **values: object) -> bool:
    """One statement, so that the database lets one through; False where the schedule is not as it was found."""
    as_found = ReportSchedule.id == due.id, ReportSchedule.due_at == due.due_at, ReportSchedule.is_paused.is_(False)
    moved = update(ReportSchedule).where(*as_found).values(**values).returning(ReportSchedule.id)
    return session.scalar(moved) is not None


def give_up(session: Session, due: Due, why: str) -> None:
    """Pause a schedule that can't be followed: it would be tried for ever."""
    if move_on(session, due, is_paused=True, due_at=None, note=f"It was paused. {why}"):
        audit.record(session, audit.SYSTEM, "report_schedule.pause", subject_of(due.id), why=why)


def note(session: Session, schedule_id: int, text: str) -> None:
    session.execute(update(ReportSchedule).where(ReportSchedule.id == schedule_id).values(note=text.strip()))


# The period that a report covers.


def whole_period(session: Session, due: Due, last_at: datetime) -> Period:
    """From the period of the run that was due to that of the last one that was missed, so that nothing is left out."""
    from_at, to_at = period_of(session, due.id, due, due.due_at)
    return (from_at, to_at) if last_at == due.due_at else (from_at, period_of(session, due.id, due, last_at)[1])


def period_of(session: Session, schedule_id: int, plan: Due | ReportSchedule, due_at: datetime) -> Period:
    if plan.span is Span.SINCE_LAST:
        last = report_schedules.newest_report(session, schedule_id)
        begin = last.to_at if last else moments.previous(plan.cron, plan.time_zone, due_at)
        return begin, due_at
    return days_before(plan.span, due_at, plan.time_zone)


def days_before(span: Span, due_at: datetime, time_zone: str) -> Period:
    """Whole days by the clock of the zone, ending before the due one; where clocks change some have 23 or 25 h.

    A month reaches back to the day of the same number, or to the last day of a shorter month.
    """
    zone = ZoneInfo(time_zone)
    last = due_at.astimezone(zone).date()
    first = {Span.DAY: last - timedelta(days=1), Span.WEEK: last - timedelta(weeks=1)}.get(span) or month_before(last)
    return midnight(first, zone), midnight(last, zone)


def first_days(plan: ReportPlan) -> tuple[date, date] | None:
    """The first and last day of the next report; None where that hangs on the one before."""
    if plan.span is Span.SINCE_LAST:
        return None
    zone = ZoneInfo(plan.time_zone)
    from_at, to_at = days_before(plan.span, plan.next_runs(1)[0], plan.time_zone)
    return from_at.astimezone(zone).date(), to_at.astimezone(zone).date() - timedelta(days=1)


def month_before(day: date) -> date:
    end_of_last = day.replace(day=1) - timedelta(days=1)
    return end_of_last.replace(day=min(day.day, end_of_last.day))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """In UTC; where a day begins later, as clocks are put forward at midnight, its first moment."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


# Runs by hand, and runs that failed.


def run_now(session: Session, schedule: ReportSchedule, user: User | None) -> int:
    """Build its report as if it were due now; the id of the job, for the caller to queue after its commit.

    Its next run stays as it is. Raises Refused where its filter is lost, one is under way, or nothing lies between.
    """
    report_schedules.refuse_lost_filter(schedule)
    refuse_second(session, schedule.id)
    at = now().replace(microsecond=0)
    job_id = ask(session, schedule, at, period_of(session, schedule.id, schedule, at), "", user)
    if job_id is None:
        refuse_second(session, schedule.id)
        raise Refused(say("There is nothing to report: the last report of this schedule ends just now."))
    report_schedules.record(session, user, "run", schedule, job=job_id)
    return job_id


def refuse_second(session: Session, schedule_id: int) -> None:
    if under_way(session, schedule_id) is not None:
        raise Refused(say("A report of this schedule is being built already: wait until it is done."))


def of_schedules() -> Any:
    """The condition on jobs that they build a scheduled report."""
    return (Job.kind == JobKind.REPORT) & of_schedule.is_not(None)


def under_way(session: Session, schedule_id: int) -> Job | None:
    return session.scalar(select(Job).where(Job.holds == subject_of(schedule_id)))


def last_jobs(session: Session, at: datetime) -> dict[int, Job]:
    """The newest of each schedule that there is, if it is no older than REMEMBERED."""
    lately = select(func.max(Job.id)).where(of_schedules(), Job.created_at >= at - REMEMBERED)
    newest = select(Job).where(Job.id.in_(lately.group_by(of_schedule))).order_by(Job.id)
    known = set(session.scalars(select(ReportSchedule.id)))
    found = {int(job.options["schedule_id"]): job for job in session.scalars(newest)}
    return {schedule_id: job for schedule_id, job in found.items() if schedule_id in known}


def failures(session: Session, at: datetime) -> dict[int, Job]:
    """Schedules whose newest report was not built, with the job that failed."""
    return {number: job for number, job in last_jobs(session, at).items() if job.state is JobState.FAILED}


def count_late(session: Session, at: datetime) -> int:
    """Schedules that should have fired and did not."""
    late = ReportSchedule.is_paused.is_(False), ReportSchedule.due_at < at - LATE
    ids = session.scalars(select(ReportSchedule.id).where(*late))
    return sum(1 for schedule_id in ids.all() if under_way(session, schedule_id) is None)


def retry(session: Session, job: Job, at: datetime) -> int | None:
    """Ask once more for what failed, when it is time; until then, and after the last try, the note says why."""
    schedule_id, tries = int(job.options["schedule_id"]), count_tries(session, job)
    why = job.note or "It ended without a word."
    pause_s = RETRIES_S[tries - 1] if tries <= len(RETRIES_S) else None
    if pause_s is None:
        tell(session, schedule_id, f"Its report was not built. {why} Run it by hand once that is put right.")
        return None
    again_at = (job.finished_at or job.created_at) + timedelta(seconds=pause_s)
    tell(session, schedule_id, f"Its report was not built. {why} It is tried again at {again_at:%H:%M} UTC.")
    if again_at > at:
        return None
    again, is_new = jobs.ensure(session, JobKind.REPORT, job.actor, holds=subject_of(schedule_id), **job.options)
    return again.id if is_new else None


def count_tries(session: Session, job: Job) -> int:
    """How often the same run was tried in vain."""
    same = of_schedules() & (of_schedule == int(job.options["schedule_id"]))
    failed = session.scalars(select(Job.options).where(same, Job.state == JobState.FAILED)).all()
    return sum(1 for options in failed if options.get("due_at") == job.options.get("due_at"))


def tell(session: Session, schedule_id: int, text: str) -> None:
    """Write it where it is new: the tick comes often."""
    known = session.scalar(select(ReportSchedule.note).where(ReportSchedule.id == schedule_id))
    if known != text:
        note(session, schedule_id, text)
