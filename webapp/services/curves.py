"""Precision and recall over a rule's threshold, on what people reviewed and on what recall audits drew.

Recall audits are the only look at what nothing flagged: each of their answers stands for many pictures, and without
them recall is that of what was reviewed and no more.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from rules.cascade import Cascade
from rules.conditions import AllOf, AnyOf, Disagree, Score
from rules.evidence import Evidence
from rules.model import Condition, Pack, Rule
from scanner.pipeline import evidence_of
from scanner.zoo.cascade import replay
from webapp.models import DECIDED, FindingRow, FindingState, ListingRow, PhotoRow, RecallAudit, RecallItem
from webapp.services import overview
from webapp.services.adjudication import ESCALATE
from webapp.services.judging import scores_of
from webapp.services.listings import to_record
from webapp.services.rates import Estimate, Total, share, total_of
from webapp.services.reviewed import group_of

NEWEST = 4000  # reviewed findings, and as many answers of audits: the page must not grow slow with the years
GRID = tuple(round(0.05 * step, 2) for step in range(1, 20))
SPOKEN_OF = (*DECIDED, FindingState.ESCALATED)


@dataclass(frozen=True, slots=True)
class Item:
    """A picture of which the truth is known. weight: how many pictures it stands for; group: its seller.

    stratum: of the audit that drew it; None for what was flagged and decided.
    """

    evidence: Evidence
    shows: bool
    group: str
    weight: float = 1.0
    stratum: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """The recall audits behind a curve. population: listings that nothing flagged, for which the answers stand."""

    answers: int
    missed: int
    population: int
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What is known of one concept. capped: there is more, and the newest was taken."""

    items: Sequence[Item]
    audited: Audited | None
    capped: bool


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """flagged: items at `threshold` and above. None where there is nothing to divide by."""

    threshold: float
    flagged: int
    precision: Estimate | None
    recall: Estimate | None


@dataclass(frozen=True, slots=True)
class Curve:
    """One threshold of one rule, over the items that meet all else that the rule asks for.

    confirmed: items that show the concept. sellers: groups.
    """

    name: str
    points: Sequence[CurvePoint]
    items: int
    confirmed: int
    sellers: int
    audited: Audited | None
    capped: bool

    def at(self, threshold: float) -> CurvePoint | None:
        return next((point for point in self.points if point.threshold == threshold), None)


def curves(session: Session, pack: Pack, rule: Rule, extra: Iterable[float] = ()) -> dict[str, Curve]:
    """By threshold name. extra: thresholds to measure at besides the grid and the value in force."""
    if not rule.thresholds:
        return {}
    reviewed = read_reviewed(session, pack, rule.concept)
    return {
        name: trace(reviewed, rule.when, name, sorted({*GRID, *extra, threshold.value}))
        for name, threshold in rule.thresholds.items()
    }


def trace(reviewed: Reviewed, condition: Condition, name: str, thresholds: Sequence[float]) -> Curve:
    reached = [(reach(condition, item.evidence, name), item) for item in reviewed.items]
    met = [(at, item) for at, item in reached if at >= 0]
    missed = missed_total(reached) if reviewed.audited else None
    return Curve(
        name=name,
        points=[measure(met, missed, threshold) for threshold in thresholds],
        items=len(met),
        confirmed=sum(item.shows for _, item in met),
        sellers=len({item.group for _, item in met}),
        audited=reviewed.audited,
        capped=reviewed.capped,
    )


Reached = Sequence[tuple[float, Item]]


def measure(met: Reached, missed: Total | None, threshold: float) -> CurvePoint:
    flagged = [item for at, item in met if at >= threshold]
    precision = share(
        [item.shows for item in flagged], [item.group for item in flagged], [item.weight for item in flagged]
    )
    return CurvePoint(threshold, len(flagged), precision, recall(met, missed, threshold))


