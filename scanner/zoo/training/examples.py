"""What a head learns from: pictures with their labels, and which labels there are enough of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rules.evidence import CONCEPTS
from scanner.zoo.evaluation.cautions import count

OTHER = "other"
# Fewer can't be held out and learnt from: with ten pictures and five folds a head is judged by two at a time.
FEWEST = 10
# Fewer are learnt from with a warning: of 40 pictures found without a miss, as few as nine in ten may be found later.
FEW = 40


class TrainingError(Exception):
    """Nothing can be learnt; the message is one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture to learn from.

    label: a concept of rules.evidence.CONCEPTS; `other` for a picture that shows none; `other/NAME` for a look-alike
        that is to be told apart (`other/rhinoceros`). Any other word: not learnt from, but what is said of it is shown.
    group: where it comes from. Pictures of one group are never on both sides of a split; None where nobody knows.
    """

    path: Path
    label: str
    group: str | None = None

    @property
    def truth(self) -> str:
        return OTHER if self.label.startswith(f"{OTHER}/") else self.label


@dataclass(frozen=True, slots=True)
class Lesson:
    """labels: what is learnt, in the order of the head's outputs, `other` first. absent: concept -> pictures, too few.

    aside: labels that are no concept, which are shown but not learnt. warnings: one sentence each.
    """

    labels: tuple[str, ...]
    absent: dict[str, int]
    aside: tuple[str, ...]
    warnings: tuple[str, ...]


def plan_lesson(examples: Sequence[Example], fewest: int = FEWEST) -> Lesson:
    """Which labels to learn. Raises TrainingError where there is no concept, or no `other`, with enough pictures."""
    counts = Counter(example.label for example in examples)
    concepts = [concept for concept in CONCEPTS if concept != OTHER and counts[concept]]
    absent = {concept: counts[concept] for concept in concepts if counts[concept] < fewest}
    learnt = [concept for concept in concepts if concept not in absent]
    if not learnt:
        raise TrainingError(
            f"no concept has {fewest} pictures: give folders with {fewest} or more each, named as concepts "
            f"({', '.join(CONCEPTS[1:])})"
        )
    if counts[OTHER] < fewest:
        raise TrainingError(
            f"{count(counts[OTHER], 'picture')} of ordinary things: a folder named {OTHER} with {fewest} or more is "
            "needed, so that the head learns what not to flag"
        )
    names = sorted(label for label in counts if label.startswith(f"{OTHER}/"))
    known = {OTHER, *concepts, *names}
    aside = tuple(sorted(label for label in counts if label not in known))
    return Lesson((OTHER, *learnt, *names), absent, aside, tuple(_warn(counts, learnt, absent, fewest)))


def _warn(counts: Counter[str], learnt: Sequence[str], absent: dict[str, int], fewest: int) -> list[str]:
    left_out = [
        f"{concept} is left out: {count(number, 'picture')}, and it takes {fewest}"
        for concept, number in absent.items()
    ]
    few = [
        f"{concept} has only {counts[concept]} pictures: its figures say little of others"
        for concept in learnt
        if counts[concept] < FEW
    ]
    return [*left_out, *few]
