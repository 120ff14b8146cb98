"""Scans: queueing one, running it, and taking over what a dead worker left."""

import logging
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.db import now
from webapp.models import Scan, ScanPhoto, ScanState, Source
from webapp.services import audit, leases, scanning
from webapp.services.errors import NotFound
from webapp.services.scanning import Parts, open_parts
from webapp.settings import Settings

logger = logging.getLogger(__name__)

# A queue message that was not followed up after this long is taken for lost, and sent again.
HINT_S = 60


def create(session: Session, source_id: int, actor: str) -> Scan:
    """Add a scan that waits; the caller commits, then queues it. Raises NotFound."""
    if session.get(Source, source_id) is None:
        raise NotFound(f"There is no source {source_id}.")
    scan = Scan(source_id=source_id, state=ScanState.QUEUED, lease_until=now() + timedelta(seconds=HINT_S))
    session.add(scan)
    session.flush()
    audit.record(session, actor, "scan.create", f"scan:{scan.id}", source=source_id)
    return scan


def run(
    session: Session,
    scan_id: int,
    settings: Settings,
    worker: str,
    is_stopping: Callable[[], bool] = lambda: False,
    parts: Callable[[Session, Scan, Settings], Parts] = open_parts,
) -> None:
    """Crawl the scan's source, score its pictures and open findings; commits batch by batch.

    Does nothing where another worker has the scan or it is over, so that a message may come twice. Run again after a
    crash it goes on: nothing is scored or opened a second time. is_stopping: asked after each picture; then the scan
    goes back to the queue. The end is a state of the scan (done, partial, failed), never an exception of the scan's.
    """
    if not leases.take(session, scan_id, worker, settings.lease_s):
        logger.info("scan %d is another worker's, or over", scan_id)
        return
    with leases.Heartbeat(session.get_bind().engine, scan_id, worker, settings.lease_s):
        state, note = attempt(session, scan_id, settings, worker, is_stopping, parts)
    if state is None:
        return
    finished_at = None if state is ScanState.QUEUED else now()
    leases.release(session, scan_id, worker, state, note=note, finished_at=finished_at)
    session.commit()


def attempt(
    session: Session,
    scan_id: int,
    settings: Settings,
    worker: str,
    is_stopping: Callable[[], bool],
    parts: Callable[[Session, Scan, Settings], Parts],
) -> tuple[ScanState | None, str | None]:
    """(state to end in, why); state None where the lease was lost and nothing more is ours to say."""
    try:
        scan = session.get_one(Scan, scan_id, populate_existing=True)
        warnings = scanning.work(session, scan, settings, worker, is_stopping, parts(session, scan, settings))
        if scan.photos_seen and scan.photos_failed == scan.photos_seen:
            warnings.insert(0, f"None of the {scan.photos_seen} pictures could be scored.")
            return ScanState.FAILED, sentences(warnings)
        return (ScanState.PARTIAL, sentences(warnings)) if warnings else (ScanState.DONE, None)
    except scanning.Stopped:
        session.rollback()
        return ScanState.QUEUED, None
    except leases.LostLeaseError as error:
        session.rollback()
        logger.warning("%s", error)
        return None, None
    except scanning.FAILURES as error:
        session.rollback()
        if is_stopping():
            # The machine goes down, and what the scan works with goes down around it: that says nothing of the source.
            return ScanState.QUEUED, None
        logger.warning("scan %d failed: %s", scan_id, error)
        return ScanState.FAILED, str(error)
    except Exception:
        session.rollback()
        logger.exception("scan %d failed", scan_id)
        return ScanState.FAILED, f"An unexpected error; the worker's log names it under {now():%Y-%m-%d %H:%M} UTC."


def sentences(warnings: list[str], shown: int = 5) -> str:
    more = len(warnings) - shown
    return " ".join([*warnings[:shown], *([f"And {more} more like these."] if more > 0 else [])])


def find(session: Session, scan_id: int) -> Scan | None:
    return session.scalar(select(Scan).options(joinedload(Scan.source)).where(Scan.id == scan_id))


def progress(session: Session, scan_id: int) -> Scan:
    """The scan as it stands now in the database. Raises NotFound."""
    scan = session.get(Scan, scan_id, populate_existing=True)
    if scan is None:
        raise NotFound(f"There is no scan {scan_id}.")
    return scan


def failures(session: Session, scan_id: int, limit: int) -> list[ScanPhoto]:
    """The scan's pictures that could not be had or read, in the order in which they were met."""
    failed = select(ScanPhoto).where(ScanPhoto.scan_id == scan_id, ScanPhoto.failure.is_not(None))
    return list(session.scalars(failed.order_by(ScanPhoto.id).limit(limit)))


def unfinished(session: Session, source_id: int) -> Scan | None:
    """The source's newest scan that waits or runs."""
    states = (ScanState.QUEUED, ScanState.RUNNING)
    waiting = select(Scan).where(Scan.source_id == source_id, Scan.state.in_(states))
    return session.scalar(waiting.order_by(Scan.id.desc()).limit(1))


def reconcile(session: Session, settings: Settings) -> list[int]:
    """Ids of scans to queue again, by the caller and after its commit.

    Those of silent workers go back to waiting; those that wait are named again once their message seems lost.
    """
    overdue = select(Scan.id).where(Scan.state.in_((ScanState.QUEUED, ScanState.RUNNING)), Scan.lease_until < now())
    return leases.remind(session, list(session.scalars(overdue.order_by(Scan.id))), settings.lease_s)


def requeue_all(session: Session, host: str) -> list[int]:
    """As reconcile, at once, for all that waits and all that workers of `host` had: only when none of them lives."""
    ours = or_(Scan.state == ScanState.QUEUED, Scan.lease_owner.startswith(f"{host}:", autoescape=True))
    unfinished = select(Scan.id).where(Scan.state.in_((ScanState.QUEUED, ScanState.RUNNING)), ours)
    ids = list(session.scalars(unfinished.order_by(Scan.id)))
    session.execute(update(Scan).where(Scan.id.in_(ids)).values(lease_until=now() - timedelta(seconds=1)))
    return leases.remind(session, ids, HINT_S)
