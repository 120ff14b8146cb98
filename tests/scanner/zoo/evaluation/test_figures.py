"""All figures together, as JSON and as a card carries them."""

import json

import pytest

from rules.load import find_pack, load_pack
from scanner.zoo.evaluation import (
    Evaluation,
    EvaluationError,
    Judged,
    Subject,
    evaluate,
    figures_for_card,
    pack_thresholds,
)
from tests.scanner.zoo.evaluation.judged_pictures import make_judged

SUBJECT = Subject("model", "A model", "ab" * 32, "reviewed decisions")


def evaluate_mixed() -> Evaluation:
    blind = [Judged("pangolin", {"tiger": 0.1, "other": 0.9}) for _ in range(4)]
    aside = [Judged("leopard skin", {"tiger": 0.6, "other": 0.4})]
    return evaluate([*make_judged(), *blind, *aside], SUBJECT, thresholds={"tiger": 0.4})


def test_a_concept_that_the_model_cant_see_is_said_and_has_no_figures() -> None:
    evaluation = evaluate_mixed()
    assert [figures.concept for figures in evaluation.concepts] == ["tiger"]
    assert [(label.label, label.pictures) for label in evaluation.unseen] == [("pangolin", 4)]
    assert evaluation.concepts[0].negatives == 404  # it does count among what shows no tiger


def test_what_is_set_aside_stands_in_the_confusion_matrix_alone() -> None:
    evaluation = evaluate_mixed()
    assert evaluation.by_threshold.rows == ("tiger", "pangolin", "other", "leopard skin")
    assert evaluation.by_threshold.columns == ("tiger", "other")
    assert evaluation.by_threshold.counts[-1] == (1, 0)
    assert sum(map(sum, evaluation.by_top.counts)) == evaluation.pictures == 445


def test_the_json_is_json_and_names_its_format() -> None:
    said = json.loads(json.dumps(evaluate_mixed().to_json(), allow_nan=False))
    assert said["format"] == 1 and said["base_rate"] == 0.013
    tiger = said["concepts"]["tiger"]
    assert tiger["at_threshold"]["threshold"] == 0.4 and tiger["pictures"] == 40
    assert tiger["at_threshold"]["recall"]["low"] < tiger["at_threshold"]["recall"]["value"]


def test_a_higher_base_rate_promises_more_right_flags_and_leaves_recall_alone() -> None:
    rare, common = (evaluate(make_judged(), SUBJECT, rate).concepts[0].at for rate in (0.001, 0.2))
    assert rare.expected is not None and common.expected is not None
    assert rare.expected.value < common.expected.value and rare.recall == common.recall


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 13.0])
def test_a_base_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="give a share between 0 and 1"):
        evaluate(make_judged(), SUBJECT, rate)


def test_without_a_picture_that_counts_nothing_can_be_measured() -> None:
    with pytest.raises(EvaluationError, match="no picture with a label that counts"):
        evaluate([Judged("leopard skin", {"tiger": 0.6})], SUBJECT)


def test_few_pictures_and_few_sources_are_said() -> None:
    (figures,) = evaluate(make_judged(shown=12, ordinary=50, groups=3), SUBJECT).concepts
    assert len(figures.cautions) == 3
    assert "Only 12 pictures" in figures.cautions[0] and "3 sources" in figures.cautions[1]


def test_a_model_that_sees_no_concept_is_measured_without_any() -> None:
    evaluation = evaluate([Judged("tiger", {"other": 1.0}), Judged("other", {"other": 1.0})], SUBJECT)
    assert evaluation.concepts == () and evaluation.by_top.counts == ((1,), (1,))


def test_a_card_carries_short_figures_each_with_its_interval() -> None:
    card = json.loads(json.dumps(figures_for_card(evaluate_mixed())))
    tiger = card["concepts"]["tiger"]
    assert tiger["n"] == 40 and tiger["threshold"] == 0.4 and card["not_seen"] == ["pangolin"]
    assert all({"value", "low", "high"} <= tiger[name].keys() for name in ("recall", "expected_precision", "auc"))
    assert len(json.dumps(card)) < 2000


def test_the_thresholds_of_the_pack_are_those_at_which_a_picture_alone_is_flagged() -> None:
    thresholds = pack_thresholds(load_pack(find_pack("wildlife")))
    assert {"elephant", "tiger", "pangolin", "ivory_product"} <= thresholds.keys()
    assert all(0 < value < 1 for value in thresholds.values())
