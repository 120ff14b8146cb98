"""Which models are installed in the models folder."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.cards import CARD_NAME, Card, CardError, digest_of, read_card
from scanner.zoo.catalogue import CATALOGUE
from scanner.zoo.labels import read_labels
from scanner.zoo.precisions import Decoding, EngineName, Precision
from scanner.zoo.spec import ModelSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InstalledModel:
    """A model whose weights lie in `folder`; spec: the catalogue's, or the card's own where it has none.

    engine and precision: how it is run; decoding: how its pictures are opened ("fast" moves scores a little).
    """

    spec: ModelSpec
    folder: Path
    card: Card
    engine: EngineName = "paddle"
    precision: Precision = "fp32"
    decoding: Decoding = "exact"

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def role(self) -> str:
        return self.spec.role

    @property
    def source(self) -> str:
        return self.card.source

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all that its scores depend on; a concept map that the catalogue mends changes it too.

        Both engines in fp32 have the one digest: their scores are the same within 0.0001.
        """
        return digest_of(self.spec, self.card, self.engine, self.precision, self.decoding)

    def labels(self) -> tuple[str, ...]:
        return read_labels(self.folder / self.card.labels_file)

    def changed_files(self) -> list[str]:
        """One sentence for each file that is not what was installed; empty when all is well."""
        faults = []
        for record in [*self.card.files, *self.card.onnx.values()]:
            path = self.folder / record.path
            if not path.is_file():
                faults.append(f"{record.path} is missing")
            elif digest_file(path) != record.sha256:
                faults.append(f"{record.path} has changed since it was installed")
        return faults


def installed_models(models_dir: Path) -> tuple[InstalledModel, ...]:
    """What is installed: the catalogue's models in its order, then others by name.

    A model whose card can't be read is left out, and a warning says so: one broken folder stops no other model.
    """
    models, faults = read_installed(models_dir)
    for name, fault in faults.items():
        _log.warning("%s is left out: %s", name, fault)
    return models


def read_installed(models_dir: Path) -> tuple[tuple[InstalledModel, ...], dict[str, str]]:
    """(The models as in installed_models, {name: why its card can't be read and what to do})."""
    models: list[InstalledModel] = []
    faults: dict[str, str] = {}
    for name in installed_names(models_dir):
        try:
            model = find_installed(models_dir, name)
        except CardError as error:
            faults[name] = str(error)
        else:
            models += [model] if model is not None else []
    return tuple(models), faults


def installed_names(models_dir: Path) -> tuple[str, ...]:
    """The folders that hold a card, readable or not; hidden ones are installs under way."""
    found = {card.parent.name for card in models_dir.glob(f"*/{CARD_NAME}") if not card.parent.name.startswith(".")}
    return (*(name for name in CATALOGUE if name in found), *sorted(found - set(CATALOGUE)))


def find_installed(models_dir: Path, name: str) -> InstalledModel | None:
    """The model of that name, None where it is not installed. Raises CardError."""
    folder = models_dir / name
    if not (folder / CARD_NAME).is_file():
        return None
    card = read_card(folder)
    if card.spec.name != name:
        raise CardError(
            f"{folder / CARD_NAME} is the card of {card.spec.name}; remove the folder, or run "
            f"`tuskline models install {name} --from {folder}` to have the model under this name too"
        )
    return InstalledModel(CATALOGUE.get(name, card.spec), folder, card)
