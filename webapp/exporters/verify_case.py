"""Verify a Tuskline case file: one file of Python's standard library alone, without a network.

    python3 verify.py [BUNDLE.zip | FOLDER] [--fingerprint "..."] [--key HEX] [--json] [--quiet]

Without a name it verifies the folder that it lies in. Exit code: 0 nothing was changed since the case file was signed,
1 something was (each thing is named), 2 there is no case file that can be read, or the command makes no sense.

It recomputes the SHA-256 of every file and of every row, checks the Ed25519 signature over the manifest and the chain
of the audit log, and reads the ZIP byte by byte: nothing may stand in it that a signed manifest does not account for.
Nothing is unpacked or written. Python 3.8 and later.
"""

# ruff: noqa: B905  # this file also runs on Pythons that do not know zip(strict=)

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import os
import re
import stat
import struct
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from typing import TypeGuard

    Point = tuple[int, int, int, int]

FORMAT = "tuskline-case/1"
SIGNATURE_FORMAT = "tuskline-case-signature/1"
SEAL_FORMAT = "tuskline-seal/1"
HEAD_FORMAT = "tuskline-audit-head/1"
GENESIS = "0" * 64

MANIFEST, SIGNATURE, TIMESTAMP = "manifest.json", "manifest.sig.json", "manifest.tsr"
FINDINGS, LISTINGS, HISTORY, CAPTURES = "findings.jsonl", "listings.jsonl", "history.jsonl", "captures.jsonl"
ENTRIES, SEALED, SEALS = "audit/entries.jsonl", "audit/sealed.jsonl", "audit/seals.jsonl"
REQUIRED = ("README.txt", "verify.py", "case.json", FINDINGS, LISTINGS, HISTORY, CAPTURES, ENTRIES, SEALED, SEALS)

CHUNK = 1 << 20
MOST_MANIFEST = 256 << 20  # bytes; a seal of the audit log takes 67 of them
MOST_SIDE = 1 << 20  # bytes of the signature's file and of the timestamp
MOST_ROW = 16 << 20  # bytes
MOST_ENTRIES = 65_535
MOST_ROWS_BEYOND = 10_000  # rows of a file that its manifest does not count, and that are still looked at one by one
MOST_DIGITS = 400
MOST_HEAD = 1 << 20  # bytes of the headers of a record
MOST_RECORDS = 1_000_000
UNPACKED_BASE, UNPACKED_RATIO = 256 << 20, 100  # an archive may unpack to so many bytes, and so many times its size
FAULTS_KEPT = 200
NAMED = 20

PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
HEX = {64: re.compile(r"[0-9a-f]{64}\Z"), 128: re.compile(r"[0-9a-f]{128}\Z")}

CHANGED, REMOVED, ADDED, REORDERED = "changed", "removed", "added", "reordered"
UNSIGNED = "signature"  # the signature does not say what it should
BROKEN = "unreadable"  # something can't be read
UNTRUE = "mismatch"  # two things in the case file do not agree

LIMITS = (
    "that what was captured is true: it shows that nothing was changed since the holder of this key signed it.",
    "whose key it is: compare the fingerprint with one that you got another way (by telephone, or on paper).",
    "when it was signed: the clock is the signer's own, unless a timestamp is in it and openssl finds it right.",
    "that the audit log is complete: its holder could have written another one before. A head of the log that somebody "
    "kept from earlier shows that.",
    "that a suspicion is right: scores are estimates, and identification by sight is tentative.",
    "that this program is the right one where it came with the case file: whoever could change the one could change "
    "the other. Take it from Tuskline itself, or compare its SHA-256 (above) another way.",
)


class Unreadable(Exception):
    """There is nothing that could be verified; the message says why."""


class Bad(Exception):
    """One part can't be read; the message says why, to be put behind its name."""


# What is found ------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """One thing that is wrong. rows: from 1, the first few; file and rows may be empty."""

    kind: str
    file: str
    words: str
    rows: tuple[int, ...] = ()


class Outcome:
    """What was looked at and what is wrong. facts: what people compare; counts: how much was read."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.faults_count = 0
        self.notices: list[str] = []
        self.facts: dict[str, Any] = {}
        self.counts: dict[str, int] = {}

    @property
    def is_whole(self) -> bool:
        return not self.faults_count

    @property
    def fingerprint(self) -> str:
        return str(self.facts.get("fingerprint", ""))

    def note(self, kind: str, file: str, words: str, rows: Sequence[int] = ()) -> None:
        self.faults_count += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(kind, shown(file), words, tuple(rows[:NAMED])))

    def tell(self, words: str) -> None:
        if len(self.notices) < FAULTS_KEPT:
            self.notices.append(words)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    def to_json(self) -> dict[str, Any]:
        return {
            "whole": self.is_whole,
            "faults": [fault._asdict() for fault in self.faults],
            "faults_count": self.faults_count,
            "notices": self.notices,
            "counts": self.counts,
            **self.facts,
            "does_not_prove": LIMITS,
        }


def shown(name: object, letters: int = 160) -> str:
    """A name as it may be printed anywhere: ASCII, no control characters, not long."""
    text = str(name) if name is None or isinstance(name, (str, int, float)) else type(name).__name__
    text = text if len(text) <= letters else text[: letters - 3] + "..."
    return "".join(letter if " " <= letter <= "~" else ascii(letter)[1:-1] for letter in text)


def listed(numbers: Iterable[object]) -> str:
    words = [str(number) for number in numbers]
    return ", ".join(words[:NAMED]) + (f" and {len(words) - NAMED} more" if len(words) > NAMED else "")


def fingerprint_of(key: bytes) -> str:
    digits = hashlib.sha256(key).hexdigest()
    return " ".join(digits[start : start + 8] for start in range(0, 64, 8))


# Ed25519 (RFC 8032, section 5.1) ------------------------------------------------------------------------------------
# The curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P; a point is (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def add_points(one: Point, other: Point) -> Point:
    """The formulas of section 5.1.4; they hold for any two points, equal ones too."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * CURVE_D * t1 * t2 % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def decode_point(data: bytes) -> Point | None:
    """Section 5.1.3; None for 32 bytes that are no point, or not written in the one right way."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if len(data) != 32 or y >= P:
        return None
    u, v = (y * y - 1) % P, (CURVE_D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == P - u if u else False:
        x = x * ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P or (not x and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def encode_point(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def make_table(point: Point) -> list[list[Point]]:
    """Of each of the 64 hexadecimal digits of a factor, what its 16 values add to the product."""
    table = []
    for _ in range(64):
        row = [NEUTRAL]
        for _ in range(15):
            row.append(add_points(row[-1], point))
        table.append(row)
        point = add_points(row[-1], point)
    return table


def multiply(table: list[list[Point]], factor: int) -> Point:
    """factor: below 2**256. Its bits show in the time taken: fit for what is public, and for nothing else."""
    product: Point = NEUTRAL
    for row in table:
        if factor & 15:
            product = add_points(product, row[factor & 15])
        factor >>= 4
    return product


@lru_cache(maxsize=1)
def base_table() -> list[list[Point]]:
    """Of the point B: y = 4/5, the even x."""
    base = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    return make_table(base) if base else []


@lru_cache(maxsize=8)
def negative_table(key: bytes) -> list[list[Point]] | None:
    """Of the point -A; None where the key is none, or one whose signatures would fit anything (small order)."""
    point = decode_point(key)
    if point is None:
        return None
    eightfold = point
    for _ in range(3):
        eightfold = add_points(eightfold, eightfold)
    if not eightfold[0] % P:  # the neutral point, as of the eight points of small order
        return None
    x, y, z, t = point
    return make_table((P - x, y, z, P - t))


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Section 5.1.7, without the factor of 8: R has to be S B - k A itself, in its one right spelling."""
    if len(key) != 32 or len(signature) != 64:
        return False
    s, table = int.from_bytes(signature[32:], "little"), negative_table(key)
    if s >= ORDER or table is None:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return encode_point(add_points(multiply(base_table(), s), multiply(table, k))) == signature[:32]


def is_signed_hex(key: object, message: bytes, signature: object) -> bool:
    if not is_hex(key, 64) or not is_hex(signature, 128):
        return False
    return is_signed(bytes.fromhex(key), message, bytes.fromhex(signature))


# JSON, strictly -----------------------------------------------------------------------------------------------------


def read_json(data: bytes) -> Any:
    """Raises Bad: also for what JSON knows no number for, a name that comes twice, and too deep a nesting."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=unique_names,
            parse_constant=refuse_constant,
            parse_float=read_float,
            parse_int=read_int,
        )
    except UnicodeDecodeError:
        raise Bad("is not UTF-8") from None
    except RecursionError:
        raise Bad("is nested too deeply") from None
    except ValueError as error:
        raise Bad(f"is not the JSON that it should be ({shown(error)})") from None


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def read_float(word: str) -> float:
    number = float(word) if len(word) <= MOST_DIGITS else math.inf
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def read_int(word: str) -> int:
    if len(word) > MOST_DIGITS:
        raise ValueError("a number is too large")
    return int(word)


def canonical(value: Any) -> bytes:
    """Raises Bad."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Bad("can't be written as canonical JSON") from None


