"""Run another program to its end: bounded in time, heard while it runs, and nothing of it left behind."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OUTPUT = "output.txt"
LOOK_S = 0.2
TAIL_BYTES = 64 * 1024
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BAR = re.compile(r"\[[#= ]*\] *[0-9.]+%")
# What pip and Python add after the reason.
_NOISE = re.compile(r"\[notice\]|WARNING: |note: |hint: |DEPRECATION: |\s*\^+$")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended.

    status: its exit code, or minus the number of the signal that ended it. output: the last TAIL_BYTES that it said.
    """

    status: int
    output: str

    @property
    def last_words(self) -> str:
        """The last line that says something."""
        lines = [line for line in spoken_lines(self.output) if not _NOISE.match(line)]
        return lines[-1].strip() if lines else f"it said nothing, and ended with {self.status}"


def spoken_lines(text: str) -> list[str]:
    """The lines as a terminal shows them in the end: without colours, and without drawn bars."""
    lines = (_BAR.sub("", _COLOUR.sub("", line).rpartition("\r")[2]).rstrip() for line in text.split("\n"))
    return [line for line in lines if line]


def run_command(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    patience_s: float,
    hear: Callable[[str], None] = lambda _: None,
    tick: Callable[[], None] = lambda: None,
) -> Ending:
    """Run the command in `folder` with that environment and no other, and give back how it ended.

    hear: called with each whole line of its output as it comes; tick: every LOOK_S seconds meanwhile.
    Raises TimeoutError after `patience_s` seconds, and OSError where it can't be started. Whatever happens, Ctrl-C
    included, no process of its group outlives the call.
    """
    log = folder / OUTPUT
    with log.open("wb") as output, _started(command, environment, folder, output.fileno()) as process:
        end = time.monotonic() + patience_s
        with log.open(encoding="utf-8", errors="replace", newline="") as seen:
            lines = _Lines(hear)
            while not _has_ended(process):
                if time.monotonic() > end:
                    raise TimeoutError(f"it was ended after {patience_s:,.0f} seconds")
                time.sleep(LOOK_S)
                tick()
                lines.take(seen.read(TAIL_BYTES))
            while rest := seen.read(TAIL_BYTES):
                lines.take(rest)
    return Ending(process.returncode, _read_tail(log))


def _read_tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


class _Lines:
    """Passes on the whole lines of a text that comes in pieces."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._rest = ""

    def take(self, text: str) -> None:
        whole, newline, rest = (self._rest + text).rpartition("\n")
        self._rest = rest
        for line in spoken_lines(whole + newline):
            self._hear(line)


@contextmanager
def _started(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, output: int
) -> Iterator[subprocess.Popen[bytes]]:
    """The program in a process group of its own: a terminal's Ctrl-C reaches us alone, and we end the whole group."""
    process = subprocess.Popen(  # noqa: S603 no shell, and the caller's words
        [str(word) for word in command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without collecting it: as long as it is not, its number can't become another group's, and is safe to kill."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
