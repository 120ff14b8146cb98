"""An archive's records as they lie in it, byte for byte: each is one gzip member, found by unpacking up to its end."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

_PIECE_BYTES = 64 * 1024
_BEGIN = b"\x1f\x8b\x08"
_HEAD_BYTES = 64 * 1024
_HEAD_END = b"\r\n\r\n"
_MOST_DAMAGED_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Member:
    """raw: the packed bytes from `offset` on, up to the next member. headers: the record's own, names in lower case.

    is_damaged: it can't be unpacked to its end; then the headers are those that could be read, if any, and raw is
    64 MiB at most.
    """

    offset: int
    raw: bytes
    headers: Mapping[str, str]
    is_damaged: bool = False

    @property
    def record_id(self) -> str:
        return self.headers.get("warc-record-id", "")

    @property
    def kind(self) -> str:
        return self.headers.get("warc-type", "")

    def block(self) -> bytes:
        """What follows the record's own headers. Raises zlib.error for a damaged one."""
        unpacked = zlib.decompress(self.raw, wbits=31)
        start = unpacked.index(_HEAD_END) + len(_HEAD_END)
        return unpacked[start : start + int(self.headers["content-length"])]


def read_members(file: BinaryIO) -> Iterator[Member]:
    """Every member in its order, from the start of the file; memory holds one.

    What follows a damaged one is found by how a member begins. One that the end of the file cuts off is damaged too.
    """
    offset = 0
    while True:
        member, after = _read_member(file, offset)
        if member is None:
            return
        yield member
        offset = after


def _read_member(file: BinaryIO, offset: int) -> tuple[Member | None, int]:
    """The member at `offset`, and where the next begins; None at the end."""
    file.seek(offset)
    unpacker, raw, head = zlib.decompressobj(wbits=31), bytearray(), bytearray()
    try:
        while not unpacker.eof and (piece := file.read(_PIECE_BYTES)):
            raw += piece
            _unpack(unpacker, piece, head)
    except zlib.error:
        return _read_damaged(file, offset, head)
    if not raw:
        return None, offset
    if not unpacker.eof:
        return Member(offset, bytes(raw), _headers(head), is_damaged=True), offset + len(raw)
    del raw[len(raw) - len(unpacker.unused_data) :]
    return Member(offset, bytes(raw), _headers(head)), offset + len(raw)


def _unpack(unpacker: "zlib._Decompress", piece: bytes, head: bytearray) -> None:
    """Unpack without keeping more than the head: a small member may unpack to a huge one."""
    while piece and not unpacker.eof:
        unpacked = unpacker.decompress(piece, _PIECE_BYTES)
        head += unpacked[: max(_HEAD_BYTES - len(head), 0)]
        piece = unpacker.unconsumed_tail


def _read_damaged(file: BinaryIO, offset: int, head: bytearray) -> tuple[Member, int]:
    after = _next_begin(file, offset + 1)
    file.seek(offset)
    raw = file.read(min(after - offset, _MOST_DAMAGED_BYTES))
    return Member(offset, raw, _headers(head), is_damaged=True), after


def _next_begin(file: BinaryIO, start: int) -> int:
    """Where the next member begins that unpacks to a record; the end of the file where there is none."""
    file.seek(start)
    held, at = b"", start
    while piece := file.read(_PIECE_BYTES):
        held += piece
        place = held.find(_BEGIN)
        while place >= 0:
            if _is_record(file, at + place):
                return at + place
            place = held.find(_BEGIN, place + 1)
        kept = held[-(len(_BEGIN) - 1) :]
        at, held = at + len(held) - len(kept), kept
        file.seek(at + len(kept))
    return at + len(held)


def _is_record(file: BinaryIO, offset: int) -> bool:
    file.seek(offset)
    try:
        return zlib.decompressobj(wbits=31).decompress(file.read(1024), 5) == b"WARC/"
    except zlib.error:
        return False


def _headers(head: bytearray) -> dict[str, str]:
    """Those that are whole, of a record whose head may be cut off."""
    text = bytes(head).partition(_HEAD_END)[0].decode("utf-8", "replace")
    pairs = (line.partition(":") for line in text.split("\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
