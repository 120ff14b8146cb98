"""The queue's filters as conditions on findings, the way through the table that goes with them, and counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from webapp.models import FindingRow, FindingState
from webapp.services import search

COUNT_CAP = 10_000
# How many rows are looked at for a count where a filter has no index of its own; of few, for all states together.
WALKED = 5_000
WALKED_OF_FEW = 20_000
# Up to so many listings of a rare word are looked up first and their findings sorted; with more, the queue is walked in
# its order, as one that fits is met soon. Days hang together with the order, so they are met late: there it is more.
FEW = 5_000
FEW_OF_DAYS = 200_000
# Of several filters with an index of their own, the first of these is walked: the most telling.
WALK_ORDER = ("seller", "rule", "source_id", "language", "concept", "severity")

Query = Select[FindingRow]
Condition = ColumnElement[bool]
Attribute = InstrumentedAttribute[Any]


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

    few: conditions that find few rows by an index of their own, which are then sorted; where there are none, an index
    of the queue is walked in its order. indexed: on columns that these indexes begin with; rest: looked at row by row.
    sample: of a common word, some of its findings, to count by. aside: see `keep_aside`.
    """

    state: FindingState | None
    aside: Callable[[Attribute], ColumnElement[Any]]
    indexed: tuple[Condition, ...] = ()
    rest: tuple[Condition, ...] = ()
    few: tuple[Condition, ...] = ()
    sample: Condition | None = None

    @property
    def query(self) -> Query:
        """The findings that fit, in no order."""
        return self.within_state(select(FindingRow).where(*self.few, *self.indexed, *self.rest))

    def within_state(self, query: Query) -> Query:
        if self.state is None:
            return query
        return query.where((self.aside(FindingRow.state) if self.few else FindingRow.state) == self.state)


@dataclass(frozen=True, slots=True)
class Count:
    """is_exact: else there are `number` or more, and nobody counted on."""

    number: int = 0
    is_exact: bool = True


def keep_aside(column: Attribute) -> ColumnElement[Any]:
    """A column by which SQLite is to choose no index: a plus before it says so, and changes nothing.

    SQLite keeps no statistics here, so of two indexes it may take the one that finds half of the table.
    """
    return UnaryExpression(column.__clause_element__(), operator=custom_op("+"), type_=column.type)


def take_plain(column: Attribute) -> ColumnElement[Any]:
    """PostgreSQL chooses by its statistics."""
    return column.__clause_element__()


def narrow(session: Session, filters: QueueFilters) -> Narrowing:
    state = FindingState(filters.state) if filters.state else None
    aside = keep_aside if search.is_sqlite(session) else take_plain
    narrowing = Narrowing(state, aside, rest=rest_of(filters))
    return narrow_by_index(narrow_to_text(session, narrow_to_days(session, narrowing, filters), filters), filters)


def narrow_by_index(narrowing: Narrowing, filters: QueueFilters) -> Narrowing:
    conditions: list[Condition] = []
    for name in WALK_ORDER:
        if (value := getattr(filters, name)) is not None:
            column: Attribute = getattr(FindingRow, name)
            is_walked = not narrowing.few and not conditions
            conditions.append((column if is_walked else narrowing.aside(column)) == value)
    return replace(narrowing, indexed=tuple(conditions))


def rest_of(filters: QueueFilters) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    if filters.score_from is not None:
        conditions.append(FindingRow.score >= filters.score_from)
    if filters.score_to is not None:
        conditions.append(FindingRow.score <= filters.score_to)
    return tuple(conditions)


def narrow_to_days(session: Session, narrowing: Narrowing, filters: QueueFilters) -> Narrowing:
    if filters.found_from is None and filters.found_to is None:
        return narrowing
    found_at = FindingRow.found_at
    conditions = days_of(filters, found_at.__clause_element__())
    has_better = filters.seller is not None or filters.rule is not None
    if has_better or count_rows(session, select(FindingRow).where(*conditions), FEW_OF_DAYS + 1) > FEW_OF_DAYS:
        return replace(narrowing, rest=(*narrowing.rest, *days_of(filters, narrowing.aside(found_at))))
    return replace(narrowing, few=conditions)


