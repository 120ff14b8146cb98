"""Which workers and beats live: each says so of itself every few seconds."""

import os
import socket
from collections.abc import Collection
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from webapp.db import insert_new, now
from webapp.models import WorkerProcess

WORKER, BEAT = "worker", "beat"
UPKEEP = "upkeep"
QUEUES = ("crawl", "scan", "reports", UPKEEP)  # somebody has to serve each of them
BEAT_S = 15.0
SILENT_S = 3 * BEAT_S
FORGOTTEN_S = 3600


def new_name(kind: str) -> str:
    """A name for this process that no other has, also where containers share host names and process numbers."""
    return f"{kind}@{host_name()}:{os.getpid()}:{uuid4().hex[:8]}"


def host_name() -> str:
    return socket.gethostname()[:64]


def beat_of(session: Session, name: str, kind: str, queues: Collection[str] = ()) -> None:
    """Note that the process lives; the caller commits."""
    changed = update(WorkerProcess).where(WorkerProcess.name == name).values(seen_at=now(), queues=sorted(queues))
    if session.scalar(changed.returning(WorkerProcess.id)) is None:
        at = now()
        insert_new(
            session,
            WorkerProcess,
            name=name,
            kind=kind,
            host=host_name(),
            pid=os.getpid(),
            queues=sorted(queues),
            started_at=at,
            seen_at=at,
        )


def remove(session: Session, name: str) -> None:
    """The process ends in order; the caller commits."""
    session.execute(delete(WorkerProcess).where(WorkerProcess.name == name))


def forget(session: Session) -> None:
    """Delete the rows of processes that have said nothing for an hour; the caller commits."""
    before = now() - timedelta(seconds=FORGOTTEN_S)
    session.execute(delete(WorkerProcess).where(WorkerProcess.seen_at < before))


def recent(session: Session) -> list[WorkerProcess]:
    """All that are not forgotten, those of one kind beside each other."""
    return list(session.scalars(select(WorkerProcess).order_by(WorkerProcess.kind, WorkerProcess.name)))


def alive(session: Session) -> list[WorkerProcess]:
    """Those that were heard within 45 seconds, three times what lies between two beats."""
    return [process for process in recent(session) if is_alive(process)]


def is_alive(process: WorkerProcess) -> bool:
    return silence_s(process) <= SILENT_S


def silence_s(process: WorkerProcess) -> float:
    return (now() - process.seen_at).total_seconds()


def unserved(processes: Collection[WorkerProcess]) -> list[str]:
    """The queues that none of `processes` takes work from."""
    served = {queue for process in processes for queue in process.queues}
    return [queue for queue in QUEUES if queue not in served]
