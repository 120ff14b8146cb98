"""How good the findings of a period are: what was right, what was missed, how far people agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.figures import Figure, sentence_of
from webapp.figures import title_of as title_of
from webapp.figures import words_of as words_of
from webapp.language import say
from webapp.models import (
    DECIDED,
    FindingRow,
    FindingState,
    ListingRow,
    RecallAudit,
    Recheck,
    RecheckKind,
    RecheckState,
    Verdict,
)
from webapp.services import agreement, rates, recall, rechecks
from webapp.services.findings import BY_PEOPLE
from webapp.services.verdicts import count_by_seller
from webapp.wording import day_words, last_day_words

# Of fewer second looks nobody should correct a figure.
FEWEST_LOOKS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """precision: of decided findings; checked_precision: what second looks make of it; recall, misses: of listings,
    by the recall audit; kappa, agreed: of second looks; overturns: of those that are over; appeals: overturned ones."""

    precision: Figure
    checked_precision: Figure
    recall: Figure
    misses: Figure
    kappa: Figure
    agreed: Figure
    overturns: Figure
    appeals: Figure

    def all(self) -> tuple[Figure, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def to_json(self) -> list[dict[str, Any]]:
        return [one.to_json() for one in self.all()]


def figures(session: Session, from_at: datetime, to_at: datetime) -> Figures:
    """Of findings found, second looks given and appeals decided in [from_at, to_at), and of the newest recall audit
    whose period meets it."""
    looks = rechecks.second_looks(session, from_at, to_at)
    agreed = agreement.measure("", [agreement.verdicts(row) for row in looks])
    precision = precision_of(session, from_at, to_at)
    missed, found = recall_of(session, from_at, to_at)
    return Figures(
        precision=precision,
        checked_precision=check_precision(precision, rechecks.settled(rechecks.looks_on(session, from_at, to_at))),
        recall=found,
        misses=missed,
        kappa=from_kappa(agreed),
        agreed=from_rate("agreed", agreed.agreed, say("second looks"), say("There was no second look.")),
        overturns=overturns_of(looks),
        appeals=appeals_of(session, from_at, to_at),
    )


def from_rate(name: str, rate: Any, basis: str, reason: str) -> Figure:
    if rate is None:
        return Figure(name, 0, reason=reason, basis=basis)
    return Figure(name, rate.total, rate.value, rate.low, rate.high, basis=basis)


def from_kappa(found: agreement.Agreement) -> Figure:
    basis = say("second looks")
    if found.kappa is None:
        return Figure("kappa", found.n, reason=found.reason, basis=basis)
    return Figure("kappa", found.n, found.kappa.value, found.kappa.low, found.kappa.high, basis=basis)


def precision_of(session: Session, from_at: datetime, to_at: datetime) -> Figure:
    """Of the findings that rules opened in the period and people decided, the share confirmed.

    Wilson's interval, by seller: what one seller offers is alike.
    """
    found = rates.share_by_group(decided_by_seller(session, from_at, to_at))
    return from_rate("precision", found, say("decided findings"), say("No finding of this period is decided."))


def decided_by_seller(session: Session, from_at: datetime, to_at: datetime) -> Sequence[tuple[int, int]]:
    """(confirmed, dismissed) of each seller, of findings that rules opened in the period."""
    opened = FindingRow.found_at >= from_at, FindingRow.found_at < to_at, FindingRow.rule.not_in(BY_PEOPLE)
    return count_by_seller(session, lambda decided: decided.where(*opened)).get((), [])


def check_precision(precision: Figure, looks: Sequence[Recheck]) -> Figure:
    """What second looks make of the precision: the share first confirmed, put right by how often each answer held.

    looks: settled ones on findings of the period. Tenenbein's double sampling (1970, J. Am. Stat. Assoc. 65:1350); the
    interval joins Wilson's of the three shares as services.recall joins those of strata.
    """
    basis = say("decided findings and settled second looks")
    rows = [row for row in looks if row.finding.rule not in BY_PEOPLE and row.finding.state in DECIDED]
    confirmed = {first: [is_confirmed(row) for row in rows if row.first.verdict is first] for first in rechecks.FINAL}
    if precision.value is None or min(map(len, confirmed.values())) < FEWEST_LOOKS:
        fewest = say("It takes %(fewest)s settled second looks of each answer.", fewest=FEWEST_LOOKS)
        return Figure("checked_precision", len(rows), reason=precision.reason or fewest, basis=basis)
    lost = confirmed[Verdict.CONFIRM].count(False) - confirmed[Verdict.DISMISS].count(True)
    share = min(1.0, max(0.0, precision.value + lost / precision.n))
    right, wrong = (share_of(confirmed[first]) for first in (Verdict.CONFIRM, Verdict.DISMISS))
    slope = right.value - wrong.value
    parts = (
        right.times(share),
        wrong.times(1 - share),
        Spread(share, *shifted(precision, share)).times(slope),
    )
    value = share * right.value + (1 - share) * wrong.value
    below, above = (sum(part.reach(end) ** 2 for part in parts) ** 0.5 for end in ("low", "high"))
    low, high = max(0.0, value - below), min(1.0, value + above)
    return Figure("checked_precision", len(rows), value, low, high, basis=basis)


@dataclass(frozen=True, slots=True)
class Spread:
    """A value with its limits, which may be stretched by a factor."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Spread":
        low, high = sorted((self.low * factor, self.high * factor))
        return Spread(self.value * factor, low, high)

    def reach(self, end: str) -> float:
        return float(getattr(self, end)) - self.value


