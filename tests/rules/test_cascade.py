"""The policy: who is asked next, and what the models' words come to."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.cascade import ALL_CONCEPTS, Calibration, Cascade, Counter, Mode, Opinion, Reason, Voice
from rules.engine import evaluate
from rules.evidence import Evidence
from rules.load import PackError, find_pack, load_pack
from rules.model import Severity
from tests.rules.packs import write_pack

PACK = load_pack(find_pack("wildlife"))
POLICY = PACK.cascade
PRIMARY = Voice("primary", frozenset({"tiger", "ivory", "ivory_product", "elephant"}))
SECOND = Voice("second", frozenset({"tiger", "elephant"}), frozenset({"leopard"}))
THIRD = Voice("third", frozenset({"tiger"}))
CARVER = Voice("carver", frozenset({"ivory_product"}))
VOICES = (PRIMARY, SECOND, THIRD, CARVER)


def says(model: str, counters: dict[str, float] | None = None, **scores: float) -> Opinion:
    return Opinion(model, scores, counters or {})


def test_a_sure_model_is_not_followed_by_another() -> None:
    assert POLICY.next_models(VOICES, [says("primary", tiger=0.97, ivory=0.01)], "") == ()
    assert POLICY.next_models(VOICES, [says("primary", tiger=0.02, ivory=0.01)], "a vase") == ()


def test_an_unsure_one_is_followed_by_the_next_that_sees_the_concept() -> None:
    assert POLICY.next_models(VOICES, [says("primary", tiger=0.4)], "") == ("second",)
    assert POLICY.next_models(VOICES, [says("primary", ivory_product=0.4)], "") == ("carver",)
    assert POLICY.next_models(VOICES, [says("primary", ivory=0.4)], "") == ()  # nobody else sees ivory


@pytest.mark.parametrize("score", [0.15, 0.60])
def test_both_ends_of_the_band_are_unsure(score: float) -> None:
    assert POLICY.concerns([says("primary", tiger=score)], "") == {"tiger": Reason.UNSURE}


@pytest.mark.parametrize("score", [0.149, 0.601])
def test_outside_of_the_band_is_sure(score: float) -> None:
    assert POLICY.concerns([says("primary", tiger=score)], "") == {}


def test_words_of_ivory_ask_on_although_the_model_says_other() -> None:
    said = [says("primary", other=0.98, ivory=0.01, ivory_product=0.01)]
    assert POLICY.next_models(VOICES, said, "Antique ivory carving") == ("carver",)
    assert POLICY.next_models(VOICES, said, "Antique oak carving") == ()
    assert POLICY.next_models(VOICES, [says("primary", ivory_product=0.9)], "Antique ivory carving") == ()


def test_words_ask_on_also_where_the_first_model_cannot_see_ivory_at_all() -> None:
    assert POLICY.next_models((SECOND, CARVER), [says("second", tiger=0.0)], "elephant tusk, carved ivory") == (
        "carver",
    )


def test_models_that_disagree_are_followed_by_a_third() -> None:
    said = [says("primary", tiger=0.9), says("second", tiger=0.1)]
    assert Reason.DISAGREE in POLICY.concerns(said, "").values()
    assert POLICY.next_models(VOICES, said, "") == ("third",)


def test_no_more_are_asked_than_the_policy_allows() -> None:
    said = [says("primary", tiger=0.4), says("second", tiger=0.4), says("third", tiger=0.4)]
    fourth = Voice("fourth", frozenset({"tiger"}))
    assert POLICY.at_most == 2 and POLICY.next_models((*VOICES, fourth), said, "") == ()


def test_a_committee_is_asked_at_once() -> None:
    committee = replace(POLICY, mode=Mode.COMMITTEE)
    assert committee.next_models(VOICES, [says("primary", tiger=0.4)], "") == ("second", "third")


def test_one_model_alone_is_believed_as_it_is() -> None:
    joined = POLICY.join([says("resnet50_vd_wildanimals", tiger=0.31, other=0.69)])
    assert joined.scores == {"tiger": 0.31, "other": 0.69}


def test_a_joined_score_is_the_weighted_mean_of_those_that_see_it() -> None:
    cascade = Cascade(weights={"a": 3.0})
    joined = cascade.join([says("a", tiger=0.8, ivory=0.2), says("b", tiger=0.4)])
    assert joined.scores["tiger"] == pytest.approx((3 * 0.8 + 0.4) / 4)
    assert joined.scores["ivory"] == 0.2
    assert joined.said["tiger"] == {"a": 0.8, "b": 0.4} and joined.spread("tiger") == pytest.approx(0.4)


def test_a_named_look_alike_votes_against_a_concept() -> None:
    cascade = Cascade(counters=(Counter("tiger", ("leopard",), 0.5, "a guess"),))
    joined = cascade.join([says("a", tiger=0.6), says("b", {"leopard": 0.8}, elephant=0.0)])
    assert joined.scores["tiger"] == pytest.approx(0.6 / (1 + 0.5 * 0.8))


def test_only_a_sure_armadillo_takes_a_pangolin_away() -> None:
    # ImageNet has no pangolin: its models often call one an armadillo, the highest of 27 with 0.78.
    found = [
        POLICY.join([says("wildlife_starter", pangolin=0.999), says("b", {"armadillo": doubt}, tiger=0.0)])
        for doubt in (0.03, 0.78, 0.97)
    ]
    assert [joined.scores["pangolin"] >= 0.27 for joined in found] == [True, True, False]
    (finding,) = evaluate(PACK, Evidence(found[1].scores, said=found[1].said, against=found[1].against))
    assert "(wildlife_starter 1.00; armadillo 0.78 against it) reached the threshold 0.27" in finding.why


def test_a_pangolin_is_confirmed_by_a_model_that_knows_armadillos() -> None:
    starter = Voice("wildlife_starter", frozenset({"pangolin"}))
    general = Voice("general", frozenset({"tiger"}), frozenset({"armadillo"}))
    said = [says("wildlife_starter", pangolin=0.99)]
    assert POLICY.next_models((starter, general), said, "") == ("general",)
    assert POLICY.next_models((starter, general), [*said, says("general", {"armadillo": 0.2}, tiger=0.0)], "") == ()
    assert POLICY.next_models((starter, THIRD), said, "") == ()  # it would add nothing


def test_a_model_that_sees_the_concept_does_not_vote_against_it_twice() -> None:
    cascade = Cascade(counters=(Counter("tiger", ("leopard",), 0.5, "a guess"),))
    assert cascade.join([says("a", {"leopard": 0.4}, tiger=0.6)]).scores["tiger"] == 0.6


def test_a_calibration_moves_the_log_odds() -> None:
    shift = Calibration(1.0, -math.log(3), "three to one")
    cascade = Cascade(calibrations={"a": {"tiger": shift}})
    assert cascade.join([says("a", tiger=0.75, ivory=0.75)]).scores == {"tiger": pytest.approx(0.5), "ivory": 0.75}
    everywhere = Cascade(calibrations={"a": {ALL_CONCEPTS: shift}})
    assert everywhere.join([says("a", ivory=0.75, other=0.25)]).scores == {"ivory": pytest.approx(0.5), "other": 0.25}


shares = st.floats(0, 1)


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=5))
def test_a_joined_score_lies_between_zero_and_the_highest(given_scores: list[tuple[float, float]]) -> None:
    said = [says(f"m{n}", {"leopard": leopard}, tiger=tiger) for n, (tiger, leopard) in enumerate(given_scores)]
    joined = POLICY.join(said).scores["tiger"]
    assert 0 <= joined <= max(tiger for tiger, _ in given_scores) + 1e-9


@given(shares)
def test_calibration_keeps_the_order_and_the_range(score: float) -> None:
    shift = Calibration(1.7, -2.0, "any")
    assert 0 <= shift.apply(score) <= 1 and shift.apply(score) <= shift.apply(min(1.0, score + 0.1))


def test_what_stays_apart_goes_to_a_person() -> None:
    said = [says("wildlife_starter", tiger=0.02), says("pplcnetv2_base_imagenet", tiger=0.8)]
    joined = POLICY.join(said)
    found = evaluate(PACK, Evidence(joined.scores, said=joined.said))
    assert [finding.rule for finding in found] == ["tiger_disagreed"]
    assert found[0].severity is Severity.LOW and found[0].threshold is None
    assert found[0].score == pytest.approx((2 * 0.02 + 0.8) / 3)
    assert "disagree about tiger (pplcnetv2_base_imagenet 0.80, wildlife_starter 0.02" in found[0].why


def test_what_a_score_settles_is_no_disagreement() -> None:
    joined = POLICY.join([says("wildlife_starter", tiger=0.3), says("pplcnetv2_base_imagenet", tiger=0.95)])
    found = evaluate(PACK, Evidence(joined.scores, said=joined.said))
    assert [finding.rule for finding in found] == ["tiger_seen"]
    assert "(pplcnetv2_base_imagenet 0.95, wildlife_starter 0.30)" in found[0].why


def test_the_cascade_is_part_of_the_digest(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    alone = load_pack(folder)
    assert alone.cascade == Cascade()
    (folder / "cascade.yaml").write_text(
        "version: '1'\nprimary: a\nfallbacks: {mode: order, at_most: 1, models: [b]}\n"
    )
    assert load_pack(folder).digest != alone.digest


def test_every_fault_of_a_cascade_is_told_at_once(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    (folder / "cascade.yaml").write_text(
        "version: '1'\n"
        "primary: a\n"
        "fallbacks: {mode: vote, at_most: -1, models: [b, b]}\n"
        "ask:\n"
        "  unsure: {from: 0.6, to: 0.2, basis: none}\n"
        "  words: {concepts: [unicorn], below: 30, basis: none}\n"
        "  disagree: {by: 0.4}\n"
        "join:\n"
        "  weights: [{model: a, weight: -2, basis: none}]\n"
        "  counters: [{concept: tiger, names: [], weight: x, basis: none}]\n"
        "surprise: 1\n"
    )
    with pytest.raises(PackError) as raised:
        load_pack(folder)
    lines = {fault.line for fault in raised.value.faults if fault.path.name == "cascade.yaml"}
    assert lines == {3, 5, 6, 7, 9, 10, 11}
