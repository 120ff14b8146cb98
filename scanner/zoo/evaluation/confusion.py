"""What pictures were taken for."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rules.evidence import CONCEPTS
from scanner.zoo.evaluation.judged import Judged


@dataclass(frozen=True, slots=True)
class Confusion:
    """counts[row][column]: pictures with the truth of that row that were taken for the concept of that column.

    Truths that are no concepts (set aside) come last; columns are what the model can say.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": self.columns, "counts": self.counts}


def confuse(judged: Sequence[Judged], say: Callable[[Judged], str]) -> Confusion:
    """Truth by what `say` makes of the scores."""
    pairs = Counter((picture.truth, say(picture)) for picture in judged)
    rows = in_order({truth for truth, _ in pairs})
    columns = in_order({concept for picture in judged for concept in picture.scores} | {said for _, said in pairs})
    return Confusion(rows, columns, tuple(tuple(pairs[row, column] for column in columns) for row in rows))


def in_order(names: set[str]) -> tuple[str, ...]:
    """Concepts in the order of CONCEPTS with `other` after them, then the rest by name."""
    known = [concept for concept in (*CONCEPTS[1:], "other") if concept in names]
    return (*known, *sorted(names - set(CONCEPTS)))
