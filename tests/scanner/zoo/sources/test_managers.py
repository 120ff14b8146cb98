"""A package manager that hangs or fails is ended and quoted."""

import sys
import time
from pathlib import Path

import pytest

from scanner.zoo.sources.managers import ManagerError, run_manager


def run(tmp_path: Path, script: str, deadline_s: float = 20.0) -> list[int]:
    told: list[int] = []
    run_manager([sys.executable, "-c", script], tmp_path / "work", deadline_s, lambda done, _: told.append(done))
    return told


def test_its_last_word_is_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ManagerError, match=r"^no such package$"):
        run(tmp_path, "import sys; print('warning', file=sys.stderr); sys.exit('no such package\\n\\n')")


def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(ManagerError, match="took longer than 1 s"):
        run(tmp_path, "import time; time.sleep(60)", deadline_s=0.6)
    assert time.monotonic() - before < 10


def test_what_grows_in_its_temporary_folder_is_told(tmp_path: Path) -> None:
    script = """
import pathlib, tempfile, time
pathlib.Path(tempfile.gettempdir(), "a").write_bytes(b"x" * 5000)
time.sleep(1.2)
"""
    assert run(tmp_path, script)[-1] >= 5000
