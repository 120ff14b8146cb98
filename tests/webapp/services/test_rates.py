import numpy as np
import pytest

from scanner.zoo.evaluation.intervals import wilson
from webapp.services.rates import share, share_by_group, total_of, weighted_share


def test_nothing_is_no_share() -> None:
    assert share([], []) is None
    assert share_by_group([]) is None


def test_a_share_of_many_sellers_has_wilsons_interval_or_a_wider_one() -> None:
    found = share([True] * 30 + [False] * 10, [str(number) for number in range(40)])
    assert found is not None and (found.value, found.total) == (0.75, 40)
    low, high = wilson(0.75, 40)
    assert found.low <= low and found.high >= high


def test_one_seller_tells_as_much_as_one_item() -> None:
    found = share_by_group([(30, 0)])
    assert found is not None and found.value == 1.0
    assert found.low == pytest.approx(wilson(1.0, 1.0)[0])


def test_items_of_a_seller_that_are_alike_widen_the_interval() -> None:
    spread = share([True, False] * 20, [str(number) for number in range(40)])
    alike = share([True] * 20 + [False] * 20, [str(number // 5) for number in range(40)])
    assert spread is not None and alike is not None
    assert alike.high - alike.low > 1.5 * (spread.high - spread.low)


def test_equal_weights_change_nothing() -> None:
    hits, groups = [True, True, False, True], ["a", "b", "c", "d"]
    assert share(hits, groups, [3.0] * 4) == share(hits, groups)


def test_a_heavy_item_counts_as_often_as_it_says_and_tells_no_more_than_one() -> None:
    hits, groups = [True] * 20 + [False], [str(number) for number in range(21)]
    found = share(hits, groups, [1.0] * 20 + [20.0])
    assert found is not None and found.value == 0.5
    assert found.low < 0.15 and found.high > 0.85


def test_a_weighted_share_without_misses_is_not_certain() -> None:
    found = weighted_share(np.array([True, True]), np.array([0, 1]), np.array([1.0, 5.0]))
    assert found.value == 1.0 and found.low < 0.5


def test_a_total_is_scaled_up_by_stratum_and_nothing_found_is_not_nothing_there() -> None:
    found = total_of([(1000.0, 100, 5), (10_000.0, 100, 0)])
    assert found.value == 50
    assert found.low >= 0 and found.high > 10_000 * wilson(0.0, 100)[1]
    assert total_of([]).high == 0
