"""The blocks that picture files are made of, written and found by hand: no library writes what must not be."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pillow_heif
from PIL import Image

from tests.pictures import noise

pillow_heif.register_heif_opener()

SIDE = (64, 48)
FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "avif": "AVIF", "heic": "HEIF", "bmp": "BMP"}
PNG_MARK = b"\x89PNG\r\n\x1a\n"


def encode(image: Image.Image, suffix: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, FORMATS[suffix], **options)
    return target.getvalue()


@cache
def whole(suffix: str) -> bytes:
    """An honest picture of SIDE."""
    return encode(noise(*SIDE), suffix)


# PNG -----------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None) -> bytes:
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)
    )


def png(
    width: int, height: int, data: bytes, depth: int = 8, colour: int = 2, interlace: int = 0, *, before: bytes = b""
) -> bytes:
    """data: what IDAT holds, packed already; before: chunks that stand before it."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return PNG_MARK + chunk(b"IHDR", head) + before + chunk(b"IDAT", data) + chunk(b"IEND")


def zeros(count: int) -> bytes:
    """`count` zero bytes as zlib packs them, made without packing them: a block of a mebibyte, repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, zlib.DEFLATED, -15)
    tail = rest.compress(bytes(count % (1 << 20))) + rest.flush()
    adler = (count % 65521) << 16 | 1
    return b"\x78\xda" + block * (count >> 20) + tail + struct.pack(">I", adler)


# JPEG ----------------------------------------------------------------------------------------------------------------


def segment(marker: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def behind_start(jpeg: bytes, added: bytes) -> bytes:
    """Segments put directly behind the mark that begins the file."""
    return jpeg[:2] + added + jpeg[2:]


def resized(jpeg: bytes, width: int, height: int) -> bytes:
    """The same file, which claims another size in its frame header."""
    for at in boundaries(jpeg, "jpg"):
        if jpeg[at] == 0xFF and jpeg[at + 1] in (0xC0, 0xC2):
            return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]
    raise AssertionError("it has no frame header")


# GIF, RIFF, ISO boxes, BMP -------------------------------------------------------------------------------------------


def screen(width: int, height: int, colours: bytes = b"\0\0\0\xff\xff\xff") -> bytes:
    """A GIF's head with a palette of two colours."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + colours


def frame(left: int, top: int, width: int, height: int, data: bytes = b"\x02\x02D\x01\0") -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0) + data


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + kind + data


def bmp(width: int, height: int, pixels: bytes, bits: int = 24, compression: int = 0, colours: bytes = b"") -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(pixels), 0, 0, len(colours) // 4, 0)
    start = 14 + len(head) + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + colours + pixels


# Where the blocks of a file begin ------------------------------------------------------------------------------------


def boundaries(data: bytes, suffix: str) -> list[int]:
    """Offsets at which one block ends and the next begins, and one in the midst of each block."""
    walk = {"png": _chunks, "jpg": _segments, "gif": _blocks, "webp": _riff, "avif": _boxes, "heic": _boxes}
    starts = sorted({*walk[suffix](data)} if suffix in walk else {2, 14, 18, 26, 54, len(data) // 2})
    return [start for start in starts if 0 < start < len(data)]


def _chunks(data: bytes) -> Iterator[int]:
    at = len(PNG_MARK)
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        yield from (at, at + 4, at + 8, at + 8 + size // 2, at + 8 + size)
        at += size + 12


def _segments(data: bytes) -> Iterator[int]:
    at = 2
    while at + 4 < len(data) and data[at] == 0xFF:
        (size,) = struct.unpack_from(">H", data, at + 2)
        yield from (at, at + 2, at + 2 + size // 2)
        if data[at + 1] == 0xDA:
            yield from (at + 2 + size, (at + len(data)) // 2, len(data) - 2)
            return
        at += size + 2


def _blocks(data: bytes) -> Iterator[int]:
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    yield from (6, 13, at)
    while at < len(data) and data[at] in b"!,":
        is_image = data[at] == ord(",")
        at += 10 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0) + 1 if is_image else 2
        yield at
        while data[at]:
            at += data[at] + 1
            yield at
        at += 1
        yield at


def _riff(data: bytes) -> Iterator[int]:
    at = 12
    yield from (4, 8)
    while at + 8 < len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        yield from (at, at + 8, at + 8 + size // 2)
        at += 8 + size + size % 2


def _boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[int]:
    end = len(data) if end is None else end
    inner: Mapping[bytes, int] = {b"meta": 12, b"iprp": 8, b"ipco": 8}
    while at + 8 <= end:
        (size,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if size < 8:
            return
        yield from (at, at + 8, at + size // 2)
        if kind in inner:
            yield from _boxes(data, at + inner[kind], at + size)
        at += size


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """Every place changed, and at least one."""
    assert old in data, old
    return data.replace(old, new)
