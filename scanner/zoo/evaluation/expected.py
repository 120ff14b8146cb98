"""The precision to expect where few pictures show a concept: from recall and false flags, not from a test set's mix."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from scanner.zoo.evaluation.intervals import LEVEL, Rate

# One suspect picture in 77: what is taken for a marketplace unless the user knows better.
BASE_RATE = 0.013
Rates = TypeVar("Rates", np.float64, NDArray[np.float64])
_STEPS = 200  # of each distribution: 40,000 pairs


@dataclass(frozen=True, slots=True)
class Expected:
    """Of 100 flags, how many are right where `base_rate` of the pictures show the concept; in [0, 1].

    value: r b / (r b + f (1 - b)) of recall r, false-flag rate f and base rate b. Where no false flag was seen that
        would be 1, which no finite test shows: then f is the median of what the count allows (typical_rate).
    seen: whether any false flag was; where not, people are told `low` ("at least").
    """

    value: float
    low: float
    high: float
    seen: bool

    def to_json(self) -> dict[str, Any]:
        numbers = {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}
        return numbers | {"false_flags_seen": self.seen}


def expected_precision(recall: Rates, false_rate: Rates, base_rate: float) -> Rates:
    """Bayes' rule; numbers, or arrays that broadcast. One of the two rates must be above 0."""
    right = recall * base_rate
    return right / (right + false_rate * (1 - base_rate))


def expect(recall: Rate, false_flags: Rate, base_rate: float) -> Expected | None:
    """The precision to expect, with a 95 % interval that carries the uncertainty of both rates; None without recall.

    The rates come from different pictures and are independent; each has the posterior distribution of Jeffreys' prior,
    Beta(x + 1/2, n - x + 1/2) at its effective number of pictures (Stamey and Holt 2010, Commun. Stat. Simul. Comput.
    39:101, for predictive values of case-control studies). The quantiles are those of the formula over all pairs of
    200 equally likely values of each: no random numbers, the same figures every time.
    """
    if not recall.count:
        return None
    allowed = expected_precision(_posterior(recall)[:, None], _posterior(false_flags)[None, :], base_rate)
    low, high = np.quantile(allowed, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = float(expected_precision(np.float64(recall.value), np.float64(typical_rate(false_flags)), base_rate))
    seen = false_flags.count > 0
    return Expected(value, min(float(low), value), max(float(high), value) if seen else 1.0, seen)


def typical_rate(false_flags: Rate) -> float:
    """The rate that was seen; where none was, the median of its posterior distribution."""
    if false_flags.count:
        return false_flags.value
    return float(beta.ppf(0.5, 0.5, false_flags.effective + 0.5))


def _posterior(rate: Rate) -> NDArray[np.float64]:
    hits = rate.value * rate.effective
    middles = (np.arange(_STEPS) + 0.5) / _STEPS
    values: NDArray[np.float64] = beta.ppf(middles, hits + 0.5, rate.effective - hits + 0.5)
    return values


def flags_per_1000(recall: float, false_rate: float, base_rate: float) -> float:
    """Flags to expect, right and wrong, in 1,000 pictures."""
    return 1000 * (recall * base_rate + false_rate * (1 - base_rate))
