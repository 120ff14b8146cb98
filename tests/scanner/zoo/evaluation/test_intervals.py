"""Proportions, for few pictures, for none, and for sources."""

import numpy as np
import pytest
from scipy.stats import binomtest

from scanner.zoo.evaluation.intervals import effective_size, rate, rate_above, wilson


@pytest.mark.parametrize(("count", "total"), [(0, 765), (1, 3), (27, 27), (44, 46)])
def test_wilson_agrees_with_scipy(count: int, total: int) -> None:
    expected = binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count / total, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_there_is_no_rate_of_nothing() -> None:
    assert rate(np.array([], dtype=bool)) is None


def test_pictures_that_agree_within_their_source_tell_as_little_as_one_a_source() -> None:
    groups = np.repeat(np.arange(40), 25)
    alike = np.repeat(np.arange(40) % 2 == 0, 25)
    assert 35 < effective_size(alike, groups) < 41
    mixed = np.tile(np.arange(25) % 2 == 0, 40)
    assert effective_size(mixed, groups) > 900


def test_a_single_source_counts_as_one_picture() -> None:
    assert effective_size(np.array([True, False] * 50), np.zeros(100, dtype=np.int64)) == 1.0


def test_grouped_intervals_hold_the_true_share_where_ungrouped_ones_do_not() -> None:
    # 30 sources of 20 pictures, whose own shares spread around one half.
    random, groups = np.random.default_rng(1), np.repeat(np.arange(30), 20)
    held = np.zeros(2)
    for _ in range(200):
        hits = random.random(600) < np.repeat(random.beta(1, 1, size=30), 20)
        for n, found in enumerate((rate(hits, groups), rate(hits))):
            assert found is not None
            held[n] += found.low <= 0.5 <= found.high
    assert held[0] / 200 > 0.9 > 0.7 > held[1] / 200


def test_how_no_false_flag_clusters_is_read_off_the_highest_scores() -> None:
    scores = np.linspace(0, 0.5, 500)
    one_source = np.where(np.arange(500) >= 480, 0, np.arange(500))  # the top twenty are of one source
    clustered, spread = rate_above(scores, 0.9, one_source), rate_above(scores, 0.9, np.arange(500))
    assert clustered is not None and spread is not None
    assert (clustered.count, spread.count) == (0, 0) and clustered.high > 2 * spread.high > 0
