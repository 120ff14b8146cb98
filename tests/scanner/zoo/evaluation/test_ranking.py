"""Average precision and AUC with their intervals."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from scanner.zoo.evaluation.judged import Judged, Sample, take_sample
from scanner.zoo.evaluation.ranking import newcombe, rank
from tests.scanner.zoo.evaluation.judged_pictures import make_judged


@pytest.mark.parametrize("groups", [0, 30])
def test_it_agrees_with_scikit_learn_with_equal_scores_too(groups: int) -> None:
    judged = [
        Judged(picture.truth, {"tiger": round(picture.scores["tiger"], 1)}, picture.group)
        for picture in make_judged(groups=groups)
    ]
    sample = take_sample(judged, "tiger")
    found = rank(sample)
    assert found is not None
    assert found.average_precision.value == pytest.approx(average_precision_score(sample.shows, sample.scores))
    assert found.auc.value == pytest.approx(roc_auc_score(sample.shows, sample.scores))


def test_nothing_can_be_ranked_where_no_picture_shows_it() -> None:
    assert rank(take_sample(make_judged(shown=0), "tiger")) is None


def test_the_same_pictures_give_the_same_interval() -> None:
    sample = take_sample(make_judged(groups=20), "tiger")
    assert rank(sample) == rank(sample)


def test_few_sources_make_the_interval_wider_and_never_narrower() -> None:
    alone, grouped = (rank(take_sample(make_judged(groups=groups), "tiger")) for groups in (0, 8))
    assert alone is not None and grouped is not None
    assert grouped.average_precision.low <= alone.average_precision.low
    assert grouped.auc.high >= alone.auc.high


def test_a_perfect_ranking_is_not_certain_and_less_so_of_few_sources() -> None:
    alone, grouped = (rank(take_sample(make_judged(apart=30, groups=groups), "tiger")) for groups in (0, 8))
    assert alone is not None and grouped is not None
    assert alone.auc.value == grouped.auc.value == 1
    assert grouped.auc.low < alone.auc.low < 1 and grouped.average_precision.low < alone.average_precision.low < 1


def test_newcombes_limits_mirror_and_touch_the_ends() -> None:
    low, high = newcombe(0.8, 20, 30)
    assert newcombe(0.2, 30, 20) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert newcombe(1.0, 20, 30)[1] == 1 and newcombe(0.0, 20, 30)[0] == 0
    assert 0.8 < newcombe(1.0, 20, 30)[0] < 1 and 0 < newcombe(0.0, 20, 30)[1] < 0.2


def test_the_interval_of_average_precision_holds_the_true_value() -> None:
    random, shows = np.random.default_rng(3), np.arange(530) < 30

    def draw() -> Sample:
        return Sample("tiger", shows, random.normal(size=530) + 2 * shows, ~shows, None, "other")

    drawn = [found for found in (rank(draw()) for _ in range(200)) if found]
    truth = float(np.mean([found.average_precision.value for found in drawn]))
    held = [found.average_precision.low <= truth <= found.average_precision.high for found in drawn]
    assert 0.92 < np.mean(held) <= 1
