"""What stands under `training` on the card: enough to do it again, and to know what it can't do."""

import hashlib
import importlib.metadata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scanner.fingerprints import digest_file
from scanner.zoo.evaluation import Evaluation, Judged
from scanner.zoo.registry import InstalledModel
from scanner.zoo.training.examples import OTHER, Example
from scanner.zoo.training.splits import FOLDS
from scanner.zoo.training.trainer import Course, Taught

UNKNOWN = "unknown"
_LIBRARIES = ("paddlepaddle", "scikit-learn", "scipy", "numpy", "pillow")


def record_training(
    course: Course, taught: Taught, backbone: InstalledModel, evaluation: Evaluation, more: Mapping[str, Any]
) -> dict[str, Any]:
    """JSON values. more: what the caller was asked for (words for the pictures, the seed, the variants)."""
    thresholds = recommend_thresholds(evaluation)
    return {
        **more,
        "backbone": backbone.name,
        "backbone_files": network_files(backbone),
        "data_digest": digest_examples(course.examples),
        "labels": dict(Counter(example.label for example in course.examples)),
        "sources": count_sources(course.examples),
        "groups": len(np.unique(course.groups)),
        "absent": course.lesson.absent,
        "set_aside": list(course.lesson.aside),
        "said_of_set_aside": count_flags(taught.aside, thresholds),
        "unreadable": len(course.failures),
        "folds": FOLDS,
        "base_rate": evaluation.base_rate,
        "recommended_thresholds": thresholds,
        "found_by_source": count_found(course, taught, thresholds),
        "warnings": list(course.lesson.warnings),
        "versions": {library: importlib.metadata.version(library) for library in _LIBRARIES},
    }


def network_files(model: InstalledModel) -> dict[str, str]:
    """The SHA-256 of the program and of each file of parameters: what a head depends on."""
    return {file.path: file.sha256 for file in model.card.files if file.path != model.card.labels_file}


def recommend_thresholds(evaluation: Evaluation) -> dict[str, float]:
    """By concept the lowest threshold with at most three false flags in 1,000 ordinary held-out pictures."""
    aims = {
        figures.concept: aim for figures in evaluation.concepts for aim in figures.aims if aim.kind == "false_flags"
    }
    return {concept: round(aim.point.threshold, 4) for concept, aim in aims.items() if aim.point is not None}


def count_sources(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Label -> source -> pictures; pictures of no known source are counted under UNKNOWN."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        counts[example.label][example.group or UNKNOWN] += 1
    return {label: dict(sources.most_common()) for label, sources in counts.items()}


def digest_examples(examples: Sequence[Example]) -> str:
    """SHA-256 (hex) over the pictures' own digests and labels, in whatever order they came."""
    lines = sorted(f"{digest_file(example.path)} {example.label}\n" for example in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def count_flags(judged: Sequence[Judged], thresholds: Mapping[str, float]) -> dict[str, dict[str, int]]:
    """Truth -> what it was taken for at these thresholds -> pictures."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for picture in judged:
        counts[picture.truth][picture.decide(thresholds, 1.0)] += 1
    return {truth: dict(taken.most_common()) for truth, taken in counts.items()}


def count_found(
    course: Course, taught: Taught, thresholds: Mapping[str, float]
) -> dict[str, dict[str, tuple[int, int]]]:
    """Label -> source -> (flagged as that concept, pictures); of `other` and look-alikes, those flagged as anything."""
    counts: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for n, picture in zip(course.learnt, taught.judged, strict=True):
        example, said = course.examples[n], picture.decide(thresholds, 1.0)
        found = counts[example.label][example.group or UNKNOWN]
        found[0] += said != OTHER if example.truth == OTHER else said == example.label
        found[1] += 1
    return {label: {source: (n, of) for source, (n, of) in sources.items()} for label, sources in counts.items()}
