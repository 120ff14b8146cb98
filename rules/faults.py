"""What is wrong with a pack: each fault with its place, and all of them at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing to mend. `line` counts from 1; `message` says what is wrong and `hint` what to do ("" for none)."""

    path: Path
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.path}:{self.line}: {self.message}{tail}"


class PackError(Exception):
    """A pack that cannot be used; `faults` holds all that is wrong with it, in the order of files and lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def shorten(value: str) -> str:
    """A stranger's value cut to what fits into a message."""
    return value if len(value) <= SHOWN_CHARS else value[:SHOWN_CHARS] + "..."


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known one, else all of them."""
    names = sorted(known)
    # Cut first: the time difflib takes grows with the square of the length.
    near = difflib.get_close_matches(word[:SHOWN_CHARS], names, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(names)}" if names else ""
