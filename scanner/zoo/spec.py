"""A model as data: one ModelSpec holds whatever its scores depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from scanner.zoo.preprocessing import Preprocessing

Role = Literal["primary", "fallback"]


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
    """A module of PaddleHub: what `hub install` left behind, or its server's archive."""

    module: str
    version: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the catalogue.

    classes: width of the output. concepts: output index -> concept; what is not named counts as `other`.
    sees: concepts in words for people. caveat: what the model can't do, for its card.
    """

    name: str
    title: str
    role: Role
    network: str
    classes: int
    concepts: Mapping[int, str]
    source: WheelSource | HubSource
    licence: str
    caveat: str
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    @property
    def sees(self) -> tuple[str, ...]:
        """The concepts that it can score, `other` left out, in the order of their labels."""
        return tuple(dict.fromkeys(concept for concept in self.concepts.values() if concept != "other"))
