"""From a model's labels to the concepts that rules speak of, by output index and never by the label's text."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from scanner.records import Scores
from scanner.zoo.spec import ModelSpec

TOP_LABELS = 5


def name_scores(spec: ModelSpec, digest: str, labels: Sequence[str], rows: NDArray[np.float32]) -> list[Scores]:
    """One Scores a row of `rows`, float32 (n, spec.classes), each row probabilities that sum to 1.

    The probability of a concept, or of a look-alike, is the sum over its labels; `other` is what no concept has.
    """
    seen = _sums({i: concept for i, concept in spec.concepts.items() if concept != "other"}, rows)
    against = _sums(spec.counters, rows)
    return [
        Scores(spec.name, digest, _by_concept(_at(seen, n)), _top_labels(labels, row), _at(against, n))
        for n, row in enumerate(rows)
    ]


def _sums(named: Mapping[int, str], rows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """For each name the sum over its columns, (n,)."""
    columns = {name: [i for i, given in named.items() if given == name] for name in dict.fromkeys(named.values())}
    return {name: rows[:, indices].sum(axis=1) for name, indices in columns.items()}


def _at(sums: Mapping[str, NDArray[np.float32]], n: int) -> dict[str, float]:
    return {name: min(1.0, float(values[n])) for name, values in sums.items()}


def _by_concept(seen: dict[str, float]) -> dict[str, float]:
    return {"other": max(0.0, 1.0 - sum(seen.values())), **seen}


def _top_labels(labels: Sequence[str], row: NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
    count = min(TOP_LABELS, len(row))
    best = np.argpartition(row, -count)[-count:]
    return tuple((labels[i], float(row[i])) for i in best[np.argsort(-row[best], kind="stable")])
