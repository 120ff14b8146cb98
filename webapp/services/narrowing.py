"""The queue's filters as conditions on findings, the way through the table that goes with them, and counts.

SQLite keeps no statistics by which it could choose an index, so the one to walk is named to it here; PostgreSQL knows.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from webapp.models import FindingRow, FindingState
from webapp.services import search

COUNT_CAP = 10_000
# How many rows are looked at for a count where a filter has no index of its own.
WALKED = 20_000
# Up to so many findings of a rare word or day are looked up first and then sorted; with more, the queue is walked in
# its order, as one that fits is met soon.
FEW = 5_000
# Of several filters with an index of their own, the first of these is walked: the most telling.
WALK_ORDER = ("seller", "rule", "source_id", "language", "concept")

Query = Select[tuple[FindingRow]]
Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """What the queue shows; None is any.

    score_from, score_to: in [0, 1], both included; findings without a score are then left out. found_from, found_to:
    days in UTC, both included. text: what the search looks for in the listing's words.
    """

    state: str | None = "open"
    concept: str | None = None
    severity: str | None = None
    source_id: int | None = None
    rule: str | None = None
    seller: str | None = None
    language: str | None = None
    score_from: float | None = None
    score_to: float | None = None
    found_from: date | None = None
    found_to: date | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What fits, under `state` (None is any).

    few: conditions that find few rows by `index`, which are then sorted; where there are none, `index` is walked in
    the queue's order. indexed: on columns that stand in it; rest: looked at row by row. sample: of a common word, some
    of its findings, to count by.
    """

    state: FindingState | None
    index: str | None
    indexed: tuple[Condition, ...] = ()
    rest: tuple[Condition, ...] = ()
    few: tuple[Condition, ...] = ()
    sample: Condition | None = None

    @property
    def query(self) -> Query:
        """The findings that fit, in no order."""
        return self.hinted(select(FindingRow).where(*self.few, *self.indexed, *self.rest))

    def hinted(self, query: Query) -> Query:
        if self.state is not None:
            query = query.where(FindingRow.state == self.state)
        return query.with_hint(FindingRow, f"INDEXED BY {self.index}", "sqlite") if self.index else query


@dataclass(frozen=True, slots=True)
class Count:
    """is_exact: else there are `number` or more, and nobody counted on."""

    number: int = 0
    is_exact: bool = True


def narrow(session: Session, filters: QueueFilters) -> Narrowing:
    state = FindingState(filters.state) if filters.state else None
    indexed = tuple(
        getattr(FindingRow, name) == value for name in WALK_ORDER if (value := getattr(filters, name)) is not None
    )
    narrowing = Narrowing(state, walked_index(filters), indexed, rest_of(filters))
    return narrow_to_text(session, narrow_to_days(session, narrowing, filters), filters)


def walked_index(filters: QueueFilters) -> str | None:
    """All of them begin with the state."""
    if filters.state is None:
        return None
    first = next((name for name in WALK_ORDER if getattr(filters, name) is not None), None)
    return f"ix_findings_queue_{first}" if first else "ix_findings_queue"


def rest_of(filters: QueueFilters) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    if filters.severity is not None:
        conditions.append(FindingRow.severity == filters.severity)
    if filters.score_from is not None:
        conditions.append(FindingRow.score >= filters.score_from)
    if filters.score_to is not None:
        conditions.append(FindingRow.score <= filters.score_to)
    return tuple(conditions)


def narrow_to_days(session: Session, narrowing: Narrowing, filters: QueueFilters) -> Narrowing:
    conditions = days_of(filters)
    if not conditions:
        return narrowing
    if narrowing.indexed or count_rows(session, select(FindingRow).where(*conditions), FEW + 1) > FEW:
        return replace(narrowing, rest=(*narrowing.rest, *conditions))
    return replace(narrowing, few=conditions, index="ix_findings_found_at")


def days_of(filters: QueueFilters) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    if filters.found_from is not None:
        conditions.append(FindingRow.found_at >= start_of(filters.found_from))
    if filters.found_to is not None and filters.found_to < date.max:
        conditions.append(FindingRow.found_at < start_of(filters.found_to + timedelta(days=1)))
    return tuple(conditions)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def narrow_to_text(session: Session, narrowing: Narrowing, filters: QueueFilters) -> Narrowing:
    terms = search.read_terms(filters.text or "")
    if not terms:
        return narrowing
    ids = search.listing_ids(session, terms, FEW + 1)
    by_listing = FindingRow.listing_id.in_(ids)
    if len(ids) > FEW:
        rest = (*narrowing.rest, search.holds(session, terms, FindingRow.listing_id))
        return replace(narrowing, rest=rest, sample=by_listing)
    return replace(narrowing, few=(by_listing, *narrowing.few), index="ix_findings_listing_id")


def state_counts(session: Session, narrowing: Narrowing) -> dict[FindingState, Count]:
    """How many findings stand in each state under the other filters; every state is there.

    At most COUNT_CAP are counted, and where rows have to be looked at, of the first WALKED: a million rows for one
    number would hold up the page.
    """
    if narrowing.sample is not None:
        return counts_of_sample(session, narrowing)
    return {state: count_capped(session, replace(narrowing, state=state)) for state in FindingState}


def count_capped(session: Session, narrowing: Narrowing) -> Count:
    if narrowing.few or not narrowing.rest:
        number = count_rows(session, narrowing.query, COUNT_CAP + 1)
        return Count(min(number, COUNT_CAP), number <= COUNT_CAP)
    fits = case((and_(*narrowing.rest), 1), else_=0).label("fits")
    walked = narrowing.hinted(select(FindingRow).where(*narrowing.indexed))
    looked_at = walked.with_only_columns(fits, maintain_column_froms=True).limit(WALKED).subquery()
    seen, number = session.execute(select(func.count(), func.coalesce(func.sum(looked_at.c.fits), 0))).one()
    return Count(min(int(number), COUNT_CAP), seen < WALKED and number <= COUNT_CAP)


def counts_of_sample(session: Session, narrowing: Narrowing) -> dict[FindingState, Count]:
    """At least so many: those of the listings that were found first."""
    assert narrowing.sample is not None  # noqa: S101  # for the type checker: the caller asked
    rest = narrowing.rest[:-1]  # the last is the word itself
    grouped = select(FindingRow.state, func.count()).where(narrowing.sample, *narrowing.indexed, *rest)
    numbers = dict(session.execute(grouped.group_by(FindingRow.state)).all())
    return {state: Count(min(numbers.get(state, 0), COUNT_CAP), is_exact=False) for state in FindingState}


def count_rows(session: Session, query: Query, most: int) -> int:
    """Nobody counts further than `most`."""
    some = query.with_only_columns(FindingRow.id).limit(most)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
