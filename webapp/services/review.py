"""The queue of findings, and deciding one."""

import base64
import binascii
import json
import math
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.models import (
    Appearance,
    Decision,
    FindingRow,
    FindingState,
    ListingRow,
    PhotoRow,
    User,
    Verdict,
)
from webapp.services import audit
from webapp.services.errors import NotFound

COUNT_CAP = 10_000
RELISTINGS_SHOWN = 100

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


def siblings(session: Session, finding: FindingRow) -> list[FindingRow]:
    """The other findings of the same listing, in the queue's order."""
    others = select(FindingRow).where(FindingRow.listing_id == finding.listing_id, FindingRow.id != finding.id)
    return list(session.scalars(with_details(in_order(others))))


def relistings(session: Session, finding: FindingRow) -> list[ListingRow]:
    """Other listings with the same picture: the same bytes, or other bytes that decode to the same pixels."""
    if finding.photo is None:
        return []
    same = PhotoRow.id == finding.photo.id
    if finding.photo.pixel_hash:
        same = or_(same, PhotoRow.pixel_hash == finding.photo.pixel_hash)
    shown = select(Appearance.listing_id).join(Appearance.photo).where(same)
    others = select(ListingRow).where(ListingRow.id.in_(shown), ListingRow.id != finding.listing_id)
    ordered = others.options(joinedload(ListingRow.source)).order_by(ListingRow.first_seen_at, ListingRow.id)
    return list(session.scalars(ordered.limit(RELISTINGS_SHOWN)))


def decide(
    session: Session, user: User, finding_id: int, verdict: Verdict, note: str, with_siblings: bool
) -> list[Decision]:
    """Record what `user` decided, the finding's new state and the audit entry, all in the caller's transaction.

    with_siblings: the listing's other open findings are decided alike. Raises NotFound.
    """
    finding = session.get(FindingRow, finding_id, with_for_update=True)
    if finding is None:
        raise NotFound(f"There is no finding {finding_id}.")
    alike = [row for row in siblings(session, finding) if row.state is FindingState.OPEN] if with_siblings else []
    return [decide_one(session, user, row, verdict, note) for row in (finding, *alike)]


def decide_one(session: Session, user: User, finding: FindingRow, verdict: Verdict, note: str) -> Decision:
    before = finding.state
    decision = Decision(finding=finding, user=user, verdict=verdict, note=note)
    session.add(decision)
    finding.state = verdict.state
    session.flush()
    audit.record(
        session,
        user.name,
        f"decision.{verdict.value}",
        f"finding:{finding.id}",
        decision=decision.id,
        before=before.value,
        after=finding.state.value,
        rule=finding.rule,
        rule_version=finding.rule_version,
        note=note,
    )
    return decision


def counts(session: Session) -> dict[FindingState, int]:
    """How many findings stand in each state; every state is there."""
    grouped = session.execute(select(FindingRow.state, func.count()).group_by(FindingRow.state))
    return dict.fromkeys(FindingState, 0) | dict(grouped.all())
