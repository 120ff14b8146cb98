"""Write archives: each fetch is on the disk as a whole before the next begins."""

import hashlib
import re
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scanner.fetch import Exchange, Fetched
from scanner.warc.parts import SUFFIX, Part
from scanner.warc.records import (
    ArchiveError,
    Record,
    describe_archive,
    exchange_entries,
    metadata_entry,
    new_id,
    status_of,
)

MAX_BYTES = 500 * 1000**2


class ArchiveWriter:
    """Appends to an archive in `folder`, and begins the next where it would grow beyond `max_bytes`.

    A context manager; may be shared between threads, and other writers may use the same folder. An archive gets its
    name when it is closed; until then it lies beside it (see parts). name_prefix: letters, digits, `-`, `_` and `.`.
    contact: as sent with every request. finished: the archives that are closed, in their order.
    """

    def __init__(self, folder: Path, name_prefix: str, max_bytes: int = MAX_BYTES, *, contact: str = "") -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,80}", name_prefix):
            raise ValueError("The prefix of an archive's name is made of letters, digits, dots and dashes.")
        self.finished: list[Path] = []
        self._folder = folder
        self._prefix = name_prefix
        self._max_bytes = max_bytes
        self._contact = contact
        self._part: Part | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(
        self, fetched: Fetched, facts: Mapping[str, Any] | None = None, *, earlier: Record | None = None
    ) -> list[Record]:
        """Archive all exchanges of `fetched`; returns a record for each answer, that of the page itself last.

        facts: what it was fetched for, such as scan and source, as JSON can hold it. earlier: for a page that did not
        change (304), the record of the answer that is still valid. Raises ArchiveError; then nothing was written.
        """
        if not fetched.exchanges:
            return []
        answer_ids = [new_id() for _ in fetched.exchanges]
        pairs = list(zip(fetched.exchanges, answer_ids, strict=True))
        entries = [entry for exchange, answer_id in pairs for entry in exchange_entries(exchange, answer_id, earlier)]
        entries.append(metadata_entry(fetched, answer_ids, self._contact, facts or {}))
        name = self._append(b"".join(entry.packed() for entry in entries))
        return [
            Record(name, answer_id, exchange.url, _body_sha256(exchange, fetched), exchange.started_at)
            for exchange, answer_id in pairs
        ]

    def close(self) -> None:
        """Give the archive its name, if one was begun. Raises ArchiveError."""
        with self._lock:
            self._close_part()

    def _append(self, data: bytes) -> str:
        """Returns the name that the archive will have."""
        with self._lock:
            try:
                return self._append_to_part(data)
            except OSError as error:
                raise ArchiveError(
                    f"The archive could not be written: {error.strerror or error}. See whether the disk is full."
                ) from error

    def _append_to_part(self, data: bytes) -> str:
        if self._part and self._part.size_bytes and self._part.size_bytes + len(data) > self._max_bytes:
            self._close_part()
        if self._part is None:
            self._part = Part(self._folder / self._new_name())
        name = self._part.path.name
        if self._part.size_bytes == 0:
            data = describe_archive(name, self._contact).packed() + data
        self._part.append(data)
        return name

    def _close_part(self) -> None:
        part, self._part = self._part, None
        try:
            path = part.close() if part else None
        except OSError as error:
            raise ArchiveError(f"The archive could not be closed: {error.strerror or error}.") from error
        self.finished += [path] if path else []

    def _new_name(self) -> str:
        return f"{self._prefix}-{datetime.now(UTC):%Y%m%d%H%M%S}-{uuid.uuid4().hex}{SUFFIX}"


def _body_sha256(exchange: Exchange, fetched: Fetched) -> str:
    is_page = exchange is fetched.exchanges[-1] and 200 <= status_of(exchange) < 300
    return hashlib.sha256(fetched.body if is_page else exchange.body).hexdigest()
