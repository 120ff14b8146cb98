"""Whether a score means what it says: of pictures scored 0.8, do 80 % show the concept?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss

from scanner.zoo.evaluation.intervals import Rate, rate
from scanner.zoo.evaluation.judged import Sample

BINS = 10
FEWEST = 10  # pictures in a bin
# Most pictures score next to nothing for any one concept, and bins of equal count would be spent on them.
FLOOR = 0.01


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures with scores from `low` to `high`; mean: of their scores. share: of those that show the concept."""

    low: float
    high: float
    mean: float
    share: Rate

    def to_json(self) -> dict[str, Any]:
        numbers = {name: round(float(getattr(self, name)), 6) for name in ("low", "high", "mean")}
        return numbers | {"share": self.share.to_json()}


@dataclass(frozen=True, slots=True)
class Reliability:
    """error: expected calibration error, the mean distance of score and share over the bins by count, in [0, 1].

    brier: mean squared distance of score and truth. brier_of_share: that of always saying this set's share, which a
    useful score must beat. All are of this set's mix of pictures, not of a marketplace's.
    """

    bins: tuple[Bin, ...]
    error: float
    brier: float
    brier_of_share: float

    def to_json(self) -> dict[str, Any]:
        numbers = {name: round(getattr(self, name), 6) for name in ("error", "brier", "brier_of_share")}
        return {"bins": [found.to_json() for found in self.bins], **numbers}


def judge_reliability(sample: Sample) -> Reliability | None:
    """None where there is no picture."""
    if not len(sample.scores):
        return None
    bins = tuple(_bin(sample, chosen) for chosen in cut_bins(sample.scores))
    error = sum(found.share.total * abs(found.mean - found.share.value) for found in bins) / len(sample.scores)
    share = float(sample.shows.mean())
    brier = float(brier_score_loss(sample.shows, np.clip(sample.scores, 0, 1), pos_label=True))
    return Reliability(bins, float(error), brier, share * (1 - share))


def cut_bins(scores: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Indices of each bin: one of scores below 0.01, then up to ten of equal count; equal scores stay together."""
    order = np.argsort(scores, kind="stable")
    start = int(np.searchsorted(scores[order], FLOOR))
    count = min(BINS, max(1, (len(scores) - start) // FEWEST))
    wanted = [start + round((len(scores) - start) * n / count) for n in range(count)]
    cuts = np.unique([np.searchsorted(scores[order], scores[order][at]) if at < len(scores) else at for at in wanted])
    return [part for part in np.split(order, cuts) if len(part)]


def _bin(sample: Sample, chosen: NDArray[np.intp]) -> Bin:
    scores = sample.scores[chosen]
    share = rate(sample.shows[chosen], None if sample.groups is None else sample.groups[chosen])
    assert share is not None  # noqa: S101 for the type checker: a bin is never empty
    return Bin(float(scores.min()), float(scores.max()), float(scores.mean()), share)
