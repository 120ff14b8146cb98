from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_scan, make_source, make_user
from webapp.language import speaking
from webapp.models import (
    FindingState,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckState,
    Role,
    Verdict,
)
from webapp.services import adjudication, decisions, quality, rechecks, reports
from webapp.services.adjudication import Look
from webapp.services.decisions import Choice
from webapp.services.freezing import Wanted
from webapp.services.quality import Figure
from webapp.settings import Settings

START = datetime(2026, 11, 1, tzinfo=UTC)
END = START + timedelta(days=7)
INSIDE = START + timedelta(days=1)


def figures(session: Session) -> quality.Figures:
    return quality.figures(session, START, END)


def make_decided(session: Session, state: FindingState, **fields: object) -> None:
    listing = make_listing(session, seller=str(fields.pop("seller", "")) or None, first_seen_at=INSIDE)
    make_finding(session, listing, state=state, found_at=INSIDE, **fields)


def test_without_anything_every_figure_says_why_there_is_none(session: Session) -> None:
    for one in figures(session).all():
        assert (one.n, one.value, one.low, one.high) == (0, None, None, None)
        assert one.reason.endswith(".")


def test_precision_is_the_confirmed_share_of_what_rules_flagged_and_people_decided(session: Session) -> None:
    for state in [FindingState.CONFIRMED] * 3 + [FindingState.DISMISSED] + [FindingState.OPEN] * 5:
        make_decided(session, state)
    make_decided(session, FindingState.CONFIRMED, rule="recall_audit")
    make_finding(session, state=FindingState.CONFIRMED, found_at=END)
    found = figures(session).precision
    assert (found.n, found.value) == (4, 0.75)
    assert found.low is not None and found.high is not None and found.low < 0.75 < found.high


def test_what_one_seller_offers_is_alike_and_counts_for_less(session: Session) -> None:
    source = make_source(session)
    for number in range(40):
        listing = make_listing(session, source, seller=f"seller {number % 4}")
        state = FindingState.CONFIRMED if number % 4 else FindingState.DISMISSED
        make_finding(session, listing, state=state, found_at=INSIDE)
    together = figures(session).precision
    assert together.low is not None and together.low < 0.5, "four sellers, not forty findings"


@pytest.fixture
def audit(session: Session) -> RecallAudit:
    """100 listings that nothing flagged, of which 50 are looked at; 40 answers are there."""
    strata = [{"name": "low", "population": 100, "sampled": 50}]
    row = RecallAudit(from_at=START, to_at=END, strata=strata, size=50, seed=1)
    session.add(row)
    source = make_source(session)
    make_scan(session, source)
    for number in range(50):
        answer = None if number >= 40 else "ivory" if number < 4 else "other"
        row.items.append(RecallItem(listing=make_listing(session, source), stratum="low", answer=answer))
    session.flush()
    return row


def test_misses_and_recall_come_from_the_audit_with_an_interval(session: Session, audit: RecallAudit) -> None:
    for _ in range(30):
        make_decided(session, FindingState.CONFIRMED)
    found = figures(session)
    assert (found.misses.n, found.misses.value) == (40, 10)
    assert found.misses.low is not None and found.misses.high is not None
    assert found.misses.low < 10 < found.misses.high
    assert found.recall.value == pytest.approx(30 / 40)
    assert found.recall.low == pytest.approx(30 / (30 + found.misses.high))
    assert found.recall.high == pytest.approx(30 / (30 + found.misses.low))
    assert "40 of 50 answered" in found.recall.basis and f"audit {audit.id}" in found.recall.basis


def test_without_an_answer_there_is_no_estimate(session: Session, audit: RecallAudit) -> None:
    for item in audit.items:
        item.answer = None
    session.flush()
    found = figures(session)
    assert found.misses.value is found.misses.low is None
    assert "Nothing of the recall audit is answered" in found.misses.reason


def test_a_stratum_without_an_answer_has_an_interval_and_no_value(session: Session, audit: RecallAudit) -> None:
    audit.strata = [*audit.strata, {"name": "near", "population": 30, "sampled": 5}]
    make_decided(session, FindingState.CONFIRMED)
    found = figures(session)
    assert found.misses.value is None and found.misses.high is not None and found.misses.high > 30
    assert quality.words_of(found.misses).startswith("between ")


def test_an_audit_of_another_time_says_nothing_of_this_one(session: Session, audit: RecallAudit) -> None:
    assert audit.id
    later = quality.figures(session, END, END + timedelta(days=7))
    assert later.recall.reason == "No recall audit covers this period."


def test_a_recall_of_nothing_is_none(session: Session, audit: RecallAudit) -> None:
    assert audit.id
    assert "nothing to recall" in figures(session).recall.reason


