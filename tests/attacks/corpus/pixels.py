"""Sizes, colours and orders of pixels that no camera makes."""

# ruff: noqa: E501 - one attack a line

import struct
import zlib
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.attacks.corpus.bombs import extended
from tests.attacks.corpus.formats import (
    PNG_MARK,
    SIDE,
    bmp,
    chunk,
    encode,
    frame,
    png,
    resized,
    riff,
    screen,
    whole,
)  # fmt: skip
from tests.pictures import noise

BROKEN = r"broken picture|of a format that is not read|pixels; at most"
CYAN, RED, GREY = (0, 255, 255), (255, 0, 0), (128, 128, 128)


def packed(rows: bytes) -> bytes:
    return zlib.compress(rows)


def deep(depth: int, colour: int, row: bytes, *, before: bytes = b"") -> bytes:
    """Eight by eight pixels, each row the same."""
    return png(8, 8, packed((b"\0" + row) * 8), depth, colour, before=before)


def inks(inverted: bool) -> bytes:
    """A JPEG of four inks: red."""
    made = encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "jpg", quality=95)
    return made if inverted else made.replace(b"Adobe", b"Adobf")


def profile_of_inks() -> bytes:
    return encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "jpg", quality=95, icc_profile=b"\0" * 200)


def filters() -> bytes:
    """Each row under a filter that there is not."""
    return png(8, 8, packed((b"\x09" + b"\x7f" * 24) * 8))


def interlaced(rows: int) -> bytes:
    """Seven passes, of which so many rows are there."""
    return png(8, 8, packed(b"\0\x80\x80\x80" * rows), 8, 2, 1)


def greys16(order: str) -> bytes:
    values = np.full((16, 16), 32_896, dtype=np.uint16)
    return encode(Image.fromarray(values if order == "big" else values.byteswap()), "png")


def palette_index() -> bytes:
    """Pixels of colours that the palette does not have."""
    return deep(8, 3, bytes(range(8)), before=chunk(b"PLTE", b"\xff\0\0"))


def long_palette() -> bytes:
    return deep(1, 3, b"\0", before=chunk(b"PLTE", b"\xff\0\0" * 300))


def transparency() -> bytes:
    """More transparent colours than there are colours."""
    return deep(8, 3, b"\0" * 8, before=chunk(b"PLTE", b"\xff\0\0") + chunk(b"tRNS", b"\xff" * 300))


def _make(name: str, does: str, ending: Ending, make: Any, says: str = BROKEN, **more: Any) -> Attack:
    return Attack(Room.PICTURES, name, does, ending, make, says, **more)


