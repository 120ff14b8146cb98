"""The audit log for spreadsheets: one row an entry, and no cell that a spreadsheet would run."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from webapp.exporters.table import safe

COLUMNS: dict[str, Callable[[Any], Any]] = {
    "entry": lambda entry: entry.id,
    "at": lambda entry: entry.at.isoformat(),
    "actor": lambda entry: entry.actor,
    "action": lambda entry: entry.action,
    "subject": lambda entry: entry.subject,
    "facts": lambda entry: json.dumps(entry.facts, ensure_ascii=False, sort_keys=True),
    "content_sha256": lambda entry: entry.content_sha256,
}


def lines(entries: Iterable[Any]) -> Iterator[bytes]:
    """The file piece by piece, UTF-8 with a byte order mark; nothing of what was yielded is held."""
    page = io.StringIO()
    rows = csv.writer(page, quoting=csv.QUOTE_NONNUMERIC)
    yield b"\xef\xbb\xbf"
    rows.writerow(COLUMNS)
    for entry in entries:
        rows.writerow([safe(read(entry)) for read in COLUMNS.values()])
        if page.tell() > 64_000:
            yield taken(page)
    yield taken(page)


def taken(page: io.StringIO) -> bytes:
    text = page.getvalue()
    page.seek(0)
    page.truncate()
    return text.encode()
