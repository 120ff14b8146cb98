"""From a model's labels to the concepts that rules speak of, by output index and never by the label's text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanner.records import Scores
from scanner.zoo.spec import ModelSpec

TOP_LABELS = 5


def name_scores(spec: ModelSpec, digest: str, labels: Sequence[str], rows: NDArray[np.float32]) -> list[Scores]:
    """One Scores a row of `rows`, float32 (n, spec.classes), each row probabilities that sum to 1.

    A concept's probability is the sum over its labels; `other` is what remains.
    """
    columns = {concept: [i for i, named in spec.concepts.items() if named == concept] for concept in spec.sees}
    sums = {concept: rows[:, indices].sum(axis=1) for concept, indices in columns.items()}
    return [Scores(spec.name, digest, _by_concept(sums, n), _top_labels(labels, row)) for n, row in enumerate(rows)]


def _by_concept(sums: dict[str, NDArray[np.float32]], n: int) -> dict[str, float]:
    seen = {concept: min(1.0, float(values[n])) for concept, values in sums.items()}
    return {"other": max(0.0, 1.0 - sum(seen.values())), **seen}


def _top_labels(labels: Sequence[str], row: NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
    count = min(TOP_LABELS, len(row))
    best = np.argpartition(row, -count)[-count:]
    return tuple((labels[i], float(row[i])) for i in best[np.argsort(-row[best], kind="stable")])
