from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom
from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.load import load_pack
from rules.model import Pack
from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores, make_source, make_user
from tests.webapp.services.conftest import AtOnce
from tests.webapp.services.scene import write_pack
from webapp.models import AuditEntry, FindingRow, FindingState, ListingRow, RecallAudit, RecallItem, Source, Verdict
from webapp.services import decisions, findings, recall
from webapp.services.adjudication import ESCALATE, Look
from webapp.services.decisions import Choice
from webapp.services.errors import NotFound, Refused
from webapp.services.recall import Counted, Unit, allocate, classify, draw, estimate_misses, limits

START = datetime(2026, 11, 1, tzinfo=UTC)
END = START + timedelta(days=7)
MARKS = {"elephant": 0.5, "tiger": 0.8}


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Flags an elephant from 0.5, and the word ivory."""
    return load_pack(write_pack(tmp_path / "pack"))


@pytest.fixture
def source(session: Session) -> Source:
    source = make_source(session)
    make_scan(session, source, pack_digest="p" * 64)
    return source


def listing(session: Session, source: Source, score: float | None = None, **fields: Any) -> ListingRow:
    """One that nothing flagged, with a picture of that score where one is given."""
    row = make_listing(session, source, first_seen_at=START, **fields)
    if score is not None:
        make_scores(session, make_photo(session, row), elephant=score)
    return row


# Strata


@pytest.mark.parametrize(
    ("hits", "pictures", "stratum"),
    [
        (True, {1: [{"elephant": 0.9, "tiger": 0.1}]}, "words"),
        (True, {}, "words"),
        (False, {}, "no_picture"),
        (False, {1: [{"elephant": 0.25, "tiger": 0.0}]}, "near"),
        (False, {1: [{"elephant": 0.24, "tiger": 0.16}]}, "middling"),
        (False, {1: [{"elephant": 0.09, "tiger": 0.15}]}, "low"),
        (False, {1: [{"elephant": 0.01}, {"tiger": 0.01}]}, "low"),
        (False, {1: [{"elephant": 0.01}]}, "unseen"),
        (False, {1: []}, "unseen"),
        (False, {1: [{"elephant": 0.01, "tiger": 0.0}], 2: []}, "unseen"),
    ],
)
def test_a_listing_stands_in_the_first_stratum_that_fits(
    hits: bool, pictures: dict[int, list[dict[str, float]]], stratum: str
) -> None:
    assert classify(1, hits, pictures, MARKS).stratum == stratum


def test_the_picture_is_the_one_with_the_highest_score_beside_the_threshold() -> None:
    pictures = {1: [{"elephant": 0.2}], 2: [{"elephant": 0.01}, {"tiger": 0.7}], 3: [{"elephant": 0.3}]}
    assert classify(1, False, pictures, MARKS).photo_id == 2


def test_a_listing_whose_picture_was_removed_is_not_drawn(session: Session, source: Source, pack: Pack) -> None:
    kept, gone = listing(session, source, 0.1), listing(session, source, 0.1)
    gone.appearances[0].photo.purged_at = END
    session.flush()
    audit = recall.start(session, pack, None, START, END, 10)
    drawn = session.scalars(select(RecallItem.listing_id).where(RecallItem.audit_id == audit.id)).all()
    assert drawn == [kept.id] and audit.strata[0]["population"] == 1


def test_the_plan_counts_what_was_not_flagged_in_the_period(session: Session, source: Source, pack: Pack) -> None:
    listing(session, source, 0.3)
    listing(session, source, 0.15)
    listing(session, source, 0.01)
    listing(session, source)
    listing(session, source, 0.01, description="old ivory")  # a word that did not flag (yet)
    make_finding(session, listing(session, source))
    make_finding(session, listing(session, source, 0.4), rule="recall_audit")
    make_finding(session, listing(session, source, 0.45), state=FindingState.WITHDRAWN)
    make_listing(session, source, first_seen_at=END)
    make_listing(session, source, first_seen_at=START - timedelta(seconds=1))
    planned = recall.plan(session, pack, START, END, 10)
    assert {one.name: one.population for one in planned.strata} == {
        "words": 1,
        "near": 2 + 1,  # make_finding scores 0.91 what it adds; nobody's rule flags what a person opened or withdrew
        "middling": 1,
        "low": 1,
        "no_picture": 1,
    }
    assert planned.size == planned.population == 7
    assert session.query(RecallAudit).count() == 0


@pytest.mark.parametrize(("size", "to_at"), [(9, END), (5001, END), (100, START)])
def test_a_plan_that_is_none_is_refused(session: Session, pack: Pack, size: int, to_at: datetime) -> None:
    with pytest.raises(Refused):
        recall.plan(session, pack, START, to_at, size)


COUNTS = st.fixed_dictionaries({name: st.integers(0, 10**6) for name in recall.STRATA})


@given(COUNTS, st.integers(recall.FEWEST, recall.MOST))
def test_looks_are_shared_out_whole(counts: dict[str, int], size: int) -> None:
    shares = allocate(counts, size)
    assert sum(shares.values()) == min(size, sum(counts.values()))
    least = max(1, size // 24)
    for name, count in counts.items():
        assert min(count, least) <= shares[name] <= count


def test_more_looks_go_where_misses_are_expected_to_vary() -> None:
    shares = allocate({"words": 0, "near": 1000, "middling": 0, "unseen": 0, "low": 1000, "no_picture": 0}, 100)
    assert shares["near"] > 3 * shares["low"] > 0


# The draw


def units_of(count: int, stratum: str = "low") -> list[Unit]:
    return [Unit(number, None, stratum) for number in range(1, count + 1)]


def test_a_draw_can_be_done_again_and_another_seed_draws_others() -> None:
    counts, first = draw(units_of(500), {"low": 20}, 7)
    _, again = draw(reversed(units_of(500)), {"low": 20}, 7)
    _, other = draw(units_of(500), {"low": 20}, 8)
    ids = [{unit.listing_id for unit in drawn["low"]} for drawn in (first, again, other)]
    assert counts["low"] == 500
    assert ids[0] == ids[1] != ids[2]
    assert len(ids[0]) == 20


def test_every_listing_is_as_likely_as_any_other() -> None:
    """20 of 100, drawn 2000 times: 400 each, with a standard deviation of 17.9; five of them are 90."""
    times = np.zeros(101)
    for seed in range(2000):
        for unit in draw(units_of(100), {"low": 20}, seed)[1]["low"]:
            times[unit.listing_id] += 1
    assert all(times[1:] > 310) and all(times[1:] < 490)


def test_a_million_listings_are_drawn_from_without_being_kept() -> None:
    import tracemalloc

    tracemalloc.start()
    counts, drawn = draw((Unit(number, None, "low") for number in range(100_000)), {"low": 50}, 1)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (counts["low"], len(drawn["low"])) == (100_000, 50)
    assert peak_bytes < 200_000


@pytest.fixture
def audit(session: Session, source: Source, pack: Pack) -> RecallAudit:
    """Of 30 listings with low scores, 12 are looked at."""
    for _ in range(30):
        listing(session, source, 0.01)
    return recall.start(session, pack, make_user(session, "lea"), START, END, 12)


def test_starting_an_audit_keeps_strata_seed_and_items(session: Session, audit: RecallAudit) -> None:
    assert audit.strata == [{"name": "low", "population": 30, "sampled": 12}]
    assert len({item.listing_id for item in audit.items}) == audit.size == 12
    lots = [recall.lot(audit.seed, item.listing_id) for item in audit.items]
    everybody = sorted(recall.lot(audit.seed, number) for number in session.scalars(select(ListingRow.id)))
    assert lots == everybody[:12]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "recall.start")).one()
    assert (entry.facts["seed"], entry.facts["strata"]) == (audit.seed, audit.strata)


def test_nothing_unflagged_is_nothing_to_look_at(session: Session, pack: Pack) -> None:
    with pytest.raises(Refused, match="Nothing was left"):
        recall.start(session, pack, None, START, END, 12)


# Answers


def test_what_is_suspected_opens_a_finding_that_no_rule_takes_back(session: Session, audit: RecallAudit) -> None:
    item = recall.answer(session, make_user(session), audit.items[0].id, Look("pangolin", "scales", 9.5))
    assert (item.answer, item.note, item.seconds) == ("pangolin", "scales", 9.5)
    row = session.get_one(FindingRow, item.finding_id)
    assert (row.rule, row.state, row.concept) == ("recall_audit", FindingState.OPEN, "pangolin")
    assert row.title == "Suspected pangolin found by a recall audit"
    assert (row.pack_digest, row.listing_id, row.photo_id) == ("p" * 64, item.listing_id, item.photo_id)
    assert findings.known_findings(session, [row.listing_id]) == {}


def test_nothing_suspected_opens_none_and_an_answer_is_given_once(session: Session, audit: RecallAudit) -> None:
    ann = make_user(session)
    item = recall.answer(session, ann, audit.items[0].id, Look("other"))
    assert item.finding_id is None and session.query(FindingRow).count() == 0
    with pytest.raises(Refused, match="settled meanwhile"):
        recall.answer(session, ann, item.id, Look("ivory"))
    with pytest.raises(NotFound):
        recall.answer(session, ann, 999, Look("ivory"))


def test_an_escalation_counts_once_somebody_has_decided_it(session: Session, audit: RecallAudit) -> None:
    item = recall.answer(session, make_user(session), audit.items[0].id, Look(ESCALATE, "what is it?"))
    row = session.get_one(FindingRow, item.finding_id)
    assert (row.state, row.concept) == (FindingState.ESCALATED, "other")
    assert recall.estimate(session, audit).answered == 0
    decisions.decide(session, make_user(session), row.id, Choice(Verdict.CONFIRM))
    found = recall.estimate(session, audit)
    assert (found.answered, found.misses) == (1, 1)


def test_a_miss_that_is_dismissed_is_none(session: Session, audit: RecallAudit) -> None:
    ann = make_user(session)
    item = recall.answer(session, ann, audit.items[0].id, Look("ivory"))
    assert recall.estimate(session, audit).misses == 1
    assert item.finding_id is not None
    decisions.decide(session, ann, item.finding_id, Choice(Verdict.DISMISS))
    found = recall.estimate(session, audit)
    assert (found.answered, found.misses) == (1, 0)


def test_an_audit_ends_with_its_last_answer_or_by_a_lead(session: Session, audit: RecallAudit) -> None:
    ann = make_user(session)
    for item in audit.items:
        assert audit.closed_at is None
        recall.answer(session, ann, item.id, Look("other"))
    assert audit.closed_at is not None
    assert recall.estimate(session, audit).missing == 0


def test_an_audit_that_a_lead_ends_takes_no_more_answers(session: Session, audit: RecallAudit) -> None:
    recall.close(session, make_user(session), audit.id)
    with pytest.raises(Refused):
        recall.answer(session, make_user(session), audit.items[0].id, Look("other"))
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "recall.close")).one()
    assert entry.facts == {"answered": 0, "size": 12}


# The estimate

SHARE, CLOSE = 0.025, 1e-9  # some probabilities are just that, and the two ways to count them round otherwise


@given(st.integers(1, 400), st.data())
def test_limits_are_those_of_the_hypergeometric_distribution(population: int, data: st.DataObject) -> None:
    looked = data.draw(st.integers(1, population))
    found = data.draw(st.integers(0, looked))
    low, high = limits(population, looked, found)
    assert found <= low <= high <= population - (looked - found)
    assert hypergeom.sf(found - 1, population, low, looked) > SHARE - CLOSE or low == found
    assert hypergeom.cdf(found, population, high, looked) > SHARE - CLOSE
    if low > found:
        assert hypergeom.sf(found - 1, population, low - 1, looked) <= SHARE + CLOSE
    if high < population - (looked - found):
        assert hypergeom.cdf(found, population, high + 1, looked) <= SHARE + CLOSE


def test_where_everything_was_looked_at_nothing_is_uncertain() -> None:
    found = estimate_misses((Counted("near", 40, 40, 40, 3), Counted("low", 20, 20, 20, 0)))
    assert (found.value, found.low, found.high) == (3, 3, 3)


def test_a_stratum_without_an_answer_leaves_all_of_itself_open() -> None:
    found = estimate_misses((Counted("near", 40, 40, 40, 3), Counted("low", 5000, 20, 0, 0)))
    assert (found.value, found.low, found.high) == (None, 3, 5003)
    assert (found.answered, found.missing) == (40, 20)


def test_half_an_audit_is_less_sure_than_a_whole_one() -> None:
    half = estimate_misses((Counted("near", 1000, 100, 50, 5),))
    whole = estimate_misses((Counted("near", 1000, 100, 100, 10),))
    assert half.value == whole.value == 100
    assert half.low < whole.low < whole.high < half.high


POPULATIONS = {
    "rare": {"words": (300, 6), "near": (900, 45), "middling": (4000, 40), "low": (60_000, 30)},
    "in one stratum alone": {"words": (300, 0), "near": (900, 120), "middling": (4000, 0), "low": (60_000, 0)},
    "where nobody expects them": {"words": (300, 0), "near": (900, 0), "middling": (4000, 0), "low": (60_000, 600)},
    "none": {"words": (300, 0), "near": (900, 0), "middling": (4000, 0), "low": (60_000, 0)},
    "small": {"words": (30, 9), "near": (60, 20), "no_picture": (25, 1)},
    "everywhere": {"words": (300, 100), "near": (900, 500), "middling": (4000, 900), "low": (60_000, 3000)},
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("size", [60, 400])
def test_the_interval_holds_the_truth_at_least_nine_times_in_ten(name: str, size: int) -> None:
    """300 audits of a made-up population each; 0.95 is meant, and 0.90 is four standard errors below."""
    population = {stratum: POPULATIONS[name].get(stratum, (0, 0)) for stratum in recall.STRATA}
    shares = allocate({stratum: count for stratum, (count, _) in population.items()}, size)
    truth = sum(missed for _, missed in population.values())
    chance = np.random.default_rng(5)
    held = sum(holds(population, shares, truth, chance) for _ in range(300))
    assert held / 300 >= 0.9


_limits: dict[tuple[int, int, int], tuple[int, int]] = {}


@pytest.fixture(autouse=True)
def _remember_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation asks for the same few limits over and over."""

    def remembered(population: int, looked: int, found: int) -> tuple[int, int]:
        key = (population, looked, found)
        if key not in _limits:
            _limits[key] = limits(*key)
        return _limits[key]

    monkeypatch.setattr(recall, "limits", remembered)