def recall(met: Reached, missed: Total | None, threshold: float) -> Estimate | None:
    """Of the pictures that show it, the share at the threshold and above; missed: None without audits.

    With audits: found / (found + missed), whose interval joins that of the found ones' scores with that of how many
    were missed (as services.rates.total_of): an audit without a miss still says how many there may be.
    """
    shown = [(at, item) for at, item in met if item.shows]
    found = [(at, item) for at, item in shown if item.stratum is None]
    above = share([at >= threshold for at, _ in found], [item.group for _, item in found])
    if missed is None or above is None:
        return above
    whole = sum(item.weight for _, item in found)
    lower = sum(item.weight for at, item in shown if item.stratum is not None and at >= threshold)

    def of_all(rate: float, not_found: float) -> float:
        return min(1.0, (whole * rate + lower) / (whole + not_found))

    value = of_all(above.value, missed.value)
    below = math.hypot(value - of_all(above.low, missed.value), value - of_all(above.value, missed.high))
    beyond = math.hypot(of_all(above.high, missed.value) - value, of_all(above.value, missed.low) - value)
    return Estimate(value, max(0.0, value - below), min(1.0, value + beyond), len(shown))


def reach(condition: Condition, evidence: Evidence, name: str) -> float:
    """The highest value of the threshold `name` at which the condition is met.

    inf where it is met at any; -inf where at none. Thresholds stand in no `none` (rules.grammar refuses it), so that a
    higher one never flags more.
    """
    if isinstance(condition, Score | Disagree) and condition.threshold.name == name:
        facts = condition.check(evidence).facts
        reached = facts["score"] if isinstance(condition, Score) else facts["spread"]
        return -inf if reached is None else float(reached)
    if isinstance(condition, AllOf):
        return min(reach(child, evidence, name) for child in condition.children)
    if isinstance(condition, AnyOf):
        return max(reach(child, evidence, name) for child in condition.children)
    return inf if condition.check(evidence).met else -inf


def read_reviewed(session: Session, pack: Pack, concept: str) -> Reviewed:
    """The newest decided pictures of the concept, and where recall audits have answers, those with their weights.

    With audits a listing is the unit, as theirs, and listings of their time alone count: the answers stand for what
    was not flagged then.
    """
    orders = overview.speaking_orders(session)
    drawn = read_drawn(session, concept)
    audits = list({one.item.audit_id: one.item.audit for one in drawn}.values())
    rows = read_decided(session, concept)
    if audits:
        opened = {one.item.finding_id for one in drawn}
        decided = one_by_listing([row for row in rows if row.id not in opened and is_within(row.listing, audits)])
    else:
        decided = one_by_pixels(rows)
    weight = 1.0 + (waiting_share(session, concept) if audits else 0.0)
    items = [
        Item(evidence_at(pack.cascade, row.listing, row.photo, orders), shows, group_of(row.listing), weight)
        for row, shows in decided
    ]
    weights = weigh(audits, drawn)
    items += [
        Item(
            evidence_at(pack.cascade, one.item.listing, one.item.photo, orders),
            one.shows,
            group_of(one.item.listing),
            weights[one.stratum],
            one.stratum,
        )
        for one in drawn
        if one.stratum in weights
    ]
    capped = len(rows) == NEWEST or len(drawn) == NEWEST
    return Reviewed(items, describe_audits(items, audits), capped)


@dataclass(frozen=True, slots=True)
class Decided:
    id: int
    state: FindingState
    listing: ListingRow
    photo: PhotoRow


def read_decided(session: Session, concept: str) -> list[Decided]:
    """The newest first; those that a rule or a person flagged alike."""
    query = (
        select(FindingRow.id, FindingRow.state, ListingRow, PhotoRow)
        .join(FindingRow.listing)
        .join(FindingRow.photo)
        .where(FindingRow.concept == concept, FindingRow.state.in_(SPOKEN_OF))
        .options(selectinload(PhotoRow.scores))
        .order_by(FindingRow.id.desc())
        .limit(NEWEST)
    )
    return [Decided(*row) for row in session.execute(query)]


def is_within(listing: ListingRow, audits: Iterable[RecallAudit]) -> bool:
    return any(audit.from_at <= listing.first_seen_at < audit.to_at for audit in audits)


Judged = Iterator[tuple[Decided, bool]]


def one_by_pixels(rows: Iterable[Decided]) -> Judged:
    """Each picture once, by its pixels; those that people disagree about or escalated are left out."""
    alike: dict[str, list[Decided]] = {}
    for row in rows:
        alike.setdefault(row.photo.pixel_hash or row.photo.sha256, []).append(row)
    for group in alike.values():
        if len({row.state for row in group}) == 1 and group[0].state in DECIDED:
            yield group[0], group[0].state is FindingState.CONFIRMED


