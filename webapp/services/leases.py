"""Who works on a scan or a job: a lease that passes unless it is renewed, so that a killed worker's is taken over."""

import logging
import threading
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Engine, or_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.db import now
from webapp.models import Job, Scan

logger = logging.getLogger(__name__)

# What a worker can own. Their states differ, but for the words of these two.
Leased = Scan | Job
WAITS, RUNS = "queued", "running"
LONGEST_HINT_S = 60  # how long a row may wait for its first message
LONGEST_PAUSE_S = 5.0  # so that a crawl that waits for a slow site hears soon that it was cancelled


class LostLeaseError(Exception):
    """Another worker has it now, or it was ended meanwhile: what was not committed must be let go."""


def is_past(until: InstrumentedAttribute[datetime | None], lease_s: int) -> ColumnElement[bool]:
    """Whether a lease is over; also one that ends later than any does that is given now: by a clock that was put back.

    lease_s: what leases are given for here. Its owner may live: then it finds its work lost, and writes nothing.
    """
    at = now()
    return or_(until < at, until > at + timedelta(seconds=2 * max(lease_s, LONGEST_HINT_S)))


def take(session: Session, row_id: int, worker: str, lease_s: int, table: type[Leased] = Scan, **facts: Any) -> bool:
    """Make `worker` the owner where the work waits or its owner went silent; commits. False: someone else has it."""
    silent = (table.state == RUNS) & is_past(table.lease_until, lease_s)
    taken = change(
        session,
        (table.id == row_id, or_(table.state == WAITS, silent)),
        table,
        state=RUNS,
        lease_owner=worker,
        lease_until=now() + timedelta(seconds=lease_s),
        **facts,
    )
    session.commit()
    return taken


def renew(
    session: Session, row_id: int, worker: str, lease_s: int, table: type[Leased] = Scan, /, **progress: Any
) -> None:
    """Keep the work in the caller's transaction, together with its progress. Raises LostLeaseError."""
    until = now() + timedelta(seconds=lease_s)
    if not change(session, owned(row_id, worker, table), table, lease_until=until, **progress):
        raise LostLeaseError(f"{table.__name__.lower()} {row_id} is no longer {worker}'s")


def release(
    session: Session, row_id: int, worker: str, state: str, table: type[Leased] = Scan, /, **facts: Any
) -> bool:
    """Give the work back in its new state, in the caller's transaction; False where it was no longer ours."""
    values = {"state": state, "lease_owner": None, "lease_until": None, **facts}
    return change(session, owned(row_id, worker, table), table, **values)


def remind(session: Session, ids: list[int], patience_s: int, table: type[Leased] = Scan) -> list[int]:
    """Let those that are overdue wait again, for `patience_s` before the next reminder; their ids."""
    until = now() + timedelta(seconds=patience_s)
    return [
        row_id
        for row_id in ids
        if change(
            session,
            (table.id == row_id, table.state.in_((WAITS, RUNS)), is_past(table.lease_until, patience_s)),
            table,
            state=WAITS,
            lease_owner=None,
            lease_until=until,
        )
    ]


def owned(row_id: int, worker: str, table: type[Leased] = Scan) -> tuple[ColumnElement[bool], ...]:
    return table.id == row_id, table.lease_owner == worker, table.state == RUNS


def change(
    session: Session, where: tuple[ColumnElement[bool], ...], table: type[Leased] = Scan, /, **values: Any
) -> bool:
    """One statement, so that of two workers the database lets one through."""
    return session.scalar(update(table).where(*where).values(**values).returning(table.id)) is not None


class Heartbeat:
    """Renews a lease from a thread of its own while its owner waits for a slow site or a model; a context manager.

    A process that was killed has no thread, so that its lease passes.
    """

    def __init__(self, engine: Engine, row_id: int, worker: str, lease_s: int, table: type[Leased] = Scan) -> None:
        self._engine = engine
        self._arguments = (row_id, worker, lease_s, table)
        self._pause_s = min(lease_s / 3, LONGEST_PAUSE_S)
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(
            target=self._beat, name=f"lease of {table.__name__.lower()} {row_id}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def is_lost(self) -> bool:
        """Whether the work is no longer ours: somebody cancelled it, or took it over."""
        return self._lost.is_set()

    def _renew(self, session: Session) -> None:
        renew(session, *self._arguments)

    def _beat(self) -> None:
        while not self._over.wait(self._pause_s):
            try:
                with Session(self._engine) as session:
                    self._renew(session)
                    session.commit()
            except LostLeaseError:
                self._lost.set()
                return  # the owner notices at its next commit, or sooner where it asks
            except SQLAlchemyError as error:
                logger.warning("the lease was not renewed, trying again: %s", error)
