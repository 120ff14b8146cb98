from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.model import Severity
from tests.factories import WORDS_ONLY, make_finding, make_listing, make_source
from webapp.models import FindingRow, FindingState, FindingTerm, ListingText
from webapp.services import priority, search, upkeep
from webapp.services.priority import NO_HISTORY, History, Signs, weigh

AT = datetime(2026, 11, 20, tzinfo=UTC)
PLAIN = Signs(Severity.MEDIUM, 0.6, None, None, {}, NO_HISTORY, AT)
CODED = {
    "kind": "all",
    "met": True,
    "facts": {},
    "children": [
        {"kind": "score", "met": True, "facts": {}, "children": []},
        {
            "kind": "mentions",
            "met": True,
            "facts": {"terms": [{"term": "ox bone", "found": "ox bone", "language": "en", "kind": "coded"}]},
            "children": [],
        },
    ],
}


@pytest.mark.parametrize(
    "more",
    [
        {"severity": Severity.HIGH},
        {"score": 0.7},
        {"price": Decimal(5000), "currency": "EUR"},
        {"reasons": CODED},
        {"history": History(confirmed=3)},
        {"found_at": AT - timedelta(days=1)},
    ],
)
def test_each_sign_makes_a_finding_more_pressing(more: dict) -> None:
    assert weigh(replace(PLAIN, **more)) > weigh(PLAIN)


def test_dismissed_findings_of_a_seller_make_the_next_less_pressing() -> None:
    assert weigh(replace(PLAIN, history=History(dismissed=5))) < weigh(PLAIN)
    assert weigh(replace(PLAIN, history=History(confirmed=5, dismissed=5))) == weigh(PLAIN)


def test_two_findings_keep_their_order_whatever_time_it_is() -> None:
    """The stored number holds no clock: a day of waiting is worth the same to both."""
    old, new = replace(PLAIN, found_at=AT - timedelta(days=10)), replace(PLAIN, severity=Severity.HIGH)
    assert weigh(new) - weigh(old) == pytest.approx(priority.WEIGHTS.severity - 10 * priority.WEIGHTS.day)


@pytest.mark.parametrize(
    ("price", "currency", "orders"),
    [
        (None, "EUR", 1.0),
        (Decimal(0), "EUR", 1.0),
        (Decimal(100), "XXX", 1.0),
        (Decimal(100), None, 1.0),
        (Decimal("0.01"), "EUR", 0.0),
        (Decimal(1000), "EUR", 3.0),
        (Decimal(30_000_000), "VND", 3.0),
        (Decimal(8000), "CNY", 3.0),
        (Decimal(10) ** 15, "EUR", 5.0),
    ],
)
def test_prices_count_by_their_order_of_magnitude(price: Decimal | None, currency: str | None, orders: float) -> None:
    assert priority.magnitude(price, currency) == orders


def test_a_condition_that_was_not_met_names_no_term() -> None:
    assert list(priority.named_terms({**CODED["children"][1], "met": False})) == []
    assert not priority.has_coded_word(WORDS_ONLY["reasons"])


def test_open_findings_of_a_seller_follow_what_was_decided(session: Session) -> None:
    source = make_source(session)
    rows = [make_finding(session, make_listing(session, source, seller="ann")) for _ in range(4)]
    elsewhere = make_finding(session, make_listing(session, seller="ann"))
    for row in (*rows, elsewhere):
        row.priority = priority.of_row(row, NO_HISTORY)
    before = elsewhere.priority
    rows[0].state = FindingState.CONFIRMED
    assert priority.follow_seller(session, rows[0]) == 3
    session.expire_all()
    assert [row.priority for row in rows[1:]] == [priority.of_row(row, History(confirmed=1)) for row in rows[1:]]
    assert rows[1].priority > before
    assert (elsewhere.priority, rows[0].priority) == (before, priority.of_row(rows[0], NO_HISTORY))
    assert priority.follow_seller(session, rows[0]) == 0


def test_who_has_no_name_has_no_history(session: Session) -> None:
    row = make_finding(session, state=FindingState.CONFIRMED)
    other = make_finding(session, make_listing(session, row.listing.source))
    assert priority.follow_seller(session, row) == 0
    assert priority.history_of(session, row.source_id, None) == NO_HISTORY
    assert other.priority == 2.91


def test_rows_of_before_are_brought_up_to_date_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    german = make_listing(session, title="Geschnitzte Figur aus Elfenbein", description="sehr alt", seller="ann")
    finding = make_finding(session, german, words_only=True)
    finding.seller = None
    for _ in range(4):
        make_listing(session)
    session.commit()
    assert upkeep.catch_up(session) == 5
    assert upkeep.catch_up(session) == 0
    row = session.scalars(select(FindingRow)).one()
    assert (row.seller, row.language, row.listing.language) == ("ann", "de", "de")
    assert row.priority == priority.of_row(row, NO_HISTORY)
    assert [(one.language, one.term) for one in session.scalars(select(FindingTerm))] == [("en", "ivory")]
    assert session.query(ListingText).count() == 5
    assert search.listing_ids(session, search.read_terms("elfenbein"), 9) == [row.listing_id]