def is_hex(value: object, length: int) -> TypeGuard[str]:
    return isinstance(value, str) and HEX[length].match(value) is not None


def is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# Where the files come from: a folder, or a ZIP ----------------------------------------------------------------------


class Folder:
    """An unpacked case file. Links are not followed; only plain files are opened."""

    def __init__(self, path: Path, outcome: Outcome) -> None:
        self._path = path
        self.names: list[str] = []
        waiting, folders = deque([""]), 0
        while waiting:
            folders += 1
            waiting.extend(self._look_into(waiting.popleft(), outcome))
            if folders + len(waiting) + len(self.names) > 2 * MOST_ENTRIES:
                raise Unreadable(f"the folder has more than {MOST_ENTRIES:,} files, which no case file has")
        self.names.sort()

    def _look_into(self, folder: str, outcome: Outcome) -> Iterator[str]:
        """The folders in it."""
        try:
            with os.scandir(self._at(folder)) as found:
                inside = sorted(found, key=lambda one: one.name)
        except OSError as error:
            outcome.note(BROKEN, folder, f"the folder can't be read: {error.strerror}")
            return
        if not inside and folder:
            outcome.note(ADDED, folder + "/", "an empty folder that the case file does not have")
        for one in inside:
            name = f"{folder}/{one.name}" if folder else one.name
            if one.is_symlink():
                outcome.note(ADDED, name, "a link, which a case file never holds; it was not followed")
            elif one.is_dir(follow_symlinks=False):
                yield name
            elif one.is_file(follow_symlinks=False):
                self.names.append(name)
            else:
                outcome.note(ADDED, name, "not a plain file; it was not opened")

    def size(self, name: str) -> int:
        return self._at(name).lstat().st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        with self._at(name).open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    def _at(self, name: str) -> Path:
        return self._path.joinpath(*name.split("/"))


LOCAL, CENTRAL, END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
NEEDED, MADE_BY, DAY, RIGHTS = 20, 3 << 8 | 20, 33, 0o100644 << 16
COMMON_FIELDS = ("version needed", "flags", "method", "time", "date", "CRC-32", "packed size", "size", "name length")
LOCAL_FIELDS = ("mark", *COMMON_FIELDS, "extra length")
CENTRAL_FIELDS = ("mark", "made by", *COMMON_FIELDS, "extra length", "comment length", "disk", "inner attributes",
                  "attributes", "offset")  # fmt: skip
END_FIELDS = ("mark", "disk", "directory's disk", "entries here", "entries", "directory's size", "directory's offset",
              "comment length")  # fmt: skip


class Entry:
    """A file in the ZIP. other_name: what the directory calls it; both as bytes; start, begin: of header and data."""

    def __init__(self, start: int, name: bytes, begin: int, size: int) -> None:
        self.start, self.name, self.begin, self.size = start, name, begin, size
        self.other_name = name
        self.crc = 0

    @property
    def end(self) -> int:
        return self.begin + self.size

    def local_header(self) -> bytes:
        sizes = (self.crc, self.size, self.size, len(self.name), 0)
        return LOCAL.pack(LOCAL_MARK, NEEDED, 0, 0, 0, DAY, *sizes) + self.name

    def central_record(self) -> bytes:
        sizes = (self.crc, self.size, self.size, len(self.name), 0, 0, 0, 0, RIGHTS, self.start)
        return CENTRAL.pack(CENTRAL_MARK, MADE_BY, NEEDED, 0, 0, 0, DAY, *sizes) + self.name


