"""`train`: from labelled pictures to a model's folder, in PaddleHub's layout A with label list and card."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.acceptance import accept
from scanner.zoo.evaluation import Evaluation, Subject, evaluate, figures_for_card
from scanner.zoo.formats.intake import LABELS, MODEL
from scanner.zoo.formats.parameters import ParameterError
from scanner.zoo.formats.programs import ProgramError, find_features, join_head, read_network, write_network
from scanner.zoo.registry import InstalledModel
from scanner.zoo.spec import ModelSpec, Role
from scanner.zoo.training.examples import FEWEST, OTHER, Example, Lesson, TrainingError
from scanner.zoo.training.features import Progress
from scanner.zoo.training.head import Head
from scanner.zoo.training.record import record_training
from scanner.zoo.training.splits import FOLDS
from scanner.zoo.training.trainer import gather, teach

# Variants of each picture beside its plain crop: more gained nothing (docs/starter.md).
VARIANTS = 6


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
    evaluation = evaluate([*taught.judged, *taught.aside], subject, thresholds=thresholds)
    asked = {"pictures": pictures, "seed": seed, "variants": variants}
    more = {
        "figures": figures_for_card(evaluation),
        "training": record_training(course, taught, backbone, evaluation, asked),
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


def write_model(spec: ModelSpec, backbone: InstalledModel, head: Head, out: Path, more: Mapping[str, Any]) -> None:
    """Join the head with the backbone, run it once, and put it with its card in the place of `out`."""
    staged = out.with_name(f".{out.name}-staged")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        write_joined(backbone, head.weight.astype(np.float32), head.bias.astype(np.float32), staged / MODEL)
        (staged / LABELS).write_text(list_labels(spec), encoding="utf-8")
        accept(spec, staged, f"trained here on {backbone.name}", "A", more)
        shutil.rmtree(out, ignore_errors=True)
        staged.rename(out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_joined(
    backbone: InstalledModel, weight: NDArray[np.float32], bias: NDArray[np.float32], folder: Path
) -> None:
    """Layout A of the backbone with the head in the place of its classifier. Raises as read_network and join_head."""
    network = read_network(backbone.folder, backbone.card.network)
    features = find_features(network, backbone.card.output_index)
    write_network(join_head(network, features, weight, bias), folder)


def list_labels(spec: ModelSpec) -> str:
    """label_list.txt: a concept's own word, `other`, or the look-alike's name, in the order of the outputs."""
    names = {**spec.concepts, **spec.counters}
    return "".join(f"{names.get(index, OTHER)}\n" for index in range(spec.classes))