READ, REFUSED, EITHER = Ending.READ, Ending.REFUSED, Ending.EITHER
ATTACKS = (
    _make("size-zero.png", "is 0 x 0 pixels", REFUSED, partial(png, 0, 0, packed(b""))),
    _make("size-flat.png", "is 64 x 0 pixels", REFUSED, partial(png, 64, 0, packed(b""))),
    _make("size-zero.jpg", "is 64 x 0 pixels", EITHER, lambda: resized(whole("jpg"), 64, 0)),
    _make("size-zero.gif", "is 0 x 0 pixels", EITHER, lambda: screen(0, 0) + frame(0, 0, 0, 0) + b";"),
    _make("size-zero.bmp", "is 0 x 0 pixels", REFUSED, partial(bmp, 0, 0, b"")),
    _make("size-below.bmp", "is -2,147,483,648 pixels high", REFUSED, partial(bmp, 1, -(2**31), b"")),
    _make("size-wide.bmp", "is -1 pixels wide", REFUSED, partial(bmp, -1, 1, bytes(9))),
    _make("size-zero.webp", "has no picture in it", REFUSED, lambda: riff((b"VP8 ", b""))),
    _make("size-zero.avif", "is 0 x 0 pixels", EITHER, lambda: extended("avif", 0, 0), r"."),
    _make("size-zero.heic", "is 0 x 0 pixels", EITHER, lambda: extended("heic", 0, 0), r"."),
    _make("size-dot.png", "is one pixel", READ, partial(png, 1, 1, packed(b"\0\xff\0\0")), size=(1, 1), colour=RED),
    _make("size-line.png", "is 40,000 x 1 pixels", READ, lambda: png(40_000, 1, packed(b"\0" + b"\xff\0\0" * 40_000)),
          size=(40_000, 1), colour=RED),
    _make("size-column.jpg", "is 1 x 20,000 pixels", READ, lambda: encode(Image.new("RGB", (1, 20_000), "red"), "jpg"),
          size=(1, 20_000)),
    _make("inks.jpg", "has four inks, as Adobe writes them", READ, partial(inks, True), size=(16, 16), colour=RED),
    _make("inks-plain.jpg", "has four inks and does not say whose", READ, partial(inks, False), size=(16, 16)),
    _make("inks-profile.jpg", "has four inks and a profile of zeros", READ, profile_of_inks, size=(16, 16), colour=RED),
    _make("one-component.jpg", "is grey", READ, lambda: encode(Image.new("L", (16, 16), 128), "jpg"), size=(16, 16), colour=GREY),
    _make("deep.png", "has 16 bits a colour", READ, partial(deep, 16, 2, b"\x80\x80" * 24), size=(8, 8), colour=GREY),
    _make("deep-alpha.png", "has 16 bits a colour, half of it seen through", READ, partial(deep, 16, 6, b"\0\0\0\0\0\0\x80\0" * 8),
          size=(8, 8), colour=(127, 127, 127)),
    _make("deep-grey.png", "has 16 bits of grey", READ, partial(greys16, "big"), size=(16, 16), colour=GREY),
    _make("depth-none.png", "has no bits a colour", REFUSED, partial(deep, 0, 2, b"\0" * 24)),
    _make("depth-odd.png", "has 5 bits a colour", REFUSED, partial(deep, 5, 2, b"\0" * 24)),
    _make("colour-odd.png", "is of a kind of colours that there is not", REFUSED, partial(deep, 8, 5, b"\0" * 24)),
    _make("bits.png", "has one bit a pixel", READ, partial(deep, 1, 0, b"\xff"), size=(8, 8), colour=(255, 255, 255)),
    _make("palette-short.png", "names colours beyond its palette", EITHER, palette_index, size=(8, 8)),
    _make("palette-long.png", "has 300 colours", EITHER, long_palette, size=(8, 8)),
    _make("palette-none.png", "has a palette and does not say it", EITHER, partial(deep, 8, 3, b"\0" * 8), size=(8, 8)),
    _make("transparent-many.png", "has more transparent colours than colours", EITHER, transparency, size=(8, 8)),
    _make("transparent-all.png", "is seen through wherever one looks", READ,
          lambda: encode(Image.new("RGBA", (16, 16), (255, 0, 0, 0)), "png"), size=(16, 16), colour=(255, 255, 255)),
    _make("filters.png", "uses a filter that there is not", REFUSED, filters),
    _make("passes-missing.png", "has one of seven passes", EITHER, partial(interlaced, 1), size=(8, 8)),
    _make("interlace-odd.png", "is interlaced in a way that there is not", EITHER, lambda: png(8, 8, packed(b"\0" * 200), 8, 2, 9),
          size=(8, 8)),
    _make("too-much.png", "holds more rows than it says", READ, lambda: png(8, 8, packed((b"\0" + b"\xff\0\0" * 8) * 5000)),
          size=(8, 8), colour=RED),
    _make("too-little.png", "holds fewer rows than it says", EITHER, lambda: png(8, 800, packed(b"\0" * 25)), size=(8, 800)),
    _make("checksum.png", "has a wrong checksum in its head", REFUSED, lambda: PNG_MARK + chunk(b"IHDR", bytes(13), 0)),
    _make("order.png", "has pixels before its head", EITHER, lambda: PNG_MARK + chunk(b"IDAT", packed(b"")) + whole("png")[8:],
          size=SIDE),
    _make("heads.png", "has two heads", EITHER, lambda: whole("png")[:33] + whole("png")[8:33] + whole("png")[33:], size=SIDE),
    _make("masks.bmp", "has masks of colours that lie over each other", EITHER,
          lambda: bmp(8, 8, b"\xff\xff" * 64, 16, 3, b"\xff\xff\0\0" * 3), size=(8, 8)),
    _make("bits-odd.bmp", "has 7 bits a pixel", REFUSED, partial(bmp, 8, 8, bytes(200), 7)),
    _make("upside-down.bmp", "stands on its head", READ, lambda: bmp(8, -8, b"\0\0\xff" * 64), size=(8, 8), colour=RED),
    _make("far.bmp", "begins behind its end", REFUSED,
          lambda: whole("bmp")[:10] + struct.pack("<I", 2**31) + whole("bmp")[14:]),
    _make("tables.jpg", "has no tables to unpack it with", EITHER, lambda: _without_tables(0xC4), size=SIDE),
    _make("quantum.jpg", "has no table of steps", REFUSED, lambda: _without_tables(0xDB)),
    _make("restarts.jpg", "begins anew at each block, and loses count", EITHER, lambda: _restarted(), size=SIDE),
    _make("arithmetic.jpg", "is packed in a way that few can read", EITHER,
          lambda: whole("jpg").replace(b"\xff\xc0", b"\xff\xc9"), size=SIDE),
    _make("progressive.jpg", "comes in passes, and breaks off in the first", EITHER,
          lambda: encode(noise(*SIDE), "jpg", progressive=True)[:700], size=SIDE),
    _make("fills.jpg", "is filled up between its segments", READ, lambda: whole("jpg").replace(b"\xff\xdb", b"\xff" * 5000 + b"\xdb"),
          size=SIDE),
)  # fmt: skip


def _without_tables(marker: int) -> bytes:
    """The JPEG without its segments of that kind."""
    data, at, kept = whole("jpg"), 2, b""
    while data[at + 1] != 0xDA:
        size = struct.unpack_from(">H", data, at + 2)[0] + 2
        kept += b"" if data[at + 1] == marker else data[at : at + size]
        at += size
    return data[:2] + kept + data[at:]


def _restarted() -> bytes:
    data = whole("jpg")
    at = data.find(b"\xff\xda")
    return data[:at] + b"\xff\xdd\0\4\0\1" + data[at:]
