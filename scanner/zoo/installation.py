"""One install: source after source, until one of them has a model that passes every check."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.zoo.acceptance import accept
from scanner.zoo.cards import Card, CardError, read_card, write_card
from scanner.zoo.carried import figures_of, find_card, spec_of
from scanner.zoo.converting import add_onnx
from scanner.zoo.fetching.archives import ArchiveError
from scanner.zoo.fetching.pins import PinError
from scanner.zoo.fetching.transfers import DownloadError
from scanner.zoo.formats.intake import IntakeError, take_folder
from scanner.zoo.formats.layouts import LayoutError
from scanner.zoo.formats.portable import lacks_extra
from scanner.zoo.labels import LabelError
from scanner.zoo.options import Echo, InstallOptions, Progress
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import InstalledModel
from scanner.zoo.sources.errand import Delivery, Errand, SourceError
from scanner.zoo.sources.order import Way, ways_to
from scanner.zoo.spec import ModelSpec
from scanner.zoo.staging import Staging

REFUSALS = (
    ArchiveError,
    CardError,
    DownloadError,
    IntakeError,
    LabelError,
    LayoutError,
    ModelError,
    PinError,
    SourceError,
)


class InstallError(Exception):
    """A model that was not installed; the message says why and what to do, and nothing was left behind.

    reasons: (source, why not) for each that was asked.
    """

    def __init__(self, message: str, reasons: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class Installation:
    """One install, from the first source that is asked to the swap."""

    name: str
    spec: ModelSpec | None
    models_dir: Path
    staging: Staging
    options: InstallOptions
    echo: Echo
    progress: Progress
    need: Callable[[str], InstalledModel]

    def run(self, origin: str | None) -> None:
        reasons: list[tuple[str, str]] = []
        for way in ways_to(self.name, self.spec, origin, self.options):
            try:
                self._try(way)
                return
            except REFUSALS as error:
                reasons.append((way.words, str(error)))
                self.echo(_reason_words(*reasons[-1]))
            except InstallError as error:  # of a backbone
                reasons.append((way.words, str(error)))
        raise InstallError(_refusal(self.name, origin, reasons), reasons)

    def _try(self, way: Way) -> None:
        self.staging.empty()
        delivery = way.fetch(self._errand())
        carried = self._find_card(delivery)
        spec = self.spec or spec_of(self.name, carried)
        ours = delivery.folder.is_relative_to(self.staging.scratch)
        letter = take_folder(delivery.folder, spec, self.staging.staged, ours=ours)
        accept(spec, self.staging.staged, delivery.words, letter, self._more_of(carried))
        self._add_onnx(spec)
        self._keep(delivery)

    def _add_onnx(self, spec: ModelSpec) -> None:
        """Where the extra is installed and its engine may be used; a network that can't be converted is told of."""
        if not self.options.onnx or lacks_extra():
            return
        card = add_onnx(self.staging.staged, read_card(self.staging.staged), spec.preprocessing)
        if card.onnx_note:
            self.echo(f"{self.name} has no ONNX network: {card.onnx_note}")
        write_card(self.staging.staged, card)

    def _find_card(self, delivery: Delivery) -> Card | None:
        """Whoever is in the catalogue can do without one."""
        try:
            return find_card(delivery.folder)
        except CardError as error:
            if self.spec is None:
                raise
            self.echo(f"{error}: not used")
            return None

    def _more_of(self, carried: Card | None) -> dict[str, Any]:
        """What the new card takes over; figures that can't be shown are left out with a word."""
        if carried is None:
            return {}
        figures = figures_of(carried)
        if figures is None:
            self.echo(f"the figures on the card of {self.name} are not of this version: left out")
        return {"figures": figures or {}, "training": carried.training}

    def _keep(self, delivery: Delivery) -> None:
        delivery.keep_pin(self.models_dir)
        self.staging.swap()

    def _errand(self) -> Errand:
        return Errand(
            name=self.name,
            spec=self.spec,
            models_dir=self.models_dir,
            scratch=self.staging.scratch,
            options=self.options,
            echo=self.echo,
            progress=self.progress,
            need=self.need,
        )


def _refusal(name: str, origin: str | None, reasons: Sequence[tuple[str, str]]) -> str:
    """One sentence for one source, a numbered list for several, and what to do where no one was named."""
    if origin is not None:
        return f"{name} was not installed: {_reason_words(*reasons[0])}"
    advice = (
        f"Get the model's folder or archive where a source can be reached, and run "
        f"`tuskline models install {name} --from FOLDER_OR_ARCHIVE`"
    )
    if len(reasons) == 1:
        return f"{name} was not installed: {_reason_words(*reasons[0])}. {advice}"
    asked = "\n".join(f"  {number}. {_reason_words(*reason)}" for number, reason in enumerate(reasons, 1))
    return f"{name} was not installed; no source has it:\n{asked}\n{advice}"


def _reason_words(source: str, why: str) -> str:
    return why if why.startswith(source) else f"{source}: {why}"
