"""Which models are installed in the models folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.cards import CARD_NAME, Card, digest_of, read_card
from scanner.zoo.catalogue import CATALOGUE
from scanner.zoo.labels import read_labels
from scanner.zoo.spec import ModelSpec


@dataclass(frozen=True)
class InstalledModel:
    """A model whose weights lie in `folder`; spec: the catalogue's, or the card's own where it has none."""

    spec: ModelSpec
    folder: Path
    card: Card

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
        """SHA-256 (hex) of all that its scores depend on; a concept map that the catalogue mends changes it too."""
        return digest_of(self.spec, self.card)

    def labels(self) -> tuple[str, ...]:
        return read_labels(self.folder / self.card.labels_file)

    def changed_files(self) -> list[str]:
        """One sentence for each file that is not what was installed; empty when all is well."""
        faults = []
        for record in self.card.files:
            path = self.folder / record.path
            if not path.is_file():
                faults.append(f"{record.path} is missing")
            elif digest_file(path) != record.sha256:
                faults.append(f"{record.path} has changed since it was installed")
        return faults


def installed_models(models_dir: Path) -> tuple[InstalledModel, ...]:
    """What is installed: the catalogue's models in its order, then others by name.

    Raises CardError for a card that can't be read.
    """
    others = sorted(card.parent.name for card in models_dir.glob(f"*/{CARD_NAME}") if card.parent.name not in CATALOGUE)
    names = [*CATALOGUE, *(name for name in others if not name.startswith("."))]
    found = (find_installed(models_dir, name) for name in names)
    return tuple(model for model in found if model is not None)


def find_installed(models_dir: Path, name: str) -> InstalledModel | None:
    """The model of that name, None where it is not installed. Raises CardError."""
    if not (models_dir / name / CARD_NAME).is_file():
        return None
    card = read_card(models_dir / name)
    return InstalledModel(CATALOGUE.get(name, card.spec), models_dir / name, card)
