"""How much there is and how much waits, counted so that it may be asked every few seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import (
    FindingRow,
    FindingState,
    ListingEvent,
    ListingEventKind,
    Scan,
    ScanPhoto,
    ScanState,
    Schedule,
)
from webapp.services import claims

# A schedule fires at its moment; one that is this late has nobody who fires it.
LATE_S = 120
SUMMED = ("photos_scored", "photos_failed", "fetched_pages", "fetched_bytes")


@dataclass(frozen=True, slots=True)
class ScanFigures:
    """What scans counted, over all of them. crawl_errors: scans whose crawl broke off."""

    by_state: dict[ScanState, int]
    photos_scored: int
    photos_failed: int
    fetched_pages: int
    fetched_bytes: int
    crawl_errors: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Pictures that no worker has scored yet, and since when the oldest waits."""

    pictures: int
    since: datetime | None

    @property
    def oldest_s(self) -> float:
        """0 where none waits."""
        return (now() - self.since).total_seconds() if self.since else 0.0


@dataclass(frozen=True, slots=True)
class Ticks:
    """last_fired_at: the last run that a schedule began; late: schedules whose moment passed 2 minutes ago and more."""

    last_fired_at: datetime | None
    next_fires_at: datetime | None
    late: int


def count_scans(session: Session) -> ScanFigures:
    sums = [func.sum(getattr(Scan, name)).label(name) for name in SUMMED]
    counts = (func.count().label("scans"), func.count(Scan.crawl_error).label("crawl_errors"))
    rows = session.execute(select(Scan.state, *counts, *sums).group_by(Scan.state)).all()
    totals = {name: sum(int(getattr(row, name)) for row in rows) for name in (*SUMMED, "crawl_errors")}
    return ScanFigures({row.state: row.scans for row in rows}, **totals)


def count_waiting(session: Session) -> Waiting:
    """Through the index of what waits: the rest of the table, which grows for ever, is not looked at."""
    count, since = session.execute(select(func.count(), func.min(ScanPhoto.seen_at)).where(claims.PENDING)).one()
    return Waiting(count, since)


def count_findings(session: Session) -> dict[FindingState, int]:
    rows = session.execute(select(FindingRow.state, func.count()).group_by(FindingRow.state))
    return {state: count for state, count in rows}  # noqa: C416  # of rows, dict() knows no types


def count_removals(session: Session) -> int:
    removed = select(func.count()).where(ListingEvent.kind == ListingEventKind.REMOVED)
    return session.scalar(removed) or 0


def read_ticks(session: Session) -> Ticks:
    last_fired_at, next_fires_at = session.execute(
        select(func.max(Schedule.last_fired_at), func.min(Schedule.fires_at))
    ).one()
    before = now() - timedelta(seconds=LATE_S)
    late = session.scalar(select(func.count()).where(Schedule.fires_at < before, Schedule.is_paused.is_(False))) or 0
    return Ticks(last_fired_at, next_fires_at, late)
