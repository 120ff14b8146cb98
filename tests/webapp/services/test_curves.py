"""Precision and recall over the threshold: on decided pictures, and with what recall audits drew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from rules.evidence import Evidence
from rules.load import find_pack, load_pack
from rules.model import Pack
from tests.factories import add, make_finding, make_listing, make_photo, make_scores, make_source, make_user
from tests.webapp.services.scene import write_pack
from webapp.models import FindingRow, FindingState, RecallAudit, RecallItem
from webapp.services import curves, rules
from webapp.services.adjudication import ESCALATE
from webapp.services.curves import Curve, CurvePoint

RULE = "elephant_seen"
CONFIRMED, DISMISSED = FindingState.CONFIRMED, FindingState.DISMISSED
DAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return load_pack(write_pack(tmp_path / "pack"))


def decide(session: Session, state: FindingState, elephant: float, **fields: object) -> FindingRow:
    listing = make_listing(session, make_source(session), first_seen_at=DAY)
    photo = make_photo(session, listing, pixel_hash=fields.pop("pixel_hash", None))
    make_scores(session, photo, elephant=elephant)
    return make_finding(session, listing, photo, state=state, score=elephant, rule=RULE, **fields)


def trace(session: Session, pack: Pack, *extra: float) -> Curve:
    session.commit()
    session.expire_all()
    return curves.curves(session, pack, rules.find_rule(pack, RULE), extra)[RULE]


def at(curve: Curve, threshold: float) -> CurvePoint:
    point = curve.at(threshold)
    assert point is not None
    return point


def test_precision_and_recall_are_counted_at_each_threshold(session: Session, pack: Pack) -> None:
    for state, elephant in [
        (CONFIRMED, 0.95),
        (CONFIRMED, 0.7),
        (DISMISSED, 0.75),
        (DISMISSED, 0.55),
        (CONFIRMED, 0.6),
    ]:
        decide(session, state, elephant)
    curve = trace(session, pack)
    assert (curve.items, curve.confirmed, curve.sellers) == (5, 3, 5)
    half, high = at(curve, 0.5), at(curve, 0.7)
    assert half.precision and half.precision.value == 0.6 and half.recall and half.recall.value == 1.0
    assert high.precision and high.precision.value == pytest.approx(2 / 3)
    assert high.recall and high.recall.value == pytest.approx(2 / 3)
    assert high.recall.low < 0.3 and half.recall.low < 1, "three pictures prove little"


def test_the_value_in_force_and_a_proposed_one_are_measured_besides_the_grid(session: Session, pack: Pack) -> None:
    decide(session, CONFIRMED, 0.62)
    curve = trace(session, pack, 0.617)
    assert at(curve, 0.617).flagged == 1 and at(curve, 0.5).flagged == 1
    assert [point.threshold for point in curve.points] == sorted(point.threshold for point in curve.points)


def test_a_threshold_that_nothing_reaches_has_no_precision(session: Session, pack: Pack) -> None:
    decide(session, CONFIRMED, 0.62)
    assert at(trace(session, pack), 0.95).precision is None


def test_a_picture_counts_once_and_not_where_people_disagree_or_wait(session: Session, pack: Pack) -> None:
    for state in (CONFIRMED, CONFIRMED):
        decide(session, state, 0.9, pixel_hash="a" * 64)
    for state in (CONFIRMED, DISMISSED):
        decide(session, state, 0.8, pixel_hash="b" * 64)
    for state in (CONFIRMED, FindingState.ESCALATED):
        decide(session, state, 0.8, pixel_hash="c" * 64)
    decide(session, FindingState.OPEN, 0.7)
    decide(session, FindingState.WITHDRAWN, 0.7)
    curve = trace(session, pack)
    assert (curve.items, curve.confirmed) == (1, 1)


def test_without_a_decision_there_is_nothing_to_draw(session: Session, pack: Pack) -> None:
    curve = trace(session, pack)
    assert curve.items == 0 and curve.audited is None
    assert all(point.precision is None and point.recall is None for point in curve.points)


def test_of_more_than_can_be_read_the_newest_count_and_that_is_said(
    session: Session, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "NEWEST", 2)
    for elephant in (0.6, 0.7, 0.8):
        decide(session, CONFIRMED, elephant)
    curve = trace(session, pack)
    assert curve.capped and curve.items == 2 and at(curve, 0.7).flagged == 2


# With recall audits


def draw(
    session: Session, population: int, answers: list[tuple[str | None, float]], stratum: str = "low"
) -> RecallAudit:
    """An audit of one stratum, with answers on pictures of these scores."""
    strata = [{"name": stratum, "population": population, "sampled": len(answers)}]
    audit = add(
        session,
        RecallAudit(
            from_at=DAY - timedelta(days=1), to_at=DAY + timedelta(days=1), strata=strata, size=len(answers), seed=1
        ),
    )
    for answer, elephant in answers:
        listing = make_listing(session, make_source(session), first_seen_at=DAY)
        photo = make_photo(session, listing)
        make_scores(session, photo, elephant=elephant)
        add(session, RecallItem(audit=audit, listing=listing, photo=photo, stratum=stratum, answer=answer))
    return audit


def test_each_answer_stands_for_many_and_lowers_recall(session: Session, pack: Pack) -> None:
    for elephant in (0.9, 0.8, 0.7, 0.6):
        decide(session, CONFIRMED, elephant)
    draw(session, 400, [("elephant", 0.3), *[("other", 0.1)] * 99])
    curve = trace(session, pack)
    assert curve.audited is not None
    assert (curve.audited.answers, curve.audited.missed, curve.audited.population) == (100, 1, 400)
    in_force, lower = at(curve, 0.5), at(curve, 0.25)
    assert in_force.recall and in_force.recall.value == pytest.approx(4 / 8), "four found, and one in a hundred of 400"
    assert lower.recall and lower.recall.value == 1.0
    assert lower.precision and lower.precision.value == 1.0
    lowest = at(curve, 0.1)
    assert lowest.precision and lowest.precision.value == pytest.approx(8 / 404)


def test_an_audit_without_a_miss_still_says_how_many_there_may_be(session: Session, pack: Pack) -> None:
    for elephant in (0.9, 0.8, 0.7, 0.6):
        decide(session, CONFIRMED, elephant)
    draw(session, 10_000, [("other", 0.1)] * 50)
    point = at(trace(session, pack), 0.5)
    assert point.recall and point.recall.value == 1.0
    assert point.recall.low < 0.05, "up to seven in a hundred of ten thousand may have been missed"


def test_what_waits_or_was_escalated_is_no_answer_and_a_dismissed_finding_is_no_miss(
    session: Session, pack: Pack
) -> None:
    decide(session, CONFIRMED, 0.9)
    audit = draw(session, 100, [("elephant", 0.3), ("elephant", 0.3), (ESCALATE, 0.3), (ESCALATE, 0.3), (None, 0.3)])
    first, _, third, *_ = audit.items
    for item, state in ((first, DISMISSED), (third, CONFIRMED)):
        finding = make_finding(session, item.listing, item.photo, state=state, rule="recall_audit", score=None)
        item.finding_id = finding.id
    curve = trace(session, pack)
    assert curve.audited is not None
    assert (curve.audited.answers, curve.audited.missed) == (3, 2)
    assert curve.confirmed == 3, "the one found, and two that were missed, each once"


def test_findings_of_another_time_than_the_audits_are_left_out(session: Session, pack: Pack) -> None:
    decide(session, CONFIRMED, 0.9)
    older = decide(session, CONFIRMED, 0.8)
    older.listing.first_seen_at = DAY - timedelta(days=90)
    draw(session, 10, [("other", 0.1)])
    assert trace(session, pack).confirmed == 1


def test_each_listing_counts_once_beside_audits(session: Session, pack: Pack) -> None:
    row = decide(session, CONFIRMED, 0.9)
    photo = make_photo(session, row.listing)
    make_scores(session, photo, elephant=0.7)
    make_finding(session, row.listing, photo, state=DISMISSED, rule=RULE)
    draw(session, 10, [("other", 0.1)])
    curve = trace(session, pack)
    assert (curve.items, curve.confirmed) == (2, 1)


def test_audits_of_the_same_time_share_their_listings(session: Session) -> None:
    audits = [draw(session, 100, [("other", 0.1)] * 2), draw(session, 100, [("other", 0.1)] * 4)]
    session.commit()
    weights = curves.weigh(audits, curves.read_drawn(session, "elephant"))
    assert weights == {(audits[0].id, "low"): 25.0, (audits[1].id, "low"): 12.5}


# How far a threshold could rise

WILDLIFE = load_pack(find_pack("wildlife"))


@pytest.mark.parametrize(
    ("scores", "text", "reached"),
    [
        ({"ivory": 0.4, "elephant": 0.1}, "Ox bone carving", 0.4),
        ({"ivory": 0.4, "elephant": 0.9}, "Ox bone carving", inf),
        ({"ivory": 0.4}, "A carving", -inf),
        ({"elephant": 0.1}, "Ox bone carving", -inf),
    ],
)
def test_a_threshold_reaches_as_far_as_all_else_that_is_asked_for(
    scores: dict[str, float], text: str, reached: float
) -> None:
    rule = rules.find_rule(WILDLIFE, "ivory_coded_with_picture")
    assert curves.reach(rule.when, Evidence(scores, text), "ivory_hinted") == reached


def test_a_disagreement_reaches_as_far_as_the_models_are_apart() -> None:
    rule = rules.find_rule(WILDLIFE, "ivory_disagreed")
    evidence = Evidence({"ivory": 0.3}, said={"ivory": {"a": 0.02, "b": 0.77}})
    assert curves.reach(rule.when, evidence, "ivory_apart") == pytest.approx(0.75)
    assert curves.reach(rule.when, replace(evidence, said={}), "ivory_apart") == -inf


def test_a_rule_of_words_has_no_curve(session: Session) -> None:
    make_user(session)
    assert curves.curves(session, WILDLIFE, rules.find_rule(WILDLIFE, "ivory_words")) == {}
