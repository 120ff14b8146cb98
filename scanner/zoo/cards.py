"""The model card: what was installed, from where, and what its scores depend on."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from scanner.zoo.layouts import Layout
from scanner.zoo.spec import ModelSpec

CARD_NAME = "card.json"
OutputKind = Literal["probabilities", "logits"]


class CardError(Exception):
    """A card that can't be read; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """sha256: hex; size in bytes; path relative to the model's folder."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Card:
    """What stands in card.json beside the weights.

    source: where the files came from, in words. output_index: which of the network's outputs holds the classes.
    output_kind: decided at install from what the network gave (see scanner.zoo.predictor.output_kind).
    digest: SHA-256 over everything that a score depends on: files, preprocessing, output kind, concept map.
    """

    name: str
    title: str
    role: str
    source: str
    installed_at: str
    layout: str
    program: str
    params: str | None
    labels_file: str
    labels_count: int
    output_index: int
    output_kind: OutputKind
    preprocessing: dict[str, Any]
    sees: list[str]
    licence: str
    caveat: str
    files: list[FileRecord]
    digest: str

    @property
    def network(self) -> Layout:
        return Layout(self.layout, Path(self.program), Path(self.params) if self.params else None)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def write_card(folder: Path, card: Card) -> None:
    text = json.dumps(asdict(card), ensure_ascii=False, indent=2)
    (folder / CARD_NAME).write_text(text + "\n", encoding="utf-8")


def read_card(folder: Path) -> Card:
    """The card in `folder`. Raises CardError when it is missing or not a card of this version."""
    try:
        data = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
        return Card(**{**data, "files": [FileRecord(**file) for file in data["files"]]})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CardError(
            f"{folder / CARD_NAME} is not a model card ({error}); remove the folder and install the model again"
        ) from None


def digest_of(spec: ModelSpec, files: list[FileRecord], output_kind: OutputKind, output_index: int) -> str:
    """SHA-256 (hex) of all that a score depends on, as canonical JSON."""
    decides = {
        "files": {file.path: file.sha256 for file in files},
        "preprocessing": spec.preprocessing.to_json(),
        "output": [output_kind, output_index],
        "concepts": {str(index): concept for index, concept in spec.concepts.items()},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
