"""What another threshold would do: how right and how complete on what people reviewed, and what would change sides."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from rules.cascade import Cascade
from rules.conditions import Disagree, Group, Score
from rules.model import Condition, Pack, Rule
from webapp.models import Appearance, Decision, FindingState, ListingRow, PhotoRow, ScoreRow
from webapp.services import findings, overview, rules, team
from webapp.services.judging import load_listings, look, meet

JUDGED_MOST = 1000  # listings: a page must not wait longer
SHOWN_MOST = 12  # of each side, with their pictures
MEASURED_LEAST = 20  # decisions, before their median says what one costs
MEASURED_MOST = 1000
SEED = 7  # of the sample, so that a preview shown twice is the same

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture (or the words) of a listing that would change sides. state: of the finding that stands, if any."""

    listing: ListingRow
    photo: PhotoRow | None
    met: findings.Met
    state: FindingState | None

    @property
    def reasons(self) -> dict[str, Any]:
        return self.met.finding.result.to_json()


@dataclass(slots=True)
class Side:
    """What changes to one side among the listings that were judged.

    by_state: of the findings that stand; "none" where there is none. by_source: by the source's name.
    """

    total: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    shown: list[Shown] = field(default_factory=list)

    def add(self, one: Shown) -> None:
        self.total += 1
        self.by_state[one.state.value if one.state else "none"] += 1
        self.by_source[one.listing.source.name] += 1
        if len(self.shown) < SHOWN_MOST:
            self.shown.append(one)


