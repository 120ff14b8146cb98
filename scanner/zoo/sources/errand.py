"""What every source is told, and what it brings back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scanner.zoo.fetching.downloads import FOLDER, Downloader
from scanner.zoo.fetching.pins import Pin, find_pin, keep_pin
from scanner.zoo.fetching.transfers import Pace
from scanner.zoo.options import Echo, InstallOptions, Progress
from scanner.zoo.registry import InstalledModel
from scanner.zoo.spec import ModelSpec


class SourceError(Exception):
    """A source that has no weights for us; the message says why."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One try to install one model. scratch: an empty folder that goes away with the try.

    spec: None for a model that the catalogue does not know, whose own card says what it is.
    need: gives another model, installing it where it is not.
    """

    name: str
    spec: ModelSpec | None
    models_dir: Path
    scratch: Path
    options: InstallOptions
    echo: Echo
    progress: Progress
    need: Callable[[str], InstalledModel]

    @property
    def unpacked(self) -> Path:
        """Where a source puts the files that the model is taken from."""
        folder = self.scratch / "unpacked"
        folder.mkdir(exist_ok=True)
        return folder

    def downloader(self) -> Downloader:
        folder = self.models_dir / FOLDER
        pace = Pace(self.options.deadline_s, progress=self.progress)
        return Downloader(folder, self.options.plain_http, pace)

    def find_pin(self, url: str) -> Pin | None:
        return find_pin(self.models_dir, url)


@dataclass(frozen=True, slots=True)
class Delivery:
    """folder: with the model's files, in whatever layout. words: what the source was, for the model's card.

    pin: the address and what stood there, to be remembered once the model has proved to work; None where its digest
    was known before.
    """

    folder: Path
    words: str
    pin: tuple[str, Pin] | None = None

    def keep_pin(self, models_dir: Path) -> None:
        if self.pin is not None:
            keep_pin(models_dir, *self.pin)
