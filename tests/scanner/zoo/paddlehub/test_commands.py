"""Other programs: heard while they run, bounded in time, and nothing of them left behind."""

import os
import sys
import time
from pathlib import Path

import pytest

from scanner.zoo.paddlehub.commands import Ending, run_command, spoken_lines

# Starts a child of its own, and says its number.
PARENT = "sleep 60 & echo $!; "


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid: int) -> bool:
    end = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid)


def test_a_program_gets_its_environment_and_folder_and_is_heard(tmp_path: Path) -> None:
    heard: list[str] = []
    command = [
        sys.executable,
        "-I",
        "-c",
        "import os; print(os.environ['ONE'], 'HOME' in os.environ); print(os.getcwd())",
    ]
    ending = run_command(command, {"ONE": "1"}, tmp_path, 20, heard.append)
    assert heard == ["1 False", str(tmp_path)]
    assert (ending.status, ending.last_words) == (0, str(tmp_path))


def test_what_a_program_leaves_running_ends_with_it(tmp_path: Path) -> None:
    ending = run_command(["sh", "-c", PARENT + "exit 3"], os.environ, tmp_path, 20)
    assert ending.status == 3
    assert wait_for_end(int(ending.output))


@pytest.mark.parametrize("how", ["time", "ctrl-c"])
def test_a_program_that_is_given_up_is_ended_with_its_children(tmp_path: Path, how: str) -> None:
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        if how == "ctrl-c":
            raise KeyboardInterrupt

    command = ["sh", "-c", PARENT + "wait"]
    with pytest.raises(KeyboardInterrupt if how == "ctrl-c" else TimeoutError):
        run_command(command, os.environ, tmp_path, 20 if how == "ctrl-c" else 2, hear)
    assert wait_for_end(int(heard[0]))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("Collecting six\nERROR: No matching distribution found for six\n\n[notice] a new pip\n", "ERROR: No match"),
        ("Traceback:\nOSError: \x1b[31mno room\x1b[0m\n       ^^^^^\n", "OSError: no room"),
        ("Download x\n[###   ] 3%\r[######] 100.00%\n", "Download x"),
        ("", "it said nothing, and ended with 1"),
    ],
)
def test_the_last_words_are_the_reason(output: str, words: str) -> None:
    assert Ending(1, output).last_words.startswith(words)


def test_lines_are_as_a_terminal_shows_them() -> None:
    assert spoken_lines("one\n\n\x1b[36mtwo\x1b[0m \na\rb\n\r[##  ] 9.50%\r[####] 100.00%[now] done\n") == [
        *("one", "two", "b", "[now] done"),
    ]
