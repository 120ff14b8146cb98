"""Bring what lies in a folder, in whatever layout, into the one form in which models are kept."""

import shutil
from pathlib import Path

from scanner.zoo.labels import FILE_NAMES
from scanner.zoo.layouts import LayoutError, find_layout
from scanner.zoo.spec import ModelSpec

LABELS = "label_list.txt"


class IntakeError(Exception):
    """A folder that holds no model that we can use; the message is one sentence that says why."""


def take_folder(folder: Path, spec: ModelSpec, staged: Path) -> str:  # noqa: ARG001 conversions need the spec
    """Put the folder's network into staged/model/ and its labels into staged/label_list.txt; its Python is never run.

    Gives the letter of the layout in which the network came. Raises IntakeError.
    """
    try:
        layout = find_layout(folder)
    except LayoutError as error:
        raise IntakeError(str(error)) from None
    _copy_file(_find_labels(folder), staged / LABELS)
    if layout.params is not None:
        for path in (layout.program, layout.params):
            _copy_file(folder / path, staged / "model" / path.name)
        return layout.kind
    for path in sorted((folder / layout.folder).iterdir()):
        if path.is_file():
            _copy_file(path, staged / "model" / path.name)
    return layout.kind


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _find_labels(folder: Path) -> Path:
    """The one label file of a module, at its top or one folder down (an archive's top folder)."""
    found = [path for name in FILE_NAMES for path in (folder / name, *folder.glob(f"*/{name}")) if path.is_file()]
    if not found:
        raise IntakeError(f"no label file was found ({' or '.join(FILE_NAMES)})")
    return found[0]