def shifted(precision: Figure, share: float) -> tuple[float, float]:
    """The precision's own limits, moved to where the first answers put it."""
    move = share - (precision.value or 0.0)
    return (precision.low or 0.0) + move, (precision.high or 0.0) + move


def share_of(hits: Sequence[bool]) -> Spread:
    from scanner.zoo.evaluation.intervals import wilson

    value = sum(hits) / len(hits)
    return Spread(value, *wilson(value, len(hits)))


def is_confirmed(row: Recheck) -> bool:
    return row.finding.state is FindingState.CONFIRMED


def overturns_of(looks: Sequence[Recheck]) -> Figure:
    """Of the settled second looks, how often the first decision fell."""
    over = rechecks.settled(looks)
    return rate_of(
        "overturns",
        [row.state is RecheckState.OVERTURNED for row in over],
        say("settled second looks"),
        say("No second look is settled."),
    )


def appeals_of(session: Session, from_at: datetime, to_at: datetime) -> Figure:
    ended = (RecheckState.UPHELD, RecheckState.OVERTURNED)
    states = session.scalars(
        select(Recheck.state).where(
            Recheck.kind == RecheckKind.APPEAL,
            Recheck.closed_at >= from_at,
            Recheck.closed_at < to_at,
            Recheck.state.in_(ended),
        )
    )
    return rate_of(
        "appeals",
        [state is RecheckState.OVERTURNED for state in states],
        say("decided appeals"),
        say("No appeal was decided."),
    )


def rate_of(name: str, hits: Sequence[bool], basis: str, reason: str) -> Figure:
    return from_rate(name, rates.rate_of(hits), basis, reason)


def recall_of(session: Session, from_at: datetime, to_at: datetime) -> tuple[Figure, Figure]:
    """Missed listings and the recall, by the newest audit whose period meets [from_at, to_at)."""
    row = audit_of(session, from_at, to_at)
    if row is None:
        reason = say("No recall audit covers this period.")
        return Figure("misses", 0, reason=reason), Figure("recall", 0, reason=reason)
    return recall_of_audit(session, row, recall.estimate(session, row))


def recall_of_audit(session: Session, row: RecallAudit, found: recall.Estimate) -> tuple[Figure, Figure]:
    return figures_of(found, confirmed_listings(session, row.from_at, row.to_at), basis_of(row, found))


def figures_of(found: recall.Estimate, confirmed: int, basis: str) -> tuple[Figure, Figure]:
    """The two figures of one audit; without an answer in some stratum there is an interval and no value."""
    n = found.answered
    reason = "" if found.value is not None else say("Some strata have no answer yet: the interval spans all of them.")
    misses = Figure("misses", n, found.value, found.low, found.high, reason, basis)
    if not n:
        nothing = say("Nothing of the recall audit is answered yet.")
        return Figure("misses", 0, reason=nothing, basis=basis), Figure("recall", 0, reason=nothing, basis=basis)
    if not confirmed:
        return misses, Figure(
            "recall", n, reason=say("Nothing was confirmed: there is nothing to recall."), basis=basis
        )
    value = None if found.value is None else confirmed / (confirmed + found.value)
    low, high = confirmed / (confirmed + found.high), confirmed / (confirmed + found.low)
    return misses, Figure("recall", n, value, low, high, reason, basis)


def audit_of(session: Session, from_at: datetime, to_at: datetime) -> RecallAudit | None:
    meets = (RecallAudit.from_at < to_at, RecallAudit.to_at > from_at)
    return session.scalar(select(RecallAudit).where(*meets).order_by(RecallAudit.id.desc()).limit(1))


def confirmed_listings(session: Session, from_at: datetime, to_at: datetime) -> int:
    """Listings first seen in the period of which a finding of a rule was confirmed: the unit of the recall audit."""
    rows = (
        select(func.count(FindingRow.listing_id.distinct()))
        .join(FindingRow.listing)
        .where(
            ListingRow.first_seen_at >= from_at,
            ListingRow.first_seen_at < to_at,
            FindingRow.state == FindingState.CONFIRMED,
            FindingRow.rule.not_in(BY_PEOPLE),
        )
    )
    return session.scalar(rows) or 0


def basis_of(row: RecallAudit, found: recall.Estimate) -> str:
    return say(
        "recall audit %(id)s of listings first seen from %(from_day)s to %(to_day)s; %(answered)s of %(size)s answered",
        id=row.id,
        from_day=day_words(row.from_at),
        to_day=last_day_words(row.to_at),
        answered=found.answered,
        size=found.size,
    )


def kappa_words(found: agreement.Agreement) -> str:
    return words_of(from_kappa(found))


def stratum_words(name: str) -> str:
    return {
        "words": say("Words of the lexicon that did not flag"),
        "near": say("A picture's score from half of a threshold up"),
        "middling": say("A picture's score from a fifth to half of a threshold"),
        "unseen": say("A picture with a concept that no model could see"),
        "low": say("Scores below a fifth of every threshold"),
        "no_picture": say("No picture and no such word"),
    }[name]


def sentences(found: Figures) -> list[str]:
    """Each figure as a line of text."""
    return [sentence_of(one) for one in found.all()]