def one_by_listing(rows: Iterable[Decided]) -> Judged:
    """Each listing once: by a confirmed picture where there is one, else by a dismissed one."""
    alike: dict[int, list[Decided]] = {}
    for row in rows:
        alike.setdefault(row.listing.id, []).append(row)
    for group in alike.values():
        best = min(group, key=lambda row: SPOKEN_OF.index(row.state))
        if best.state in DECIDED:
            yield best, best.state is FindingState.CONFIRMED


def evidence_at(
    cascade: Cascade, listing: ListingRow, photo: PhotoRow | None, orders: Sequence[Sequence[str]]
) -> Evidence:
    record = to_record(listing)
    kept = scores_of(photo, orders) if photo is not None else ()
    # A model that spoke alone is not asked again: replaying would look for words in the text in vain.
    return evidence_of(cascade, record, replay(cascade, kept, record.text) if len(kept) > 1 else kept)


def waiting_share(session: Session, concept: str) -> float:
    """How many flagged pictures wait, a decided one: each decided one stands for those too."""
    states = select(FindingRow.state, func.count()).where(
        FindingRow.concept == concept, FindingRow.photo_id.is_not(None)
    )
    counts = {state: count for state, count in session.execute(states.group_by(FindingRow.state))}  # noqa: C416
    return counts.get(FindingState.OPEN, 0) / max(sum(counts.get(state, 0) for state in DECIDED), 1)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer of a recall audit that is settled."""

    item: RecallItem
    shows: bool

    @property
    def stratum(self) -> tuple[int, str]:
        return self.item.audit_id, self.item.stratum


def read_drawn(session: Session, concept: str) -> list[Drawn]:
    """The newest first; of every concept, for most of them show nothing."""
    query = (
        select(RecallItem, FindingRow)
        .outerjoin(FindingRow, FindingRow.id == RecallItem.finding_id)
        .where(RecallItem.answer.is_not(None))
        .options(
            joinedload(RecallItem.audit),
            joinedload(RecallItem.listing),
            joinedload(RecallItem.photo).selectinload(PhotoRow.scores),
        )
        .order_by(RecallItem.id.desc())
        .limit(NEWEST)
    )
    found = ((item, outcome(item, finding, concept)) for item, finding in session.execute(query))
    return [Drawn(item, shows) for item, shows in found if shows is not None]


def outcome(item: RecallItem, finding: FindingRow | None, concept: str) -> bool | None:
    """Whether it shows the concept; a finding that was dismissed since shows nothing. None while that is open."""
    if finding is not None and finding.state is FindingState.DISMISSED:
        return False
    if item.answer != ESCALATE:
        return item.answer == concept
    confirmed = finding is not None and finding.state is FindingState.CONFIRMED
    return (finding is not None and finding.concept == concept) if confirmed else None


def weigh(audits: Iterable[RecallAudit], drawn: Iterable[Drawn]) -> dict[tuple[int, str], float]:
    """How many listings an answer stands for, by audit and stratum: the stratum's by those that were answered.

    Audits whose times overlap looked at the same listings, and share them.
    """
    answered = Counter(one.stratum for one in drawn)
    known = list(audits)
    weights: dict[tuple[int, str], float] = {}
    for audit in known:
        together = sum(audit.from_at < other.to_at and other.from_at < audit.to_at for other in known)
        for stratum in audit.strata:
            key = (audit.id, str(stratum["name"]))
            if answered[key]:
                weights[key] = float(stratum["population"]) / answered[key] / max(together, 1)
    return weights


def missed_total(reached: Reached) -> Total:
    """How many listings show the concept, meet all else that the rule asks for, and were flagged by nothing."""
    by_stratum: dict[tuple[int, str], list[tuple[float, Item]]] = {}
    for at, item in reached:
        if item.stratum is not None:
            by_stratum.setdefault(item.stratum, []).append((at, item))
    return total_of(
        (sum(item.weight for _, item in drawn), len(drawn), sum(item.shows and at >= 0 for at, item in drawn))
        for drawn in by_stratum.values()
    )


def describe_audits(items: Iterable[Item], audits: Iterable[RecallAudit]) -> Audited | None:
    drawn = [item for item in items if item.stratum is not None]
    known = list(audits)
    if not drawn:
        return None
    return Audited(
        answers=len(drawn),
        missed=sum(item.shows for item in drawn),
        population=round(sum(item.weight for item in drawn)),
        from_at=min(audit.from_at for audit in known),
        to_at=max(audit.to_at for audit in known),
    )
