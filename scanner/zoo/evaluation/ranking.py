"""How well the scores rank: average precision and the area under the ROC curve, with 95 % intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from scanner.zoo.evaluation.intervals import LEVEL, Interval, Z, wilson
from scanner.zoo.evaluation.judged import Sample

RESAMPLES = 2000
_CELLS = 4_000_000  # of the table of weights that is held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Ranking:
    """average_precision: 1 where every picture that shows the concept scores above all that do not.

    auc: how often a picture that shows it scores above one that does not.
    """

    average_precision: Interval
    auc: Interval


@dataclass(frozen=True)
class _Order:
    """Scores from the highest down; `ends`: the last index of each run of equal scores, which no threshold parts."""

    order: NDArray[np.intp]
    ends: NDArray[np.intp]
    shows: NDArray[np.bool_]


def rank(sample: Sample) -> Ranking | None:
    """None where no picture shows the concept, or all do."""
    positives = int(sample.shows.sum())
    negatives = len(sample.shows) - positives
    if not positives or not negatives:
        return None
    ordered = _order(sample)
    precision, area = (float(values[0]) for values in areas(ordered, np.ones((1, len(sample.shows)))))
    if sample.groups is None:
        return _rank_pictures(precision, area, positives, negatives)
    return _rank_groups(sample, ordered, precision, area)


def _rank_pictures(precision: float, area: float, positives: int, negatives: int) -> Ranking:
    """Average precision as a share of the pictures that show it (Boyd, Eng and Page 2013, ECML PKDD), by Wilson.

    On five simulated sets of 20 to 200 of them it held the true value in 95 to 99 % of 300 draws each, the bootstrap
    in 85 to 93 %.
    """
    return Ranking(
        Interval(precision, *wilson(precision, positives)),
        Interval(area, *newcombe(area, positives, negatives)),
    )


def _rank_groups(sample: Sample, ordered: _Order, precision: float, area: float) -> Ranking:
    """The bootstrap over groups, never narrower than the interval of as many independent pictures.

    A perfect ranking stays perfect in every resample, and the bootstrap alone would be certain of it: then a group
    counts as one picture.
    """
    assert sample.groups is not None  # noqa: S101 for the type checker
    resampled = _bootstrap(sample.groups, ordered)
    if len(resampled[0]) < RESAMPLES // 2 or np.ptp(resampled[1]) < 1e-9:
        shown, others = (len(np.unique(sample.groups[side])) for side in (sample.shows, ~sample.shows))
        return _rank_pictures(precision, area, shown, others)
    plain = _rank_pictures(precision, area, int(sample.shows.sum()), int((~sample.shows).sum()))
    return Ranking(_widen(plain.average_precision, resampled[0]), _widen(plain.auc, resampled[1]))


def _widen(plain: Interval, resampled: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(plain.value, min(float(low), plain.low), max(float(high), plain.high))


def _order(sample: Sample) -> _Order:
    order = np.argsort(-sample.scores, kind="stable")
    ordered = sample.scores[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return _Order(order, ends, sample.shows[order])


def areas(ordered: _Order, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average precision and AUC, float64 (rounds,), by weights (rounds, n) of the pictures in order.

    Average precision is the sum of precision times the step of recall, as scikit-learn's; rounds without a picture of
    either side are left out.
    """
    right = np.cumsum(weights * ordered.shows, axis=1)[:, ordered.ends]
    wrong = np.cumsum(weights * ~ordered.shows, axis=1)[:, ordered.ends]
    whole = (right[:, -1] > 0) & (wrong[:, -1] > 0)
    right, wrong = right[whole], wrong[whole]
    steps = np.diff(right, axis=1, prepend=0.0)
    flagged = right + wrong
    precision = np.divide(right, flagged, out=np.zeros_like(right), where=flagged > 0)
    below = np.diff(wrong, axis=1, prepend=0.0) * (right - steps / 2)
    return (steps * precision).sum(axis=1) / right[:, -1], below.sum(axis=1) / (right[:, -1] * wrong[:, -1])


def _bootstrap(groups: NDArray[np.int64], ordered: _Order) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas of RESAMPLES drawings of groups with replacement; seeded, so that figures can be had again."""
    codes = np.unique(groups, return_inverse=True)[1][ordered.order]
    count = int(codes.max()) + 1
    random = np.random.default_rng(0)
    rounds = max(1, _CELLS // len(codes))
    parts = []
    for start in range(0, RESAMPLES, rounds):
        drawn = random.multinomial(count, np.full(count, 1 / count), size=min(rounds, RESAMPLES - start))
        parts.append(areas(ordered, drawn[:, codes].astype(np.float64)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def newcombe(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """Method 5 of Newcombe 2006 (Statistics in Medicine 25:559), a score interval that says something of an AUC of 1.

    The limits are the areas from which `area` lies 1.96 of their own standard errors away, after Hanley and McNeil.
    """

    def apart(true: float, side: float) -> float:
        mean = (positives + negatives) / 2 - 1
        spread = 1 + mean * ((1 - true) / (2 - true) + true / (1 + true))
        return side * (area - true) - Z * float(np.sqrt(true * (1 - true) * spread / (positives * negatives)))

    # At 0 and at 1 the standard error is 0, too: those ends solve the equation for any area, and are no limits.
    inside = 1e-12
    low = 0.0 if area <= 0 else brentq(lambda true: apart(true, 1), 0.0, min(area, 1 - inside))
    high = 1.0 if area >= 1 else brentq(lambda true: apart(true, -1), max(area, inside), 1.0)
    return float(low), float(high)
