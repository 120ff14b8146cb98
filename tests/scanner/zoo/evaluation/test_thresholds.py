"""What thresholds give, and which gives what."""

import pytest

from scanner.zoo.evaluation.judged import Judged, Sample, take_sample
from scanner.zoo.evaluation.thresholds import choose_thresholds, measure, sweep, trace
from tests.scanner.zoo.evaluation.judged_pictures import make_judged


def sample_of(*pairs: tuple[str, float]) -> Sample:
    return take_sample([Judged(truth, {"tiger": score}) for truth, score in pairs], "tiger")


def test_a_score_at_the_threshold_is_flagged() -> None:
    point = measure(sample_of(("tiger", 0.5), ("tiger", 0.4), ("other", 0.5), ("other", 0.1)), 0.5, 0.01)
    assert point.recall is not None and point.precision is not None and point.false_flags is not None
    assert (point.recall.count, point.precision.count, point.precision.total, point.false_flags.count) == (1, 1, 2, 1)


def test_false_positives_of_other_concepts_are_told_from_false_flags_of_ordinary_pictures() -> None:
    point = measure(sample_of(("tiger", 0.9), ("tiger_skin", 0.9), ("other", 0.1)), 0.5, 0.01)
    assert point.false_positives is not None and point.false_flags is not None
    assert (point.false_positives.count, point.false_positives.total, point.false_flags.count) == (1, 2, 0)


def test_without_a_picture_that_shows_it_false_flags_are_still_known() -> None:
    point = measure(sample_of(("other", 0.9), ("other", 0.1)), 0.5, 0.01)
    assert point.recall is None and point.expected is None and point.false_flags is not None
    assert point.to_json()["false_flags"]["count"] == 1
    assert trace(sample_of(("other", 0.9)), 0.01) is None


def test_a_higher_threshold_never_finds_more() -> None:
    recalls = [point.recall.value for point in sweep(take_sample(make_judged(), "tiger"), 0.013) if point.recall]
    assert recalls == sorted(recalls, reverse=True) and recalls[0] > recalls[-1]


def test_the_chosen_threshold_keeps_false_flags_at_three_in_a_thousand_and_finds_the_most() -> None:
    sample = take_sample(make_judged(ordinary=2000), "tiger")
    curve = trace(sample, 0.013)
    assert curve is not None
    few, *_ = choose_thresholds(sample, curve, 0.013)
    assert few.point is not None and few.point.false_flags is not None and few.point.recall is not None
    assert few.point.false_flags.count <= 6
    better = [at for at in sample.scores if (sample.scores[sample.ordinary] >= at).mean() <= 0.003]
    assert few.point.recall.value == max((sample.scores[sample.shows] >= at).mean() for at in better)


def test_every_aim_that_is_reached_is_reached_and_others_are_none() -> None:
    sample = take_sample(make_judged(apart=1.0), "tiger")
    curve = trace(sample, 0.013)
    assert curve is not None
    aims = choose_thresholds(sample, curve, 0.013)
    assert any(aim.point is None for aim in aims)
    for aim in aims[1:]:
        assert aim.point is None or (aim.point.expected is not None and aim.point.expected.value >= aim.wanted)


def test_the_chosen_threshold_lies_between_two_scores_and_flags_the_same() -> None:
    sample = sample_of(("tiger", 0.9), ("tiger", 0.8), ("other", 0.2))
    curve = trace(sample, 0.013)
    assert curve is not None
    assert curve.thresholds.tolist() == pytest.approx([0.85, 0.5])
    assert curve.recall.tolist() == pytest.approx([0.5, 1.0])


def test_the_curve_in_json_is_short_and_keeps_its_ends() -> None:
    curve = trace(take_sample(make_judged(shown=1500, ordinary=1500), "tiger"), 0.013)
    assert curve is not None
    points = curve.to_json()
    assert len(points) <= 200 and points[-1]["recall"] == 1 and points[0]["recall"] == pytest.approx(1 / 1500, abs=1e-6)
