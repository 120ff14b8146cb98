"""A folder a label: which picture shows what, and which source it is of."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rules.evidence import CONCEPTS
from scanner.inputs import SUFFIXES

MANIFEST = "manifest.csv"
GROUP_COLUMNS = ("group", "repo")

# The labels of PaddleHub's resnet50_vd_wildanimals, in the order of CONCEPTS; a folder's name can't hold their slashes.
_CHINESE = ("其他", "象牙制品", "象牙", "大象", "虎皮", "老虎", "虎牙虎爪虎骨", "穿山甲甲片", "穿山甲", "穿山甲爪子")
_SEPARATORS = re.compile(r"[\s\-_./·、,]+")


class FolderError(Exception):
    """A folder that can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """label: a concept, or the folder's own name where it is set aside. group: its source, None where unknown."""

    path: Path
    label: str
    group: str | None


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """pictures: in the order of their paths. ignored: pictures by folder that was left out. others: other files."""

    root: Path
    pictures: tuple[LabelledPicture, ...]
    ignored: Mapping[str, int]
    others: int


@dataclass(frozen=True, slots=True)
class LabelNames:
    """What to make of folders that are not called after a concept.

    named: folder -> concept. aside: folders that are scored and shown, and count in no figure. ignored: left out.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    aside: Sequence[str] = ()
    ignored: Sequence[str] = ()

    @classmethod
    def parse(cls, named: Sequence[str], aside: Sequence[str] = (), ignored: Sequence[str] = ()) -> "LabelNames":
        """From options as people give them: `named` holds NAME=LABEL. Raises FolderError for one without `=`."""
        pairs = [text.rpartition("=") for text in named]
        if wrong := next((text for text, pair in zip(named, pairs, strict=True) if not pair[0]), None):
            raise FolderError(f"--as {wrong}: give NAME=LABEL, such as --as 'fake tusks=other'; {_allowed()}")
        return cls({name: label for name, _, label in pairs}, tuple(aside), tuple(ignored))

    def read(self, name: str) -> str | None:
        """The label of a folder of that name, None where it is unknown. Raises FolderError for a bad `named`."""
        if name in self.named:
            concept = find_concept(self.named[name])
            if concept is None:
                raise FolderError(f"{name}={self.named[name]}: {self.named[name]} is no concept; {_allowed()}")
            return concept
        return name if name in self.aside else find_concept(name)


def find_concept(name: str) -> str | None:
    """The concept of that name in English or Chinese, whatever its case and its separators; None for any other."""
    return _BY_KEY.get(_key(name))


def _key(name: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())


_BY_KEY = {_key(name): concept for names in (CONCEPTS, _CHINESE) for name, concept in zip(names, CONCEPTS, strict=True)}


def read_folder(root: Path, names: LabelNames | None = None) -> LabelledFolder:
    """The pictures of ROOT/LABEL/..., with their groups where ROOT/manifest.csv names them.

    Its columns: `file` (relative to ROOT), `group` or `repo`, and `label`, which must agree with the folder.
    Raises FolderError for a folder of unknown label, for no picture at all, and for a manifest that can't be read.
    """
    names = names or LabelNames()
    if not root.is_dir():
        raise FolderError(f"{root} is no folder; give one that holds a folder a label")
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not _is_hidden(entry))
    _check_given(names, {folder.name for folder in folders}, root)
    counted = [folder for folder in folders if folder.name not in names.ignored]
    labels = _read_labels(counted, names)
    groups = _read_manifest(root, labels)
    files = [(folder, path) for folder in counted for path in _walk(folder)]
    pictures = tuple(
        LabelledPicture(path, labels[folder.name], groups.get(path.relative_to(root).as_posix()))
        for folder, path in files
        if _is_picture(path)
    )
    if not pictures:
        raise FolderError(f"{root} holds no picture in a folder a label; {_allowed()}")
    left_out = {folder.name: sum(map(_is_picture, _walk(folder))) for folder in folders if folder not in counted}
    return LabelledFolder(root, pictures, left_out, len(files) - len(pictures))


def _check_given(names: LabelNames, present: set[str], root: Path) -> None:
    """Each name that was given to be renamed, set aside or ignored must be there: a slip would change every figure."""
    missing = [name for name in (*names.named, *names.aside, *names.ignored) if name not in present]
    if missing:
        raise FolderError(f"{root} has no folder {missing[0]!r}; it has {', '.join(sorted(present)) or 'none'}")


def _read_labels(folders: Sequence[Path], names: LabelNames) -> dict[str, str]:
    labels = {folder.name: names.read(folder.name) for folder in folders}
    unknown = [name for name, label in labels.items() if label is None]
    if unknown:
        raise FolderError(
            f"no label is called {' or '.join(map(repr, unknown))}; {_allowed()}. "
            "Say what a folder shows with --as NAME=LABEL, leave it out with --ignore NAME, "
            "or show what is said of it and count it nowhere with --aside NAME"
        )
    return {name: label for name, label in labels.items() if label is not None}


def _allowed() -> str:
    return f"labels are {', '.join(CONCEPTS)}"


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below, in order; links that lead elsewhere are not followed."""
    files = (path for path in folder.rglob("*") if path.is_file())
    yield from sorted(path for path in files if not any(map(_is_hidden_name, path.relative_to(folder).parts)))


def _is_picture(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def _is_hidden(path: Path) -> bool:
    return _is_hidden_name(path.name)


def _is_hidden_name(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _read_manifest(root: Path, labels: Mapping[str, str]) -> dict[str, str]:
    """Group by file; empty where there is no manifest."""
    path = root / MANIFEST
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return dict(_read_rows(csv.DictReader(lines), labels))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FolderError(f"{path} can't be read: {error}") from None


def _read_rows(rows: "csv.DictReader[str]", labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    columns = rows.fieldnames or []
    column = next((name for name in GROUP_COLUMNS if name in columns), None)
    if "file" not in columns or column is None:
        wanted = f"the columns file and {' or '.join(GROUP_COLUMNS)}"
        raise FolderError(f"{MANIFEST} wants {wanted}; it has {', '.join(columns) or 'none'}")
    for row in rows:
        file = row["file"] or ""
        _check_label(file, row.get("label"), labels, rows.line_num)
        if row[column]:
            yield file, row[column]


def _check_label(file: str, label: str | None, labels: Mapping[str, str], line: int) -> None:
    folder = file.partition("/")[0]
    if not label or folder not in labels or label == folder:
        return
    if find_concept(label) != labels[folder]:
        raise FolderError(f"{MANIFEST}:{line}: {file} is labelled {label!r} and lies in {folder}; correct one of them")
