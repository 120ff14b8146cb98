"""`train`: from labelled pictures to a model's folder, in PaddleHub's layout A with label list and card."""

import hashlib
import importlib.metadata
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanner.fingerprints import digest_file
from scanner.zoo.acceptance import accept
from scanner.zoo.evaluation import Evaluation, Subject, evaluate, figures_for_card
from scanner.zoo.intake import LABELS, MODEL
from scanner.zoo.parameters import ParameterError
from scanner.zoo.programs import ProgramError, find_features, join_head, read_network, write_network
from scanner.zoo.registry import InstalledModel
from scanner.zoo.spec import ModelSpec, Role
from scanner.zoo.training.examples import FEWEST, OTHER, Example, Lesson, TrainingError
from scanner.zoo.training.features import Progress
from scanner.zoo.training.head import Head
from scanner.zoo.training.splits import FOLDS
from scanner.zoo.training.trainer import Course, gather, teach

# Variants of each picture beside its plain crop: more gained nothing (docs/starter.md).
VARIANTS = 6
_LIBRARIES = ("paddlepaddle", "scikit-learn", "scipy", "numpy", "pillow")


@dataclass(frozen=True)
class Trained:
    """folder: ready to be installed from. failures: (path, sentence) of pictures that could not be read."""

    folder: Path
    spec: ModelSpec
    evaluation: Evaluation
    warnings: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]


def train(
    on: Sequence[Example],
    backbone: InstalledModel,
    out: Path,
    name: str,
    *,
    pictures: str = "pictures of its own",
    thresholds: Mapping[str, float] | None = None,
    role: Role = "fallback",
    seed: int = 0,
    variants: int = VARIANTS,
    fewest: int = FEWEST,
    progress: Progress | None = None,
) -> Trained:
    """Learn from `on` and write out/model/, out/label_list.txt and out/card.json; an older folder is replaced.

    pictures: in words, for the card. thresholds: of the rules in use, for the figures (evaluation.pack_thresholds).
    The figures are of pictures that were held out, by group, in folds; the head that is written has learnt from all.
    fewest: pictures that a concept needs. Raises TrainingError, which leaves what stands at `out` as it was, and
    ModelError where the joined network can't be run.
    """
    try:
        course = gather(on, backbone, variants, seed, fewest, progress)
    except (ProgramError, ParameterError) as error:
        raise TrainingError(f"{backbone.name} can't be a backbone: {error}") from None
    taught = teach(course, seed)
    spec = describe_model(name, backbone, course.lesson, len(course.learnt), role)
    subject = Subject(name, spec.title, "", f"{pictures}, held out by source and near-duplicate in {FOLDS} folds")
    evaluation = evaluate(taught.judged, subject, thresholds=thresholds)
    more = {
        "figures": figures_for_card(evaluation),
        "training": record_training(course, backbone, evaluation, pictures, seed, variants),
    }
    write_model(spec, backbone, taught.head, out, more)
    return Trained(out, spec, evaluation, course.lesson.warnings, course.failures)


def describe_model(name: str, backbone: InstalledModel, lesson: Lesson, count: int, role: Role) -> ModelSpec:
    """The new model as data: concepts and look-alikes by index, the backbone's preprocessing."""
    concepts = {n: label for n, label in enumerate(lesson.labels) if label.split("/")[0] != OTHER}
    words = ", ".join(concept.replace("_", " ") for concept in concepts.values())
    absent = "".join(
        f" {concept.replace('_', ' ')} is absent: {number} pictures were too few."
        for concept, number in lesson.absent.items()
    )
    return ModelSpec(
        name=name,
        title=f"{name} ({words}; on {backbone.title})",
        role=role,
        classes=len(lesson.labels),
        concepts=concepts,
        counters={n: label.split("/")[1] for n, label in enumerate(lesson.labels) if "/" in label},
        sources=(),
        licence=f"backbone: {backbone.spec.licence}",
        caveat=f"A linear head that has learnt {words} from {count} pictures, and sees nothing else.{absent}",
        preprocessing=backbone.spec.preprocessing,
    )


def write_model(
    spec: ModelSpec, backbone: InstalledModel, head: Head, out: Path, more: Mapping[str, Any], labels: str | None = None
) -> None:
    """Join the head with the backbone, run it once, and put it with its card in the place of `out`."""
    staged = out.with_name(f".{out.name}-staged")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        network = read_network(backbone.folder, backbone.card.network)
        features = find_features(network, backbone.card.output_index)
        joined = join_head(network, features, head.weight.astype(np.float32), head.bias.astype(np.float32))
        write_network(joined, staged / MODEL)
        (staged / LABELS).write_text(labels or list_labels(spec), encoding="utf-8")
        accept(spec, staged, f"trained here on {backbone.name}", "A", more)
        shutil.rmtree(out, ignore_errors=True)
        staged.rename(out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def list_labels(spec: ModelSpec) -> str:
    """label_list.txt: a concept's own word, `other`, or the look-alike's name, in the order of the outputs."""
    names = {**spec.concepts, **spec.counters}
    return "".join(f"{names.get(index, OTHER)}\n" for index in range(spec.classes))


def record_training(
    course: Course, backbone: InstalledModel, evaluation: Evaluation, pictures: str, seed: int, variants: int
) -> dict[str, Any]:
    """What stands under `training` on the card: enough to do it again, and to know what it can't do."""
    return {
        "pictures": pictures,
        "backbone": backbone.name,
        "backbone_digest": backbone.digest,
        "data_digest": digest_examples(course.examples),
        "labels": dict(Counter(example.label for example in course.examples)),
        "sources": count_sources(course.examples),
        "groups": len(np.unique(course.groups)),
        "absent": course.lesson.absent,
        "set_aside": list(course.lesson.aside),
        "unreadable": len(course.failures),
        "seed": seed,
        "variants": variants,
        "folds": FOLDS,
        "base_rate": evaluation.base_rate,
        "recommended_thresholds": recommend_thresholds(evaluation),
        "warnings": list(course.lesson.warnings),
        "versions": {library: importlib.metadata.version(library) for library in _LIBRARIES},
    }


def recommend_thresholds(evaluation: Evaluation) -> dict[str, float]:
    """By concept the lowest threshold with at most three false flags in 1,000 ordinary held-out pictures."""
    aims = {
        figures.concept: aim for figures in evaluation.concepts for aim in figures.aims if aim.kind == "false_flags"
    }
    return {concept: round(aim.point.threshold, 4) for concept, aim in aims.items() if aim.point is not None}


def count_sources(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Label -> source -> pictures; pictures of no known source are counted under "unknown"."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        counts[example.label][example.group or "unknown"] += 1
    return {label: dict(sources.most_common()) for label, sources in counts.items()}


def digest_examples(examples: Sequence[Example]) -> str:
    """SHA-256 (hex) over the pictures' own digests and labels, in whatever order they came."""
    lines = sorted(f"{digest_file(example.path)} {example.label}\n" for example in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
