"""Bring what lies in a folder, in whatever layout, into the one form in which models are kept."""

import shutil
from collections.abc import Callable
from pathlib import Path

from scanner.zoo.formats.completeness import CompletenessError, check_parameters
from scanner.zoo.formats.conversion import ConversionError, convert_state
from scanner.zoo.formats.layouts import Layout, LayoutError, Parameters, find_source
from scanner.zoo.labels import FILE_NAMES, shipped_labels
from scanner.zoo.spec import ModelSpec

LABELS = "label_list.txt"
MODEL = "model"
Put = Callable[[Path, Path], object]


class IntakeError(Exception):
    """A folder that holds no model that we can use; the message is one sentence that says why."""


def take_folder(folder: Path, spec: ModelSpec, staged: Path, *, ours: bool = False) -> str:
    """Put the folder's network into staged/model/ and its labels into staged/label_list.txt; its Python is never run.

    ours: the folder is one that we unpacked, and is not needed afterwards. Gives the letter of the layout in which
    the network came. Raises IntakeError.
    """
    put: Put = shutil.move if ours else shutil.copyfile
    try:
        source = find_source(folder)
        shutil.copyfile(_find_labels(folder, spec), staged / LABELS)
        (staged / MODEL).mkdir()
        if isinstance(source, Layout):
            _put_network(folder, source, staged / MODEL, put)
        else:
            _convert(folder, source, spec, staged / MODEL)
    except (LayoutError, CompletenessError, ConversionError) as error:
        raise IntakeError(str(error)) from None
    return source.kind


def _put_network(folder: Path, layout: Layout, target: Path, put: Put) -> None:
    parameters = check_parameters(folder, layout)
    files = [layout.params] if layout.params else [layout.folder / parameter.name for parameter in parameters]
    for path in (layout.program, *files):
        put(folder / path, target / path.name)


def _convert(folder: Path, source: Parameters, spec: ModelSpec, target: Path) -> None:
    if spec.network is None:
        raise IntakeError(f"{source.path.name} holds parameters without a network, and {spec.name} needs both")
    convert_state(source.kind, folder / source.path, spec.network, spec.classes, spec.preprocessing.crop, target)


def _find_labels(folder: Path, spec: ModelSpec) -> Path:
    """The label file of a module, at its top or one folder down (an archive's top folder); else the list of ours."""
    found = [path for name in FILE_NAMES for path in (folder / name, *folder.glob(f"*/{name}")) if path.is_file()]
    if found:
        return found[0]
    if spec.labels is None:
        raise IntakeError(f"no label file was found ({' or '.join(FILE_NAMES)})")
    return shipped_labels(spec.labels)
