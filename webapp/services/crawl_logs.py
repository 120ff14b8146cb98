"""What a crawl asked, line by line (JSON): address, robots.txt's word on it, answer, waiting; packed once it ends."""

import fcntl
import gzip
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self, TextIO
from uuid import uuid4

from scanner.fetch import LogEntry
from webapp.storage import Store

logger = logging.getLogger(__name__)

FOLDER = "crawl-logs"  # of the machine that writes them
STORED = "crawls"


class CrawlLog:
    """The log of one worker's part of a scan; a context manager that moves it into the store.

    Locked while it grows, so that another worker can tell a dead worker's log from a living one's.
    """

    def __init__(self, place: Store, spool: Path, scan_id: int) -> None:
        self._place = place
        self._path = spool / FOLDER / f"{scan_id}-{uuid4().hex}.jsonl"
        self._lock = threading.Lock()
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unseen = self._path.with_suffix(".new")
        self._file = unseen.open("w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        unseen.rename(self._path)  # only now: nobody takes it for a dead worker's before it is locked
        return self

    def __exit__(self, *_: object) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.flush()
            try:
                publish_log(self._place, self._path)
            except OSError as error:
                logger.warning("the log stays in %s for now: %s", self._path, error)
            file.close()

    def write(self, entry: LogEntry) -> None:
        line = json.dumps(asdict(entry) | {"at": entry.at.isoformat()}, ensure_ascii=False)
        with self._lock:
            if self._file is not None:
                self._file.write(f"{line}\n")
                self._file.flush()


def publish_log(place: Store, path: Path) -> None:
    """Pack a log that grows no more, and move it into the store. Raises StoreError."""
    place.put(name_of(path.stem), gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


def publish_left_logs(place: Store, spool: Path) -> None:
    """Move what dead workers of this machine left into the store. Raises StoreError."""
    for path in sorted((spool / FOLDER).glob("*.jsonl")):
        # Another worker may be faster with it.
        with suppress(FileNotFoundError), path.open("r+", encoding="utf-8") as file:
            if is_free(file):
                publish_log(place, path)


def is_free(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def name_of(stem: str) -> str:
    scan_id, _, part = stem.partition("-")
    return f"{STORED}/{scan_id}/{part}.jsonl.gz"


def read_logs(place: Store, spool: Path, scan_id: int) -> Iterator[bytes]:
    """The lines of all workers of a scan that are known on this machine, also of one that is at work."""
    for name in place.list(f"{STORED}/{scan_id}"):
        yield gzip.decompress(place.read(name))
    for path in sorted((spool / FOLDER).glob(f"{scan_id}-*.jsonl")):
        yield path.read_bytes()
