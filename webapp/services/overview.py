"""What stands where, in one look."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.db import now
from webapp.models import FindingRow, FindingState, Scan
from webapp.services import queue


@dataclass(frozen=True, slots=True)
class Overview:
    """by_concept: open findings. models, primary_absent: of the last scan that had a model.

    oldest_open_age: how long the oldest open finding has waited; None where none is open.
    """

    by_state: dict[FindingState, int]
    by_concept: dict[str, int]
    last_scan: Scan | None
    models: list[Any]
    primary_absent: bool
    oldest_open_age: timedelta | None


def figures(session: Session) -> Overview:
    spoke = last_spoken(session)
    return Overview(
        by_state=queue.counts(session),
        by_concept=open_by_concept(session),
        last_scan=next(iter(newest_scans(session, 1)), None),
        models=list(spoke.models) if spoke else [],
        primary_absent=spoke.primary_absent if spoke else False,
        oldest_open_age=oldest_open_age(session),
    )


def last_spoken(session: Session) -> Scan | None:
    """The newest scan in which a model spoke: whose scores count now, and whether the primary was there."""
    return next((scan for scan in newest_scans(session, 20) if scan.models), None)


def speaking_orders(session: Session, limit: int = 200) -> list[list[str]]:
    """The model digests of the newest scans in speaking order, each order once, the newest first."""
    orders = session.scalars(select(Scan.models).order_by(Scan.id.desc()).limit(limit))
    return [list(order) for order in dict.fromkeys(tuple(model["digest"] for model in models) for models in orders)]


def newest_scans(session: Session, limit: int) -> list[Scan]:
    """With their sources, the newest first."""
    return list(session.scalars(select(Scan).options(joinedload(Scan.source)).order_by(Scan.id.desc()).limit(limit)))


def open_by_concept(session: Session) -> dict[str, int]:
    """The most frequent first."""
    count = func.count().label("number")
    is_open = FindingRow.state == FindingState.OPEN
    grouped = select(FindingRow.concept, count).where(is_open).group_by(FindingRow.concept)
    return dict(session.execute(grouped.order_by(count.desc(), FindingRow.concept)).all())


def oldest_open_age(session: Session) -> timedelta | None:
    oldest = session.scalar(select(func.min(FindingRow.found_at)).where(FindingRow.state == FindingState.OPEN))
    return now() - oldest if oldest else None
