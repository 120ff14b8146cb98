"""Run a package manager, with a clock over it and an eye on what it has fetched."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.zoo.options import Progress

GLANCE_S = 0.5


class CommandError(Exception):
    """A program that is missing, failed or took too long; the message is its own last word."""


@dataclass(frozen=True, slots=True)
class Command:
    """scratch: the program's temporary folder, in which what it downloads grows."""

    words: Sequence[str]
    scratch: Path
    deadline_s: float
    progress: Progress

    def run(self) -> None:
        """Raises CommandError."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        said = self.scratch / "said.txt"
        environment = {**os.environ, "TMPDIR": str(self.scratch)}
        try:
            with said.open("wb") as errors:
                code = self._wait(
                    subprocess.Popen(  # noqa: S603 the catalogue's words
                        self.words,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=errors,
                        env=environment,
                    )
                )
        except OSError as error:
            raise CommandError(f"{self.words[0]} did not start: {error.strerror}") from None
        if code:
            raise CommandError(_last_line(said) or f"it ended with code {code}")

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        until = time.monotonic() + self.deadline_s
        try:
            while True:
                try:
                    return process.wait(GLANCE_S)
                except subprocess.TimeoutExpired:
                    self.progress(_size_of(self.scratch), None)
                if time.monotonic() > until:
                    raise CommandError(f"it took longer than {self.deadline_s:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _size_of(folder: Path) -> int:
    sizes = (os.lstat(Path(root, name)).st_size for root, _, names in os.walk(folder) for name in names)
    try:
        return sum(sizes)
    except OSError:  # a file went away between the look and the measure
        return 0


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
