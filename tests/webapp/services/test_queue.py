from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_scan, make_source, make_user
from webapp.db import now
from webapp.models import FindingRow, FindingState, ListingRow, ReviewClaim, ReviewSkip
from webapp.services import narrowing, queue, search
from webapp.services.narrowing import Count, narrow
from webapp.services.queue import QueueFilters, QueuePage, queue_page


def findable(session: Session, **fields: object) -> ListingRow:
    listing = make_listing(session, **fields)
    search.keep(session, listing)
    return listing


def walk(session: Session, filters: QueueFilters, limit: int = 2) -> list[QueuePage]:
    pages = [queue_page(session, filters, limit=limit)]
    while pages[-1].next_cursor:
        pages.append(queue_page(session, filters, pages[-1].next_cursor, limit))
    return pages


def test_the_queue_walks_every_open_finding_once_highest_priority_first(session: Session) -> None:
    for priority in (2.1, 4.9, 2.1, 3.3, 2.1, 4.9, 1.2):
        make_finding(session, priority=priority)
    make_finding(session, state=FindingState.DISMISSED, priority=5)
    rows = [row for page in walk(session, QueueFilters()) for row in page.rows]
    assert [row.priority for row in rows] == [4.9, 4.9, 3.3, 2.1, 2.1, 2.1, 1.2]
    assert len({row.id for row in rows}) == 7


def test_the_way_back_leads_over_the_same_pages(session: Session) -> None:
    for priority in (2.1, 4.9, 2.1, 3.3, 2.1, 4.9, 1.2):
        make_finding(session, priority=priority)
    pages = walk(session, QueueFilters())
    assert (pages[0].previous_cursor, pages[-1].next_cursor) == (None, None)
    back = [pages[-1]]
    while back[-1].previous_cursor:
        back.append(queue_page(session, QueueFilters(), before=back[-1].previous_cursor, limit=2))
    assert [page.rows for page in back[::-1]] == [page.rows for page in pages]


def test_a_way_back_that_ends_in_the_middle_of_a_page_begins_at_the_front(session: Session) -> None:
    rows = [make_finding(session, priority=priority) for priority in (5, 4, 3, 2)]
    cursor = queue.write_cursor(queue.place_of(rows[1]))
    assert queue_page(session, QueueFilters(), before=cursor, limit=3).rows == rows[:3]


def test_a_page_whose_findings_were_decided_meanwhile_has_a_way_back(session: Session) -> None:
    rows = [make_finding(session, priority=priority) for priority in (5, 4, 3)]
    cursor = queue_page(session, QueueFilters(), limit=2).next_cursor
    rows[2].state = FindingState.CONFIRMED
    session.flush()
    page = queue_page(session, QueueFilters(), cursor, limit=2)
    assert page.rows == []
    assert queue_page(session, QueueFilters(), before=page.previous_cursor, limit=2).rows == rows[:2]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "bnVsbA", "W10", "WzEsICJ4Il0", "é", "W05hTiwxXQ", "WzEsOTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"]
)
def test_a_cursor_that_cannot_be_read_begins_at_the_front(session: Session, cursor: str) -> None:
    finding = make_finding(session)
    assert queue_page(session, QueueFilters(), cursor).rows == [finding]
    assert queue_page(session, QueueFilters(), before=cursor).rows == [finding]


AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONE = {"concept": "tiger", "severity": "high", "rule": "tiger_seen", "language": "de", "score": 0.8, "found_at": AT}
OTHERS = [
    ({"concept": "elephant"}, {"concept": "tiger"}),
    ({"severity": "low"}, {"severity": "high"}),
    ({"rule": "tiger_words"}, {"rule": "tiger_seen"}),
    ({"language": None}, {"language": "de"}),
    ({"language": "en"}, {"language": "de"}),
    ({"seller": "bob"}, {"seller": "ann"}),
    ({"score": 0.79}, {"score_from": 0.8}),
    ({"score": None}, {"score_from": 0.0}),
    ({"score": 0.81}, {"score_to": 0.8}),
    ({"found_at": AT - timedelta(days=1)}, {"found_from": date(2026, 11, 20)}),
    ({"found_at": AT + timedelta(days=1)}, {"found_to": date(2026, 11, 20)}),
    ({"state": FindingState.DISMISSED}, {}),
]


@pytest.mark.parametrize(("other", "filters"), OTHERS)
def test_each_filter_tells_two_findings_apart(session: Session, other: dict, filters: dict) -> None:
    wanted = make_finding(session, **{"seller": "ann", **ONE})
    make_finding(session, **{"seller": "ann", **ONE, **other})
    page = queue_page(session, QueueFilters(**filters))
    assert (page.rows, page.total, page.capped) == ([wanted], 1, False)


