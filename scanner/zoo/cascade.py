"""Which of the installed models speaks: the primary, or the first fallback while it has no weights."""

from dataclasses import dataclass
from pathlib import Path

from scanner.zoo.catalogue import DEFAULT, PRIMARY
from scanner.zoo.registry import InstalledModel, installed_models


class NoModelError(Exception):
    """Nothing is installed that could score a picture."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """models: those that speak, the one that decides first. notice: one sentence for people, None if none is due."""

    models: tuple[InstalledModel, ...]
    primary_absent: bool
    notice: str | None


def choose_models(models_dir: Path) -> ModelChoice:
    """Read the cards and choose; no network is loaded. Raises NoModelError and CardError."""
    installed = installed_models(models_dir)
    primary = tuple(model for model in installed if model.name == PRIMARY)
    if primary:
        return ModelChoice(primary, primary_absent=False, notice=None)
    fallbacks = tuple(model for model in installed if model.role == "fallback")[:1]
    if not fallbacks:
        raise NoModelError(
            f"no model is installed in {models_dir}: run `tuskline models install {DEFAULT}` "
            f"(67 MB from the Python package index), or install {PRIMARY}"
        )
    return ModelChoice(fallbacks, primary_absent=True, notice=_absence(fallbacks))


def _absence(fallbacks: tuple[InstalledModel, ...]) -> str:
    names = " and ".join(model.name for model in fallbacks)
    seen = dict.fromkeys(concept.replace("_", " ") for model in fallbacks for concept in model.spec.sees)
    return (
        f"The primary model {PRIMARY} is not installed. {names} scored in its place, "
        f"and can see these concepts alone: {', '.join(seen)}."
    )
