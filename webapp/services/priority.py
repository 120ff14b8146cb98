"""What makes a finding pressing: one number, larger is sooner."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from rules.lexicon import Kind
from rules.model import Severity
from webapp.models import DECIDED, FindingRow, FindingState, ListingRow

# Any fixed moment would do: only differences of age count.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DAY_S = 86_400
# Of a seller's open findings, how many of the most pressing follow a decision at once.
FOLLOWED = 1000

# Ten to the power of this many units of a currency are about one euro, rounded to half an order of magnitude, as of
# November 2026: good for telling a trinket from a treasure, never for an amount that anybody reads.
MAGNITUDES: Mapping[str, float] = {
    **dict.fromkeys(("EUR", "USD", "GBP", "CHF", "AUD", "CAD", "NZD", "SGD"), 0.0),
    **dict.fromkeys(("AED", "BRL", "MYR", "PLN", "QAR", "SAR"), 0.5),
    **dict.fromkeys(("CNY", "DKK", "HKD", "MXN", "NOK", "SEK"), 1.0),
    **dict.fromkeys(("CZK", "THB", "TRY", "TWD", "UAH", "ZAR"), 1.5),
    **dict.fromkeys(("INR", "JPY", "KES", "NPR", "PHP", "RUB"), 2.0),
    **dict.fromkeys(("HUF", "LKR", "PKR"), 2.5),
    **dict.fromkeys(("KRW", "NGN", "XAF", "XOF"), 3.0),
    **dict.fromkeys(("KHR", "MMK", "TZS", "UGX"), 3.5),
    **dict.fromkeys(("IDR", "LAK", "VND"), 4.5),
}


@dataclass(frozen=True, slots=True)
class Weights:
    """What each sign is worth, measured in steps of severity (low, medium, high, critical are one apart).

    score: of a score of 1. words: the score that words alone count as. coded: where a coded word is among the reasons.
    price: for each order of magnitude above one euro, up to `magnitudes`; unknown_price: the orders that no price
    counts as. seller: for a seller whose findings were all confirmed, and taken away for one whose all were dismissed;
    doubt: how many decisions weigh as much as not knowing the seller. day: for each day of waiting, so that after 50
    days a medium finding stands where a high one of today does.
    """

    severity: float = 1.0
    score: float = 1.0
    words: float = 0.5
    coded: float = 0.25
    price: float = 0.1
    magnitudes: float = 5.0
    unknown_price: float = 1.0
    seller: float = 0.8
    doubt: float = 4.0
    day: float = 0.02


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class History:
    """What people decided on other findings of a seller on one source."""

    confirmed: int = 0
    dismissed: int = 0

    @property
    def standing(self) -> float:
        """From -1 (dismissed throughout) to 1 (confirmed throughout), in tenths: a well-known seller's next decision
        then seldom moves the rest of their findings."""
        decided = self.confirmed + self.dismissed
        return round((self.confirmed - self.dismissed) / (decided + WEIGHTS.doubt), 1)


NO_HISTORY = History()
Seller = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a finding that bears on how soon somebody should look."""

    severity: Severity
    score: float | None
    price: Decimal | None
    currency: str | None
    reasons: Mapping[str, Any]
    history: History
    found_at: datetime


def weigh(signs: Signs) -> float:
    """The number by which the queue is ordered.

    Age counts in a straight line and for all alike, so two findings keep their order for ever: where one gains
    `day` with each day, so does the other. What is stored is therefore the number without the time that has passed
    for both, and never has to be brought up to date: an earlier `found_at` is simply worth more.
    """
    waited_since = (signs.found_at - EPOCH).total_seconds() / DAY_S
    return (
        WEIGHTS.severity * signs.severity.rank
        + WEIGHTS.score * (WEIGHTS.words if signs.score is None else signs.score)
        + WEIGHTS.coded * has_coded_word(signs.reasons)
        + WEIGHTS.price * magnitude(signs.price, signs.currency)
        + WEIGHTS.seller * signs.history.standing
        - WEIGHTS.day * waited_since
    )


