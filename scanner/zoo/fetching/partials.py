"""What is here of a file that is being downloaded, kept where the next run finds it."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

_SIZE = re.compile(r"[0-9]{1,18}")


class BusyError(Exception):
    """Another process is downloading the same address."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a server says of the file that it began to send, so that two versions are never spliced.

    total: bytes in all. etag and last_modified: as sent; None where they were not.
    """

    total: int | None = None
    etag: str | None = None
    last_modified: str | None = None

    @property
    def validator(self) -> str | None:
        """For If-Range: an ETag when it is a strong one, else the date (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def agrees(self, other: "Version") -> bool:
        """False where anything that both say differs."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)


def version_of(answer: httpx2.Response) -> Version:
    """Of a 200 or a 206; a 206 names the whole size after the slash of its Content-Range."""
    if answer.status_code == 206:
        total = answer.headers.get("content-range", "").rpartition("/")[2]
    else:
        total = answer.headers.get("content-length", "")
    size = int(total) if _SIZE.fullmatch(total) else None
    return Version(size, answer.headers.get("etag"), answer.headers.get("last-modified"))


class Partial:
    """The bytes so far and the version they belong to: KEY.part and KEY.json, KEY being the address's digest."""

    def __init__(self, folder: Path, url: str) -> None:
        key = hashlib.sha256(url.encode()).hexdigest()[:32]
        self.path = folder / f"{key}.part"
        self._notes = folder / f"{key}.json"
        self.version = self._read_version()

    def _read_version(self) -> Version:
        try:
            return Version(**json.loads(self._notes.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Version()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        return self.size > 0 and self.size == self.version.total

    def begin(self, version: Version) -> None:
        """Start with an empty file of that version."""
        self._notes.write_text(json.dumps(asdict(version)), encoding="utf-8")
        self.version = version
        self.path.open("wb").close()

    def clear(self) -> None:
        """Forget what is here: it is wrong, or of a version that the server has no more."""
        self.begin(Version())

    def move(self, target: Path) -> None:
        self.path.replace(target)

    def tidy(self) -> None:
        """Leave nothing behind but bytes that the next run can use."""
        if self.size == 0:
            self.path.unlink(missing_ok=True)
            self._notes.unlink(missing_ok=True)
            with suppress(OSError):  # another download lies there
                self.path.parent.rmdir()


@contextmanager
def open_partial(folder: Path, url: str) -> Iterator[Partial]:
    """The address's partial file, ours alone meanwhile. Raises BusyError where another process has it."""
    partial = Partial(folder, url)
    lock = _lock(partial.path)
    try:
        yield partial
    finally:
        partial.tidy()
        os.close(lock)


def _lock(path: Path) -> int:
    """An open file with the lock on it, created where it is missing; never one that was moved away meanwhile."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the folder went away in between
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                raise BusyError from None
            if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
                return file
            os.close(file)
