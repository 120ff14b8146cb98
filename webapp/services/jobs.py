"""Jobs: asking for one, running it, and taking over what a dead worker left."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp.db import insert_new, now
from webapp.language import say
from webapp.models import Job, JobKind, JobState
from webapp.services import audit, leases
from webapp.services.errors import NotFound
from webapp.settings import Settings

logger = logging.getLogger(__name__)

HINT_S = 60
MOST_ATTEMPTS = 3
NOTE_EVERY_S = 0.5


class JobError(Exception):
    """Work that can't be done; the message is one sentence for people."""


class Stopped(Exception):  # no error: the worker was asked to end
    """The worker ends; the job is to begin again elsewhere or later."""


@dataclass
class Reporter:
    """Writes how far a job is, seldom enough, in sessions of its own: the work holds no transaction while it waits.

    Each report raises Stopped where the worker ends, and LostLeaseError where the job is another worker's.
    """

    engine: Engine
    lease: tuple[int, str, int]
    is_stopping: Callable[[], bool]
    _last_at: float = field(default=0.0, init=False)

    def tell_step(self, note: str) -> None:
        """What is being done now, in words."""
        self._write(note=note)

    def tell_bytes(self, done: int, total: int | None) -> None:
        """Bytes that are here, and in all where that is known."""
        if time.monotonic() - self._last_at >= NOTE_EVERY_S or done == total:
            self._write(bytes_done=done, bytes_total=total)

    def check(self) -> None:
        """Nothing new, but a moment at which the work may end."""
        self._write()

    def _write(self, **progress: Any) -> None:
        if self.is_stopping():
            raise Stopped
        with Session(self.engine) as session:
            leases.renew(session, *self.lease, Job, **progress)
            session.commit()
        self._last_at = time.monotonic()


@dataclass(frozen=True, slots=True)
class Task:
    """What a piece of work is given. job: as it stood when it began, for reading alone."""

    session: Session
    job: Job
    settings: Settings
    report: Reporter

    @property
    def model(self) -> str:
        """The name of the model. Raises JobError where the job names none."""
        if self.job.model is None:
            raise JobError(f"The job {self.job.id} names no model.")
        return self.job.model


# Does the work and gives the job's result; raises JobError, or one of the exceptions that `run` was told of.
Work = Callable[[Task], dict[str, Any]]
Ending = tuple[JobState, str | None, dict[str, Any]]


def ensure(
    session: Session, kind: JobKind, actor: str, model: str | None = None, holds: str | None = None, **options: Any
) -> tuple[Job, bool]:
    """A job that waits, and whether it is new: where an unfinished one holds the same, that one is given.

    The caller commits, then queues it.
    """
    hint_until = now() + timedelta(seconds=HINT_S)
    values = {"kind": kind, "actor": actor, "model": model, "options": options, "lease_until": hint_until}
    holds = holds or f"model:{model}"
    is_new = insert_new(session, Job, holds=holds, **values)
    job = session.scalars(select(Job).where(Job.holds == holds)).one()
    if is_new:
        audit.record(session, actor, action_of(kind), subject_of(job), job=job.id, **options)
    return job, is_new


def action_of(kind: JobKind) -> str:
    return f"model.{kind}" if kind.is_of_models else f"{kind}.ask"


def subject_of(job: Job) -> str:
    return f"model:{job.model}" if job.model else f"job:{job.id}"


