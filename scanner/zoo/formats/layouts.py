"""The ways in which a network lies on disk, by the letters of docs/models.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PARAMETERS = {".pdparams": "D", ".pth": "F", ".pt": "F"}
_TFJS_MARK = b'"weightsManifest"'
_TFJS_BYTES = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the program and its parameters are, relative to the model's folder.

    kind: `A` .pdmodel + .pdiparams; `B` __model__ + one file a parameter (ModuleV1 too: @HUB_ names);
    `C` __model__ + __params__; `E` .json + .pdiparams. params is None for B, whose files lie beside the program.
    """

    kind: str
    program: Path
    params: Path | None

    @property
    def folder(self) -> Path:
        return self.program.parent


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters without a program, which our own networks can take; path is relative to the model's folder.

    kind: `D` .pdparams; `F` PyTorch's .pth; `G` the model.json of TensorFlow.js, with its shards beside it.
    """

    kind: str
    path: Path


class LayoutError(Exception):
    """No network, or more than one, lies in the folder; the message says what was looked for."""


def find_layout(folder: Path) -> Layout:
    """The one network below `folder` that has a program (relative paths). Raises LayoutError."""
    layout = _find_program(folder)
    if layout is None:
        raise LayoutError("it holds no network: looked for .pdmodel or .json beside .pdiparams, and for __model__")
    return layout


def find_source(folder: Path) -> Layout | Parameters:
    """The one network below `folder`; parameters alone where no program lies there. Raises LayoutError."""
    source = _find_program(folder) or _find_parameters(folder)
    if source is None:
        raise LayoutError(
            "it holds no network: looked for .pdmodel or .json beside .pdiparams, for __model__, and for .pdparams, "
            ".pth and the model.json of TensorFlow.js"
        )
    return source


def _find_program(folder: Path) -> Layout | None:
    found = [layout for path in _files(folder) if (layout := _layout_of(path, folder)) is not None]
    _check_one([layout.program for layout in found])
    return found[0] if found else None


def _find_parameters(folder: Path) -> Parameters | None:
    found = [
        Parameters(kind, path.relative_to(folder)) for path in _files(folder) if (kind := _kind_of(path)) is not None
    ]
    _check_one([parameters.path for parameters in found])
    return found[0] if found else None


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _check_one(paths: Sequence[Path]) -> None:
    if len(paths) > 1:
        raise LayoutError(f"it holds more than one network ({', '.join(map(str, paths))}); give a folder with one")


def _layout_of(path: Path, folder: Path) -> Layout | None:
    program = path.relative_to(folder)
    params = path.with_suffix(".pdiparams")
    if path.name == "__model__":
        joined = path.with_name("__params__")
        if joined.is_file():
            return Layout("C", program, joined.relative_to(folder))
        return Layout("B", program, None)
    if path.suffix == ".pdmodel" and params.is_file():
        return Layout("A", program, params.relative_to(folder))
    if path.suffix == ".json" and params.is_file():
        return Layout("E", program, params.relative_to(folder))
    return None


def _kind_of(path: Path) -> str | None:
    if path.name == "model.json" and path.stat().st_size <= _TFJS_BYTES and _TFJS_MARK in path.read_bytes():
        return "G"
    return _PARAMETERS.get(path.suffix)
