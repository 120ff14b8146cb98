"""What a preview says is what applying then does, and it looks at no more listings than it has to."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.cascade import Band, Calibration
from rules.conditions import AllOf, AnyOf, Disagree, Score
from rules.load import find_pack, load_pack
from rules.model import Pack, Rule
from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores, make_source, make_user
from tests.webapp.services.proposals import put_into_force
from tests.webapp.services.scene import write_pack
from webapp.models import Decision, FindingRow, FindingState, ListingRow, ScoreRow, Source, Verdict
from webapp.services import rules, team, workbench
from webapp.services.errors import Refused

RULE = "elephant_seen"


@pytest.fixture
def pack_name(tmp_path: Path) -> str:
    return str(write_pack(tmp_path / "pack"))


@pytest.fixture
def source(session: Session) -> Source:
    source = make_source(session, "Bazaar")
    make_scan(session, source)
    return source


@pytest.fixture
def stored(session: Session, pack_name: str, source: Source) -> list[ListingRow]:
    """Listings with elephants of 0.9, 0.6 and 0.4; the pack was applied."""
    rows = [add_listing(session, source, elephant=score) for score in (0.9, 0.6, 0.4)]
    session.commit()
    rules.apply_pack(session, rules.current_pack(session, pack_name))
    return rows


def add_listing(session: Session, source: Source, text: str = "Carved figure", **by_concept: float) -> ListingRow:
    listing = make_listing(session, source, title=text)
    make_scores(session, make_photo(session, listing), **by_concept)
    return listing


def preview(session: Session, pack_name: str, value: float) -> workbench.Preview:
    pack = rules.current_pack(session, pack_name)
    return workbench.preview(session, pack, rules.find_rule(pack, RULE), {RULE: value})


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("value", "flags", "unflags"), [(0.7, 0, 1), (0.3, 1, 0), (0.4, 1, 0), (0.6, 0, 0), (0.95, 0, 2)]
)
def test_a_preview_says_what_applying_then_does(
    session: Session, pack_name: str, value: float, flags: int, unflags: int
) -> None:
    seen = preview(session, pack_name, value)
    assert (seen.flags.total, seen.unflags.total) == (flags, unflags)
    assert seen.flags.by_source["Bazaar"] + seen.unflags.by_source["Bazaar"] == flags + unflags
    put_into_force(session, pack_name, value)
    session.commit()
    applied = rules.apply_pack(session, rules.current_pack(session, pack_name))
    assert (applied.opened, applied.withdrawn) == (flags, unflags)


@pytest.mark.usefixtures("stored")
def test_only_listings_that_may_change_sides_are_judged(session: Session, pack_name: str) -> None:
    assert preview(session, pack_name, 0.7).listings == 1
    assert preview(session, pack_name, 0.3).listings == 1
    assert preview(session, pack_name, 0.55).listings == 0


def test_what_changes_is_shown_with_its_picture_its_reason_and_what_became_of_it(
    session: Session, pack_name: str, stored: list[ListingRow]
) -> None:
    session.scalars(select(FindingRow).where(FindingRow.score == 0.6)).one().state = FindingState.CONFIRMED
    session.commit()
    seen = preview(session, pack_name, 0.7)
    (one,) = seen.unflags.shown
    assert one.listing.id == stored[1].id and one.photo is not None
    assert one.state is FindingState.CONFIRMED and "0.60" in one.met.finding.why
    assert seen.unflags.by_state == {"confirmed": 1}
    assert seen.to_json()["unflags_confirmed"] == 1


def test_what_was_decided_before_costs_no_reviewer_again(
    session: Session, pack_name: str, source: Source, stored: list[ListingRow]
) -> None:
    photo = stored[2].appearances[0].photo
    make_finding(session, stored[2], photo, rule=RULE, state=FindingState.DISMISSED, score=0.4)
    add_listing(session, source, elephant=0.45)
    session.commit()
    seen = preview(session, pack_name, 0.3)
    assert (seen.flags.total, seen.to_review) == (2, 1)


@pytest.mark.usefixtures("stored")
def test_hours_rest_on_measured_decisions_once_there_are_enough(session: Session, pack_name: str) -> None:
    assert workbench.measure_pace(session) == workbench.Pace(30.0, 0)
    team.choose(session, None, decision_seconds=90)
    assert preview(session, pack_name, 0.3).hours == pytest.approx(90 / 3600)
    user, finding = make_user(session), make_finding(session)
    seconds = [10.0] * 11 + [50.0] * 8
    session.add_all(Decision(finding=finding, user=user, verdict=Verdict.DISMISS, seconds=one) for one in seconds)
    session.add(Decision(finding=finding, user=user, verdict=Verdict.DISMISS, seconds=None))
    session.flush()
    assert workbench.measure_pace(session).measured == 0, "nineteen are too few"
    session.add(Decision(finding=finding, user=user, verdict=Verdict.DISMISS, seconds=12.0))
    session.flush()
    assert workbench.measure_pace(session) == workbench.Pace(10.0, 20)


def test_of_too_many_a_sample_is_judged_and_scaled_up(
    session: Session, pack_name: str, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbench, "JUDGED_MOST", 10)
    for _ in range(40):
        add_listing(session, source, elephant=0.4)
    session.commit()
    seen = preview(session, pack_name, 0.3)
    assert (seen.listings, seen.judged, seen.is_sample) == (40, 10, True)
    assert seen.flags.total == 10 and seen.to_json()["flags"] == 40
    again = preview(session, pack_name, 0.3)
    assert [one.listing.id for one in again.flags.shown] == [one.listing.id for one in seen.flags.shown]


def test_every_listing_has_the_same_chance_to_be_drawn(
    session: Session, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbench, "JUDGED_MOST", 5)
    ids = [make_listing(session, source).id for _ in range(20)]
    drawn = []
    for seed in range(200):
        monkeypatch.setattr(workbench, "SEED", seed)
        drawn += workbench.draw(session, select(ListingRow.id).order_by(ListingRow.id))[0]
    assert all(25 <= drawn.count(one) <= 80 for one in ids), "each is expected fifty times"


def test_a_value_out_of_range_is_refused(session: Session, pack_name: str) -> None:
    with pytest.raises(Refused, match="from 0 to 1"):
        preview(session, pack_name, 1.5)


# No listing that changes sides is left out, whatever the models said


def wildlife(*, calibrated: bool) -> Pack:
    pack = load_pack(find_pack("wildlife"))
    everyone = replace(pack.cascade, unsure=Band(0.0, 1.0, "a test: every model is asked"), at_most=2)
    if not calibrated:
        return replace(pack, cascade=everyone)
    calibrations = {
        "first": {"all": Calibration(1.7, -0.6, "a test")},
        "second": {"ivory": Calibration(0.6, 0.9, "a test")},
    }
    return replace(pack, cascade=replace(everyone, calibrations=calibrations))


def scatter(session: Session, source: Source, chance: random.Random) -> None:
    """Listings whose pictures one to three models saw, some of them behind a coded word."""
    for _ in range(60):
        listing = make_listing(
            session, source, title=chance.choice(["Ox bone carving", "A figure", "Bovine bone knife"])
        )
        photo = make_photo(session, listing)
        for model in chance.sample(["first", "second", "third"], chance.randint(1, 3)):
            said = {name: round(chance.random(), 2) for name in ("ivory", "ivory_product", "elephant")}
            said = said if model != "third" else {"elephant": said["elephant"]}
            row = ScoreRow(photo=photo, model=model, model_digest=model * 8, by_concept=said, top_labels=[])
            row.counters = {"piano": chance.random()} if chance.random() < 0.3 else {}
            session.add(row)
    session.commit()
    session.expire_all()


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("rule_id", ["ivory_seen", "ivory_coded_with_picture", "ivory_disagreed"])
def test_no_listing_that_changes_sides_is_left_out(
    session: Session, source: Source, rule_id: str, calibrated: bool
) -> None:
    chance = random.Random(11)  # noqa: S311  # no secret
    scatter(session, source, chance)
    pack = wildlife(calibrated=calibrated)
    rule = rules.find_rule(pack, rule_id)
    everything = list(session.scalars(select(ListingRow.id).order_by(ListingRow.id)))
    changes = 0
    for _ in range(6):
        values = {name: round(chance.random(), 2) for name in rule.thresholds}
        may = set(session.scalars(workbench.movable(pack.cascade, rule, values)))
        does = {one.listing.id for _, _, one in workbench.compare(session, pack, rule, values, everything)}
        assert does <= may
        changes += len(does)
    assert changes > 2, "the test has something to say"


def test_the_other_rules_of_a_concept_are_counted_apart(session: Session, source: Source) -> None:
    """A lower threshold settles what models disagree about, so that the rule of disagreement rests."""
    pack = wildlife(calibrated=False)
    listing = make_listing(session, source)
    photo = make_photo(session, listing)
    for model, score in (("first", 0.02), ("second", 0.77)):
        session.add(
            ScoreRow(photo=photo, model=model, model_digest=model * 8, by_concept={"ivory": score}, top_labels=[])
        )
    session.commit()
    session.expire_all()
    rule: Rule = rules.find_rule(pack, "ivory_seen")
    found = workbench.compare(session, pack, rule, {"ivory_seen": 0.01}, [listing.id])
    assert {(flags, key) for flags, key, _ in found} == {
        (True, (photo.id, "ivory_seen")),
        (False, (photo.id, "ivory_disagreed")),
    }
    seen = workbench.preview(session, pack, rule, {"ivory_seen": 0.01})
    assert (seen.flags.total, seen.others_unflag) == (1, 1)


def test_conditions_of_a_threshold_are_found_at_any_depth() -> None:
    rule = rules.find_rule(wildlife(calibrated=False), "ivory_coded_with_picture")
    (node,) = workbench.nodes_of(rule.when, "elephant_hinted")
    assert isinstance(node, Score) and node.concept == "elephant"
    assert isinstance(rule.when, AllOf) and any(isinstance(child, AnyOf) for child in rule.when.children)
    disagreed = rules.find_rule(wildlife(calibrated=False), "ivory_disagreed")
    assert isinstance(next(workbench.nodes_of(disagreed.when, "ivory_apart")), Disagree)


def test_a_raw_bound_is_where_the_calibrated_score_reaches_the_value() -> None:
    cascade = wildlife(calibrated=True).cascade
    bound = workbench.raw_bound(cascade, "first", "ivory", 0.4)
    assert cascade.calibrate("first", "ivory", bound) == pytest.approx(0.4, abs=1e-9)
    assert workbench.raw_bound(cascade, "third", "ivory", 0.4) == 0.4
