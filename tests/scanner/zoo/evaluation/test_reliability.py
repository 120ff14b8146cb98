"""Whether scores mean what they say."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from scanner.zoo.evaluation.judged import Sample
from scanner.zoo.evaluation.reliability import cut_bins, judge_reliability


def sample_of(scores: np.ndarray, shows: np.ndarray) -> Sample:
    return Sample("tiger", shows, scores, ~shows, None, "other")


def test_scores_that_mean_what_they_say_have_a_small_error_and_squared_ones_a_large_one() -> None:
    random = np.random.default_rng(2)
    truth = random.random(4000)
    shows = random.random(4000) < truth
    good, bad = (judge_reliability(sample_of(scores, shows)) for scores in (truth, truth**3))
    assert good is not None and bad is not None
    assert good.error < 0.03 < 0.15 < bad.error and good.brier < bad.brier
    assert good.brier == pytest.approx(brier_score_loss(shows, truth))


def test_the_sure_noes_make_one_bin_and_the_rest_bins_of_equal_count() -> None:
    scores = np.concatenate([np.full(900, 0.001), np.linspace(0.02, 0.99, 100)])
    assert [len(part) for part in cut_bins(scores)] == [900, *[10] * 10]


def test_equal_scores_are_never_parted_and_every_picture_is_in_one_bin() -> None:
    scores = np.repeat([0.0, 0.3, 0.7, 1.0], [10, 100, 50, 5])
    parts = cut_bins(scores)
    assert sorted(np.concatenate(parts).tolist()) == list(range(165))
    assert all(len(np.intersect1d(scores[a], scores[b])) == 0 for a in parts for b in parts if a is not b)


def test_there_is_no_reliability_of_nothing() -> None:
    assert judge_reliability(sample_of(np.array([]), np.array([], dtype=bool))) is None
