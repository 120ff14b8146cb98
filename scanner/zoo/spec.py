"""A model as data: one ModelSpec holds whatever its scores depend on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from scanner.zoo.preprocessing import Preprocessing, read_whole

Role = Literal["primary", "fallback"]
MOST_CLASSES = 100_000
_RANGE = re.compile(r"\s*([0-9]{1,6})(?:-([0-9]{1,6}))?\s*")


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Weights inside a wheel of the Python package index, fetched by the user's own pip and opened as an archive.

    files: our file name -> (path in the wheel, SHA-256). The wheel is never installed.
    """

    requirement: str
    sha256: str
    files: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HubSource:
    """A module of PaddleHub: what `hub install` left behind, or what its server (or a mirror) names."""

    module: str
    version: str


@dataclass(frozen=True, slots=True)
class AddressSource:
    """An archive or a parameter file at an address that was published once; sha256 (hex) where that was, too."""

    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class NpmSource:
    """Weights inside a package of the npm registry. sha256: of the package's .tgz; files as in WheelSource."""

    package: str
    version: str
    sha256: str
    files: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HeadSource:
    """A head that Tuskline ships, to be joined with the backbones, which must be installed first.

    folder: below scanner/zoo.
    """

    folder: str
    backbones: tuple[str, ...]


Source = WheelSource | HubSource | AddressSource | NpmSource | HeadSource


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model: of the catalogue, or trained by its users (then it is written on the card alone).

    network: a name for scanner.zoo.build_network, for weights that come without a program; None where they never do.
    classes: width of the output. concepts: output index -> concept; what is not named counts as `other`.
    counters: output index -> the name of a look-alike, which speaks against a concept (see the pack's cascade.yaml).
    labels: a label list of ours, for weights that come without one (scanner/zoo/label_lists); None where they never do.
    sources: in the order in which they are asked. caveat: what the model can't do, for its card.
    """

    name: str
    title: str
    role: Role
    classes: int
    concepts: Mapping[int, str]
    sources: tuple[Source, ...]
    licence: str
    caveat: str
    network: str | None = None
    labels: str | None = None
    counters: Mapping[int, str] = field(default_factory=dict)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    @property
    def sees(self) -> tuple[str, ...]:
        """The concepts that it can score, `other` left out, in the order of their labels."""
        return tuple(dict.fromkeys(concept for concept in self.concepts.values() if concept != "other"))

    def to_json(self) -> dict[str, Any]:
        """What scores depend on and people read; the sources, which are ways to get it, are left out."""
        return {
            "name": self.name,
            "title": self.title,
            "role": self.role,
            "classes": self.classes,
            "concepts": write_indices(self.concepts),
            "counters": write_indices(self.counters),
            "licence": self.licence,
            "caveat": self.caveat,
            "network": self.network,
            "preprocessing": self.preprocessing.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ModelSpec":
        """The inverse of to_json, without sources. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            name=data["name"],
            title=data["title"],
            role=data["role"],
            classes=read_whole(data["classes"]),
            concepts=read_indices(data["concepts"]),
            counters=read_indices(data["counters"]),
            sources=(),
            licence=data["licence"],
            caveat=data["caveat"],
            network=data["network"],
            preprocessing=Preprocessing.from_json(data["preprocessing"]),
        )


def write_indices(named: Mapping[int, str]) -> dict[str, str]:
    """{name: its indices as "101, 385-386"}, names in the order in which they first come."""
    names = dict.fromkeys(named.values())
    return {name: _ranges(index for index, given in named.items() if given == name) for name in names}


def read_indices(texts: Mapping[str, str]) -> dict[int, str]:
    """The inverse of write_indices. Raises ValueError for a text that is no list of numbers and ranges.

    A card can be a stranger's: a range of billions would fill the memory.
    """
    found: dict[int, str] = {}
    for name, text in texts.items():
        for part in text.split(","):
            indices = _read_range(part)
            if any(index in found for index in indices):  # also bounds the work: no index is walked over twice
                raise ValueError(f"{part.strip()} names an index that was named before")
            found.update(dict.fromkeys(indices, name))
    return found


def _read_range(part: str) -> range:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise ValueError(f"{part[:40]!r} is neither an index nor a range of them")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < MOST_CLASSES:
        raise ValueError(f"{part.strip()} runs backwards, or beyond {MOST_CLASSES:,}")
    return range(first, last + 1)


def _ranges(indices: Iterable[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    # Within a run of neighbours an index and its rank differ by the same number.
    runs = groupby(enumerate(sorted(indices)), key=lambda ranked: ranked[1] - ranked[0])
    ends = ([index for _, index in run] for _, run in runs)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in ends)