@pytest.fixture
def looked_at(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 decisions with a second look each; of the 12 that confirmed, a lead overturned 3."""
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)
    ann, bob, lea = make_user(session), make_user(session), make_user(session, role=Role.LEAD)
    for number in range(24):
        first = Verdict.CONFIRM if number < 12 else Verdict.DISMISS
        finding = make_finding(session)
        made = decisions.decide(session, ann, finding.id, Choice(first)).decisions[0]
        row = session.query(Recheck).filter_by(first_id=made.id).one()
        adjudication.answer(
            session, bob, row.id, Look("elephant" if first is Verdict.CONFIRM and number > 2 else "other")
        )
        if row.state is RecheckState.DISPUTED:
            adjudication.settle(session, lea, row.id, Verdict.DISMISS, "")


@pytest.mark.usefixtures("looked_at")
def test_second_looks_give_agreement_and_overturns_and_put_precision_right(session: Session) -> None:
    now = datetime.now(UTC)
    found = quality.figures(session, now - timedelta(hours=1), now + timedelta(hours=1))
    assert (found.agreed.n, found.agreed.value) == (24, pytest.approx(21 / 24))
    assert found.kappa.value == pytest.approx(0.75)
    assert (found.overturns.n, found.overturns.value) == (24, pytest.approx(3 / 24))
    assert found.precision.value == pytest.approx(9 / 24)
    checked = found.checked_precision
    assert checked.value == pytest.approx(9 / 24)
    assert checked.low is not None and checked.high is not None and checked.low < 9 / 24 < checked.high


@pytest.mark.usefixtures("looked_at")
def test_decisions_that_nobody_looked_at_again_are_put_right_by_those_that_were(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of what was confirmed fell; so 84 confirmed ones more are worth 63."""
    monkeypatch.setattr(rechecks, "draw", lambda: 1.0)
    cyd = make_user(session)
    for _ in range(84):
        decisions.decide(session, cyd, make_finding(session).id, Choice(Verdict.CONFIRM))
    now = datetime.now(UTC)
    found = quality.figures(session, now - timedelta(hours=1), now + timedelta(hours=1))
    assert found.precision.value == pytest.approx((9 + 84) / 108)
    assert found.checked_precision.value == pytest.approx((9 + 63) / 108)


def test_appeals_count_by_when_they_were_decided(session: Session) -> None:
    ann, lea = make_user(session), make_user(session, role=Role.LEAD)
    for verdict in (Verdict.CONFIRM, Verdict.DISMISS):
        finding = make_finding(session)
        decisions.decide(session, ann, finding.id, Choice(Verdict.CONFIRM))
        row = adjudication.appeal(session, ann, finding.id, "why")
        adjudication.settle(session, lea, row.id, verdict, "")
    now = datetime.now(UTC)
    found = quality.figures(session, now - timedelta(hours=1), now + timedelta(hours=1))
    assert (found.appeals.n, found.appeals.value) == (2, 0.5)
    assert found.overturns.n == 0, "an appeal is no second look"


def test_figures_read_as_sentences() -> None:
    with speaking("en"):
        shown = [
            quality.words_of(Figure("recall", 10, 0.75, 0.5, 0.9)),
            quality.words_of(Figure("misses", 10, 1234.4, 100, 5000)),
            quality.words_of(Figure("kappa", 30, 0.714, 0.5, 0.9)),
            quality.words_of(Figure("recall", 10, None, 0.5, 0.9, reason="Some strata have no answer yet.")),
            quality.words_of(Figure("recall", 0, reason="No recall audit covers this period.")),
        ]
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown] == [
        "75.0 % (50.0 % to 90.0 %)",
        "1,234 (100 to 5,000)",
        "0.71 (0.50 to 0.90)",
        "between 50.0 % and 90.0 %; Some strata have no answer yet.",
        "No recall audit covers this period.",
    ]


def test_every_report_carries_the_figures(session: Session, settings: Settings, audit: RecallAudit) -> None:
    assert audit.id
    make_decided(session, FindingState.CONFIRMED)
    content = reports.read(settings, reports.build(session, settings, Wanted(START, END), None)).head
    by_name = {one["name"]: one for one in content["quality"]}
    assert list(by_name) == [one.name for one in figures(session).all()]
    assert (by_name["misses"]["value"], by_name["misses"]["n"]) == (10, 40)
    assert by_name["misses"]["low"] < 10 < by_name["misses"]["high"]
    assert by_name["kappa"] == {
        "name": "kappa", "n": 0, "value": None, "low": None, "high": None,
        "reason": by_name["kappa"]["reason"], "basis": "second looks",
    }  # fmt: skip
