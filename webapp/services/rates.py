"""Shares of what people decided, with 95 % intervals that know that one seller's items are alike.

NumPy and SciPy cost a second, which only pages that show such figures pay.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scanner.zoo.evaluation.intervals import Rate


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its 95 % interval, all in [0, 1]. total: the items that it rests on."""

    value: float
    low: float
    high: float
    total: int


def rate_of(hits: Sequence[bool], groups: Sequence[Hashable] | None = None) -> "Rate | None":
    """intervals.rate of plain lists; None where there is nothing. groups: what is not independent of each other."""
    import numpy as np

    from scanner.zoo.evaluation.intervals import rate

    return rate(np.array(hits, dtype=np.bool_), None if groups is None else codes_of(groups))


def codes_of(groups: Sequence[Hashable]) -> "NDArray[Any]":
    """Each group's number, from 0 in the order in which they come; int64 (n,)."""
    import numpy as np

    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return np.array([numbers[group] for group in groups], dtype=np.int64)


def share(hits: Sequence[bool], groups: Sequence[str], weights: Sequence[float] | None = None) -> Estimate | None:
    """The (weighted) share of hits; None where there is nothing. groups: what is not independent of each other."""
    if not hits:
        return None
    if weights is not None and len(set(weights)) > 1:
        import numpy as np

        return weighted_share(np.array(hits, dtype=np.bool_), codes_of(groups), np.array(weights, dtype=np.float64))
    found = rate_of(hits, groups)
    return None if found is None else Estimate(found.value, found.low, found.high, found.total)


def share_by_group(counts: Iterable[tuple[int, int]]) -> Estimate | None:
    """The same from (hits, misses) of each group."""
    hits: list[bool] = []
    groups: list[str] = []
    for number, (right, wrong) in enumerate(counts):
        hits += [True] * right + [False] * wrong
        groups += [str(number)] * (right + wrong)
    return share(hits, groups)


def weighted_share(
    hits: "NDArray[Any]",
    groups: "NDArray[Any]",
    weights: "NDArray[Any]",
) -> Estimate:
    """By Wilson's interval at the number of independent items that tell as much (as intervals.effective_size).

    That is at most Kish's (sum of weights)^2 / (sum of their squares): a few heavy items tell no more than a few.
    """
    import numpy as np

    from scanner.zoo.evaluation.intervals import wilson

    whole = float(weights.sum())
    value = float(weights @ hits) / whole
    kish = whole**2 / float(weights @ weights)
    residuals = np.bincount(groups, weights=weights * (hits - value))
    effective = max(1.0, few_groups(len(residuals)) * min(kish, independent_items(value, whole, residuals) or kish))
    return Estimate(value, *wilson(value, effective), len(hits))


def independent_items(value: float, whole: float, residuals: "NDArray[Any]") -> float | None:
    """From the variance of the share as a ratio of group totals; None where it says nothing."""
    count = len(residuals)
    variance = count / max(count - 1, 1) * float(residuals @ residuals) / whole**2
    return value * (1 - value) / variance if variance > 1e-15 else None


def few_groups(count: int) -> float:
    """Student's correction for the number of groups; one group tells as much as nothing."""
    from scipy.stats import t

    from scanner.zoo.evaluation.intervals import LEVEL, Z

    return (Z / float(t.ppf((1 + LEVEL) / 2, count - 1))) ** 2 if count > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are in all, estimated from a sample, with a 95 % interval."""

    value: float
    low: float
    high: float


def total_of(strata: Iterable[tuple[float, int, int]]) -> Total:
    """From (population, sampled, of them positive) of each stratum; samples are not empty.

    The limits of the strata are joined by the square root of the sum of squares (Zou and Donner 2008, Statistics in
    Medicine 27:1693), so that a stratum without a positive still says how many there may be.
    """
    from scanner.zoo.evaluation.intervals import wilson

    value = below = above = 0.0
    for population, sampled, positive in strata:
        low, high = wilson(positive / sampled, sampled)
        value += population * positive / sampled
        below += (population * (positive / sampled - low)) ** 2
        above += (population * (high - positive / sampled)) ** 2
    return Total(value, max(0.0, value - math.sqrt(below)), value + math.sqrt(above))
