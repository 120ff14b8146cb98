"""Which Tuskline this is: what reports and case files say that they were made with."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

SOURCES = Path(__file__).parents[2]


@cache
def made_with() -> dict[str, str | None]:
    """version; commit: of the checkout that runs, None where it is none; python: its version."""
    return {"version": version("tuskline"), "commit": find_commit(SOURCES), "python": platform.python_version()}


def find_commit(folder: Path) -> str | None:
    """The full name of the commit that is checked out in `folder`, with a plus where files of it were changed."""
    if not (folder / ".git").exists():
        return None
    try:
        commit = ask_git(folder, "rev-parse", "HEAD")
        return commit + ("+" if ask_git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def ask_git(folder: Path, *words: str) -> str:
    asked = ["git", "-C", str(folder), *words]
    return subprocess.run(asked, capture_output=True, check=True, text=True, timeout=10).stdout.strip()  # noqa: S603  # our own words