def holds(
    population: dict[str, tuple[int, int]], shares: dict[str, int], truth: int, chance: np.random.Generator
) -> bool:
    counted = []
    for name, (count, missed) in population.items():
        found = int(chance.hypergeometric(missed, count - missed, shares[name]))
        counted += [Counted(name, count, shares[name], shares[name], found)] if count else []
    whole = estimate_misses(tuple(counted))
    return whole.low <= truth <= whole.high


def test_items_point_at_listings_of_the_audit_alone(session: Session, audit: RecallAudit) -> None:
    assert {item.stratum for item in session.query(RecallItem)} == {"low"}
    assert recall.find(session, audit.id) is audit
    assert recall.audits(session) == [audit]
    assert recall.finds(session, audit) == []


def test_of_the_last_two_answers_at_once_one_ends_the_audit(
    session: Session, source: Source, pack: Pack, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        listing(session, source, 0.01)
    row = recall.start(session, pack, None, START, END, 10)
    users = [make_user(session) for _ in range(2)]
    ids = [item.id for item in row.items]
    session.commit()
    both, real = Barrier(2), recall.close_when_done

    def slow(own: Session, audit: RecallAudit) -> None:
        own.flush()
        with suppress(BrokenBarrierError):
            both.wait(timeout=1)
        real(own, audit)

    monkeypatch.setattr(recall, "close_when_done", slow)

    def answer(number: int) -> Callable[[Session], Any]:
        return lambda own: recall.answer(own, own.merge(users[number], load=False), ids[number], Look("other"))

    at_once([answer(0), answer(1)])
    session.expire_all()
    assert row.closed_at is not None
