"""What each threshold would give, and which threshold gives what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.evaluation.expected import Expected, expect, expected_precision, flags_per_1000, typical_rate
from scanner.zoo.evaluation.intervals import Rate, rate, rate_above
from scanner.zoo.evaluation.judged import Sample

# Of every table, so that two evaluations can be laid side by side.
SWEEP = (0.001, 0.01, 0.02, *(round(0.05 * n, 2) for n in range(1, 20)), 0.98, 0.99, 0.999)
CURVE_POINTS = 200
FALSE_FLAGS_AIM = 0.003  # false flags a picture that reviewers can live with: 3 in 1,000
PRECISION_AIMS = (0.5, 0.8, 0.9)  # to expect at the base rate


@dataclass(frozen=True, slots=True)
class Point:
    """What is flagged at scores of `threshold` and above.

    precision: the share of right ones among the flags of this very set, None where nothing is flagged.
    recall: of the pictures that show the concept, None where there are none. false_positives: of all that do not.
    false_flags: of the ordinary pictures. expected: precision at the base rate. flags_per_1000: at the base rate.
    """

    threshold: float
    precision: Rate | None
    recall: Rate | None
    false_positives: Rate | None
    false_flags: Rate | None
    expected: Expected | None
    flags_per_1000: float | None

    def to_json(self) -> dict[str, Any]:
        rates = {name: getattr(self, name) for name in ("precision", "recall", "false_positives", "false_flags")}
        return {
            "threshold": self.threshold,
            **{name: None if found is None else found.to_json() for name, found in rates.items()},
            "expected_precision": None if self.expected is None else self.expected.to_json(),
            "flags_per_1000": None if self.flags_per_1000 is None else round(self.flags_per_1000, 3),
        }


def measure(sample: Sample, threshold: float, base_rate: float) -> Point:
    """Every figure of one threshold."""
    flagged = sample.scores >= threshold
    groups = None if sample.groups is None else sample.groups[flagged]
    recall, false_flags = _above(sample, sample.shows, threshold), _above(sample, sample.ordinary, threshold)
    rates = (recall, false_flags) if recall and false_flags else None
    return Point(
        threshold=threshold,
        precision=rate(sample.shows[flagged], groups),
        recall=recall,
        false_positives=_above(sample, ~sample.shows, threshold),
        false_flags=false_flags,
        expected=expect(*rates, base_rate) if rates else None,
        flags_per_1000=flags_per_1000(rates[0].value, rates[1].value, base_rate) if rates else None,
    )


def _above(sample: Sample, side: NDArray[np.bool_], threshold: float) -> Rate | None:
    return rate_above(sample.scores[side], threshold, None if sample.groups is None else sample.groups[side])


def sweep(sample: Sample, base_rate: float, thresholds: Sequence[float] = SWEEP) -> tuple[Point, ...]:
    return tuple(measure(sample, threshold, base_rate) for threshold in thresholds)


@dataclass(frozen=True)
class Curve:
    """Counts at each of the distinct scores that can serve as thresholds, from the highest down; arrays (k,).

    thresholds: half-way between the lowest score that is flagged and the highest that is not.
    """

    thresholds: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    false_flags: NDArray[np.float64]
    expected: NDArray[np.float64]

    def to_json(self) -> list[dict[str, float]]:
        """At most 200 of its points, evenly chosen, the ends among them."""
        chosen = np.unique(np.linspace(0, len(self.thresholds) - 1, CURVE_POINTS).round().astype(int))
        names = ("threshold", "recall", "precision", "false_flag_rate")
        columns = (self.thresholds, self.recall, self.precision, self.false_flags)
        return [dict(zip(names, (round(float(column[n]), 6) for column in columns), strict=True)) for n in chosen]


def trace(sample: Sample, base_rate: float) -> Curve | None:
    """The curve over the scores of the pictures that show the concept; None where none does, or none is ordinary.

    Only their scores are candidates: between two of them a lower threshold adds false flags and nothing else.
    """
    shown, plain = np.sort(sample.scores[sample.shows]), np.sort(sample.scores[sample.ordinary])
    if not len(shown) or not len(plain):
        return None
    candidates = np.unique(shown)[::-1]
    recall = _share_above(shown, candidates)
    false_flags = _share_above(plain, candidates)
    every = np.sort(sample.scores)
    flagged = _share_above(every, candidates) * len(every)
    none = _none_of(sample)
    return Curve(
        thresholds=_midway(every, candidates),
        recall=recall,
        precision=recall * len(shown) / flagged,
        false_flags=false_flags,
        expected=expected_precision(recall, np.where(false_flags > 0, false_flags, typical_rate(none)), base_rate),
    )


def _none_of(sample: Sample) -> Rate:
    """No false flag among the ordinary pictures, as a rate."""
    found = _above(sample, sample.ordinary, np.inf)
    assert found is not None  # noqa: S101 for the type checker: its caller has counted them
    return found


def _share_above(ascending: NDArray[np.float64], candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    # Counted before it is divided: 1 - 1994 / 2000 is above 0.003.
    shares: NDArray[np.float64] = (len(ascending) - np.searchsorted(ascending, candidates)) / len(ascending)
    return shares


def _midway(ascending: NDArray[np.float64], candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of each candidate and the next lower score; the candidate itself where no number lies between."""
    places = np.searchsorted(ascending, candidates, side="left")
    lower = np.where(places > 0, ascending[np.maximum(places - 1, 0)], 0.0)
    middle = (lower + candidates) / 2
    chosen: NDArray[np.float64] = np.where(middle > lower, middle, candidates)
    return chosen


@dataclass(frozen=True, slots=True)
class Aim:
    """A threshold chosen to reach something, and what it gives; None where no threshold reaches it.

    kind: `expected_precision` (at least `wanted`) or `false_flags` (at most `wanted` of the ordinary pictures). Chosen
    on the very pictures that it is measured on, so on others it will do a little worse.
    """

    kind: Literal["expected_precision", "false_flags"]
    wanted: float
    point: Point | None

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "wanted": self.wanted, "at": None if self.point is None else self.point.to_json()}


def choose_thresholds(sample: Sample, curve: Curve, base_rate: float) -> tuple[Aim, ...]:
    """For each aim the threshold with the highest recall among those that reach it."""

    def at(good: NDArray[np.bool_]) -> Point | None:
        best = _best(curve, good)
        return None if best is None else measure(sample, best, base_rate)

    few = Aim("false_flags", FALSE_FLAGS_AIM, at(curve.false_flags <= FALSE_FLAGS_AIM))
    return few, *(Aim("expected_precision", aim, at(curve.expected >= aim)) for aim in PRECISION_AIMS)


def _best(curve: Curve, good: NDArray[np.bool_]) -> float | None:
    places = np.flatnonzero(good)
    return float(curve.thresholds[places[-1]]) if len(places) else None
