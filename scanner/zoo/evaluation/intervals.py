"""Proportions and how well they are known: 95 % intervals that hold for few pictures, for none, and for sources."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

LEVEL = 0.95
Z = float(norm.ppf((1 + LEVEL) / 2))
FEWEST_EVENTS = 5  # fewer than this say nothing of how they cluster


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval, all in [0, 1]."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `total` with a 95 % interval.

    effective: the number of independent pictures that would tell as much; smaller than total where pictures of one
    source behave alike.
    """

    count: int
    total: int
    effective: float
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.total

    def to_json(self) -> dict[str, Any]:
        numbers = {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}
        return {"count": self.count, "total": self.total, "effective": round(self.effective, 1), **numbers}


def wilson(share: float, total: float) -> tuple[float, float]:
    """Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22:209) of a share of `total`, which need not be whole.

    It stays inside [0, 1] and says something of 0 and of 1: 0 of 100 is "at most 3.7 %".
    """
    centre = share + Z**2 / (2 * total)
    half = Z * float(np.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2)))
    low, high = (centre - half) / (1 + Z**2 / total), (centre + half) / (1 + Z**2 / total)
    return (0.0 if share == 0 else max(0.0, low)), (1.0 if share == 1 else min(1.0, high))


def rate(hits: NDArray[np.bool_], groups: NDArray[np.int64] | None = None) -> Rate | None:
    """The share of `hits`, bool (n,); None where there are none to count. See effective_size for `groups`."""
    return _rate(hits, hits, groups)


def rate_above(scores: NDArray[np.float64], threshold: float, groups: NDArray[np.int64] | None = None) -> Rate | None:
    """The share of `scores` at or above the threshold.

    Where fewer than five are, or all but fewer than five, how sources cluster is read off the nearest threshold with
    five: a rare event that was seen once, or never, has no clustering to be seen.
    """
    hits = scores >= threshold
    fewest = min(FEWEST_EVENTS, len(scores) // 2)
    reached = min(max(int(hits.sum()), fewest), len(scores) - fewest)
    ranks = np.argsort(np.argsort(-scores, kind="stable"), kind="stable")
    return _rate(hits, ranks < reached, groups)


def _rate(hits: NDArray[np.bool_], pattern: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> Rate | None:
    if not len(hits):
        return None
    effective = float(len(hits)) if groups is None else effective_size(pattern, groups)
    count = int(hits.sum())
    return Rate(count, len(hits), effective, *wilson(count / len(hits), effective))


def effective_size(hits: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    """How many independent pictures tell as much as these, from 1 to n.

    n divided by the design effect: the variance of the share as a ratio of group totals, over that of independent
    pictures (Cochran 1977, Sampling Techniques, 11.8), and never below 1; then corrected for the number of groups by
    Student's t (Korn and Graubard 1998, Survey Methodology 24:193). With Wilson's interval: Franco et al. 2019,
    J. Surv. Stat. Methodol. 7:334. A single group counts as one picture: nothing is known of other sources.
    """
    codes = np.unique(groups, return_inverse=True)[1]
    count = int(codes.max()) + 1
    if count < 2:
        return 1.0
    sizes = np.bincount(codes)
    share = float(hits.mean())
    residuals = np.bincount(codes, weights=hits) - share * sizes
    clustered = count / (count - 1) * float(residuals @ residuals)
    independent = len(hits) * share * (1 - share)
    effect = max(1.0, clustered / independent) if independent else 1.0
    few = (Z / float(t.ppf((1 + LEVEL) / 2, count - 1))) ** 2
    return max(1.0, len(hits) / effect * few)
