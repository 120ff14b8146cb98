"""Which models are installed in the models folder."""

from dataclasses import dataclass
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.cards import CARD_NAME, Card, read_card
from scanner.zoo.catalogue import CATALOGUE
from scanner.zoo.labels import read_labels
from scanner.zoo.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model of the catalogue whose weights lie in `folder`."""

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

    @property
    def digest(self) -> str:
        return self.card.digest

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
    """What is installed, best first (the catalogue's order). Raises CardError for a card that can't be read."""
    found = (find_installed(models_dir, name) for name in CATALOGUE)
    return tuple(model for model in found if model is not None)


def find_installed(models_dir: Path, name: str) -> InstalledModel | None:
    """The model of the catalogue, None where it is not installed. Raises CardError."""
    if not (models_dir / name / CARD_NAME).is_file():
        return None
    return InstalledModel(CATALOGUE[name], models_dir / name, read_card(models_dir / name))
