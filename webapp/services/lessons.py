"""Training a model of one's own on what people decided."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from rules.wording import spell
from scanner.zoo.registry import find_installed
from webapp.language import find_text, say
from webapp.models import Job, JobKind, User
from webapp.services import jobs, reviewed
from webapp.services.errors import Refused
from webapp.services.jobs import JobError, Task
from webapp.services.models import Zoo
from webapp.services.reviewed import ReviewedPhoto
from webapp.services.rules import current_pack
from webapp.settings import Settings
from webapp.storage import open_store

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
        raise Refused(say("Use 3 to 64 small letters, digits and _ for the name, and begin with a letter."))
    if name in [model.name for model in zoo.models]:
        raise Refused(say("There is a model named %(name)s already: choose another name.", name=name))
    if backbone not in [model.name for model in zoo.installed if model.is_whole]:
        raise Refused(say("Choose an installed model to build on."))
    check_counts(reviewed.count_by_concept(reviewed.reviewed_photos(session, open_store(settings))), concepts)
    chosen = sorted(concepts)
    job, is_new = jobs.ensure(session, JobKind.TRAIN, actor.name, name, backbone=backbone, concepts=chosen)
    if not is_new:
        raise Refused(say("A model named %(name)s is being trained already.", name=name))
    return job


def check_counts(counts: dict[str, int], concepts: Collection[str]) -> None:
    """Raises Refused where a chosen concept, or what shows none, has too few pictures to learn from and judge by."""
    from scanner.zoo.training import FEWEST  # scikit-learn costs seconds, which only this form pays

    if not concepts:
        raise Refused(say("Choose at least one concept."))
    for concept in (*concepts, OTHER):
        if counts.get(concept, 0) < FEWEST:
            raise Refused(tell_lack(concept, FEWEST, counts.get(concept, 0)))


def tell_lack(concept: str, fewest: int, count: int) -> str:
    if concept == OTHER:
        return say("It takes %(fewest)s pictures that were dismissed; there are %(count)s.", fewest=fewest, count=count)
    return say(
        "It takes %(fewest)s pictures confirmed as %(concept)s; there are %(count)s.",
        fewest=fewest,
        concept=spell(concept, find_text),
        count=count,
    )


def work(task: Task) -> dict[str, Any]:
    """Teach a head on the job's backbone, and put the model in its place; what was left out, in sentences.

    Raises JobError where the backbone is gone or nothing can be learnt.
    """
    from scanner.zoo.training import TrainingError, train

    settings, options = task.settings, task.job.options
    backbone = find_installed(settings.models_dir, options["backbone"])
    if backbone is None:
        raise JobError(f"{options['backbone']} is not installed any more: install it, or build on another model.")
    place = open_store(settings)
    photos = chosen_of(reviewed.reviewed_photos(task.session, place), options["concepts"])
    marks = reviewed.marks_of(current_pack(task.session, settings.pack))
    task.session.commit()  # the training takes minutes
    task.report.tell_step(f"learning from {len(photos):,} pictures")
    try:
        with place.at_hand([photo.name for photo in photos]) as paths:
            trained = train(
                examples_of(photos, paths),
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


def chosen_of(photos: Collection[ReviewedPhoto], concepts: Collection[str]) -> list[ReviewedPhoto]:
    """The pictures of the chosen concepts, and those that show none."""
    wanted = {*concepts, OTHER}
    return [photo for photo in photos if photo.concept in wanted]


def examples_of(photos: Collection[ReviewedPhoto], paths: Mapping[str, Path]) -> "list[Example]":
    """For the trainer; paths: where the pictures are at hand, by their names in the store."""
    from scanner.zoo.training import Example

    return [Example(paths[photo.name], photo.concept, photo.group) for photo in photos if photo.name in paths]