def days_of(filters: QueueFilters, found_at: ColumnElement[datetime]) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    if filters.found_from is not None:
        conditions.append(found_at >= start_of(filters.found_from))
    if filters.found_to is not None:
        # The last day that there is has no day after it.
        until = filters.found_to + timedelta(days=1) if filters.found_to < date.max else filters.found_to
        conditions.append(found_at < start_of(until))
    return tuple(conditions)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def narrow_to_text(session: Session, narrowing: Narrowing, filters: QueueFilters) -> Narrowing:
    terms = search.read_terms(filters.text or "")
    if not terms:
        return narrowing
    # SQLite reads all that begin with a word before it gives the first: it is asked once for as many as matter.
    ids = search.listing_ids(session, terms, search.EVERYWHERE if search.is_sqlite(session) else FEW + 1)
    listing_id = FindingRow.listing_id
    if len(ids) > FEW:
        holds = search.holds(session, terms, narrowing.aside(listing_id), len(ids))
        return replace(narrowing, rest=(*narrowing.rest, holds), sample=listing_id.in_(ids[: FEW + 1]))
    # The days are looked at row by row then: of two indexes only one is walked.
    days = days_of(filters, narrowing.aside(FindingRow.found_at)) if narrowing.few else ()
    return replace(narrowing, few=(listing_id.in_(ids), *days))


def state_counts(session: Session, narrowing: Narrowing) -> dict[FindingState, Count]:
    """How many findings stand in each state under the other filters; every state is there.

    At most COUNT_CAP are counted, and where rows have to be looked at, of the first WALKED: a million rows for one
    number would hold up the page.
    """
    if narrowing.sample is not None:
        return counts_of_sample(session, narrowing)
    if narrowing.few:
        return counts_of_few(session, narrowing)
    return {state: count_capped(session, replace(narrowing, state=state)) for state in FindingState}


def count_capped(session: Session, narrowing: Narrowing) -> Count:
    walked_by, looked_at_for = narrowing.indexed[:1], (*narrowing.indexed[1:], *narrowing.rest)
    if not looked_at_for:
        number = count_rows(session, narrowing.query, COUNT_CAP + 1)
        return Count(min(number, COUNT_CAP), number <= COUNT_CAP)
    fits = case((and_(*looked_at_for), 1), else_=0).label("fits")
    walked = narrowing.within_state(select(FindingRow).where(*walked_by))
    looked_at = walked.with_only_columns(fits, maintain_column_froms=True).limit(WALKED).subquery()
    seen, number = session.execute(select(func.count(), func.coalesce(func.sum(looked_at.c.fits), 0))).one()
    return Count(min(int(number), COUNT_CAP), seen < WALKED and number <= COUNT_CAP)


def counts_of_few(session: Session, narrowing: Narrowing) -> dict[FindingState, Count]:
    """Looked up once for all states."""
    few = replace(narrowing, state=None).query.with_only_columns(FindingRow.state).limit(WALKED_OF_FEW).subquery()
    numbers: dict[FindingState, int] = dict(
        session.execute(select(few.c.state, func.count()).group_by(few.c.state)).all()
    )
    is_exact = sum(numbers.values()) < WALKED_OF_FEW
    return {state: Count(min(numbers.get(state, 0), COUNT_CAP), is_exact) for state in FindingState}


def counts_of_sample(session: Session, narrowing: Narrowing) -> dict[FindingState, Count]:
    """At least so many: those of the listings that were found first."""
    rest = narrowing.rest[:-1]  # the last is the word itself
    indexed = narrowing.indexed
    fitting = select(FindingRow.state, func.count()).where(narrowing.sample, *indexed, *rest)  # type: ignore[arg-type]
    numbers = dict(session.execute(fitting.group_by(FindingRow.state)).all())
    return {state: Count(min(numbers.get(state, 0), COUNT_CAP), is_exact=False) for state in FindingState}


def count_rows(session: Session, query: Query, most: int) -> int:
    """Nobody counts further than `most`."""
    some = query.with_only_columns(FindingRow.id).limit(most)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0