def find(session: Session, job_id: int) -> Job:
    """The job as it stands now in the database. Raises NotFound."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound(say("There is no job %(job_id)s.", job_id=job_id))
    return job


def newest(session: Session, limit: int, model: str | None = None) -> list[Job]:
    """Work on models, the newest first; tries are left out, they belong to whoever made them."""
    shown = [kind for kind in JobKind if kind.is_of_models and kind is not JobKind.TRY]
    query = select(Job).where(Job.kind.in_(shown)).order_by(Job.id.desc()).limit(limit)
    return list(session.scalars(query.where(Job.model == model) if model else query))


def unfinished(session: Session) -> dict[str, Job]:
    """What waits or runs, by what it holds."""
    return {job.holds: job for job in session.scalars(select(Job).where(Job.holds.is_not(None))) if job.holds}


def run(
    session: Session,
    job_id: int,
    settings: Settings,
    worker: str,
    works: Mapping[JobKind, Work],
    is_stopping: Callable[[], bool] = lambda: False,
    failures: tuple[type[Exception], ...] = (),
) -> None:
    """Do the job; does nothing where another worker has it or it is over, so that a message may come twice.

    The end is a state of the job, never an exception of its own. failures: those whose message is a sentence for
    people.
    """
    begun = {"attempts": Job.attempts + 1, "started_at": now(), "note": None, "bytes_done": 0, "bytes_total": None}
    if not leases.take(session, job_id, worker, settings.lease_s, Job, **begun):
        logger.info("job %d is another worker's, or over", job_id)
        return
    job = find(session, job_id)
    session.commit()
    engine = session.get_bind().engine
    lease = (job_id, worker, settings.lease_s)
    with leases.Heartbeat(engine, *lease, Job):
        task = Task(session, job, settings, Reporter(engine, lease, is_stopping))
        ending = attempt(task, works, (JobError, *failures))
    if ending is not None:
        end(session, job, worker, *ending)


def attempt(task: Task, works: Mapping[JobKind, Work], failures: tuple[type[Exception], ...]) -> Ending | None:
    """How the job ends; None where the lease was lost and nothing more is ours to say."""
    job, session = task.job, task.session
    if job.attempts > MOST_ATTEMPTS:
        return JobState.FAILED, f"A worker died {MOST_ATTEMPTS} times at this job; its log may say why.", {}
    try:
        return JobState.DONE, None, works[job.kind](task)
    except Stopped:
        return JobState.QUEUED, None, {}
    except leases.LostLeaseError as error:
        logger.warning("%s", error)
        return None
    except OperationalError as error:
        logger.warning("job %d waits: %s", job.id, error)
        return JobState.QUEUED, "It waits, since the database could not be written; it goes on by itself.", {}
    except failures as error:
        if task.report.is_stopping():
            # What the work needs goes down around it: that says nothing of the work.
            return JobState.QUEUED, None, {}
        logger.warning("job %d failed: %s", job.id, error)
        return JobState.FAILED, str(error), {}
    except Exception:
        logger.exception("job %d failed", job.id)
        return JobState.FAILED, f"An unexpected error; the worker's log names it under {now():%Y-%m-%d %H:%M} UTC.", {}
    finally:
        session.rollback()


def end(session: Session, job: Job, worker: str, state: JobState, note: str | None, result: dict[str, Any]) -> None:
    """Give the job back in its new state, with its trace in the audit; commits.

    Where there is no result, what the work noted on its way stays.
    """
    values: dict[str, Any] = {"note": note} | ({"result": result} if result else {})
    if state.is_over:
        values |= {"holds": None, "finished_at": now()}
    else:
        # It was the worker that ended, not the work that killed it; the next tick sends it to another.
        values |= {"attempts": Job.attempts - 1, "lease_until": now()}
    if leases.release(session, job.id, worker, state, Job, **values) and state.is_over:
        facts = {"job": job.id, "note": note, "digest": result.get("digest")}
        audit.record(session, job.actor, f"{action_of(job.kind)}.{state}", subject_of(job), **facts)
    session.commit()


def reconcile(session: Session, settings: Settings) -> list[tuple[int, JobKind]]:
    """Jobs to queue again, by the caller and after its commit; as for scans."""
    overdue = select(Job.id, Job.kind).where(
        Job.state.in_((JobState.QUEUED, JobState.RUNNING)), leases.is_past(Job.lease_until, settings.lease_s)
    )
    kinds = {row.id: row.kind for row in session.execute(overdue.order_by(Job.id))}
    return [(job_id, kinds[job_id]) for job_id in leases.remind(session, list(kinds), settings.lease_s, Job)]
