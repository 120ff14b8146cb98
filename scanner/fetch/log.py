"""One line for each request: what was asked, what the site's robots.txt said of it, what came of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scanner.fetch.errors import FetchError, RobotsError

NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request, or one that was refused.

    url: as it was named, by a caller or by the page that sent us on. robots: what robots.txt says of it, in words,
    "not asked" where it was refused before or is robots.txt itself. status: None where nobody answered.
    bytes_read: on the wire. waited_s: for politeness; took_s: for the rest. failure: one sentence, empty if none.
    """

    at: datetime
    url: str
    robots: str
    status: int | None
    bytes_read: int
    waited_s: float
    took_s: float
    failure: str


@dataclass(slots=True)
class Note:
    """An entry in the making."""

    url: str
    robots: str = NOT_ASKED
    status: int | None = None
    bytes_read: int = 0
    waited_s: float = 0.0
    failure: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began_at: float = field(default_factory=time.monotonic)

    def entry(self) -> LogEntry:
        took_s = max(0.0, time.monotonic() - self.began_at - self.waited_s)
        return LogEntry(
            self.at, self.url, self.robots, self.status, self.bytes_read, self.waited_s, took_s, self.failure
        )


@contextmanager
def noted(url: str, log: Callable[[LogEntry], None]) -> Iterator[Note]:
    """Log what happens within the block, also when it fails."""
    note = Note(url)
    try:
        yield note
    except FetchError as error:
        note.failure = str(error)
        if isinstance(error, RobotsError):
            note.robots = error.words
        raise
    finally:
        log(note.entry())
