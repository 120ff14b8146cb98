"""Run a package manager, with a clock over it and an eye on what it has fetched."""

import os
from collections.abc import Sequence
from pathlib import Path

from scanner.zoo.options import Progress
from scanner.zoo.paddlehub.commands import run_command


class ManagerError(Exception):
    """A program that is missing, failed or took too long; the message is its own last word."""


def run_manager(words: Sequence[str], scratch: Path, deadline_s: float, progress: Progress) -> None:
    """Run it with our own environment. scratch: its temporary folder, in which what it downloads grows.

    Raises ManagerError.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(scratch)}
    try:
        ending = run_command(words, environment, scratch, deadline_s, tick=lambda: progress(_size_of(scratch), None))
    except TimeoutError:
        raise ManagerError(f"it took longer than {deadline_s:.0f} s") from None
    except OSError as error:
        raise ManagerError(f"{words[0]} did not start: {error.strerror}") from None
    if ending.status:
        raise ManagerError(ending.last_words)


def _size_of(folder: Path) -> int:
    sizes = (os.lstat(Path(root, name)).st_size for root, _, names in os.walk(folder) for name in names)
    try:
        return sum(sizes)
    except OSError:  # a file went away between the look and the measure
        return 0
