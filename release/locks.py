"""The lock files: every library that an installation gets, by version and digests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

FOLDER = Path(__file__).resolve().parents[1] / "requirements"


@dataclass(frozen=True)
class Pin:
    """marker: where it is installed, empty for everywhere; sha256: of each file that may be installed."""

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]


def pins_of(lock: Path) -> list[Pin]:
    return sorted(read_pins(lock.read_text(encoding="utf-8")), key=lambda pin: (pin.name, pin.version))


def read_pins(text: str) -> Iterator[Pin]:
    """Raises ValueError for a line that pins nothing, or that has no digest."""
    for line in re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines():
        if line.strip():
            yield read_pin(line)


def read_pin(line: str) -> Pin:
    words, *digests = line.split("--hash=sha256:")
    requirement = Requirement(words.strip())
    [exact] = list(requirement.specifier)
    if exact.operator != "==" or not digests:
        raise ValueError(f"{line.split()[0]} is not pinned by version and digest")
    digests = sorted(digest.strip() for digest in digests)
    return Pin(requirement.name, exact.version, str(requirement.marker or ""), tuple(digests))
