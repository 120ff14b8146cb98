"""Training a model of one's own on what people decided."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from scanner.zoo.registry import find_installed
from webapp.models import Job, JobKind, User
from webapp.services import jobs, reviewed
from webapp.services.errors import Refused
from webapp.services.jobs import JobError, Task
from webapp.services.models import Zoo
from webapp.services.reviewed import ReviewedPhoto
from webapp.services.rules import current_pack
from webapp.settings import Settings

if TYPE_CHECKING:
    from scanner.zoo.training import Example

NAME = re.compile(r"[a-z][a-z0-9_]{2,63}")
OTHER = "other"


def ask(
    session: Session, settings: Settings, zoo: Zoo, actor: User, name: str, backbone: str, concepts: Collection[str]
) -> Job:
    """Note a training of `concepts` under a new name; the caller commits, then queues it.

    Raises Refused where the name is taken or none, the backbone is absent, or too little was decided.
    """
    if not NAME.fullmatch(name):
        raise Refused("Use 3 to 64 small letters, digits and _ for the name, and begin with a letter.")
    if name in [model.name for model in zoo.models]:
        raise Refused(f"There is a model named {name} already: choose another name.")
    if backbone not in [model.name for model in zoo.installed if model.is_whole]:
        raise Refused("Choose an installed model to build on.")
    check_counts(reviewed.count_by_concept(reviewed.reviewed_photos(session, settings.photos_dir)), concepts)
    chosen = sorted(concepts)
    job, is_new = jobs.ensure(session, JobKind.TRAIN, actor.name, name, backbone=backbone, concepts=chosen)
    if not is_new:
        raise Refused(f"A model named {name} is being trained already.")
    return job


def check_counts(counts: dict[str, int], concepts: Collection[str]) -> None:
    """Raises Refused where a chosen concept, or what shows none, has too few pictures to learn from and judge by."""
    from scanner.zoo.training import FEWEST  # scikit-learn costs seconds, which only this form pays

    if not concepts:
        raise Refused("Choose at least one concept.")
    for concept in (*concepts, OTHER):
        if counts.get(concept, 0) < FEWEST:
            words = "that were dismissed" if concept == OTHER else f"confirmed as {concept.replace('_', ' ')}"
            raise Refused(f"It takes {FEWEST} pictures {words}; there are {counts.get(concept, 0)}.")


def work(task: Task) -> dict[str, Any]:
    """Teach a head on the job's backbone, and put the model in its place; what was left out, in sentences.

    Raises JobError where the backbone is gone or nothing can be learnt.
    """
    from scanner.zoo.training import TrainingError, train

    settings, options = task.settings, task.job.options
    backbone = find_installed(settings.models_dir, options["backbone"])
    if backbone is None:
        raise JobError(f"{options['backbone']} is not installed any more: install it, or build on another model.")
    examples = examples_of(reviewed.reviewed_photos(task.session, settings.photos_dir), options["concepts"])
    marks = reviewed.marks_of(current_pack(task.session, settings.pack))
    task.session.commit()  # the training takes minutes
    task.report.tell_step(f"learning from {len(examples):,} pictures")
    try:
        trained = train(
            examples,
            backbone,
            settings.models_dir / task.model,
            task.model,
            pictures="pictures that reviewers decided",
            thresholds=marks,
            progress=task.report.tell_bytes,
        )
    except TrainingError as error:
        raise JobError(f"{task.model} was not trained: {error}.") from None
    model = find_installed(settings.models_dir, task.model)
    if model is None:
        raise JobError(f"{task.model} was removed meanwhile.")
    unread = [f"{path}: {failure}" for path, failure in trained.failures]
    facts = {"digest": model.digest, "source": model.source, "size_bytes": model.card.size_bytes}
    return facts | {"warnings": list(trained.warnings), "unread": unread}


def examples_of(photos: Collection[ReviewedPhoto], concepts: Collection[str]) -> "list[Example]":
    """The pictures of the chosen concepts, and those that show none."""
    from scanner.zoo.training import Example

    wanted = {*concepts, OTHER}
    return [Example(photo.path, photo.concept, photo.group) for photo in photos if photo.concept in wanted]
