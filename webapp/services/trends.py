"""What happened in a period, and what waits: counted for the overview.

At a million findings each number has to come from an index alone. `ix_findings_overview` holds all that is counted by,
so that findings with their trees of reasons are never read; a year of a million takes a second or two all the same, so
an answer that was slow is kept for a while (`kept`): tables of daily counts would have to follow every decision, undo
and change of a rule, and would be wrong the day one is forgotten.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as dtime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Date, Select, cast, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.db import now
from webapp.models import (
    Decision,
    DecisionUndo,
    FindingRow,
    FindingState,
    ListingEvent,
    ListingEventKind,
    ListingRow,
    Source,
)

T = TypeVar("T")

PERIODS = (7, 30, 90, 365)
DAYS_BY_DAY = 31  # a longer period is told by weeks
SELLERS_SHOWN = 10
TIMED = 5000  # decisions, the newest of the period: enough for a median
WAITING = (FindingState.OPEN, FindingState.ESCALATED)
AGES = (1, 3, 7, 30)  # days
SLOW_S = 0.5
KEPT_TIMES = 60  # as long as it took: what takes a second is a minute old at most
KEPT_MOST = 64

_kept: dict[tuple[Any, ...], tuple[float, Any]] = {}


@dataclass(frozen=True, slots=True)
class Period:
    """The last `days` days, today's among them, in UTC; told by days, or by weeks that begin on Monday."""

    days: int

    @property
    def first_day(self) -> date:
        return now().date() - timedelta(days=self.days - 1)

    @property
    def from_at(self) -> datetime:
        return now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=self.days - 1)

    @property
    def is_weekly(self) -> bool:
        return self.days > DAYS_BY_DAY

    def step_of(self, day: date) -> date:
        """The day by which it is told."""
        return day - timedelta(days=day.weekday()) if self.is_weekly else day

    @property
    def steps(self) -> list[date]:
        """Every one of them, those without an event too."""
        first, last = self.step_of(self.first_day), now().date()
        length = 7 if self.is_weekly else 1
        return [first + timedelta(days=length * number) for number in range((last - first).days // length + 1)]

    @property
    def bounds(self) -> list[tuple[datetime, datetime]]:
        """Of every step; the first begins with the period, which may be in the middle of a week."""
        starts = [datetime.combine(step, dtime.min, UTC) for step in self.steps]
        return list(zip([self.from_at, *starts[1:]], [*starts[1:], datetime.max.replace(tzinfo=UTC)], strict=True))

    def spread(self, counts: Mapping[date, int]) -> list[int]:
        """Counts by day, as one number a step."""
        by_step: Counter[date] = Counter()
        for day, count in counts.items():
            by_step[self.step_of(day)] += count
        return [by_step[step] for step in self.steps]


@dataclass(frozen=True, slots=True)
class Flagged:
    """Findings of a period by what they are counted by. by_seller: the ten with most, those without a name left out."""

    total: int
    by_state: dict[FindingState, list[int]]
    by_concept: dict[str, list[int]]
    by_source: list[tuple[int, str, int]]
    by_seller: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Band:
    """Findings that wait. from_days, to_days: their age, to_days None for all that are older."""

    from_days: int
    to_days: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a decision now: open or escalated."""

    total: int
    bands: list[Band]
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds: the median, and between which quartiles half of them lie; None where there are none."""

    count: int
    median: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Takedowns:
    """Of suspected listings. gone: those noticed in the period; still_up: confirmed ones of the period that stand."""

    gone: Spread
    still_up: int


@dataclass(frozen=True, slots=True)
class Speed:
    """by_step: decisions; seconds: from the page shown to the decision, of the newest 5,000 that were measured."""

    by_step: list[int]
    total: int
    seconds: Spread


@dataclass(frozen=True, slots=True)
class Trends:
    """at: when it was counted."""

    period: Period
    flagged: Flagged
    backlog: Backlog
    takedowns: Takedowns
    speed: Speed
    at: datetime = field(default_factory=now)


def trends(session: Session, days: int) -> Trends:
    """Of one of PERIODS; another number is the nearest of them."""
    period = Period(min(PERIODS, key=lambda offered: abs(offered - days)))
    return kept(session, ("trends", period.days, now().date()), lambda: count_trends(session, period))


def kept(session: Session, name: tuple[Any, ...], count: Callable[[], T]) -> T:
    """What `count` gives; where that took long, the same again for a while, in this process."""
    key, at = (str(session.get_bind().engine.url), *name), time.monotonic()
    until, value = _kept.get(key, (0.0, None))
    if at < until:
        return value  # type: ignore[no-any-return]
    value = count()
    took = time.monotonic() - at
    if took > SLOW_S:
        if len(_kept) >= KEPT_MOST:
            _kept.clear()
        _kept[key] = at + took * (KEPT_TIMES + 1), value
    return value


def count_trends(session: Session, period: Period) -> Trends:
    return Trends(
        period=period,
        flagged=count_flagged(session, period),
        backlog=count_backlog(session),
        takedowns=measure_takedowns(session, period.from_at),
        speed=measure_speed(session, period),
    )


def flagged_query(*columns: Any) -> Select[Any]:
    """Counts by `columns`; every state is named so that the index is entered at each one's place."""
    every = FindingRow.state.in_(list(FindingState))
    return over_index(select(*columns, func.count().label("number")).where(every).group_by(*columns))


def over_index(query: Select[Any]) -> Select[Any]:
    """SQLite keeps no statistics by which it could see that this index holds all that is asked for."""
    return query.with_hint(FindingRow, "INDEXED BY ix_findings_overview", "sqlite")


def day_of(session: Session, column: InstrumentedAttribute[datetime]) -> ColumnElement[Any]:
    """The day in UTC; as a word on SQLite, which knows no days."""
    if session.get_bind().dialect.name == "sqlite":
        return func.date(column).label("day")
    return cast(func.timezone("UTC", column), Date).label("day")


def read_day(value: str | date) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def count_flagged(session: Session, period: Period) -> Flagged:
    """Step by step: to group all of a year by its days, SQLite would sort a million rows."""
    by_step = [count_step(session, from_at, to_at) for from_at, to_at in period.bounds]
    concepts = totals((concept, number) for step in by_step for (_, concept), number in step.items())
    since = FindingRow.found_at >= period.from_at
    return Flagged(
        total=sum(concepts.values()),
        by_state={one: [count_where(step, 0, one) for step in by_step] for one in FindingState},
        by_concept={one: [count_where(step, 1, one) for step in by_step] for one, _ in concepts.most_common()},
        by_source=top_sources(session, since),
        by_seller=top_sellers(session, since),
    )


def count_step(session: Session, from_at: datetime, to_at: datetime) -> dict[tuple[FindingState, str], int]:
    """Findings of [from_at, to_at) by state and concept."""
    flagged = flagged_query(FindingRow.state, FindingRow.concept)
    rows = session.execute(flagged.where(FindingRow.found_at >= from_at, FindingRow.found_at < to_at))
    return {(row.state, row.concept): row.number for row in rows}


def count_where(step: Mapping[tuple[Any, ...], int], place: int, wanted: object) -> int:
    return sum(number for key, number in step.items() if key[place] == wanted)


def totals(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for one, number in pairs:
        counts[one] += number
    return counts


def top_sources(session: Session, since: ColumnElement[bool]) -> list[tuple[int, str, int]]:
    rows = session.execute(flagged_query(FindingRow.source_id).where(since)).all()
    names = {source.id: source.name for source in session.scalars(select(Source))}
    return sorted(((row.source_id, names[row.source_id], row.number) for row in rows), key=lambda one: -one[2])


def top_sellers(session: Session, since: ColumnElement[bool]) -> list[tuple[str, int]]:
    named = flagged_query(FindingRow.seller).where(since, FindingRow.seller.is_not(None))
    ordered = named.order_by(func.count().desc(), FindingRow.seller).limit(SELLERS_SHOWN)
    return [(row.seller, row.number) for row in session.execute(ordered)]


def count_backlog(session: Session) -> Backlog:
    at, edges = now(), [0, *AGES]
    bands = [
        Band(low, high, count_aged(session, at, low, high)) for low, high in zip(edges, [*AGES, None], strict=True)
    ]
    waiting = FindingRow.state.in_(WAITING)
    oldest = session.scalar(over_index(select(func.min(FindingRow.found_at)).where(waiting)))
    return Backlog(sum(band.count for band in bands), bands, oldest)


def count_aged(session: Session, at: datetime, from_days: int, to_days: int | None) -> int:
    """Findings that have waited from_days and more, and less than to_days."""
    aged = select(func.count()).select_from(FindingRow).where(FindingRow.state.in_(WAITING))
    if from_days:
        aged = aged.where(FindingRow.found_at <= at - timedelta(days=from_days))
    if to_days is not None:
        aged = aged.where(FindingRow.found_at > at - timedelta(days=to_days))
    return session.scalar(over_index(aged)) or 0


def measure_takedowns(session: Session, from_at: datetime) -> Takedowns:
    removed = ListingEvent.kind == ListingEventKind.REMOVED, ListingEvent.at >= from_at
    seconds = session.scalars(select(ListingEvent.takedown_s).where(*removed, ListingEvent.takedown_s.is_not(None)))
    return Takedowns(spread([float(one) for one in seconds if one is not None]), count_still_up(session, from_at))


def count_still_up(session: Session, from_at: datetime) -> int:
    """Listings with a confirmed finding of the period that nobody has seen gone."""
    confirmed = select(FindingRow.listing_id).distinct()
    confirmed = confirmed.where(FindingRow.state == FindingState.CONFIRMED, FindingRow.found_at >= from_at)
    ids = over_index(confirmed).subquery()
    standing = select(func.count()).select_from(ListingRow).join(ids, ids.c.listing_id == ListingRow.id)
    return session.scalar(standing.where(ListingRow.removed_at.is_(None))) or 0


def measure_speed(session: Session, period: Period) -> Speed:
    """What was taken back is no decision; one that was corrected, and the correction, are two."""
    day = day_of(session, Decision.decided_at)
    stands = Decision.decided_at >= period.from_at, ~exists().where(DecisionUndo.decision_id == Decision.id)
    counted = select(day, func.count().label("number")).where(*stands).group_by(day)
    by_day = {read_day(row.day): row.number for row in session.execute(counted)}
    timed = select(Decision.seconds).where(*stands, Decision.seconds.is_not(None))
    newest = session.scalars(timed.order_by(Decision.decided_at.desc()).limit(TIMED))
    seconds = [one for one in newest if one is not None]
    return Speed(period.spread(by_day), sum(by_day.values()), spread(seconds))


def spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0)
    if len(values) == 1:
        return Spread(1, values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(len(values), median, low, high)


def takedowns_by_source(session: Session) -> list[tuple[Source, int, Spread]]:
    """Of each source with listings that are gone: how many are, and how long the suspected ones stood; most first."""
    gone = select(ListingRow.source_id, ListingEvent.takedown_s).join(ListingEvent.listing)
    rows = session.execute(gone.where(ListingEvent.kind == ListingEventKind.REMOVED)).all()
    counts = Counter(row.source_id for row in rows)
    seconds: dict[int, list[float]] = {}
    for row in rows:
        if row.takedown_s is not None:
            seconds.setdefault(row.source_id, []).append(float(row.takedown_s))
    sources = {source.id: source for source in session.scalars(select(Source))}
    return [(sources[one], count, spread(seconds.get(one, []))) for one, count in counts.most_common()]
