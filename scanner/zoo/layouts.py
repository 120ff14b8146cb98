"""The ways in which a network lies on disk, by the letters of docs/models.md."""

from dataclasses import dataclass
from pathlib import Path


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


class LayoutError(Exception):
    """No network, or more than one, lies in the folder; the message says what was looked for."""


def find_layout(folder: Path) -> Layout:
    """The one network below `folder` (relative paths). Raises LayoutError."""
    found = [
        layout
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (layout := _layout_of(path, folder)) is not None
    ]
    if not found:
        raise LayoutError("holds no network: looked for .pdmodel or .json beside .pdiparams, and for __model__")
    if len(found) > 1:
        names = ", ".join(str(layout.program) for layout in found)
        raise LayoutError(f"holds more than one network ({names}); give a folder with one")
    return found[0]


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
