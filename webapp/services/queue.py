"""The queue of findings: which wait, in which order."""

import base64
import binascii
import json
import math
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.models import (
    Decision,
    FindingRow,
    FindingState,
    ListingRow,
    PhotoRow,
)

COUNT_CAP = 10_000

Place = tuple[float, int]
Query = Select[FindingRow]


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """What the queue shows; None is any."""

    state: str | None = "open"
    concept: str | None = None
    severity: str | None = None
    source_id: int | None = None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """next_cursor: where the next page begins, None on the last. total is exact unless `capped` at 10,000."""

    rows: list[FindingRow]
    next_cursor: str | None
    total: int
    capped: bool


def queue_page(session: Session, filters: QueueFilters, after: str | None = None, limit: int = 20) -> QueuePage:
    """The findings with the highest priority first, the older of equal ones first; after: the cursor of a page.

    A cursor that can't be read begins at the front.
    """
    query = with_details(in_order(filtered(select(FindingRow), filters)))
    if place := read_cursor(after):
        query = behind(query, place)
    rows = list(session.scalars(query.limit(limit + 1)))
    next_cursor = write_cursor(place_of(rows[limit - 1])) if len(rows) > limit else None
    total = count_capped(session, filters)
    return QueuePage(rows[:limit], next_cursor, min(total, COUNT_CAP), total > COUNT_CAP)


def filtered(query: Query, filters: QueueFilters) -> Query:
    if filters.state is not None:
        query = query.where(FindingRow.state == FindingState(filters.state))
    if filters.concept is not None:
        query = query.where(FindingRow.concept == filters.concept)
    if filters.severity is not None:
        query = query.where(FindingRow.severity == filters.severity)
    if filters.source_id is not None:
        query = query.join(FindingRow.listing).where(ListingRow.source_id == filters.source_id)
    return query


def in_order(query: Query) -> Query:
    return query.order_by(FindingRow.priority.desc(), FindingRow.id)


def behind(query: Query, place: Place) -> Query:
    priority, finding_id = place
    equal = and_(FindingRow.priority == priority, FindingRow.id > finding_id)
    return query.where(or_(FindingRow.priority < priority, equal))


def with_details(query: Query) -> Query:
    return query.options(
        joinedload(FindingRow.listing).joinedload(ListingRow.source),
        joinedload(FindingRow.photo).selectinload(PhotoRow.scores),
        joinedload(FindingRow.scan),
        selectinload(FindingRow.decisions).joinedload(Decision.user),
    )


def count_capped(session: Session, filters: QueueFilters) -> int:
    """At most COUNT_CAP + 1: counting a million rows for one number would hold up the page."""
    some = filtered(select(FindingRow), filters).with_only_columns(FindingRow.id).limit(COUNT_CAP + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def place_of(row: FindingRow) -> Place:
    return row.priority, row.id


def write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> Place | None:
    if not cursor or len(cursor) > 200:
        return None
    try:
        priority, finding_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = float(priority), int(finding_id)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        return None
    return place if math.isfinite(place[0]) and 0 <= place[1] < 2**31 else None


def find(session: Session, finding_id: int) -> FindingRow | None:
    return session.scalar(with_details(select(FindingRow).where(FindingRow.id == finding_id)))


def next_open(session: Session, after: FindingRow | None, filters: QueueFilters) -> FindingRow | None:
    """The finding behind `after` in the queue, else the queue's first, so that what was skipped comes round again."""
    query = in_order(filtered(select(FindingRow), filters)).limit(1)
    if after is None:
        return session.scalar(query)
    following = session.scalar(behind(query, place_of(after)))
    return following or session.scalar(query.where(FindingRow.id != after.id))


def counts(session: Session) -> dict[FindingState, int]:
    """How many findings stand in each state; every state is there."""
    grouped = session.execute(select(FindingRow.state, func.count()).group_by(FindingRow.state))
    return dict.fromkeys(FindingState, 0) | dict(grouped.all())
