"""The models as the pages show them: the catalogue, what is installed, what was trained here, who speaks first."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.cascade import Cascade
from scanner.zoo import cascade as choosing
from scanner.zoo.cards import CARD_NAME, CardError
from scanner.zoo.cascade import NoModelError
from scanner.zoo.catalogue import CATALOGUE, PRIMARY
from scanner.zoo.engines import parse_device
from scanner.zoo.labels import LabelError
from scanner.zoo.options import InstallOptions
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.running import Settled, settle
from scanner.zoo.sources import order as sources
from scanner.zoo.spec import ModelSpec
from scanner.zoo.wishes import Wishes
from webapp.echoes import say_again
from webapp.language import say
from webapp.models import Job, JobKind, JobState, User
from webapp.services import audit, jobs
from webapp.services.errors import NotFound, Refused


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model. fault: why its card can't be read. spec: None where nothing but a broken card is known.

    rank: its place among those that may speak of a picture, 1 for the first; None where it does not speak.
    warning: where it does not run, or should not, as was wished.
    job: what waits or runs on it. speed: the newest measurement of this very version, as its job gave it.
    """

    name: str
    spec: ModelSpec | None
    installed: InstalledModel | None = None
    fault: str | None = None
    rank: int | None = None
    is_primary: bool = False
    job: Job | None = None
    speed: dict[str, Any] | None = None
    warning: str | None = None

    @property
    def title(self) -> str:
        return self.spec.title if self.spec else self.name

    @property
    def is_whole(self) -> bool:
        return self.installed is not None and self.fault is None


@dataclass(frozen=True, slots=True)
class Zoo:
    """All models. primary: the name of the one that is to speak first; notice: one sentence where it can't."""

    models: tuple[ModelView, ...]
    primary: str
    primary_absent: bool
    notice: str | None

    @property
    def installed(self) -> list[ModelView]:
        """Those that speak, in their order, then the others."""
        here = [model for model in self.models if model.installed or model.fault]
        return sorted(here, key=lambda model: model.rank or len(self.models) + 1)

    @property
    def absent(self) -> list[ModelView]:
        return [model for model in self.models if not model.installed and not model.fault]

    @property
    def first(self) -> ModelView | None:
        return next((model for model in self.models if model.rank == 1), None)


def view_zoo(
    session: Session, models_dir: Path, cascade: Cascade, device: str = "cpu", wishes: Wishes | None = None
) -> Zoo:
    """Every model of the catalogue, then those that were trained here, each as it would run on the device here."""
    place = parse_device(device)

    def run(model: InstalledModel) -> Settled:
        return settle(model, place, wishes or Wishes())

    primary = name_primary(models_dir, cascade)
    order, absent, notice = speaking_order(models_dir, cascade)
    under_way = jobs.unfinished(session)
    models = tuple(
        view_one(session, models_dir, name, order, primary, under_way.get(f"model:{name}"), run)
        for name in known_names(models_dir)
    )
    return Zoo(models, primary, absent, notice)


def view_one(
    session: Session,
    models_dir: Path,
    name: str,
    order: tuple[str, ...],
    primary: str,
    job: Job | None,
    run: Callable[[InstalledModel], Settled],
) -> ModelView:
    rank = order.index(name) + 1 if name in order else None
    try:
        found = find_installed(models_dir, name)
    except CardError as error:
        return ModelView(name, CATALOGUE.get(name), fault=str(error), is_primary=name == primary, job=job)
    settled = run(found) if found else None
    installed, warning = (settled.model, settled.warning) if settled else (None, None)
    spec = installed.spec if installed else CATALOGUE[name]
    speed = newest_result(session, JobKind.MEASURE, installed) if installed else None
    return ModelView(name, spec, installed, None, rank, name == primary, job, speed, warning)


def known_names(models_dir: Path) -> list[str]:
    """The catalogue's in its order, then others that have a card; hidden folders are installs under way."""
    cards = (card.parent.name for card in models_dir.glob(f"*/{CARD_NAME}"))
    return [*CATALOGUE, *sorted(name for name in cards if name not in CATALOGUE and not name.startswith("."))]


def find(zoo: Zoo, name: str) -> ModelView:
    """Raises NotFound."""
    model = next((model for model in zoo.models if model.name == name), None)
    if model is None:
        raise NotFound(say("There is no model %(name)s.", name=name))
    return model


def speaking_order(models_dir: Path, cascade: Cascade) -> tuple[tuple[str, ...], bool, str | None]:
    """(names of those that may speak, the first first; whether the primary is absent; a sentence where one is due)."""
    try:
        choice = choosing.choose_models(models_dir, cascade)
    except (NoModelError, CardError) as error:
        return (), True, f"{str(error)[:1].upper()}{str(error)[1:]}"
    return tuple(model.name for model in choice.models), choice.primary_absent, choice.notice


def name_primary(models_dir: Path, cascade: Cascade) -> str:
    """The model that is to speak first: the users' choice, else the pack's."""
    try:
        chosen = choosing.read_primary(models_dir)
    except CardError:
        chosen = None
    return chosen or cascade.primary or PRIMARY


def make_primary(session: Session, models_dir: Path, cascade: Cascade, name: str, actor: User) -> None:
    """Let the model speak first; the pack's own primary is no choice but the end of one. Raises Refused."""
    own = name == (cascade.primary or PRIMARY)
    before = name_primary(models_dir, cascade)
    try:
        choosing.set_primary(models_dir, None if own else name)
    except (NoModelError, CardError) as error:
        raise Refused(say("%(sentence)s.", sentence=say_again(str(error)))) from None
    audit.record(session, actor.name, "model.primary", f"model:{name}", before=before, after=name)


def newest_result(session: Session, kind: JobKind, model: InstalledModel) -> dict[str, Any] | None:
    """What the newest job of that kind found of this very version of the model."""
    done = select(Job).where(Job.kind == kind, Job.model == model.name, Job.state == JobState.DONE)
    newest = session.scalars(done.order_by(Job.id.desc()).limit(10))
    return next((dict(job.result) for job in newest if job.result.get("digest") == model.digest), None)


def labels_by_concept(model: ModelView) -> dict[str, list[str]]:
    """The model's own labels behind each concept and each look-alike; empty where they can't be read."""
    if model.installed is None:
        return {}
    try:
        labels = model.installed.labels()
    except LabelError:
        return {}
    named = {**model.installed.spec.counters, **model.installed.spec.concepts}
    found: dict[str, list[str]] = {}
    for index, name in sorted(named.items()):
        found.setdefault(name, []).append(labels[index] if index < len(labels) else f"label {index}")
    return found


def ways_to(model: ModelView) -> list[str]:
    """Where an install would look, in that order."""
    return [way.words for way in sources.ways_to(model.name, model.spec, None, InstallOptions())]
