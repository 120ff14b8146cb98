"""Copies of what a remote store holds, for programs that open files."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from webapp.storage.base import checked, telling_full
from webapp.storage.folder import settle

LIMIT_BYTES = 2 * 1024**3
SPARED_S = 120.0  # a worker that asked for a picture opens it within this time


class Cache:
    """A folder that holds about `limit_bytes` at most: what was used least recently goes first.

    Processes share it. Files that were used in the last two minutes stay, also where they are more than that.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        self._unswept_bytes = limit_bytes  # what the processes before left is not known: begin with a sweep

    def get(self, name: str, fetch: Callable[[Path], object]) -> Path:
        """The copy of `name`; where there is none, `fetch` writes it to the path that it is given."""
        path = self.folder / checked(name)
        try:
            os.utime(path)
        except FileNotFoundError:
            with telling_full(str(self.folder)):
                settle(path, fetch)
            self._note(path)
        return path

    def forget(self, name: str) -> None:
        """Delete the copy of `name`, where there is one."""
        (self.folder / checked(name)).unlink(missing_ok=True)

    def _note(self, path: Path) -> None:
        """Sweep when a sixteenth of the limit has come: to look at every file each time would take too long."""
        with self._lock:
            self._unswept_bytes += path.stat().st_size
            if self._unswept_bytes * 16 < self._limit_bytes:
                return
            self._unswept_bytes = 0
            self.sweep()

    def sweep(self) -> None:
        """Delete the least recently used until the rest fits."""
        spared_since = time.time() - SPARED_S
        files = sorted(_files(self.folder), key=lambda one: one[1].st_mtime)
        excess = sum(status.st_size for _, status in files) - self._limit_bytes
        for path, status in files:
            if excess <= 0 or status.st_mtime > spared_since:
                return
            path.unlink(missing_ok=True)
            excess -= status.st_size


def _files(folder: Path) -> "list[tuple[Path, os.stat_result]]":
    """Another process may delete them meanwhile."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                found.append((path, path.stat()))
    return found
