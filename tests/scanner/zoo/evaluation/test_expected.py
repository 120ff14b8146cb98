"""Precision where few pictures show a concept."""

import numpy as np
import pytest

from scanner.zoo.evaluation.expected import expect, expected_precision, flags_per_1000
from scanner.zoo.evaluation.intervals import Rate, rate


def share(count: int, total: int) -> Rate:
    found = rate(np.arange(total) < count)
    assert found is not None
    return found


def test_half_the_flags_are_right_where_false_ones_are_as_many() -> None:
    assert expected_precision(np.float64(1.0), np.float64(0.01 / 0.99), 0.01) == pytest.approx(0.5)
    assert flags_per_1000(1.0, 0.01 / 0.99, 0.01) == pytest.approx(20)


def test_the_value_is_the_formula_where_false_flags_were_seen() -> None:
    found = expect(share(44, 46), share(4, 765), 0.013)
    assert found is not None and found.seen
    right = 44 / 46 * 0.013
    assert found.value == pytest.approx(right / (right + 4 / 765 * 0.987))
    assert found.low < found.value < found.high < 1


def test_no_false_flag_is_never_certainty() -> None:
    few, many = (expect(share(46, 46), share(0, total), 0.013) for total in (100, 10_000))
    assert few is not None and many is not None
    assert not few.seen and few.low < 0.4 and few.value < 1
    assert few.low < many.low < 1


def test_the_interval_carries_the_uncertainty_of_recall_and_of_false_flags() -> None:
    base = expect(share(90, 100), share(40, 10_000), 0.013)
    worse_recall = expect(share(9, 10), share(40, 10_000), 0.013)
    worse_flags = expect(share(90, 100), share(4, 1_000), 0.013)
    assert base is not None and worse_recall is not None and worse_flags is not None
    assert base.value == pytest.approx(worse_recall.value) == pytest.approx(worse_flags.value)
    assert worse_recall.low < base.low and worse_flags.low < base.low and worse_flags.high > base.high


def test_the_interval_agrees_with_a_simulation_of_the_posteriors() -> None:
    random = np.random.default_rng(5)
    recall = random.beta(44.5, 2.5, 200_000)
    false_rate = random.beta(4.5, 761.5, 200_000)
    low, high = np.quantile(recall * 0.013 / (recall * 0.013 + false_rate * 0.987), [0.025, 0.975])
    found = expect(share(44, 46), share(4, 765), 0.013)
    assert found is not None and (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_nothing_is_expected_of_a_model_that_finds_nothing() -> None:
    assert expect(share(0, 46), share(4, 765), 0.013) is None
