"""Pictures of which the truth is known, beside what a model said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules.evidence import CONCEPTS

Ordinary = Literal["other", "all other labels"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture.

    truth: a concept of rules.evidence.CONCEPTS (`other` where it shows none). Any other word sets the picture aside:
        it stands in the confusion matrix and counts in no figure.
    scores: probability in [0, 1] by concept; a concept that no model which spoke can see is absent, which is not zero.
    group: the source, or the set of near-duplicates, that it belongs to; pictures of one group are not independent.
    """

    truth: str
    scores: Mapping[str, float]
    group: str | None = None

    @property
    def counts(self) -> bool:
        return self.truth in CONCEPTS

    @property
    def top(self) -> str:
        """The concept with the highest score; the first in the order of CONCEPTS where two are equal."""
        return max(sorted(self.scores, key=_rank), key=self.scores.__getitem__)

    def decide(self, thresholds: Mapping[str, float], default: float) -> str:
        """The concept with the highest score among those at or above their threshold, else `other`."""
        flagged = {
            concept: score
            for concept, score in self.scores.items()
            if concept != "other" and score >= thresholds.get(concept, default)
        }
        return max(sorted(flagged, key=_rank), key=flagged.__getitem__, default="other")


def _rank(concept: str) -> int:
    return CONCEPTS.index(concept) if concept in CONCEPTS else len(CONCEPTS)


@dataclass(frozen=True)
class Sample:
    """One concept against the rest, n pictures.

    shows: bool (n,), whether the picture shows it. scores: float64 (n,) in [0, 1].
    ordinary: bool (n,), the pictures that stand for what is mostly on sale: those labelled `other`, or where there are
        none, all that do not show the concept. groups: int (n,), or None where no picture names one.
    """

    concept: str
    shows: NDArray[np.bool_]
    scores: NDArray[np.float64]
    ordinary: NDArray[np.bool_]
    groups: NDArray[np.int64] | None
    ordinary_are: Ordinary


def take_sample(judged: Sequence[Judged], concept: str) -> Sample:
    """The pictures that count and of which `concept` was scored."""
    seen = [picture for picture in judged if picture.counts and concept in picture.scores]
    shows = np.array([picture.truth == concept for picture in seen], dtype=np.bool_)
    other = np.array([picture.truth == "other" for picture in seen], dtype=np.bool_)
    return Sample(
        concept=concept,
        shows=shows,
        scores=np.array([picture.scores[concept] for picture in seen], dtype=np.float64),
        ordinary=other if other.any() else ~shows,
        groups=number_groups(seen),
        ordinary_are="other" if other.any() else "all other labels",
    )


def number_groups(judged: Sequence[Judged]) -> NDArray[np.int64] | None:
    """A number by group, int64 (n,); a picture without one is a group of its own. None where none names a group."""
    if all(picture.group is None for picture in judged):
        return None
    names = [("", str(n)) if picture.group is None else ("group", picture.group) for n, picture in enumerate(judged)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.int64)
