"""A folder beside the models to build one in, so that a model is whole or absent, whatever happens meanwhile."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scanner.zoo.options import Echo

PREFIX = ".installing-"
_LEAVING = ".leaving-"
_LOCK = "lock"
_REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Staging:
    """staged: what becomes the model's folder; scratch: for what is unpacked and converted. Both belong to one try.

    waited: another install of the same model was under way when this one was asked for.
    """

    folder: Path
    target: Path
    waited: bool

    @property
    def staged(self) -> Path:
        return self.folder / "staged"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    def empty(self) -> None:
        """Make both folders anew, for the next try."""
        for folder in (self.staged, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def swap(self) -> None:
        """Put the staged folder in the target's place; an older install goes away with the staging folder."""
        if self.target.exists():
            self.target.rename(self.folder / _REPLACED)
        self.staged.rename(self.target)


@contextmanager
def open_staging(models_dir: Path, name: str, echo: Echo) -> Iterator[Staging]:
    """The model's staging folder, ours alone; gone afterwards, and so is what a killed install left of any model."""
    models_dir.mkdir(parents=True, exist_ok=True)
    _sweep(models_dir, name)
    folder = models_dir / f"{PREFIX}{name}"
    lock = _lock(folder, wait=False)
    waited = lock is None
    if lock is None:
        echo(f"{name} is being installed by another process: waiting for it")
        lock = _lock(folder, wait=True)
    try:
        staging = Staging(folder, models_dir / name, waited)
        _mend(staging)
        staging.empty()
        yield staging
    finally:
        _clear(folder)
        if lock is not None:
            os.close(lock)


def _sweep(models_dir: Path, ours: str) -> None:
    """Remove what killed installs of other models left; an older model that they had put aside comes back."""
    for folder in models_dir.glob(f"{PREFIX}*"):
        lock = None if folder.name == f"{PREFIX}{ours}" else _lock(folder, wait=False)
        if lock is not None:
            _mend(Staging(folder, models_dir / folder.name.removeprefix(PREFIX), waited=False))
            _clear(folder)
            os.close(lock)
    for folder in models_dir.glob(f"{_LEAVING}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """The folder's lock as an open file, the folder made where it is missing; None where another process has it."""
    while True:
        folder.mkdir(exist_ok=True)
        path = folder / _LOCK
        with suppress(FileNotFoundError):  # the folder went away in between: make it anew
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return None
            if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
                return file
            os.close(file)


def _mend(staging: Staging) -> None:
    """Killed between the two renames of a swap: the older install goes back to its place."""
    aside = staging.folder / _REPLACED
    if aside.exists() and not staging.target.exists():
        aside.rename(staging.target)
    shutil.rmtree(aside, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Out of the way by one rename first: whoever comes next makes a folder of their own."""
    leaving = folder.with_name(f"{_LEAVING}{os.getpid()}-{folder.name}")
    folder.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)
