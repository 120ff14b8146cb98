"""The model card: what was installed, from where, and what its scores depend on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from scanner.zoo.formats.layouts import Layout
from scanner.zoo.precisions import Decoding, DecodingCheck, EngineName, Precision, PrecisionCheck
from scanner.zoo.spec import ModelSpec, write_indices

CARD_NAME = "card.json"
OutputKind = Literal["probabilities", "logits"]
Tuning = Literal["full", "without oneDNN", "without optimisation"]
_STRUCTURED = {"spec", "files", "onnx", "checks", "decoding_checks"}
_NEWER = {"onnx_note"}  # beside those


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

    spec: the model as it was installed. source: where the files came from, in words.
    source_layout: the letter in which they came (scanner.zoo.formats.layouts), layout: that in which they lie here.
    output_index: which of the network's outputs holds the classes.
    output_kind: decided at install from what the network gave (see scanner.zoo.predictor.output_kind).
    tuning: how much of Paddle's optimisation it runs with; less than full where more failed the probe.
    figures: precision and recall on pictures that it was not trained on, where they were measured.
    training: how it was trained, where that was done here.
    onnx: its network for ONNX Runtime, by precision, below `folder`. onnx_note: why there is none, in a sentence.
    checks: how its lower precisions compared with fp32, the newest last. decoding_checks: the same of fast decoding.
    """

    spec: ModelSpec
    source: str
    installed_at: str
    source_layout: str
    layout: str
    program: str
    params: str | None
    labels_file: str
    output_index: int
    output_kind: OutputKind
    files: list[FileRecord]
    tuning: Tuning = "full"
    figures: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    onnx: Mapping[Precision, FileRecord] = field(default_factory=dict)
    onnx_note: str = ""
    checks: list[PrecisionCheck] = field(default_factory=list)
    decoding_checks: list[DecodingCheck] = field(default_factory=list)

    @property
    def network(self) -> Layout:
        return Layout(self.layout, Path(self.program), Path(self.params) if self.params else None)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def to_json(self) -> dict[str, Any]:
        names = [name for name in self.__dataclass_fields__ if name not in _STRUCTURED]
        return {
            **self.spec.to_json(),
            **{name: getattr(self, name) for name in names},
            "files": [asdict(file) for file in self.files],
            "onnx": {precision: asdict(file) for precision, file in self.onnx.items()},
            "checks": [asdict(check) | {"passed": check.has_passed} for check in self.checks],
            "decoding_checks": [asdict(check) | {"passed": check.has_passed} for check in self.decoding_checks],
        }


def write_card(folder: Path, card: Card) -> None:
    """Whoever reads it meanwhile reads the old one or the new one, whole."""
    text = json.dumps(card.to_json(), ensure_ascii=False, indent=2)
    aside = folder / f".{CARD_NAME}"
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(folder / CARD_NAME)


def read_card(folder: Path) -> Card:
    """The card in `folder`. Raises CardError when it is missing or not a card of this version."""
    try:
        data = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
        spec = ModelSpec.from_json(data)
        rest = {name: data[name] for name in Card.__dataclass_fields__ if name not in _STRUCTURED | _NEWER}
        return Card(spec=spec, files=[FileRecord(**file) for file in data["files"]], **rest, **_read_newer(data))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CardError(
            f"{folder / CARD_NAME} is not a model card ({error}); remove the folder and install the model again"
        ) from None


def _read_newer(data: Mapping[str, Any]) -> dict[str, Any]:
    """What cards of older versions lack, which stay valid."""
    return {
        "onnx": {precision: FileRecord(**file) for precision, file in data.get("onnx", {}).items()},
        "onnx_note": str(data.get("onnx_note", "")),
        "checks": [PrecisionCheck(**_fields(PrecisionCheck, check)) for check in data.get("checks", ())],
        "decoding_checks": [
            DecodingCheck(**_fields(DecodingCheck, check)) for check in data.get("decoding_checks", ())
        ],
    }


def _fields(kind: type[PrecisionCheck | DecodingCheck], data: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the check itself: whether it passed is written for readers, and reckoned anew here."""
    return {name: value for name, value in data.items() if name in kind.__dataclass_fields__}


def digest_of(
    spec: ModelSpec,
    card: Card,
    engine: EngineName = "paddle",
    precision: Precision = "fp32",
    decoding: Decoding = "exact",
) -> str:
    """SHA-256 (hex) of all that a score depends on, as canonical JSON."""
    decides: dict[str, Any] = {
        "files": {file.path: file.sha256 for file in card.files},
        "preprocessing": spec.preprocessing.to_json(),
        "output": [card.output_kind, card.output_index],
        "concepts": write_indices(spec.concepts),
        "counters": write_indices(spec.counters),
    }
    # What is as it always was leaves no trace, so that scores which were made before there was a choice stay known.
    if precision != "fp32":
        decides["precision"] = [precision, engine]
        if engine == "onnx" and precision in card.onnx:
            decides["precision"].append(card.onnx[precision].sha256)
    if decoding != "exact":
        decides["decoding"] = decoding
    return hashlib.sha256(json.dumps(decides, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
