"""Which installed models speak, in which order, and what their words come to; the policy itself is rules.cascade."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rules.cascade import Cascade, Opinion, Voice
from scanner.records import Scores
from scanner.zoo.catalogue import DEFAULT, PRIMARY
from scanner.zoo.decodings import settle_decoding
from scanner.zoo.engines.devices import Device
from scanner.zoo.registry import InstalledModel, find_installed, installed_models, installed_names
from scanner.zoo.running import settle
from scanner.zoo.wishes import Wishes

# A file in the models folder: the name of the model that its users put first. No model can have a dot in its name.
CHOSEN = "primary.txt"


class NoModelError(Exception):
    """Nothing is installed that could score a picture."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """models: those that may speak, the one that speaks of every picture first.

    everyone: all of them are asked about every picture, whatever the policy says.
    notice: one sentence for people, None if none is due. warnings: of models that don't run as was wished.
    """

    models: tuple[InstalledModel, ...]
    primary_absent: bool
    notice: str | None
    cascade: Cascade = field(default_factory=Cascade)
    everyone: bool = False
    warnings: tuple[str, ...] = ()

    def run_on(self, device: Device, wishes: Wishes) -> "ModelChoice":
        """The models as each is to run there, and as their pictures are decoded; their digests may be others."""
        settled = [settle(model, device, wishes) for model in self.models]
        warnings = tuple(one.warning for one in settled if one.warning)
        models, faults = settle_decoding([one.model for one in settled], wishes.decoding)
        return replace(self, models=models, warnings=(*warnings, *faults))

    @property
    def voices(self) -> tuple[Voice, ...]:
        return tuple(
            Voice(model.name, frozenset(model.spec.sees), frozenset(model.spec.counters.values()))
            for model in self.models
        )

    def ask_next(self, said: Sequence[Scores], text: str, out: Collection[str] = ()) -> tuple[str, ...]:
        """Names of the models to ask about a picture of which `said` is known; those in `out` can't be asked."""
        if not said:
            return tuple(model.name for model in (self.models if self.everyone else self.models[:1]))
        if self.everyone:
            return ()
        voices = [voice for voice in self.voices if voice.model not in out]
        return self.cascade.next_models(voices, opinions_of(said), text)


def choose_models(models_dir: Path, cascade: Cascade | None = None, names: Sequence[str] | None = None) -> ModelChoice:
    """Read the cards and choose by the policy; no network is loaded.

    names: these alone, each asked about every picture; `("all",)` for every installed model.
    Raises NoModelError and CardError.
    """
    policy = cascade or Cascade()
    installed = {model.name: model for model in installed_models(models_dir)}
    primary = read_primary(models_dir) or policy.primary or PRIMARY
    for name in (primary,) if names in (None, ("all",)) else names or ():
        find_installed(models_dir, name)  # a broken card of one that is to speak is told, and no other speaks instead
    order = [primary, policy.primary or PRIMARY, *(policy.fallbacks or installed)]
    models = _in_order(installed, order)
    if names is not None:
        models = _named(installed, _in_order(installed, [*order, *installed]), names)
    first = next((model for model in models if model.spec.sees), None)
    if first is None:
        raise NoModelError(
            f"no model is installed in {models_dir} that could speak first: run `tuskline models install {DEFAULT}` "
            f"(67 MB from the Python package index), or install {PRIMARY}"
        )
    models = (first, *(model for model in models if model is not first))
    absent = primary not in installed
    notice = _absence(primary, models, policy, names is not None) if absent else None
    return ModelChoice(models, absent, notice, policy, names is not None)


def _in_order(installed: Mapping[str, InstalledModel], order: Iterable[str]) -> tuple[InstalledModel, ...]:
    return tuple(installed[name] for name in dict.fromkeys(order) if name in installed)


def _named(
    installed: Mapping[str, InstalledModel], everyone: tuple[InstalledModel, ...], names: Sequence[str]
) -> tuple[InstalledModel, ...]:
    if tuple(names) == ("all",):
        return everyone
    if missing := [name for name in names if name not in installed]:
        raise NoModelError(f"{missing[0]} is not installed; installed are: {', '.join(installed) or 'none'}")
    return _in_order(installed, names)


def _absence(primary: str, models: tuple[InstalledModel, ...], policy: Cascade, everyone: bool) -> str:
    others = ""
    if len(models) > 1 and everyone:
        others = f" together with {len(models) - 1} more"
    elif len(models) > 1 and policy.at_most:
        others = f" (and {len(models) - 1} more where it is unsure)"
    heard = models if others else models[:1]
    seen = dict.fromkeys(concept.replace("_", " ") for model in heard for concept in model.spec.sees)
    return (
        f"The primary model {primary} is not installed. {models[0].name} scored in its place{others}; "
        f"these concepts alone can be seen: {', '.join(seen)}."
    )


def read_primary(models_dir: Path) -> str | None:
    """The model that this installation's users put first; None where they chose none, or removed it since.

    Raises CardError where its card can't be read.
    """
    try:
        name = (models_dir / CHOSEN).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # a file that is no text holds no choice
        return None
    return name if name in installed_names(models_dir) and find_installed(models_dir, name) else None


def set_primary(models_dir: Path, name: str | None) -> None:
    """Put an installed model first; None leaves it to the policy.

    Raises CardError, and NoModelError also where the choice can't be written down.
    """
    if name is not None:
        _check_primary(models_dir, name)
    try:
        _write_primary(models_dir, name)
    except OSError as error:
        place = models_dir / CHOSEN
        raise NoModelError(f"who speaks first can't be written to {place} ({error.strerror}); see to {place}") from None


def _write_primary(models_dir: Path, name: str | None) -> None:
    if name is None:
        (models_dir / CHOSEN).unlink(missing_ok=True)
        return
    aside = models_dir / f".{CHOSEN}"
    aside.write_text(f"{name}\n", encoding="utf-8")
    aside.replace(models_dir / CHOSEN)


def _check_primary(models_dir: Path, name: str) -> None:
    model = find_installed(models_dir, name)
    if model is None:
        raise NoModelError(f"{name} is not installed, so it can't be put first")
    if not model.spec.sees:
        raise NoModelError(f"{name} sees no concept, so it can't be put first")


def opinions_of(said: Iterable[Scores]) -> tuple[Opinion, ...]:
    return tuple(Opinion(one.model, one.by_concept, one.counters) for one in said)


def replay(cascade: Cascade, kept: Sequence[Scores], text: str) -> tuple[Scores, ...]:
    """Of the scores that were kept of a picture, in speaking order, those that the policy would ask for now.

    So stored pictures are judged on the same words as new ones, also where more models spoke of them in the past.
    """
    voices = tuple(Voice(one.model, frozenset(one.by_concept) - {"other"}, frozenset(one.counters)) for one in kept)
    said = list(kept[:1])
    while names := cascade.next_models(voices, opinions_of(said), text):
        said += [one for one in kept if one.model in names]
    return tuple(said)
