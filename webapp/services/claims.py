"""Which pictures wait to be scored, and which scan worker has them: a lease a picture, taken in lots."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.elements import ColumnElement

from webapp.db import chunks, now
from webapp.models import PictureState, Scan, ScanPhoto, ScanState
from webapp.services import leases

# Written out, not bound: only then do both databases take the index of what waits.
PENDING: ColumnElement[bool] = literal_column("scan_photos.state = 'pending'")
# Scans whose pictures may be scored: a paused one's wait.
OPEN = (ScanState.QUEUED, ScanState.RUNNING, ScanState.SCORING)
MOST_ATTEMPTS = 3


def claim(session: Session, worker: str, lease_s: int, limit: int) -> Sequence[ScanPhoto]:
    """The oldest `limit` pictures that wait, whatever their scan, now this worker's; commits.

    What a worker had that died comes last and one by one: any of its lot may have killed it. Of two workers at once
    each gets its own: PostgreSQL passes over rows that another one is just taking.
    """
    free = _is_free(lease_s)
    waiting = select(ScanPhoto.id).where(PENDING, free, _of_open_scans()).order_by(ScanPhoto.id)
    is_fresh = ScanPhoto.attempts == 0
    has_fresh = session.scalar(waiting.where(is_fresh).limit(1)) is not None
    first = waiting.where(is_fresh).limit(limit) if has_fresh else waiting.where(~is_fresh).limit(1)
    # A CTE, since PostgreSQL may run a subquery that locks rows more than once, and then takes more than its limit.
    chosen = first.with_for_update(skip_locked=True).cte("chosen")
    taken = (
        update(ScanPhoto)
        .where(ScanPhoto.id.in_(select(chosen.c.id)), PENDING, free)
        .values(lease_owner=worker, lease_until=_until(lease_s), attempts=ScanPhoto.attempts + 1)
        .returning(ScanPhoto.id)
    )
    ids = list(session.scalars(taken, execution_options={"synchronize_session": False}))
    session.commit()
    query = select(ScanPhoto).where(ScanPhoto.id.in_(ids)).order_by(ScanPhoto.id)
    details = (joinedload(ScanPhoto.listing), joinedload(ScanPhoto.photo), joinedload(ScanPhoto.scan))
    return session.scalars(query.options(*details), execution_options={"populate_existing": True}).all()


def renew(session: Session, worker: str, lease_s: int) -> None:
    """Keep all that the worker has, in the caller's transaction.

    Rows that are locked are just being ended by the worker itself: waiting for them could be a deadlock.
    """
    owned = select(ScanPhoto.id).where(PENDING, ScanPhoto.lease_owner == worker).order_by(ScanPhoto.id)
    kept = owned.with_for_update(skip_locked=True).cte("kept")
    renewed = update(ScanPhoto).where(ScanPhoto.id.in_(select(kept.c.id))).values(lease_until=_until(lease_s))
    session.execute(renewed, execution_options={"synchronize_session": False})


def give_back(session: Session, worker: str) -> None:
    """Let go what an orderly end left undone, in the caller's transaction: that was no attempt."""
    free = {"lease_owner": None, "lease_until": None, "attempts": ScanPhoto.attempts - 1}
    session.execute(_owned_by(worker).values(**free))


def free(session: Session, owner: str) -> None:
    """Let go what a machine (`host`) or a process (`host:pid`) had that lives no more, in the caller's transaction."""
    theirs = (PENDING, ScanPhoto.lease_owner.startswith(f"{owner}:", autoescape=True))
    session.execute(update(ScanPhoto).where(*theirs).values(lease_owner=None, lease_until=None))


def is_any_pending(session: Session, scan_id: int) -> bool:
    """Whether a picture of the scan waits."""
    return bool(session.scalar(select(exists().where(ScanPhoto.scan_id == scan_id, PENDING))))


def waiting_listings(session: Session, scan_id: int, listing_ids: Iterable[int]) -> set[int]:
    """Those of these listings of which a picture waits in the scan."""
    found: set[int] = set()
    for ids in chunks(listing_ids):
        waiting = select(ScanPhoto.listing_id).where(
            ScanPhoto.scan_id == scan_id, ScanPhoto.state == PictureState.PENDING, ScanPhoto.listing_id.in_(ids)
        )
        found.update(session.scalars(waiting.distinct()))
    return found


def is_any_free(session: Session, lease_s: int) -> bool:
    """Whether a picture waits that no living worker has."""
    return bool(session.scalar(select(exists().where(PENDING, _is_free(lease_s), _of_open_scans()))))


def oldest_waiting(session: Session) -> datetime | None:
    """Since when the oldest picture waits; None where none does."""
    return session.scalar(select(ScanPhoto.seen_at).where(PENDING).order_by(ScanPhoto.id).limit(1))


class PictureHeartbeat(leases.Heartbeat):
    """Renews the leases of all pictures that a worker has, while its models look at them."""

    def __init__(self, engine: Engine, worker: str, lease_s: int) -> None:
        super().__init__(engine, 0, worker, lease_s)
        self._worker, self._lease_s = worker, lease_s

    def _renew(self, session: Session) -> None:
        renew(session, self._worker, self._lease_s)


def _is_free(lease_s: int) -> ColumnElement[bool]:
    return or_(ScanPhoto.lease_until.is_(None), leases.is_past(ScanPhoto.lease_until, lease_s))


def _of_open_scans() -> ColumnElement[bool]:
    return ScanPhoto.scan_id.in_(select(Scan.id).where(Scan.state.in_(OPEN)))


def _owned_by(worker: str):  # type: ignore[no-untyped-def]  # SQLAlchemy's own type is not exported
    return update(ScanPhoto).where(PENDING, ScanPhoto.lease_owner == worker)


def _until(lease_s: int) -> datetime:
    return now() + timedelta(seconds=lease_s)
