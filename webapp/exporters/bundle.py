"""A case bundle's ZIP in one canonical form: a checker can account for every byte, and nothing else fits around it.

Entries are stored as they are, with ASCII names, one fixed date, no extra fields, comments or data descriptors. What
comes first (the manifest and its signature) is known last, so the other entries are laid out in a file aside, whose
headers are filled in once an entry is over; memory holds one piece of one entry.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from webapp.exporters.verify_case import is_plain_path

MOST_BYTES = 2**32 - 2**20
MOST_ENTRIES = 65_000
PIECE_BYTES = 1 << 20
LINES = "application/jsonl"

_VERSION, _MADE_ON_UNIX = 20, 3 << 8  # as zipfile writes them
_MODE = 0o100644 << 16
_DATE = (1980 - 1980) << 9 | 1 << 5 | 1
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


class BundleError(Exception):
    """What was to go in does not fit in a bundle."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the bundle; offset: of its local header, from where the entries of its part begin."""

    path: str
    sha256: str
    crc32: int
    size_bytes: int
    media_type: str
    what: str
    offset: int

    def to_json(self) -> dict[str, Any]:
        names = ("path", "sha256", "size_bytes", "media_type", "what")
        return {name: getattr(self, name) for name in names}


class Packing:
    """The entries of a bundle in the making, one after the other in a file of their own.

    rows: for each file of JSON Lines, the SHA-256 of each of its lines.
    """

    def __init__(self, path: Path) -> None:
        self.entries: list[Entry] = []
        self.rows: dict[str, list[str]] = {}
        self._taken: set[str] = set()
        self._file = path.open("w+b")

    def close(self) -> None:
        self._file.close()

    def add(self, path: str, media_type: str, what: str, pieces: Iterable[bytes]) -> Entry:
        """Put a file in. Raises BundleError where the bundle would become too large or have too many files."""
        check_name(path)
        if path.lower() in self._taken:
            raise ValueError(f"{path!r} is in the bundle already")
        self._taken.add(path.lower())
        if len(self.entries) >= MOST_ENTRIES:
            raise BundleError(f"more than {MOST_ENTRIES} files")
        offset = self._file.tell()
        self._file.write(local_header(path, 0, 0))
        digest, crc, size = sha256(), 0, 0
        for piece in pieces:
            digest.update(piece)
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if offset + size > MOST_BYTES:
                raise BundleError(f"more than {MOST_BYTES} bytes")
            self._file.write(piece)
        end = self._file.tell()
        self._file.seek(offset)
        self._file.write(local_header(path, crc, size))
        self._file.seek(end)
        entry = Entry(path, digest.hexdigest(), crc, size, media_type, what, offset)
        self.entries.append(entry)
        return entry

    def add_file(self, path: str, media_type: str, what: str, file: BinaryIO) -> Entry:
        return self.add(path, media_type, what, iter(lambda: file.read(PIECE_BYTES), b""))

    def add_json(self, path: str, what: str, value: Any) -> Entry:
        """As people read it: indented."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, indent=1)
        return self.add(path, "application/json", what, [encode(text) + b"\n"])

    def add_lines(self, path: str, what: str, rows: Iterable[Mapping[str, Any]]) -> Entry:
        """One JSON object a line."""
        hashes = self.rows.setdefault(path, [])

        def lines() -> Iterator[bytes]:
            for row in rows:
                line = encode(json.dumps(row, ensure_ascii=False, sort_keys=True, allow_nan=False))
                hashes.append(sha256(line).hexdigest())
                yield line + b"\n"

        return self.add(path, LINES, what, lines())

    def write(self, target: BinaryIO, leading: Sequence[tuple[str, bytes]]) -> str:
        """Write the whole bundle, the leading files first; its SHA-256. Raises BundleError."""
        whole = Digesting(target)
        entries = []
        for path, body in leading:
            check_name(path)
            entries.append(Entry(path, "", zlib.crc32(body), len(body), "", "", whole.size_bytes))
            whole.write(local_header(path, zlib.crc32(body), len(body)) + body)
        shift = whole.size_bytes
        self._file.seek(0)
        for piece in iter(lambda: self._file.read(PIECE_BYTES), b""):
            whole.write(piece)
        start = whole.size_bytes
        for entry in entries:
            whole.write(central_header(entry, entry.offset))
        for entry in self.entries:
            whole.write(central_header(entry, entry.offset + shift))
        count, size = len(entries) + len(self.entries), whole.size_bytes - start
        if whole.size_bytes > MOST_BYTES:
            raise BundleError(f"more than {MOST_BYTES} bytes")
        whole.write(struct.pack("<4s4H2LH", _END, 0, 0, count, count, size, start, 0))
        return whole.digest.hexdigest()


class Digesting:
    """Writes on, and knows what was written."""

    def __init__(self, target: BinaryIO) -> None:
        self.digest = sha256()
        self.size_bytes = 0
        self._target = target

    def write(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.size_bytes += len(piece)
        self._target.write(piece)


@contextmanager
def packing(path: Path) -> Iterator[Packing]:
    """path: a file that is made for this alone, as large as all entries together."""
    made = Packing(path)
    try:
        yield made
    finally:
        made.close()


def encode(text: str) -> bytes:
    """Half of a letter, which no UTF-8 can hold, stays as JSON writes it."""
    return text.encode("utf-8", "backslashreplace")


def check_name(path: str) -> None:
    """Raises ValueError for a name that could lead out of the folder in which somebody unpacks the bundle.

    What the checker would refuse is not signed in the first place.
    """
    if not is_plain_path(path):
        raise ValueError(f"{path!r} is no name in a bundle")


def local_header(path: str, crc32: int, size: int) -> bytes:
    name = path.encode("ascii")
    fields = (_LOCAL, _VERSION, 0, 0, 0, _DATE, crc32, size, size, len(name), 0)
    return struct.pack("<4s5H3L2H", *fields) + name


def central_header(entry: Entry, offset: int) -> bytes:
    name, size = entry.path.encode("ascii"), entry.size_bytes
    made_by = _MADE_ON_UNIX | _VERSION
    fields = (
        _CENTRAL,
        made_by,
        _VERSION,
        0,
        0,
        0,
        _DATE,
        entry.crc32,
        size,
        size,
        len(name),
        0,
        0,
        0,
        0,
        _MODE,
        offset,
    )
    return struct.pack("<4s6H3L5H2L", *fields) + name
