"""Teach a head on a frozen backbone, and judge it by pictures of which it has seen neither source nor duplicate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from scanner.zoo.evaluation import Judged
from scanner.zoo.registry import InstalledModel
from scanner.zoo.training.calibration import calibrate
from scanner.zoo.training.duplicates import join_groups
from scanner.zoo.training.examples import OTHER, Example, Lesson, TrainingError, plan_lesson
from scanner.zoo.training.features import Described, Progress, describe_pictures
from scanner.zoo.training.head import Floats, Head, learn_head
from scanner.zoo.training.splits import fold_groups


@dataclass(frozen=True)
class Course:
    """What there is to learn from, all pictures read. features: (n, views, width); groups and folds: by picture."""

    lesson: Lesson
    examples: tuple[Example, ...]
    features: NDArray[np.float32]
    groups: NDArray[np.int64]
    failures: tuple[tuple[str, str], ...]

    @property
    def learnt(self) -> NDArray[np.intp]:
        """The pictures of labels that are learnt, by index."""
        return np.flatnonzero([example.label in self.lesson.labels for example in self.examples])

    def number_labels(self, chosen: NDArray[np.intp]) -> NDArray[np.int64]:
        return np.array([self.lesson.labels.index(self.examples[n].label) for n in chosen], dtype=np.int64)


@dataclass(frozen=True)
class Taught:
    """head: calibrated, learnt from every picture. judged: those, each by a head that has not seen its group.

    aside: the pictures that are not learnt, by the head itself.
    """

    head: Head
    judged: tuple[Judged, ...]
    aside: tuple[Judged, ...]


def gather(
    on: Sequence[Example], backbone: InstalledModel, variants: int, seed: int, fewest: int, progress: Progress | None
) -> Course:
    """Read the pictures. Raises TrainingError where too few are left, and what describe_pictures raises."""
    plan_lesson(on, fewest)  # before minutes of reading
    described = list(describe_pictures([example.path for example in on], backbone, variants, seed, progress))
    read = [(example, found) for example, found in zip(on, described, strict=True) if found.failure is None]
    failures = tuple(
        (str(example.path), found.failure)
        for example, found in zip(on, described, strict=True)
        if found.failure is not None
    )
    if not read:
        raise TrainingError(f"none of {len(on)} pictures could be read; the first: {failures[0][1]}")
    examples = tuple(example for example, _ in read)
    groups = join_groups(np.stack([found.bits for _, found in read]), [example.group for example in examples])
    return Course(plan_lesson(examples, fewest), examples, _stack([found for _, found in read]), groups, failures)


def _stack(described: Sequence[Described]) -> NDArray[np.float32]:
    return np.stack([found.features for found in described])


def teach(course: Course, seed: int) -> Taught:
    """Learn the head from all, and once a fold for the figures and the calibration. Raises TrainingError."""
    labels, learnt = course.lesson.labels, course.learnt
    truths, groups = course.number_labels(learnt), course.groups[learnt]
    if len(np.unique(groups)) < 2:
        raise TrainingError("all pictures are of one source or of one photograph: nothing can be held out to judge by")
    logits, folds = _hold_out(course.features[learnt], truths, groups, len(labels), seed)
    head = learn_head(course.features[learnt], truths, len(labels)).rescale(*calibrate(logits, truths, labels))
    scores = _score_held_out(logits, truths, folds, labels)
    judged = tuple(_judge(course, n, row, labels) for n, row in zip(learnt, scores, strict=True))
    aside = [n for n, example in enumerate(course.examples) if example.label in course.lesson.aside]
    rows = softmax(head.score(course.features[aside, 0]), axis=1) if aside else ()
    return Taught(head, judged, tuple(_judge(course, n, row, labels) for n, row in zip(aside, rows, strict=True)))


def _hold_out(
    features: NDArray[np.float32], truths: NDArray[np.int64], groups: NDArray[np.int64], count: int, seed: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Logits (n, labels) of the plain crops, each by a head that has not seen the picture's group; and its fold."""
    logits, folds = np.empty((len(truths), count)), np.empty(len(truths), dtype=np.int64)
    for number, (learn, judge) in enumerate(fold_groups(truths, groups, seed)):
        logits[judge] = learn_head(features[learn], truths[learn], count).score(features[judge, 0])
        folds[judge] = number
    return logits, folds


def _score_held_out(
    logits: Floats, truths: NDArray[np.int64], folds: NDArray[np.int64], labels: Sequence[str]
) -> Floats:
    """Probabilities (n, labels): those of a fold are calibrated by the other folds alone."""
    scores = np.empty_like(logits)
    for fold in np.unique(folds):
        inside = folds == fold
        scale, shift = calibrate(logits[~inside], truths[~inside], labels)
        scores[inside] = softmax(scale * logits[inside] + shift, axis=1)
    return scores


def _judge(course: Course, n: int, row: Floats, labels: Sequence[str]) -> Judged:
    """A concept that the head of this fold could not learn (its one source was held out) has no score here."""
    example = course.examples[n]
    scores = {OTHER: 0.0}
    for label, score in zip(labels, row, strict=True):
        concept = OTHER if label.split("/")[0] == OTHER else label
        if concept == OTHER or score > 0:
            scores[concept] = scores.get(concept, 0.0) + float(score)
    return Judged(example.truth, scores, f"{course.groups[n]}")