@dataclass(frozen=True, slots=True)
class Pace:
    """What one decision costs a reviewer. measured: over how many decisions; 0 where it is assumed."""

    seconds: float
    measured: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What other thresholds would do to what is stored.

    listings: those whose scores lie so that they may change sides; judged: of them, a sample where they are many.
    flags, unflags: of the rule itself. others_flag, others_unflag: findings of the concept's other rules that come or
    go with them, because a score settles what models disagree about.
    """

    listings: int
    judged: int
    flags: Side
    unflags: Side
    others_flag: int
    others_unflag: int
    pace: Pace

    @property
    def scale(self) -> float:
        """How many listings each judged one stands for."""
        return self.listings / self.judged if self.judged else 1.0

    @property
    def is_sample(self) -> bool:
        return self.judged < self.listings

    def estimate(self, count: int) -> int:
        return round(count * self.scale)

    @property
    def to_review(self) -> int:
        """Newly flagged, and nobody has seen them: what was decided under an older version stays decided."""
        return self.estimate(self.flags.by_state["none"] + self.flags.by_state[FindingState.WITHDRAWN])

    @property
    def hours(self) -> float:
        return self.to_review * self.pace.seconds / 3600

    def to_json(self) -> dict[str, Any]:
        """Its numbers, as a shadow run keeps them."""
        return {
            "listings": self.listings,
            "judged": self.judged,
            "flags": self.estimate(self.flags.total),
            "unflags": self.estimate(self.unflags.total),
            "unflags_confirmed": self.estimate(self.unflags.by_state[FindingState.CONFIRMED]),
            "hours": round(self.hours, 2),
            "seconds": self.pace.seconds,
            "measured": self.pace.measured,
        }


def preview(session: Session, pack: Pack, rule: Rule, values: Values) -> Preview:
    """What `rule` at other thresholds would do; nothing is changed. Raises Refused for a value outside [0, 1]."""
    values = {name: rules.checked(value) for name, value in values.items()}
    chosen, listings = draw(session, movable(pack.cascade, rule, values))
    sides = {True: Side(), False: Side()}
    others = Counter[bool]()
    for flags, key, one in compare(session, pack, rule, values, chosen):
        if key[1] == rule.id:
            sides[flags].add(one)
        else:
            others[flags] += 1
    return Preview(listings, len(chosen), sides[True], sides[False], others[True], others[False], measure_pace(session))


def compare(
    session: Session, pack: Pack, rule: Rule, values: Values, listing_ids: Sequence[int]
) -> Iterator[tuple[bool, findings.Key, Shown]]:
    """(whether it would be flagged, what, where) of each finding that only one of the two has."""
    before, after = rules.rule_under(pack, rule, {}), rules.rule_under(pack, rule, values)
    orders = overview.speaking_orders(session)
    for start in range(0, len(listing_ids), rules.BATCH):
        ids = listing_ids[start : start + rules.BATCH]
        known = findings.known_findings(session, ids)
        for row in load_listings(session, ids):
            looked = look(pack.cascade, row, orders)
            photos = {one.photo_id: one.photo for one in row.appearances}
            stands = known.get(row.id, {})
            for flags, key, met in differences(meet(before, looked), meet(after, looked)):
                state = stands[key].state if key in stands else None
                yield flags, key, Shown(row, photos[key[0]] if key[0] else None, met, state)


Differences = Iterator[tuple[bool, findings.Key, findings.Met]]


def differences(before: Mapping[findings.Key, findings.Met], after: Mapping[findings.Key, findings.Met]) -> Differences:
    """(True, key, what is met after) of what is new, (False, key, what was met before) of what is gone."""
    yield from ((True, key, met) for key, met in after.items() if key not in before)
    yield from ((False, key, met) for key, met in before.items() if key not in after)


def draw(session: Session, ids: Select[int]) -> tuple[list[int], int]:
    """At most JUDGED_MOST of the listings, drawn with equal chances and in order, and how many there are.

    They are read as they come: a million of them take no more memory than a thousand.
    """
    chosen: list[int] = []
    chance = random.Random(SEED)  # noqa: S311  # a sample, no secret
    number = 0
    for number, listing_id in enumerate(session.scalars(ids.execution_options(yield_per=10_000)), start=1):
        if len(chosen) < JUDGED_MOST:
            chosen.append(listing_id)
        elif (place := chance.randrange(number)) < JUDGED_MOST:
            chosen[place] = listing_id
    return sorted(chosen), number


def movable(cascade: Cascade, rule: Rule, values: Values) -> Select[int]:
    """Ids of listings that may change sides: those with a score between the old value and the new one.

    None is left out wrongly. What rules judge is a mean of what models said, lowered by look-alikes, so that it never
    lies above the highest; and where one model alone spoke, it is what that one said.
    """
    ways = [
        way
        for name, value in values.items()
        for low, high in [sorted((rule.thresholds[name].value, value))]
        for node in nodes_of(rule.when, name)
        for way in [may_cross(cascade, node, low, high)]
    ]
    # One pass over the scores, and then only the listings of those: joined, a database looks each score up by itself.
    photos = select(ScoreRow.photo_id).where(or_(*ways))
    return select(Appearance.listing_id).where(Appearance.photo_id.in_(photos)).distinct()


def nodes_of(condition: Condition, name: str) -> Iterator[Score | Disagree]:
    """The conditions that the threshold of this name decides."""
    if isinstance(condition, Score | Disagree) and condition.threshold.name == name:
        yield condition
    elif isinstance(condition, Group):
        for child in condition.children:
            yield from nodes_of(child, name)


def may_cross(cascade: Cascade, node: Score | Disagree, low: float, high: float) -> ColumnElement[bool]:
    reaches = at_least(cascade, node.concept, low)
    other = aliased(ScoreRow)
    in_company = exists().where(other.photo_id == ScoreRow.photo_id, other.id != ScoreRow.id)
    if isinstance(node, Disagree):
        return and_(reaches, in_company)
    # The cheaper question first: most pictures have one score.
    return and_(reaches, or_(~at_least(cascade, node.concept, high), in_company))


def at_least(cascade: Cascade, concept: str, value: float) -> ColumnElement[bool]:
    """Whether what a model said of the concept comes to `value` or more once it is calibrated."""
    score = ScoreRow.by_concept[concept].as_float()
    bounds = {model: raw_bound(cascade, model, concept, value) for model in cascade.calibrations}
    apart = {model: bound for model, bound in bounds.items() if bound != value}
    own = [and_(ScoreRow.model == model, score >= bound) for model, bound in apart.items()]
    return or_(*own, and_(ScoreRow.model.not_in(list(apart)), score >= value))


def raw_bound(cascade: Cascade, model: str, concept: str, value: float) -> float:
    """The lowest score of the model that comes to `value`, by halving: calibrations rise."""
    if cascade.calibrate(model, concept, 0.5) == 0.5 and cascade.calibrate(model, concept, 0.25) == 0.25:
        return value
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if cascade.calibrate(model, concept, middle) >= value else (middle, high)
    return low


def measure_pace(session: Session) -> Pace:
    """The median of the newest measured decisions; what the team takes one to cost until there are enough."""
    newest = select(Decision.seconds).where(Decision.seconds.is_not(None)).order_by(Decision.id.desc())
    seconds: list[float] = [one for one in session.scalars(newest.limit(MEASURED_MOST)) if one is not None]
    if len(seconds) < MEASURED_LEAST:
        return Pace(float(team.choices(session).decision_seconds), 0)
    return Pace(median(seconds), len(seconds))