def test_filters_narrow_together_and_to_one_source(session: Session) -> None:
    source = make_source(session)
    wanted = make_finding(session, findable(session, source=source, title="Skin of a tiger"), **ONE)
    make_finding(session, findable(session, title="Skin of a tiger"), **ONE)
    make_finding(session, findable(session, source=source, title="Tooth of a tiger"), **ONE)
    make_finding(session, findable(session, source=source, title="Skin of a tiger"), **{**ONE, "severity": "low"})
    filters = QueueFilters("open", "tiger", "high", source.id, text="skin", found_from=date(2026, 11, 1))
    assert queue_page(session, filters).rows == [wanted]


def test_the_last_day_there_is_can_be_named(session: Session) -> None:
    finding = make_finding(session)
    filters = QueueFilters(found_from=date.min, found_to=date.max)
    assert queue_page(session, filters).rows == [finding]


@pytest.mark.parametrize("few", [0, 100])
def test_rare_and_common_words_find_the_same(session: Session, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(narrowing, "FEW", few)
    listings = [findable(session, title=title) for title in ("Ivory box", "Ivory vase", "Bronze vase")]
    box, vase, _ = (make_finding(session, listing, priority=9 - n) for n, listing in enumerate(listings))
    make_finding(session, listings[0], concept="tiger", state=FindingState.CONFIRMED)
    page = queue_page(session, QueueFilters(text="ivory", found_from=date(2020, 1, 1)))
    assert page.rows == [box, vase]
    assert queue.next_open(session, make_user(session), box, QueueFilters(text="ivory")) == vase
    if few:
        assert page.counts[FindingState.OPEN] == Count(2)
        assert page.counts[FindingState.CONFIRMED] == Count(1)
    else:
        assert page.capped
        assert page.total <= 2


def test_counts_stop_at_the_cap(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "COUNT_CAP", 2)
    for state in [FindingState.OPEN] * 3 + [FindingState.CONFIRMED] * 2:
        make_finding(session, state=state)
    page = queue_page(session, QueueFilters())
    assert (page.total, page.capped) == (2, True)
    assert page.counts[FindingState.CONFIRMED] == Count(2)
    assert page.counts[FindingState.DISMISSED] == Count(0)


def test_counts_of_what_has_no_index_stop_after_so_many_rows(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for score in (0.9, 0.8, 0.4, 0.3):
        make_finding(session, score=score)
    filters = QueueFilters(score_from=0.5)
    assert queue_page(session, filters).counts[FindingState.OPEN] == Count(2)
    monkeypatch.setattr(narrowing, "WALKED", 3)
    assert not queue_page(session, filters).counts[FindingState.OPEN].is_exact


def test_counts_of_days_are_looked_up_once_and_stop_too(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for state in (FindingState.OPEN, FindingState.OPEN, FindingState.CONFIRMED):
        make_finding(session, state=state)
    filters = QueueFilters(found_from=date(2020, 1, 1))
    assert queue_page(session, filters).counts[FindingState.OPEN] == Count(2)
    assert queue_page(session, filters).counts[FindingState.CONFIRMED] == Count(1)
    monkeypatch.setattr(narrowing, "WALKED_OF_FEW", 2)
    page = queue_page(session, filters)
    assert page.capped
    assert page.total <= 2
    monkeypatch.setattr(narrowing, "FEW_OF_DAYS", 1)
    page = queue_page(session, filters)
    assert (len(page.rows), page.counts[FindingState.OPEN]) == (2, Count(2))


WALKED_BY = [
    (QueueFilters(), "ix_findings_queue "),
    (QueueFilters(concept="tiger"), "ix_findings_queue_concept"),
    (QueueFilters(rule="tiger_seen"), "ix_findings_queue_rule"),
    (QueueFilters(source_id=1), "ix_findings_queue_source_id"),
    (QueueFilters(seller="ann"), "ix_findings_queue_seller"),
    (QueueFilters(language="de"), "ix_findings_queue_language"),
    (QueueFilters(severity="high"), "ix_findings_queue_severity"),
    (QueueFilters(seller="ann", severity="high", score_from=0.5), "ix_findings_queue_seller"),
    (QueueFilters(concept="tiger", source_id=1, language="de"), "ix_findings_queue_source_id"),
    (QueueFilters(rule="r1", found_to=date(2036, 1, 1)), "ix_findings_queue_rule"),
]
CURSOR = (2.5, 40)


@pytest.mark.parametrize(("filters", "index"), WALKED_BY)
def test_a_filter_walks_its_index_and_sorts_nothing(session: Session, filters: QueueFilters, index: str) -> None:
    fill_many(session)
    base = narrow(session, filters)
    ways = [
        queue.in_order(base.query),
        queue.behind(queue.in_order(base.query), CURSOR),
        base.query.where(CURSOR < queue.ORDER).order_by(FindingRow.priority, FindingRow.id),
    ]
    for way in ways:
        plan = explain(session, way.limit(21))
        assert (index if session.get_bind().dialect.name == "sqlite" else "ix_findings_queue") in plan
        assert "sort" not in plan.lower()
        assert "b-tree for order" not in plan.lower()


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (QueueFilters(text="ivory", concept="c1"), "ix_findings_listing_id"),
        (QueueFilters(text="ivory", found_from=date(2026, 1, 1), seller="s1"), "ix_findings_listing_id"),
        (QueueFilters(found_from=date(2036, 1, 1), concept="c1"), "ix_findings_found_at"),
    ],
)
def test_what_is_rare_is_looked_up_first(session: Session, filters: QueueFilters, index: str) -> None:
    findable(session, title="Ivory vase")
    fill_many(session)
    plan = explain(session, queue.in_order(narrow(session, filters).query).limit(21))
    assert session.get_bind().dialect.name != "sqlite" or index in plan


def fill_many(session: Session) -> None:
    """Enough rows for PostgreSQL to think an index worth while."""
    row = make_finding(session)
    columns = [column.name for column in FindingRow.__table__.columns if column.name not in ("id", "appearance_key")]
    copied = {"priority": "number / 100.0", "concept": "'c' || number % 10", "rule": "'r' || number % 20"}
    copied |= {"seller": "'s' || number % 50", "language": "'l' || number % 8"}
    values = ", ".join(copied.get(name, f"findings.{name}") for name in columns)
    numbers = "RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < 3000)"
    into, of_row = f"findings (appearance_key, {', '.join(columns)})", f"n, findings WHERE findings.id = {row.id}"
    session.execute(text(f"WITH {numbers} INSERT INTO {into} SELECT 'k' || number, {values} FROM {of_row}"))  # noqa: S608
    session.execute(text("ANALYZE"))


def explain(session: Session, query) -> str:  # type: ignore[no-untyped-def]
    word = "EXPLAIN QUERY PLAN" if session.get_bind().dialect.name == "sqlite" else "EXPLAIN"
    plain = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    return "\n".join(str(row) for row in session.execute(text(f"{word} {plain}")))


def test_the_next_is_the_one_behind_and_then_the_first(session: Session) -> None:
    user = make_user(session)
    high, middle, low = (make_finding(session, priority=priority) for priority in (4.0, 3.0, 2.0))
    assert queue.next_open(session, user, None, QueueFilters()) is high
    assert queue.next_open(session, user, high, QueueFilters()) is middle
    assert queue.next_open(session, user, high, QueueFilters(), passed=[middle.id]) is low
    assert queue.next_open(session, user, low, QueueFilters()) is high
    for finding in (high, middle):
        finding.state = FindingState.CONFIRMED
    session.flush()
    assert queue.next_open(session, user, low, QueueFilters()) is None


Arrange = Callable[[Session, FindingRow, int, int], object]


def claim(session: Session, finding: FindingRow, user_id: int, minutes: int) -> None:
    until = now() + timedelta(minutes=minutes)
    session.add(ReviewClaim(listing_id=finding.listing_id, user_id=user_id, until=until))


def skip(session: Session, finding: FindingRow, user_id: int, minutes: int) -> None:
    until = now() + timedelta(minutes=minutes)
    session.add(ReviewSkip(finding_id=finding.id, user_id=user_id, until=until))


@pytest.mark.parametrize(
    ("hold", "is_mine", "minutes", "is_free"),
    [
        (claim, False, 5, False),
        (claim, False, -5, True),
        (claim, True, 5, True),
        (skip, True, 5, False),
        (skip, True, -5, True),
        (skip, False, 5, True),
    ],
)
def test_only_what_is_free_is_handed_out(
    session: Session, hold: Arrange, is_mine: bool, minutes: int, is_free: bool
) -> None:
    me, other = make_user(session), make_user(session)
    first, second = make_finding(session, priority=3), make_finding(session, priority=2)
    hold(session, first, (me if is_mine else other).id, minutes)
    session.flush()
    assert queue.next_open(session, me, None, QueueFilters()) is (first if is_free else second)
    assert queue_page(session, QueueFilters()).rows == [first, second]


def test_the_rules_that_findings_have_are_named_once(session: Session) -> None:
    assert queue.rules_of(session) == []
    for rule in ("tiger_seen", "ivory_seen", "tiger_seen"):
        make_finding(session, rule=rule)
    assert queue.rules_of(session) == ["ivory_seen", "tiger_seen"]


def test_a_batch_takes_the_first_under_the_filters(session: Session) -> None:
    rows = [make_finding(session, priority=priority) for priority in (5, 4, 3)]
    assert queue.first_ids(session, QueueFilters(), 2) == [rows[0].id, rows[1].id]
    assert queue.some_findings(session, [rows[2].id, rows[0].id, 999]) == [rows[0], rows[2]]


def test_counts_name_every_state(session: Session) -> None:
    make_finding(session, scan=make_scan(session), state=FindingState.ESCALATED)
    assert queue.counts(session) == dict.fromkeys(FindingState, 0) | {FindingState.ESCALATED: 1}