def magnitude(price: Decimal | None, currency: str | None) -> float:
    """Orders of magnitude above one euro, from 0 to 5 in halves."""
    if price is None or price <= 0 or currency is None or currency not in MAGNITUDES:
        return WEIGHTS.unknown_price
    orders = round(2 * (math.log10(price) - MAGNITUDES[currency])) / 2
    return min(max(orders, 0.0), WEIGHTS.magnitudes)


def has_coded_word(reasons: Mapping[str, Any]) -> bool:
    return any(term.get("kind") == Kind.CODED for term in named_terms(reasons))


def named_terms(reasons: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The terms of the lexicon that a stored tree of reasons names, wherever they were met in it."""
    if reasons.get("kind") == "mentions" and reasons.get("met"):
        yield from (reasons.get("facts") or {}).get("terms") or ()
    for child in reasons.get("children") or ():
        yield from named_terms(child)


def histories(session: Session, sellers: Iterable[Seller]) -> dict[Seller, History]:
    """What was decided on each of these (source id, seller); who is not in it has no history."""
    asked = {one for one in sellers if one[1]}
    if not asked:
        return {}
    decided = FindingRow.state.in_(DECIDED)
    named = FindingRow.seller.in_({name for _, name in asked})
    columns = (FindingRow.source_id, FindingRow.seller, FindingRow.state)
    counted: dict[Seller, dict[FindingState, int]] = {}
    for source_id, seller, state, count in session.execute(
        select(*columns, func.count()).where(decided, named).group_by(*columns)
    ):
        counted.setdefault((source_id, seller), {})[state] = count
    return {
        key: History(states.get(FindingState.CONFIRMED, 0), states.get(FindingState.DISMISSED, 0))
        for key, states in counted.items()
        if key in asked
    }


def history_of(session: Session, source_id: int, seller: str | None) -> History:
    return histories(session, [(source_id, seller)]).get((source_id, seller), NO_HISTORY)


def of_row(row: FindingRow, history: History) -> float:
    """The priority of a stored finding, whose listing is at hand."""
    listing = row.listing
    severity = Severity(row.severity)
    return weigh(Signs(severity, row.score, listing.price, listing.currency, row.reasons, history, row.found_at))


def follow_seller(session: Session, finding: FindingRow) -> int:
    """Let the seller's open findings follow what was decided on `finding`; how many moved.

    To be called after every change of a finding's state, in the same transaction; for a batch, once a seller is
    enough. Where the most pressing one stands right, all do, and nothing more is read. At most FOLLOWED move at once.
    What another is deciding in this moment is passed over: two who decide findings of one seller would otherwise each
    wait for what the other holds.
    """
    if not finding.seller:
        return 0
    session.flush()
    history = history_of(session, finding.source_id, finding.seller)
    first = next(iter(open_of_seller(session, finding, 1)), None)
    if first is None or first.priority == of_row(first, history):
        return 0
    free = open_of_seller(session, finding, FOLLOWED, is_locking=True)
    return sum(move(session, row, of_row(row, history)) for row in free)


def open_of_seller(session: Session, finding: FindingRow, limit: int, *, is_locking: bool = False) -> list[FindingRow]:
    """The most pressing first. is_locking: those alone that nobody else holds, ours until the commit."""
    theirs = (
        FindingRow.state == FindingState.OPEN,
        FindingRow.seller == finding.seller,
        FindingRow.source_id == finding.source_id,
    )
    details = joinedload(FindingRow.listing).load_only(ListingRow.price, ListingRow.currency)
    ordered = select(FindingRow).where(*theirs).order_by(FindingRow.priority.desc(), FindingRow.id.desc())
    if is_locking:
        ordered = ordered.with_for_update(of=FindingRow, skip_locked=True)
    return list(session.scalars(ordered.options(details).limit(limit)))


def move(session: Session, row: FindingRow, priority: float) -> bool:
    """Whether it stood elsewhere. Only the one column is written: somebody may decide the finding in this moment."""
    if row.priority == priority:
        return False
    session.execute(update(FindingRow).where(FindingRow.id == row.id).values(priority=priority))
    return True
