"""Tasks for the press: typst runs in a process of its own, which is waited for and ended with this one's patience."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webapp.language import say

PRESS = Path(__file__).with_name("press.py")
BINDERY = Path(__file__).with_name("binding.py")
PATIENCE_S = 900

# Whether typst may use the fonts of this machine beside its own; a test takes them away.
SYSTEM_FONTS = True


class PrintError(OSError):
    """typst gave up; the sentence says on what."""


def run_press(tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """An answer a task, in order. Raises PrintError."""
    told = run_program(PRESS, {"tasks": tasks, "system_fonts": SYSTEM_FONTS})
    return [json.loads(line) for line in told.splitlines()]


def run_bindery(parts: Sequence[Path], output: Path, accessible: bool) -> None:
    """Bind the parts to one file. accessible: whether each of them is so in full. Raises PrintError."""
    run_program(BINDERY, {"parts": [str(part) for part in parts], "output": str(output), "accessible": accessible})


def run_program(program: Path, asked: Mapping[str, Any]) -> str:
    """What it says on standard output, given its task as JSON on standard input."""
    try:
        done = subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-P", str(program)],  # -P: beside it lie modules of ours, not of Python's
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        raise PrintError(say("A part of the PDF took longer than %(seconds)s s.", seconds=PATIENCE_S)) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [str(done.returncode)])[-1]
        raise PrintError(say("The PDF could not be typeset: %(fault)s", fault=last))
    return done.stdout