class Zip:
    """A case file as it travels. Its files are found by their own headers, or by the directory where one is damaged."""

    def __init__(self, file: BinaryIO, size: int, outcome: Outcome) -> None:
        self._file, self._size, self._outcome = file, size, outcome
        self._end_at = self._find_end()
        self._directory_at: int | None = None
        self._known = self._read_directory()
        starts = {*self._known, *([] if self._directory_at is None else [self._directory_at])}
        self._starts = sorted(place for place in starts if place < size)
        self.entries: list[Entry] = []
        self._tail_at = self._walk()
        self._by_name: dict[str, Entry] = {}
        self.names: list[str] = []

    # reading the structure, tolerantly

    def _read(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        return self._file.read(max(0, count))

    def _find_end(self) -> int | None:
        """The last place where an end record may stand, the very end first."""
        low = max(0, self._size - END.size - 65_535)
        tail = self._read(low, self._size - low)
        if tail[-END.size :].startswith(END_MARK):
            return self._size - END.size
        place = tail.rfind(END_MARK)
        return None if place < 0 or len(tail) - place < END.size else low + place

    def _read_directory(self) -> dict[int, Entry]:
        """Offset -> entry, as far as the directory can be read."""
        if self._end_at is None:
            return {}
        fields = END.unpack(self._read(self._end_at, END.size))
        for at in (fields[6], self._end_at - fields[5]):
            if at >= 0 and (self._read(at, 4) == CENTRAL_MARK or at + fields[5] == self._end_at):
                self._directory_at = at
                return {entry.start: entry for entry in self._records(at)}
        return {}

    def _records(self, at: int) -> Iterator[Entry]:
        for _ in range(MOST_ENTRIES):
            head = self._read(at, CENTRAL.size)
            if len(head) < CENTRAL.size or not head.startswith(CENTRAL_MARK):
                return
            fields = CENTRAL.unpack(head)
            name = self._file.read(fields[10])
            yield Entry(fields[16], name, fields[16] + LOCAL.size + len(name), fields[8])
            at += CENTRAL.size + sum(fields[10:13])

    def _walk(self) -> int:
        """Go from header to header; returns where the directory begins, or the file ends."""
        at, limit = 0, MOST_ENTRIES + 1
        while at < self._size and len(self.entries) < limit:
            if at == self._directory_at or self._read(at, 4) in (CENTRAL_MARK, END_MARK):
                return at
            entry = self._entry_at(at)
            if entry is None:
                at = self._skip_from(at)
                continue
            if entry.end > self._size:
                self._outcome.note(REMOVED, text_of(entry.name), "the ZIP breaks off in the midst of this file")
                entry.size = max(0, self._size - entry.begin)
            self.entries.append(entry)
            at = max(entry.end, at + 1)
        if len(self.entries) >= limit:
            raise Unreadable(f"the ZIP has more than {MOST_ENTRIES:,} files, which no case file has")
        return min(at, self._size)

    def _entry_at(self, at: int) -> Entry | None:
        """What the header and the directory say of the file that begins here: whichever leads on to something."""
        here, there = self._local_at(at), self._known.get(at)
        if here is None or there is None:
            return self._plausible(here or there)
        if (here.begin, here.size) == (there.begin, there.size) or self._leads_on(here):
            here.other_name = there.name if len(there.name) == len(here.name) else here.name
            return here
        return there if self._leads_on(there) or here.end > self._size >= there.end else here

    def _plausible(self, entry: Entry | None) -> Entry | None:
        return entry if entry is not None and entry.begin <= self._size else None

    def _local_at(self, at: int) -> Entry | None:
        head = self._read(at, LOCAL.size)
        if len(head) < LOCAL.size or not head.startswith(LOCAL_MARK):
            return None
        fields = LOCAL.unpack(head)
        name = self._file.read(fields[9])
        return Entry(at, name, at + LOCAL.size + fields[9] + fields[10], fields[7])

    def _leads_on(self, entry: Entry) -> bool:
        at = entry.end
        marks = (LOCAL_MARK, CENTRAL_MARK, END_MARK)
        return at == self._directory_at or at in self._known or self._read(at, 4) in marks

    def _skip_from(self, at: int) -> int:
        """Name the bytes here that belong to no file; returns where something begins again."""
        place = bisect_right(self._starts, at)
        until = self._starts[place] if place < len(self._starts) else self._search(at + 1)
        behind = f"behind {shown(text_of(self.entries[-1].name))}" if self.entries else "before the first file"
        self._outcome.note(ADDED, "", f"{until - at:,} bytes at {at:,} of the ZIP, {behind}, belong to no file")
        return until

    def _search(self, at: int) -> int:
        """The next place with the mark of a header or of the directory."""
        while at < self._size:
            piece = self._read(at, CHUNK + 3)
            found = [place for place in map(piece.find, (LOCAL_MARK, CENTRAL_MARK, END_MARK)) if place >= 0]
            if found:
                return at + min(found)
            at += CHUNK
        return self._size

    # handing out the files

    def name_all(self, wanted: Iterable[str]) -> None:
        """Settle what each file is called, now that it is known which names there should be."""
        known = set(wanted)
        self._by_name, self.names = {}, []
        for entry in self.entries:
            name, other = text_of(entry.name), text_of(entry.other_name)
            if name not in known and other in known:
                name, entry.name = other, entry.other_name
            if name in self._by_name:
                self._outcome.note(ADDED, name, "stands in the ZIP a second time")
                continue
            self._by_name[name] = entry
            self.names.append(name)

    def size(self, name: str) -> int:
        return self._by_name[name].size

    def chunks(self, name: str) -> Iterator[bytes]:
        entry, left = self._by_name[name], self._by_name[name].size
        at = entry.begin
        while left > 0:
            piece = self._read(at, min(CHUNK, left))
            if not piece:
                return
            yield piece
            at, left = at + len(piece), left - len(piece)

    # holding the structure against the one form that it may have

    def check_form(self, crcs: Mapping[str, int], changed: set[str]) -> None:
        """crcs: of the bytes that were read; changed: files of which it is known already that they were changed."""
        for entry in self.entries:
            name = text_of(entry.name)
            said = self._crcs_said(entry)
            entry.crc = crcs.get(name, said[0]) if self._by_name.get(name) is entry else said[0]
            if set(said) != {entry.crc} and len(set(said)) == 1:
                entry.crc = said[0]
                if name not in changed:
                    self._outcome.note(CHANGED, name, "its bytes do not fit the CRC-32 that the ZIP has of them")
            self._compare_header(entry)
        self._compare_tail()

    def _crcs_said(self, entry: Entry) -> tuple[int, int]:
        """By the header and by the directory, the same twice where one of them is damaged beyond reading."""
        head = self._read(entry.start, LOCAL.size)
        here = LOCAL.unpack(head)[6] if len(head) == LOCAL.size else 0
        return here, self._crc_in_directory.get(entry.start, here)

    @property
    def _crc_in_directory(self) -> dict[int, int]:
        if not hasattr(self, "_crcs"):
            self._crcs = dict(self._find_crcs())
        return self._crcs

    def _find_crcs(self) -> Iterator[tuple[int, int]]:
        at = self._tail_at
        for entry in self.entries:
            head = self._read(at, CENTRAL.size)
            if len(head) == CENTRAL.size and head.startswith(CENTRAL_MARK):
                yield entry.start, CENTRAL.unpack(head)[7]
            at += CENTRAL.size + len(entry.name)

    def _compare_header(self, entry: Entry) -> None:
        wanted = entry.local_header()
        found = self._read(entry.start, entry.begin - entry.start)
        if found != wanted:
            where = different_fields(LOCAL, LOCAL_FIELDS, found, wanted)
            self._outcome.note(CHANGED, text_of(entry.name), f"its header in the ZIP was changed: {where}")

    def _compare_tail(self) -> None:
        """The directory and the end record, which follow from what stands before them."""
        records = [entry.central_record() for entry in self.entries]
        size = sum(map(len, records))
        at, count = self._tail_at, min(len(records), 0xFFFF)
        end = END.pack(END_MARK, 0, 0, count, count, size & 0xFFFFFFFF, at & 0xFFFFFFFF, 0)
        wanted = b"".join(records) + end
        found = self._read(at, len(wanted) + CHUNK)
        if found == wanted and self._size == at + len(wanted):
            return
        place = self._compare_records(found, records)
        self._compare_end(found, place, end, self._size - at)

    def _compare_records(self, found: bytes, records: Sequence[bytes]) -> int:
        """Returns where the records end."""
        read, place = [], 0
        for wanted in records:
            length = record_length(found, place, len(wanted))
            if length is None:
                break
            read.append(found[place : place + length])
            place += length
        while (length := record_length(found, place, 0)) is not None:
            read.append(found[place : place + length])
            place += length
        names = [text_of(record[CENTRAL.size :]) for record in records]
        note, what = self._outcome.note, difference(records, read)
        for old, new in what.changed:
            where = different_fields(CENTRAL, CENTRAL_FIELDS, read[new], records[old])
            note(CHANGED, names[old], f"its record in the ZIP's directory was changed: {where}")
        for old in what.removed:
            note(REMOVED, names[old], "its record in the ZIP's directory is gone")
        for new in what.added:
            note(ADDED, text_of(read[new][CENTRAL.size :]), "the ZIP's directory has a record of no file that is there")
        for old, new in what.moved:
            note(REORDERED, names[old], f"its record is number {new + 1} of the ZIP's directory, not {old + 1}")
        return place

    def _compare_end(self, found: bytes, place: int, wanted: bytes, left: int) -> None:
        note, end = self._outcome.note, found[place : place + END.size]
        if end != wanted and not end.startswith(END_MARK) and left - place > END.size:
            where = found.find(END_MARK, place)
            if where >= 0:
                note(ADDED, "", f"{where - place:,} bytes in the ZIP's directory belong to no record")
                place, end = where, found[where : where + END.size]
        if end != wanted:
            if len(end) < END.size:
                note(REMOVED, "", "the ZIP's end record is gone or breaks off")
            else:
                fields = different_fields(END, END_FIELDS, end, wanted)
                note(CHANGED, "", f"the ZIP's end record was changed: {fields}")
        beyond = left - place - END.size
        if beyond > 0:
            note(ADDED, "", f"{beyond:,} bytes stand behind the end of the ZIP")


def text_of(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace")


def record_length(found: bytes, place: int, wanted: int) -> int | None:
    """Of the record of the directory that begins there; None where none does. wanted: what it should be."""
    head = found[place : place + CENTRAL.size]
    if len(head) < CENTRAL.size:
        return None
    ends = (CENTRAL_MARK, END_MARK)
    said: int = CENTRAL.size + sum(CENTRAL.unpack(head)[10:13])
    if head.startswith(CENTRAL_MARK) and found[place + said : place + said + 4] in ends:
        return said
    if wanted and found[place + wanted : place + wanted + 4] in ends and head[:4] not in (END_MARK,):
        return wanted
    return said if head.startswith(CENTRAL_MARK) and place + said <= len(found) else None


def different_fields(form: struct.Struct, names: Sequence[str], found: bytes, wanted: bytes) -> str:
    if len(found) < form.size:
        return "it breaks off"
    pairs = zip(names, form.unpack(found[: form.size]), form.unpack(wanted[: form.size]))
    differing = [name for name, one, other in pairs if one != other]
    if found[form.size :] != wanted[form.size :]:
        differing.append("name" if len(found) == len(wanted) else "what follows the name")
    return ", ".join(differing) or "its length"


# What became of a list ----------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """Places from 0. changed, moved: (in the old list, in the new one)."""

    changed: list[tuple[int, int]]
    removed: list[int]
    added: list[int]
    moved: list[tuple[int, int]]


def difference(old: Sequence[Any], new: Sequence[Any]) -> Difference:
    """What was done to a list of digests, said with few words: what stayed in order is passed over."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    matched = match(old[head : len(old) - tail], new[head : len(new) - tail], head)
    stayed = longest_rise(matched)
    still = [pair for pair in matched if pair[0] == pair[1]]
    anchors = still if len(still) >= len(stayed) else stayed
    moved = sorted(set(matched) - set(anchors))
    known_old, known_new = {pair[0] for pair in matched}, {pair[1] for pair in matched}
    result = Difference([], [], [], moved)
    last = (head - 1, head - 1)
    for anchor in [*anchors, (len(old) - tail, len(new) - tail)]:
        gone = [place for place in range(last[0] + 1, anchor[0]) if place not in known_old]
        come = [place for place in range(last[1] + 1, anchor[1]) if place not in known_new]
        result.changed.extend(zip(gone, come))
        result.removed.extend(gone[len(come) :])
        result.added.extend(come[len(gone) :])
        last = anchor
    return result


def match(old: Sequence[Any], new: Sequence[Any], first: int) -> list[tuple[int, int]]:
    """Equal ones, each once, in the order of the new list; first: the place of both lists' beginning."""
    places: dict[Any, deque[int]] = {}
    for place, one in enumerate(old, first):
        places.setdefault(one, deque()).append(place)
    return [(places[one].popleft(), place) for place, one in enumerate(new, first) if places.get(one)]


def longest_rise(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs in which the first numbers rise."""
    lows: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (number, _) in enumerate(pairs):
        length = bisect_left(lows, number)
        lows[length : length + 1], ends[length : length + 1] = [number], [index]
        before.append(ends[length - 1] if length else -1)
    rise, index = [], ends[-1] if ends else -1
    while index >= 0:
        rise.append(pairs[index])
        index = before[index]
    return rise[::-1]


# Files and rows -----------------------------------------------------------------------------------------------------


class Look(NamedTuple):
    """What was read of a file. rows: the digest of each; beyond: how many more there are; is_ended: by a newline."""

    sha256: str
    size: int
    crc: int
    rows: list[bytes]
    beyond: int
    is_ended: bool


def look_at(chunks: Iterable[bytes], rows_expected: int | None) -> Look:
    """Read a file once. rows_expected: how many rows its manifest counts; None for a file without rows."""
    whole, row, size, crc = hashlib.sha256(), hashlib.sha256(), 0, 0
    rows: list[bytes] = []
    beyond, begun = 0, False
    for piece in chunks:
        whole.update(piece)
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if rows_expected is None:
            continue
        *ended, last = piece.split(b"\n", max(0, rows_expected + MOST_ROWS_BEYOND - len(rows)))
        for part in ended:
            row.update(part)
            rows.append(row.digest())
            row, begun = hashlib.sha256(), False
        row.update(last)
        more = last.count(b"\n")  # far beyond what was expected they are only counted
        beyond += more
        begun = not last.endswith(b"\n") if more else begun or bool(last)
    if begun and not beyond:
        rows.append(row.digest())
    return Look(whole.hexdigest(), size, crc, rows, beyond, not begun)


def rows_of(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """(number from 1, the row without its newline; None where it is too long to be one)."""
    number, held, length = 1, [], 0  # type: int, list[bytes], int
    for piece in chunks:
        *ended, last = piece.split(b"\n")
        for part in ended:
            yield number, b"".join([*held, part]) if length + len(part) <= MOST_ROW else None
            number, held, length = number + 1, [], 0
        length += len(last)
        held = [*held, last] if last and length <= MOST_ROW else held if length <= MOST_ROW else []
    if length:
        yield number, b"".join(held) if length <= MOST_ROW else None


# The case file ------------------------------------------------------------------------------------------------------


class Case:
    """One verification, step by step. source: a Folder or a Zip."""

    def __init__(self, source: Folder | Zip, outcome: Outcome) -> None:
        self._source, self._outcome = source, outcome
        self._note = outcome.note
        self._looks: dict[str, Look] = {}
        self._changed: set[str] = set()
        self._present: set[str] = set()
        self.files: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, list[str]] = {}
        self.manifest: dict[str, Any] = {}

    def verify(self, keys: Sequence[str], fingerprints: Sequence[str]) -> None:
        """keys (hex), fingerprints: those that may have signed it; none given: any."""
        self._name_sides()
        data = self._read_side(MANIFEST, MOST_MANIFEST)
        is_readable = data is not None and self._read_manifest(data)
        self._check_signature(hashlib.sha256(data).hexdigest() if data is not None else None, keys, fingerprints)
        if isinstance(self._source, Zip):
            self._source.name_all([MANIFEST, SIGNATURE, TIMESTAMP, *self.files])
            self._present = set(self._source.names)
        self._check_timestamp()
        if is_readable:
            self._check_files()
            Contents(self).check()
            Chain(self).check()
        if isinstance(self._source, Zip):
            self._check_zip()

    # reading

    @property
    def outcome(self) -> Outcome:
        return self._outcome

    def has(self, path: str) -> bool:
        return path in self._present and path in self.files

    def chunks(self, path: str) -> Iterator[bytes]:
        return self._source.chunks(path)

    def size(self, path: str) -> int:
        return self._source.size(path)

    def read_rows(self, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number from 1, the row as JSON); those that can't be read are named and left out."""
        if not self.has(path):
            return
        most = len(self.rows.get(path, ())) + MOST_ROWS_BEYOND
        try:
            for number, line in rows_of(self.chunks(path)):
                if number > most:
                    return  # it was named already that there are far too many
                row = self._read_row(path, number, line)
                if row is not None:
                    yield number, row
        except OSError as error:
            self._note(BROKEN, path, f"can't be read: {error.strerror}")

    def _read_row(self, path: str, number: int, line: bytes | None) -> dict[str, Any] | None:
        try:
            if line is None:
                raise Bad("is longer than a row may be")
            row = read_json(line)
            if not isinstance(row, dict):
                raise Bad("is no JSON object")
        except Bad as why:
            self._note(BROKEN, path, f"row {number} {why}", [number])
            return None
        return row

    def _name_sides(self) -> None:
        if isinstance(self._source, Zip):
            before = self._outcome.faults_count, list(self._outcome.faults)
            self._source.name_all([MANIFEST, SIGNATURE, TIMESTAMP])
            self._outcome.faults_count, self._outcome.faults = before  # what comes twice is named once all are known
        self._present = set(self._source.names)
        if not self._present & {MANIFEST, SIGNATURE}:
            raise Unreadable(f"there is no {MANIFEST} in it: it is no case file of Tuskline")

    def _read_side(self, name: str, most: int) -> bytes | None:
        """A file that the manifest does not name; None where it is not there or can't be read."""
        if name not in self._present:
            if name != TIMESTAMP:
                self._note(REMOVED, name, "is not there, so nothing vouches for the rest")
            return None
        try:
            if self._source.size(name) > most:
                self._note(BROKEN, name, f"is larger than {most:,} bytes, which no case file needs")
                return None
            data = b"".join(self._source.chunks(name))
        except OSError as error:
            self._note(BROKEN, name, f"can't be read: {error.strerror}")
            return None
        self._looks[name] = look_at([data], None)
        return data

    # the manifest and its signature

    def _read_manifest(self, data: bytes) -> bool:
        """Whether the files that it names can be compared."""
        try:
            said = read_json(data)
            if not isinstance(said, dict):
                raise Bad("is no JSON object")
            if canonical(said) != data:
                self._note(CHANGED, MANIFEST, "is not written in the one form that a case file has (canonical JSON)")
        except Bad as why:
            self._note(BROKEN, MANIFEST, str(why))
            return False
        self.manifest = said
        for fault in manifest_faults(said):
            self._note(BROKEN, MANIFEST, fault)
        self.files = {one["path"]: one for one in named_files(said)}
        rows = said.get("rows")
        if isinstance(rows, dict):
            self.rows = {path: rows[path] for path in self.files if is_list_of_digests(rows.get(path))}
        self._keep_facts(said)
        return True

    def _keep_facts(self, said: Mapping[str, Any]) -> None:
        case = said.get("case")
        if isinstance(case, dict):
            self._outcome.facts["case"] = {name: scalar(case.get(name)) for name in ("id", "title", "language")}
        self._outcome.facts["made_at"] = scalar(said.get("made_at"))
        self._outcome.facts["timestamp_asked"] = said.get("timestamp_asked") is True

    def _check_signature(self, actual: str | None, keys: Sequence[str], fingerprints: Sequence[str]) -> None:
        data = self._read_side(SIGNATURE, MOST_SIDE)
        if data is None:
            return
        try:
            said = read_json(data)
            if not isinstance(said, dict):
                raise Bad("is no JSON object")
            if canonical(said) != data:
                self._note(CHANGED, SIGNATURE, "is not written in the one form that a case file has (canonical JSON)")
        except Bad as why:
            self._note(BROKEN, SIGNATURE, str(why))
            return
        fields = {"format", "algorithm", "key", "fingerprint", "manifest_sha256", "signature"}
        if said.keys() != fields or (said["format"], said["algorithm"]) != (SIGNATURE_FORMAT, "Ed25519"):
            self._note(BROKEN, SIGNATURE, f"does not have the fields of {SIGNATURE_FORMAT} (Ed25519)")
        self._judge_signature(said, actual)
        self._judge_key(said, keys, fingerprints)

    def _judge_signature(self, said: Mapping[str, Any], actual: str | None) -> None:
        key, signature, stated = said.get("key"), said.get("signature"), said.get("manifest_sha256")

        def fits(digest: object) -> bool:
            return is_hex(digest, 64) and is_signed_hex(key, f"{FORMAT} {digest}".encode(), signature)

        if stated == actual and fits(actual):
            return
        if stated != actual and fits(stated):
            if actual is not None:
                self._changed.add(MANIFEST)
                self._note(CHANGED, MANIFEST, "was changed after it was signed")
        elif actual is not None and fits(actual):
            self._note(CHANGED, SIGNATURE, "manifest_sha256 was changed: it is not the manifest's that was signed")
        else:
            self._changed |= {SIGNATURE, MANIFEST}
            self._note(UNSIGNED, SIGNATURE, "the signature is not this key's over this manifest: one of the three was "
                       "changed")  # fmt: skip

    def _judge_key(self, said: Mapping[str, Any], keys: Sequence[str], fingerprints: Sequence[str]) -> None:
        if not is_hex(said.get("key"), 64):
            self._note(BROKEN, SIGNATURE, "its key is no Ed25519 key in hexadecimal digits")
            return
        key = bytes.fromhex(said["key"])
        own = fingerprint_of(key)
        self._outcome.facts.update(key=said["key"], fingerprint=own)
        if said.get("fingerprint") != own:
            self._note(CHANGED, SIGNATURE, "the fingerprint in it is not that of its key")
        if (keys or fingerprints) and said["key"] not in keys and own.replace(" ", "") not in fingerprints:
            self._note(UNSIGNED, SIGNATURE, f"it is signed by another key than the one that was asked for: {own}")

    def _check_timestamp(self) -> None:
        data = self._read_side(TIMESTAMP, MOST_SIDE)
        if data is None:
            return
        try:
            imprint, at = read_timestamp(data)
        except Bad as why:
            self._note(BROKEN, TIMESTAMP, f"is no timestamp that can be read: it {why}")
            return
        self._outcome.facts["timestamp_at"] = at
        signed = self._looks.get(SIGNATURE)
        if signed is not None and imprint != signed.sha256:
            self._note(UNTRUE, TIMESTAMP, f"is a timestamp of something else than {SIGNATURE}")

    # every file and every row

    def _check_files(self) -> None:
        expected = list(self.files)
        sides = [MANIFEST, SIGNATURE, *([TIMESTAMP] if TIMESTAMP in self._present else [])]
        for path in expected:
            if path in self._present:
                self._check_file(path)
        added = [name for name in self._source.names if name not in self.files and name not in sides]
        removed = [path for path in expected if path not in self._present]
        self._name_gone(removed, added)
        if isinstance(self._source, Zip):
            self._check_order([*sides, *expected])

    def _check_file(self, path: str) -> None:
        wanted, rows = self.files[path], self.rows.get(path)
        try:
            look = look_at(self._source.chunks(path), None if rows is None else len(rows))
        except OSError as error:
            self._note(BROKEN, path, f"can't be read: {error.strerror}")
            return
        self._looks[path] = look
        self._outcome.count("files")
        self._outcome.count("bytes", look.size)
        named = self._name_rows(path, look, rows) if rows is not None else 0
        if look.sha256 == wanted["sha256"] and look.size == wanted["size_bytes"]:
            return
        self._changed.add(path)
        if not named:
            sizes = "" if look.size == wanted["size_bytes"] else f" ({look.size:,} bytes, not {wanted['size_bytes']:,})"
            self._note(CHANGED, path, f"is not what was signed{sizes}{self._holds_other(look, path)}")

    def _holds_other(self, look: Look, path: str) -> str:
        others = [one["path"] for one in self.files.values() if one["sha256"] == look.sha256 and one["path"] != path]
        return f"; it holds what {others[0]} should" if others else ""

    def _name_rows(self, path: str, look: Look, wanted: Sequence[str]) -> int:
        """How many faults were named."""
        self._outcome.count("rows", len(look.rows) + look.beyond)
        old = [bytes.fromhex(digest) for digest in wanted]
        if old == look.rows and not look.beyond:
            if look.rows and not look.is_ended:
                self._note(CHANGED, path, "the newline behind its last row is gone", [len(old)])
            return int(bool(look.rows) and not look.is_ended)
        what, note, before = difference(old, look.rows), self._note, self._outcome.faults_count
        first = {digest: number for number, digest in reversed(list(enumerate(old, 1)))}
        if what.changed:
            rows = [new + 1 for _, new in what.changed]
            note(CHANGED, path, f"changed: row {listed(rows)}", rows)
        if what.removed:
            rows = [place + 1 for place in what.removed]
            note(REMOVED, path, f"removed: row {listed(rows)} as it was signed", rows)
        if what.added or look.beyond:
            rows = [place + 1 for place in what.added]
            copies = {first[look.rows[place]] for place in what.added if look.rows[place] in first}
            words = f" (a copy of row {listed(sorted(copies))})" if copies else ""
            more = f", and {look.beyond:,} more behind" if look.beyond else ""
            note(ADDED, path, f"added: row {listed(rows)}{words}{more}", rows)
        if what.moved:
            pairs = [f"row {old_place + 1} is row {new + 1} now" for old_place, new in what.moved]
            note(REORDERED, path, f"reordered: {listed(pairs)}", [new + 1 for _, new in what.moved])
        return self._outcome.faults_count - before

    def _name_gone(self, removed: Sequence[str], added: Sequence[str]) -> None:
        """Files that are not there, and files too many; one that bears another name only is told as such."""
        held: dict[str, str] = {}
        for name in added:
            try:
                look = look_at(self._source.chunks(name), None)
            except OSError as error:
                self._note(BROKEN, name, f"can't be read: {error.strerror}")
                continue
            self._looks[name] = look
            held.setdefault(look.sha256, name)
        for path in removed:
            other = held.get(self.files[path]["sha256"])
            self._note(REMOVED, path, f"is gone; {shown(other)} holds what it held" if other else "is gone")
        for name in added:
            self._note(ADDED, name, "is not of the case file: the manifest does not name it")

    def _check_order(self, expected: Sequence[str]) -> None:
        known = set(expected)
        there = [name for name in self._source.names if name in known]
        wanted = [name for name in expected if name in self._present]
        for old, new in difference(wanted, there).moved:
            self._note(REORDERED, wanted[old], f"is file {new + 1} of the ZIP, not file {old + 1}")

    def _check_zip(self) -> None:
        assert isinstance(self._source, Zip)  # noqa: S101  # tells the type alone
        for name in self._source.names:
            if name not in self._looks:
                self._looks[name] = look_at(self._source.chunks(name), None)
        self._source.check_form({name: look.crc for name, look in self._looks.items()}, self._changed)


def manifest_faults(said: Mapping[str, Any]) -> Iterator[str]:
    """What is not as the format says; each as it may stand behind `manifest.json`."""
    fields = {"format", "made_at", "made_with", "case", "files", "rows", "audit_head", "statement", "timestamp_asked"}
    if said.get("format") != FORMAT:
        yield f"is of the format {shown(said.get('format'))}; this verifier knows {FORMAT} alone"
    if said.keys() != fields:
        yield f"does not have exactly the fields {', '.join(sorted(fields))}"
    if not isinstance(said.get("timestamp_asked"), bool):
        yield "does not say whether a timestamp was asked for"
    if not isinstance(said.get("made_at"), str) or not isinstance(said.get("case"), dict):
        yield "does not say when it was made, or of which case"
    files = said.get("files")
    good = named_files(said)
    if not isinstance(files, list) or len(good) != len(files):
        yield "names files in a way that a case file does not (path, sha256, size_bytes, media_type, what)"
    paths = [one["path"] for one in good]
    if len({path.lower() for path in paths}) != len(paths):
        yield "names a file twice"
    missing = [path for path in REQUIRED if path not in paths]
    if missing:
        yield f"does not name {', '.join(missing)}"
    yield from row_faults(said.get("rows"), paths)


def row_faults(rows: object, paths: Sequence[str]) -> Iterator[str]:
    wanted = {path for path in paths if path.endswith(".jsonl")}
    if not isinstance(rows, dict) or rows.keys() != wanted:
        yield "does not list the rows of exactly the .jsonl files that it names"
    elif not all(is_list_of_digests(digests) for digests in rows.values()):
        yield "has row digests that are none"


def named_files(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    files = said.get("files")
    return [one for one in files if is_file_entry(one)] if isinstance(files, list) else []


def is_file_entry(one: object) -> bool:
    if not isinstance(one, dict) or one.keys() != {"path", "sha256", "size_bytes", "media_type", "what"}:
        return False
    path = one["path"]
    if not isinstance(path, str) or not is_plain_path(path) or path in (MANIFEST, SIGNATURE, TIMESTAMP):
        return False
    return is_hex(one["sha256"], 64) and is_count(one["size_bytes"]) and all(
        isinstance(one[name], str) for name in ("media_type", "what")
    )  # fmt: skip


def is_plain_path(path: str) -> bool:
    """Whether it leads to a file below the folder on every system, whatever its name means there."""
    return len(path) <= 240 and PATH.match(path) is not None and not any(part.endswith(".") for part in path.split("/"))


def is_list_of_digests(value: object) -> bool:
    return isinstance(value, list) and all(is_hex(one, 64) for one in value)


# What the files say of each other -----------------------------------------------------------------------------------


class Contents:
    """Whether findings, listings, pictures and archives belong together."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._note = case.outcome.note
        self._listings: set[Any] = set()
        self._strays: dict[str, list[int]] = {}  # rows of listings that are not there
        self._pictures: set[str] = set()

    def check(self) -> None:
        self._read_case()
        self._listings = {scalar(row.get("id")) for _, row in self._case.read_rows(LISTINGS)}
        self._check_findings()
        self._check_pictures()
        for number, row in self._case.read_rows(HISTORY):
            self._check_listing(HISTORY, number, row.get("listing"))
        self._check_captures()
        for path, rows in self._strays.items():
            words = f"row {listed(rows)}: of a listing that {LISTINGS} does not have"
            self._note(UNTRUE, path, words, rows)

    def _read_case(self) -> None:
        if not self._case.has("case.json"):
            return
        try:
            if self._case.size("case.json") > MOST_ROW:
                raise Bad("is larger than it may be")
            said = read_json(b"".join(self._case.chunks("case.json")))
            if not isinstance(said, dict):
                raise Bad("is no JSON object")
            self._tell_faults(said.get("faults"))
        except Bad as why:
            self._note(BROKEN, "case.json", str(why))
        except OSError:
            pass  # named when its digest was to be made

    def _tell_faults(self, faults: object) -> None:
        if isinstance(faults, list) and faults:
            words = "were no longer what had been captured when the case file was made; case.json names them"
            self._case.outcome.tell(f"{len(faults):,} files {words}.")

    def _check_listing(self, path: str, number: int, listing: object) -> None:
        if self._case.has(LISTINGS) and scalar(listing) not in self._listings:
            self._strays.setdefault(path, []).append(number)

    def _check_findings(self) -> None:
        ids = []
        for number, row in self._case.read_rows(FINDINGS):
            ids.append(scalar(row.get("id")))
            listing = row.get("listing")
            self._check_listing(FINDINGS, number, listing.get("id") if isinstance(listing, dict) else None)
            self._check_photos(number, row)
        case = self._case.manifest.get("case")
        wanted = case.get("findings") if isinstance(case, dict) else None
        if not self._case.has(FINDINGS):
            return
        if not isinstance(wanted, list) or sorted(map(repr, map(scalar, wanted))) != sorted(map(repr, ids)):
            self._note(UNTRUE, FINDINGS, f"its findings are not those that {MANIFEST} names")
        self._case.outcome.count("findings", len(ids))

    def _check_photos(self, number: int, row: Mapping[str, Any]) -> None:
        photos = row.get("photos")
        if not isinstance(photos, list) or not all(isinstance(photo, dict) for photo in photos):
            self._note(BROKEN, FINDINGS, f"row {number} does not list the pictures of its listing", [number])
            return
        for photo in photos:
            self._check_photo(number, photo)
        own = row.get("photo")
        digests = {scalar(photo.get("sha256")) for photo in photos}
        if own is not None and not (isinstance(own, dict) and scalar(own.get("sha256")) in digests):
            self._note(UNTRUE, FINDINGS, f"row {number} is of a picture that is not one of its listing's", [number])

    def _check_photo(self, number: int, photo: Mapping[str, Any]) -> None:
        digest, path, gone = photo.get("sha256"), photo.get("path"), photo.get("gone")
        if path is None and isinstance(gone, str) and gone and is_hex(digest, 64):
            self._case.outcome.count("pictures gone")
            return
        file = self._case.files.get(path) if isinstance(path, str) and path.startswith("photos/") else None
        if file is None or file["sha256"] != digest:
            words = f"names the picture {shown(digest)}, which is neither in the case file nor said to be gone"
            self._note(UNTRUE, FINDINGS, f"row {number} {words}", [number])
            return
        self._pictures.add(file["path"])

    def _check_pictures(self) -> None:
        for path, file in self._case.files.items():
            if not path.startswith("photos/"):
                continue
            self._case.outcome.count("pictures")
            if path.split("/")[1].split(".")[0] != file["sha256"]:
                self._note(UNTRUE, path, "does not bear the digest of its bytes as its name")
            if path not in self._pictures:
                self._note(UNTRUE, path, "is a picture that no finding names")

    def _check_captures(self) -> None:
        wanted: dict[str, dict[str, list[tuple[int, str]]]] = {}
        for number, row in self._case.read_rows(CAPTURES):
            self._check_listing(CAPTURES, number, row.get("listing"))
            path, record, digest = row.get("path"), row.get("record_id"), row.get("sha256")
            if path is None and isinstance(row.get("gone"), str) and row["gone"]:
                self._case.outcome.count("captures gone")
            elif isinstance(path, str) and path in self._case.files and isinstance(record, str) and is_hex(digest, 64):
                wanted.setdefault(path, {}).setdefault(record, []).append((number, str(digest)))
            else:
                words = "names a record that is neither in the case file nor said to be gone"
                self._note(UNTRUE, CAPTURES, f"row {number} {words}", [number])
        for path, records in wanted.items():
            if self._case.has(path):
                self._check_archive(path, records)

    def _check_archive(self, path: str, wanted: Mapping[str, list[tuple[int, str]]]) -> None:
        found: dict[str, Record] = {}
        try:
            for record in read_archive(self._case.chunks(path), self._case.size(path)):
                if record.is_damaged:
                    self._note(UNTRUE, path, f"the record {shown(record.name)} does not fit the digests in its head")
                if record.name in wanted:
                    found[record.name] = record
        except Bad as why:
            self._note(BROKEN, path, str(why))
        except OSError as error:
            self._note(BROKEN, path, f"can't be read: {error.strerror}")
        for name, rows in wanted.items():
            for number, digest in rows:
                self._compare_record(path, name, found.get(name), number, digest)

    def _compare_record(self, path: str, name: str, record: Record | None, number: int, digest: str) -> None:
        outcome = self._case.outcome
        if record is None:
            outcome.note(UNTRUE, CAPTURES, f"row {number}: {path} has no record {shown(name)}", [number])
        elif digest in record.digests:
            outcome.count("captures")
        elif record.doubt:
            outcome.count("captures not checked")
            words = "the digest of the page could not be recomputed here, for it"
            outcome.tell(f"{CAPTURES}, row {number}: {words} {record.doubt}; its record is the one that was signed.")
        else:
            words = f"row {number}: the record {shown(name)} in {path} holds other bytes"
            outcome.note(UNTRUE, CAPTURES, words, [number])


def scalar(value: object) -> object:
    """The value where it may be an id, else None."""
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None


# Web archives (WARC, ISO 28500): gzip members, a record each --------------------------------------------------------


class Record:
    """One record while it is read. digests: of its body as it came and unpacked; doubt: why they may not be all."""

    def __init__(self) -> None:
        self.name, self.doubt, self.digests = "", "", ()  # type: str, str, tuple[str, ...]
        self.is_damaged = False
        self._head, self._fields = bytearray(), {}  # type: bytearray, dict[str, str]
        self._left: int | None = None  # bytes of the block to come, once the head is read
        self._tail = b""
        self._block = hashlib.sha256()
        self._inner: bytearray | None = None  # the lines of HTTP, as long as they come
        self._payload = hashlib.sha256()
        self._unpacking: Unpacking | None = None

    def feed(self, piece: bytes) -> None:
        """Raises Bad."""
        if self._left is None:
            self._head += piece
            head, mark, rest = self._head.partition(b"\r\n\r\n")
            if not mark:
                if len(self._head) > MOST_HEAD:
                    raise Bad("has a record whose head does not end")
                return
            self._read_head(bytes(head))
            piece = bytes(rest)
        assert self._left is not None  # noqa: S101  # tells the type alone
        block, self._left = piece[: self._left], self._left - min(self._left, len(piece))
        self._tail += piece[len(block) :]
        if len(self._tail) > 4:
            raise Bad(f"has bytes behind the record {shown(self.name)}")
        self._block.update(block)
        self._feed_block(block)

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        if not first.startswith("WARC/1."):
            raise Bad("has a record that is none of a web archive")
        self._fields = fields_of(lines)
        length = self._fields.get("content-length", "")
        if not re.match(r"[0-9]{1,15}\Z", length):
            raise Bad("has a record without a length")
        self._left, self.name = int(length), self._fields.get("warc-record-id", "")
        if self._fields.get("content-type", "").startswith("application/http"):
            self._inner = bytearray()

    def _feed_block(self, block: bytes) -> None:
        if self._inner is not None:
            self._inner += block
            head, mark, rest = self._inner.partition(b"\r\n\r\n")
            if not mark:
                if len(self._inner) > MOST_HEAD:
                    raise Bad(f"has a record whose HTTP head does not end: {shown(self.name)}")
                return
            self._inner, block = None, bytes(rest)
            self._open_body(bytes(head))
        self._payload.update(block)
        if self._unpacking:
            self._unpacking.feed(block)

    def _open_body(self, head: bytes) -> None:
        packed = fields_of(head.decode("latin-1").split("\r\n")[1:]).get("content-encoding", "").strip().lower()
        if packed in ("gzip", "x-gzip", "deflate"):
            self._unpacking = Unpacking(packed)
        elif packed not in ("", "identity"):
            self.doubt = f"is packed as {shown(packed, 20)}, which Python's standard library can't unpack"

    def close(self) -> Record:
        """Raises Bad where it ended too early."""
        if self._left != 0 or self._tail != b"\r\n\r\n":
            raise Bad("has a record that breaks off")
        payload = self._payload.hexdigest()
        plain = self._unpacking.close() if self._unpacking else None
        self.digests = (payload, plain) if plain else (payload,)
        if self._fields.get("warc-truncated"):
            self.doubt = "was cut off when it was captured"
        elif self._unpacking and plain is None:
            self.doubt = "can't be unpacked here"
        wanted = {"warc-block-digest": self._block.digest(), "warc-payload-digest": self._payload.digest()}
        self.is_damaged = any(not is_digest(self._fields.get(name), made) for name, made in wanted.items())
        return self


class Unpacking:
    """The digest of an unpacked body, made piece by piece."""

    def __init__(self, packed: str) -> None:
        self._is_gzip = packed != "deflate"
        self._unpacker: Any = None
        self._held = b""
        self._made = hashlib.sha256()
        self._size, self._is_over, self._is_bad = 0, False, False

    def close(self) -> str | None:
        """The digest; None where it could not be unpacked to its end, or grew beyond bounds."""
        while self._unpacker is not None and not self._is_bad and not self._unpacker.eof:
            plain = self._unpacker.decompress(b"", CHUNK)  # it may hold back what no longer fitted into the last piece
            self._take(plain)
            if not plain:
                break
        is_whole = self._unpacker is None or self._unpacker.eof
        return self._made.hexdigest() if is_whole and not self._is_bad else None

    def feed(self, piece: bytes) -> None:
        self._held += piece
        try:
            while self._held and not self._is_over and not self._is_bad and self._step():
                pass
        except zlib.error:
            self._is_bad = True
        if self._is_over or self._is_bad:
            self._held = b""  # what follows the last member is passed over, as browsers do

    def _step(self) -> bool:
        """Unpack one piece; whether there may be another."""
        if self._unpacker is None:
            if len(self._held) < 2:
                return False
            self._unpacker = zlib.decompressobj(self._way())
        plain = self._unpacker.decompress(self._held, CHUNK)
        self._take(plain)
        if self._unpacker.eof:
            self._held, self._unpacker = self._unpacker.unused_data, None
            self._is_over = not self._is_gzip or (len(self._held) > 1 and self._held[:2] != b"\x1f\x8b")
            return True
        self._held = self._unpacker.unconsumed_tail
        return bool(plain)

    def _take(self, plain: bytes) -> None:
        self._made.update(plain)
        self._size += len(plain)
        self._is_bad = self._is_bad or self._size > UNPACKED_BASE

    def _way(self) -> int:
        if self._is_gzip:
            return 31
        first, second = self._held[0], self._held[1]
        return 15 if first & 15 == 8 and (first * 256 + second) % 31 == 0 else -15


def fields_of(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def is_digest(said: str | None, made: bytes) -> bool:
    """Whether a record's digest is right; one that it does not have, or of another algorithm, says nothing."""
    algorithm, _, value = (said or "").partition(":")
    if algorithm.lower() != "sha256":
        return True
    return value.upper().rstrip("=") == base64.b32encode(made).decode().rstrip("=") or value.lower() == made.hex()


def read_archive(chunks: Iterable[bytes], size: int) -> Iterator[Record]:
    """Every record, read to its end, one a gzip member. size: of the archive, in bytes. Raises Bad."""
    left, count = UNPACKED_BASE + UNPACKED_RATIO * size, 0
    unpacker, record = zlib.decompressobj(31), Record()
    is_begun = False
    for piece in chunks:
        while piece:
            is_begun = True
            try:
                plain = unpacker.decompress(piece, CHUNK)
            except zlib.error:
                raise Bad("is packed in a way that can't be read (gzip)") from None
            left -= len(plain)
            if left < 0:
                raise Bad("unpacks to far more than an archive of its size may hold; it was not read on")
            record.feed(plain)
            piece = unpacker.unconsumed_tail
            if unpacker.eof:
                piece, count = unpacker.unused_data, count + 1
                if count > MOST_RECORDS:
                    raise Bad("has more records than an archive may have")
                yield record.close()
                unpacker, record, is_begun = zlib.decompressobj(31), Record(), False
    if is_begun:
        raise Bad("breaks off in the midst of a record")


# The audit log's chain ----------------------------------------------------------------------------------------------


class Sealed(NamedTuple):
    """What audit/sealed.jsonl lists of one seal."""

    entries: int
    first_id: int
    last_id: int
    sha256: str


class Chain:
    """Each entry says what its hash says, is in its seal's list, and the seals follow each other up to the head."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._note = case.outcome.note
        self._entries: dict[int, str] = {}
        self._lists: dict[int, Sealed] = {}
        self._other_keys: dict[str, list[int]] = {}

    def check(self) -> None:
        self._read_entries()
        self._read_lists()
        last = self._read_seals()
        self._check_head(last)
        for key, numbers in self._other_keys.items():
            self._case.outcome.tell(
                f"Seal {listed(numbers)} of the audit log is signed by another key than the case file, with the "
                f"fingerprint {fingerprint_of(bytes.fromhex(key))}: ask whether that was the installation's key before."
            )

    def _read_entries(self) -> None:
        last = 0
        for number, row in self._case.read_rows(ENTRIES):
            entry_id = row.get("id")
            if not is_count(entry_id) or entry_content(row) is None:
                self._note(BROKEN, ENTRIES, f"row {number} is no entry of an audit log", [number])
                continue
            where = f"row {number}: entry {entry_id}"
            if entry_content(row) != row["content_sha256"]:
                self._note(CHANGED, ENTRIES, f"{where} does not say what its hash says", [number])
            if entry_id <= last:
                self._note(REORDERED, ENTRIES, f"{where} is out of order", [number])
            last = max(last, entry_id)
            self._entries[entry_id] = str(row["content_sha256"])
        self._case.outcome.count("audit entries", len(self._entries))

    def _read_lists(self) -> None:
        seen: set[int] = set()
        group: list[Any] = []
        for number, row in self._case.read_rows(SEALED):
            seal, entry_id, content = row.get("seal"), row.get("entry_id"), row.get("content_sha256")
            if not is_count(seal) or not is_count(entry_id) or not is_hex(content, 64):
                self._note(BROKEN, SEALED, f"row {number} is no line of a seal's list", [number])
                continue
            if group and seal != group[0]:
                self._close_list(group)
                group = []
            if seal in self._lists or (group and entry_id <= group[3]):
                self._note(REORDERED, SEALED, f"row {number}: seal {seal}, entry {entry_id} is out of order", [number])
            group = group or [seal, 0, entry_id, entry_id, hashlib.sha256()]
            group[1], group[3] = group[1] + 1, entry_id
            group[4].update(f"{entry_id} {content}\n".encode())
            if self._entries.get(entry_id, content) != content:
                words = f"row {number}: entry {entry_id} was sealed with another content than {ENTRIES} has"
                self._note(UNTRUE, SEALED, words, [number])
            if entry_id in self._entries:
                seen.add(entry_id)
        if group:
            self._close_list(group)
        for entry_id in sorted(self._entries.keys() - seen if self._case.has(SEALED) else ()):
            self._note(UNTRUE, ENTRIES, f"entry {entry_id} is in the list of no seal")

    def _close_list(self, group: list[Any]) -> None:
        seal, count, first, last, digest = group
        self._lists.setdefault(seal, Sealed(count, first, last, digest.hexdigest()))

    def _read_seals(self) -> dict[str, Any] | None:
        """The last seal."""
        last: dict[str, Any] | None = None
        missing = set(self._lists)
        for number, row in self._case.read_rows(SEALS):
            if not is_seal(row):
                self._note(BROKEN, SEALS, f"row {number} is no seal of an audit log", [number])
                continue
            self._check_seal(number, row, last)
            missing.discard(row["number"])
            last = row
            self._case.outcome.count("seals")
        for seal in sorted(missing if self._case.has(SEALS) else ()):
            self._note(REMOVED, SEALS, f"seal {seal} is not there, though {SEALED} lists its entries")
        return last

    def _check_seal(self, number: int, row: dict[str, Any], last: Mapping[str, Any] | None) -> None:
        seal = row["number"]
        if seal_content(row) != row["seal_sha256"]:
            self._note(CHANGED, SEALS, f"row {number}: seal {seal} does not say what its hash says", [number])
        self._check_link(number, row, last)
        if not is_signed_hex(row["key"], f"{HEAD_FORMAT} {seal} {row['seal_sha256']}".encode(), row["signature"]):
            self._note(UNSIGNED, SEALS, f"row {number}: the signature of seal {seal} is not its key's", [number])
        elif row["key"] != self._case.outcome.facts.get("key"):
            self._other_keys.setdefault(row["key"], []).append(seal)
        wanted = Sealed(row["count"], row["first_id"], row["last_id"], row["entries_sha256"])
        if self._lists.get(seal, wanted) != wanted:
            words = f"row {number}: seal {seal} does not fit its list of entries in {SEALED}"
            self._note(UNTRUE, SEALS, words, [number])

    def _check_link(self, number: int, row: Mapping[str, Any], last: Mapping[str, Any] | None) -> None:
        """Of the first seal in the case file, what came before is known only where it is the log's very first."""
        seal, previous = row["number"], row["previous_sha256"]
        if last and seal != last["number"] + 1:
            kind = REMOVED if seal > last["number"] else REORDERED
            self._note(kind, SEALS, f"row {number}: seal {seal} follows seal {last['number']}", [number])
        elif previous != (last["seal_sha256"] if last else GENESIS) and (last or seal == 1):
            self._note(UNTRUE, SEALS, f"row {number}: seal {seal} is not linked to the seal before it", [number])

    def _check_head(self, last: Mapping[str, Any] | None) -> None:
        head = self._case.manifest.get("audit_head")
        same = ("number", "seal_sha256", "sealed_at", "key", "signature")
        if not isinstance(head, dict) or head.keys() != {"format", *same} or head["format"] != HEAD_FORMAT:
            self._note(BROKEN, MANIFEST, "holds no head of the audit log")
        elif not self._case.has(SEALS):
            return
        elif last is None or any(scalar(head[name]) != last[name] for name in same):
            self._note(UNTRUE, SEALS, f"its last seal is not the head of the audit log that {MANIFEST} names")
        else:
            self._case.outcome.facts["audit_head"] = {name: head[name] for name in same[:3]}


def entry_content(row: Mapping[str, Any]) -> str | None:
    """The hash of what the entry says; None where it is no entry."""
    words = [row.get(name) for name in ("at", "actor", "action", "subject", "content_sha256")]
    if not all(isinstance(word, str) for word in words) or not isinstance(row.get("facts"), dict):
        return None
    if not is_count(row.get("v")) or row["v"] > 1:
        return None
    try:
        said = {name: row[name] for name in ("action", "actor", "at", "facts", "subject", "v")}
        return hashlib.sha256(canonical(said)).hexdigest()
    except Bad:
        return None


def is_seal(row: Mapping[str, Any]) -> bool:
    numbers = all(is_count(row.get(name)) for name in ("number", "first_id", "last_id", "count"))
    digests = all(is_hex(row.get(name), 64) for name in ("entries_sha256", "previous_sha256", "seal_sha256"))
    words = all(isinstance(row.get(name), str) for name in ("sealed_at", "key", "signature"))
    return numbers and digests and words


def seal_content(row: Mapping[str, Any]) -> str:
    names = ("count", "entries_sha256", "first_id", "last_id", "number", "previous_sha256", "sealed_at")
    said = {name: row[name] for name in names}
    return hashlib.sha256(canonical({**said, "format": SEAL_FORMAT})).hexdigest()


# The timestamp (RFC 3161): as much of its DER as says of what and when ----------------------------------------------

SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
SHA256 = bytes.fromhex("608648016503040201")
SEQUENCE, INTEGER, OBJECT, OCTETS, FIRST, TIME = 0x30, 0x02, 0x06, 0x04, 0xA0, 0x18


def read_timestamp(data: bytes) -> tuple[str, str]:
    """(the SHA-256 that it is of, in hex; its time, UTC). Raises Bad. Its own signature is left to openssl."""
    response = parts(data, SEQUENCE)
    status = parts(taken(response, 0, SEQUENCE), None)
    if taken(status, 0, INTEGER) not in (b"\x00", b"\x01"):
        raise Bad("says that no timestamp was granted")
    token = parts(taken(response, 1, SEQUENCE), None)
    if taken(token, 0, OBJECT) != SIGNED_DATA:
        raise Bad("holds no signed data")
    signed = parts(taken(parts(taken(token, 1, FIRST), None), 0, SEQUENCE), None)
    inner = parts(taken(signed, 2, SEQUENCE), None)
    if taken(inner, 0, OBJECT) != TST_INFO:
        raise Bad("holds something else than a timestamp")
    info = parts(taken(parts(taken(inner, 1, FIRST), None), 0, OCTETS), SEQUENCE)
    imprint = parts(taken(info, 2, SEQUENCE), None)
    digest = taken(imprint, 1, OCTETS)
    if taken(parts(taken(imprint, 0, SEQUENCE), None), 0, OBJECT) != SHA256 or len(digest) != 32:
        raise Bad("is over another digest than SHA-256")
    at = re.match(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z\Z", taken(info, 4, TIME))
    if at is None:
        raise Bad("bears no time")
    year, month, day, hour, minute, second = (part.decode() for part in at.groups())
    return digest.hex(), f"{year}-{month}-{day}T{hour}:{minute}:{second}+00:00"


def parts(data: bytes, outer: int | None) -> list[tuple[int, bytes]]:
    """(tag, content) of what stands in `data`, or in the one thing of the tag `outer` that `data` is. Raises Bad."""
    if outer is not None:
        whole = parts(data, None)
        if len(whole) != 1:
            raise Bad("is not one thing of DER")
        return parts(taken(whole, 0, outer), None)
    found, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise Bad("breaks off")
        tag, length, at = data[at], data[at + 1], at + 2
        if length > 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        elif length == 0x80:
            raise Bad("is not DER")
        if at + length > len(data):
            raise Bad("breaks off")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def taken(found: Sequence[tuple[int, bytes]], place: int, tag: int) -> bytes:
    if place >= len(found) or found[place][0] != tag:
        raise Bad("is not built like a timestamp")
    return found[place][1]


# From the command line ----------------------------------------------------------------------------------------------


def check(path: str, keys: Sequence[str] = (), fingerprints: Sequence[str] = ()) -> Outcome:
    """Verify a case file, a ZIP or a folder. Raises Unreadable where it is none.

    keys, fingerprints: 64 hexadecimal digits each; where there are any, it must be signed by one of these.
    """
    outcome = Outcome()
    outcome.facts["bundle"] = shown(path, 1000)
    try:
        with open_source(path, outcome) as source:
            Case(source, outcome).verify(keys, fingerprints)
    except OSError as error:
        raise Unreadable(f"it can't be read: {error.strerror or error}") from None
    except (RecursionError, MemoryError):
        raise Unreadable("it asks for more memory than a case file may") from None
    return outcome


@contextmanager
def open_source(path: str, outcome: Outcome) -> Iterator[Folder | Zip]:
    """The folder or the ZIP at `path`. Raises Unreadable and OSError."""
    place = Path(path)
    mode = place.stat().st_mode
    if stat.S_ISDIR(mode):
        yield Folder(place, outcome)
        return
    if not stat.S_ISREG(mode):
        raise Unreadable("it is neither a file nor a folder")
    with place.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size >= 1 << 32:
            raise Unreadable("it is larger than a case file may be (4 GiB)")
        found = Zip(file, size, outcome)
        if not found.entries:
            raise Unreadable("it is no ZIP file")
        yield found


def report(outcome: Outcome) -> Iterator[str]:
    """For people, line by line."""
    facts, counts = outcome.facts, outcome.counts
    yield f"Tuskline case file   {facts['bundle']}"
    case = facts.get("case") or {}
    if case:
        yield f"Case                 {shown(case.get('id'))}, {shown(case.get('title'))}"
        yield f"Made                 {shown(facts.get('made_at'))} (by the clock of who signed it)"
    yield f"This verifier        SHA-256 {own_sha256()}, on Python {sys.version.split()[0]}"
    told = ", ".join(f"{number:,} {what}" for what, number in counts.items() if what != "bytes")
    yield f"Read                 {told or 'nothing'}; {counts.get('bytes', 0):,} bytes"
    yield ""
    for notice in outcome.notices:
        yield shown(f"note       {notice}", 2000)
    yield from fault_lines(outcome)
    yield from timestamp_lines(outcome)
    yield ""
    yield from conclusion(outcome)


def fault_lines(outcome: Outcome) -> Iterator[str]:
    for fault in outcome.faults:
        yield shown(f"{fault.kind.upper():<10} {fault.file + ': ' if fault.file else ''}{fault.words}", 2000)
    if outcome.faults_count > len(outcome.faults):
        yield f"           and {outcome.faults_count - len(outcome.faults):,} more"


def timestamp_lines(outcome: Outcome) -> Iterator[str]:
    if "timestamp_at" not in outcome.facts:
        yield "note       There is no timestamp of an outside server in it."
        if outcome.facts.get("timestamp_asked"):
            yield "           One was asked for: the server did not answer then, or its answer was taken out since."
        return
    yield f"Timestamp            {outcome.facts['timestamp_at']}, of the signature; who made it is not checked here."
    yield "                     In the unpacked folder, with the certificates of the timestamp's maker in roots.pem:"
    yield f"                     openssl ts -verify -in {TIMESTAMP} -data {SIGNATURE} -CAfile roots.pem"


def conclusion(outcome: Outcome) -> Iterator[str]:
    count = outcome.faults_count
    if outcome.is_whole:
        yield "WHOLE: every file, every row and the signature are as they were when the case file was signed."
    else:
        yield f"NOT WHOLE: {'one thing is' if count == 1 else f'{count:,} things are'} wrong, named above."
    head = outcome.facts.get("audit_head")
    if head:
        yield f"Head of the audit log: seal {shown(head['number'])}, {shown(head['seal_sha256'])}"
    if outcome.fingerprint:
        yield f"Signed by the key    {outcome.facts['key']}"
        yield f"with the fingerprint {outcome.fingerprint}"
        yield "Compare this fingerprint with the one that the maker told you another way."
    yield ""
    yield "What this does not prove:"
    for limit in LIMITS:
        yield f"  - {limit}"


def own_sha256() -> str:
    try:
        return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    except OSError:
        return "unknown"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verify.py",
        description="Verify a case file of Tuskline: name whatever was changed, removed, added or reordered.",
        epilog="Exit code: 0 whole, 1 something is wrong, 2 no case file that can be read.",
    )
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="ZIP file or folder [default: this file's folder]")
    parser.add_argument("--fingerprint", action="append", default=[], help="of the key that must have signed it")
    parser.add_argument("--key", action="append", default=[], metavar="HEX", help="the public key itself, likewise")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="print what is wrong, and nothing else")
    given = parser.parse_args(arguments)
    given.key = [digits_of(parser, "--key", one) for one in given.key]
    given.fingerprint = [digits_of(parser, "--fingerprint", one) for one in given.fingerprint]
    return given


def digits_of(parser: argparse.ArgumentParser, option: str, text: str) -> str:
    digits = re.sub(r"[\s:]", "", text).lower()
    if not is_hex(digits, 64):
        parser.error(f"{option} takes 64 hexadecimal digits; blanks may part them")
    return digits


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code; what is found goes to standard output."""
    tell = sys.stdout.write
    given = parse(sys.argv[1:] if arguments is None else arguments)
    path = given.bundle or str(Path(__file__).resolve().parent)
    try:
        outcome = check(path, given.key, given.fingerprint)
    except Unreadable as why:
        sys.stderr.write(f"{shown(path, 1000)} can't be verified: {shown(why.args[0], 1000)}\n")
        return 2
    if given.json:
        tell(json.dumps({**outcome.to_json(), "verifier_sha256": own_sha256()}, indent=1) + "\n")
    else:
        for line in fault_lines(outcome) if given.quiet else report(outcome):
            tell(line + "\n")
    return 0 if outcome.is_whole else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
