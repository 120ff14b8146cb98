"""Who works on a scan: a lease that passes unless it is renewed, so that a killed worker's scan is taken over."""

import logging
import threading
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import Engine, or_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from webapp.db import now
from webapp.models import Scan, ScanState

logger = logging.getLogger(__name__)


class LostLeaseError(Exception):
    """Another worker has the scan now, or it was ended meanwhile: what was not committed must be let go."""


def take(session: Session, scan_id: int, worker: str, lease_s: int) -> bool:
    """Make `worker` the owner where the scan waits or its owner went silent; commits. False: someone else has it."""
    waits = Scan.state == ScanState.QUEUED
    silent = (Scan.state == ScanState.RUNNING) & (Scan.lease_until < now())
    taken = change(
        session,
        (Scan.id == scan_id, or_(waits, silent)),
        state=ScanState.RUNNING,
        lease_owner=worker,
        lease_until=now() + timedelta(seconds=lease_s),
    )
    session.commit()
    return taken


def renew(session: Session, scan_id: int, worker: str, lease_s: int, /, **progress: Any) -> None:
    """Keep the scan in the caller's transaction, together with its progress. Raises LostLeaseError."""
    until = now() + timedelta(seconds=lease_s)
    if not change(session, owned(scan_id, worker), lease_until=until, **progress):
        raise LostLeaseError(f"scan {scan_id} is no longer {worker}'s")


def release(session: Session, scan_id: int, worker: str, state: ScanState, **facts: Any) -> bool:
    """Give the scan back in its new state, in the caller's transaction; False where it was no longer ours."""
    return change(session, owned(scan_id, worker), state=state, lease_owner=None, lease_until=None, **facts)


def owned(scan_id: int, worker: str) -> tuple[ColumnElement[bool], ...]:
    return Scan.id == scan_id, Scan.lease_owner == worker, Scan.state == ScanState.RUNNING


def change(session: Session, where: tuple[ColumnElement[bool], ...], **values: Any) -> bool:
    """One statement, so that of two workers the database lets one through."""
    return session.scalar(update(Scan).where(*where).values(**values).returning(Scan.id)) is not None


class Heartbeat:
    """Renews a lease from a thread of its own while its owner waits for a slow site or a model; a context manager.

    A process that was killed has no thread, so that its lease passes.
    """

    def __init__(self, engine: Engine, scan_id: int, worker: str, lease_s: int) -> None:
        self._engine = engine
        self._arguments = (scan_id, worker, lease_s)
        self._pause_s = lease_s / 3
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease of scan {scan_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._pause_s):
            try:
                with Session(self._engine) as session:
                    renew(session, *self._arguments)
                    session.commit()
            except LostLeaseError:
                return  # the owner notices at its next commit
            except SQLAlchemyError as error:
                logger.warning("the lease was not renewed, trying again: %s", error)
