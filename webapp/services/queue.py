"""The queue of findings: which wait, in which order, and who gets the next."""

import base64
import binascii
import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import and_, exists, func, select, tuple_
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.db import now
from webapp.models import (
    Decision,
    FindingRow,
    FindingState,
    ListingRow,
    PhotoRow,
    ReviewClaim,
    ReviewSkip,
    User,
)
from webapp.services.figures import count_findings
from webapp.services.narrowing import Condition, Count, Narrowing, Query, QueueFilters, narrow, state_counts

__all__ = ["Count", "QueueFilters", "QueuePage", "next_open", "queue_page"]

BATCH_LIMIT = 500

Place = tuple[float, int]
ORDER = tuple_(FindingRow.priority, FindingRow.id)


@dataclass(frozen=True, slots=True)
class QueuePage:
    """next_cursor, previous_cursor: where the pages beside it begin, None where there is none.

    counts: by state, under the same other filters. total: of the state that is shown; there are more where `capped`.
    """

    rows: list[FindingRow]
    next_cursor: str | None
    previous_cursor: str | None
    counts: dict[FindingState, Count] = field(default_factory=dict)
    total: int = 0
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Findings that follow one another in the queue; the places beside it, None where it ends."""

    rows: list[FindingRow]
    ahead: Place | None
    behind: Place | None


def queue_page(
    session: Session, filters: QueueFilters, after: str | None = None, limit: int = 20, before: str | None = None
) -> QueuePage:
    """The findings with the highest priority first, the newer of equal ones first.

    after, before: the cursor of a page. One that can't be read, or a page ahead of the first, begins at the front.
    """
    narrowing = narrow(session, filters)
    place = read_cursor(before)
    stretch = stretch_before(session, narrowing, place, limit) if place else None
    if stretch is None:
        stretch = stretch_after(session, narrowing, None if place else read_cursor(after), limit)
    counts = state_counts(session, narrowing)
    shown = counts[FindingState(filters.state)] if filters.state else sum_of(counts)
    return QueuePage(
        stretch.rows,
        write_cursor(stretch.behind),
        write_cursor(stretch.ahead),
        counts,
        shown.number,
        not shown.is_exact,
    )


def stretch_before(session: Session, narrowing: Narrowing, place: Place, limit: int) -> Stretch | None:
    """The rows just ahead of `place`; None where they are the first, which are better read from the front."""
    query = narrowing.query.where(place < ORDER).order_by(FindingRow.priority, FindingRow.id)
    ids = ids_of(session, query, limit + 1)
    if len(ids) <= limit:
        return None
    rows = some_findings(session, ids[:limit])
    return Stretch(rows, place_of(rows[0]), place_of(rows[-1]))


def stretch_after(session: Session, narrowing: Narrowing, place: Place | None, limit: int) -> Stretch:
    query = in_order(narrowing.query)
    rows = some_findings(session, ids_of(session, behind(query, place) if place else query, limit + 1))
    following = place_of(rows[limit - 1]) if len(rows) > limit else None
    # An empty page comes of a cursor whose followers were decided meanwhile: back leads to the row of the cursor too.
    ahead = (place_of(rows[0]) if rows else (place[0], place[1] - 1)) if place else None
    if ahead and not is_any_ahead(session, narrowing, ahead):
        ahead = None
    return Stretch(rows[:limit], ahead, following)


def is_any_ahead(session: Session, narrowing: Narrowing, place: Place) -> bool:
    query = narrowing.query.where(place < ORDER).order_by(FindingRow.priority, FindingRow.id)
    return session.scalar(query.with_only_columns(FindingRow.id).limit(1)) is not None


def sum_of(counts: dict[FindingState, Count]) -> Count:
    return Count(sum(one.number for one in counts.values()), all(one.is_exact for one in counts.values()))


def in_order(query: Query) -> Query:
    """Both columns fall, so that an index of the queue is walked backwards and nothing is sorted."""
    return query.order_by(FindingRow.priority.desc(), FindingRow.id.desc())


def behind(query: Query, place: Place) -> Query:
    return query.where(place > ORDER)


def with_details(query: Query) -> Query:
    return query.options(
        joinedload(FindingRow.listing).joinedload(ListingRow.source),
        joinedload(FindingRow.photo).selectinload(PhotoRow.scores),
        joinedload(FindingRow.scan),
        selectinload(FindingRow.decisions).joinedload(Decision.user),
    )


def place_of(row: FindingRow) -> Place:
    return row.priority, row.id


def write_cursor(place: Place | None) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=") if place else None


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


def next_open(
    session: Session, user: User, after: FindingRow | None, filters: QueueFilters, passed: Collection[int] = ()
) -> FindingRow | None:
    """The next finding behind `after` that is free for `user`, else the first of the queue, once round; never `after`.

    Free: nobody else has its listing on the desk, and the user has not left it to others. passed: ids that are not to
    come. Nothing is claimed.
    """
    query = in_order(narrow(session, filters).query.where(*free_for(user))).limit(1)
    if passed:
        query = query.where(FindingRow.id.not_in(list(passed)))
    if after is None:
        return session.scalar(query)
    following = session.scalar(behind(query, place_of(after)))
    return following or session.scalar(query.where(FindingRow.id != after.id))


def free_for(user: User) -> tuple[Condition, Condition]:
    moment = now()
    claim = and_(
        ReviewClaim.listing_id == FindingRow.listing_id, ReviewClaim.user_id != user.id, ReviewClaim.until > moment
    )
    skip = and_(ReviewSkip.finding_id == FindingRow.id, ReviewSkip.user_id == user.id, ReviewSkip.until > moment)
    return ~exists().where(claim), ~exists().where(skip)


def first_ids(session: Session, filters: QueueFilters, limit: int = BATCH_LIMIT) -> list[int]:
    """The ids of the first that wait under these filters."""
    return ids_of(session, in_order(narrow(session, filters).query), limit)


def ids_of(session: Session, query: Query, limit: int) -> list[int]:
    """Alone, so that a sort carries no more than them; what belongs to a finding is fetched for those of the page."""
    return list(session.scalars(query.with_only_columns(FindingRow.id).limit(limit)))


def some_findings(session: Session, ids: Iterable[int]) -> list[FindingRow]:
    """These findings, with their details, in the queue's order; ids that are none are passed over."""
    return list(session.scalars(in_order(with_details(select(FindingRow).where(FindingRow.id.in_(list(ids)))))))


def rules_of(session: Session) -> list[str]:
    """The rules that any finding has, by name: the index is leapt through, not read."""
    first = select(func.min(FindingRow.rule).label("rule")).cte("leaps", recursive=True)
    following = select(func.min(FindingRow.rule)).where(FindingRow.rule > first.c.rule).scalar_subquery()
    leaps = first.union_all(select(following).where(first.c.rule.is_not(None)))
    return list(session.scalars(select(leaps.c.rule).where(leaps.c.rule.is_not(None))))


def counts(session: Session) -> dict[FindingState, int]:
    """How many findings stand in each state; every state is there."""
    return dict.fromkeys(FindingState, 0) | count_findings(session)
