"""What stands beside the pixels: EXIF, colour profiles, XMP. It must never decide whether the pixels are read."""

# ruff: noqa: E501 - one attack a line

import struct
import zlib
from functools import partial
from typing import Any

from PIL import Image

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.attacks.corpus.formats import SIDE, behind_start, chunk, encode, png, segment, whole
from tests.pictures import noise

ORIENTATION = 0x0112


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def exif(*entries: bytes, count: int | None = None, following: int = 0) -> bytes:
    """A little-endian EXIF block whose first directory holds these."""
    body = (
        struct.pack("<H", len(entries) if count is None else count) + b"".join(entries) + struct.pack("<I", following)
    )
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + body


def with_exif(block: bytes) -> bytes:
    return behind_start(whole("jpg"), segment(0xE1, block))


def turned(value: int, kind: int = 3, count: int = 1) -> bytes:
    return with_exif(exif(entry(ORIENTATION, kind, count, value)))


def circle() -> bytes:
    """A directory that goes on with itself, and one within it that does so too."""
    return with_exif(exif(entry(0x8769, 4, 1, 8), entry(ORIENTATION, 3, 1, 6), following=8))


def nested(depth: int) -> bytes:
    """Directories within directories, each in the place behind the last."""
    block, size = b"", 2 + 12 + 4
    for level in range(depth):
        block += struct.pack("<H", 1) + entry(0x8769, 4, 1, 8 + size * (level + 1)) + struct.pack("<I", 0)
    return with_exif(b"Exif\0\0II*\0\x08\0\0\0" + block)


def xmp(text: bytes) -> bytes:
    return behind_start(whole("jpg"), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text))


LAUGHS = (
    b"<?xml version='1.0'?><!DOCTYPE x ["
    + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10 if n else b"ha") for n in range(10))
    + b"]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&a9;</x:xmpmeta>"
)
TIFF_IN_XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='99999999999999999999'/></rdf:RDF>"
)  # fmt: skip


def profile(data: bytes) -> bytes:
    """In one segment, or in as many as it needs."""
    pieces = [data[at : at + 65_000] for at in range(0, len(data), 65_000)] or [b""]
    made = (b"ICC_PROFILE\0" + bytes([n + 1, len(pieces)]) + piece for n, piece in enumerate(pieces))
    return behind_start(whole("jpg"), b"".join(segment(0xE2, piece) for piece in made))


def misnumbered() -> bytes:
    pieces = [(5, 2), (1, 2), (1, 2), (0, 0)]
    made = (segment(0xE2, b"ICC_PROFILE\0" + bytes(pair) + b"x" * 100) for pair in pieces)
    return behind_start(whole("jpg"), b"".join(made))


def many_segments() -> bytes:
    return behind_start(whole("jpg"), segment(0xE5, b"x") * 60_000)


def png_with(*chunks: bytes) -> bytes:
    return png(8, 8, zlib.compress((b"\0" + b"\xff\0\0" * 8) * 8), before=b"".join(chunks))


def turned_png() -> bytes:
    image = Image.new("RGB", (20, 10), "red")
    facts = Image.Exif()
    facts[ORIENTATION] = 6
    return encode(image, "png", exif=facts)


def turned_heic() -> bytes:
    facts = Image.Exif()
    facts[ORIENTATION] = 6
    return encode(noise(*SIDE), "heic", exif=facts.tobytes())


def _read(name: str, does: str, make: Any, size: tuple[int, int] = SIDE) -> Attack:
    return Attack(Room.PICTURES, name, does, Ending.READ, make, size=size)


ON_ITS_SIDE = (SIDE[1], SIDE[0])
ATTACKS = (
    _read("exif-turned.jpg", "was held on its side", partial(turned, 6), ON_ITS_SIDE),
    _read("exif-turned-long.jpg", "was held on its side, as a long number", partial(turned, 6, 4), ON_ITS_SIDE),
    _read("exif-turned-none.jpg", "was held in a way that there is not", partial(turned, 99)),
    _read("exif-turned-text.jpg", "was held in a way that is a text", partial(turned, 0x36363636, 2, 4)),
    _read("exif-turned-many.jpg", "was held in four billion ways", partial(turned, 6, 3, 2**32 - 1)),
    _read("exif-circle.jpg", "has a directory that leads into itself", circle, ON_ITS_SIDE),
    _read("exif-nested.jpg", "has 3,000 directories within each other", partial(nested, 3000)),
    _read("exif-count.jpg", "says that it has 65,535 entries", lambda: with_exif(exif(count=65_535))),
    _read("exif-far.jpg", "keeps its values four gigabytes away", lambda: with_exif(exif(entry(0x010F, 2, 2**31, 2**32 - 1)))),
    _read("exif-kind.jpg", "has values of kinds that there are not", lambda: with_exif(exif(entry(ORIENTATION, 99, 1, 6)))),
    _read("exif-mark.jpg", "has neither byte order", lambda: with_exif(b"Exif\0\0XX*\0\x08\0\0\0")),
    _read("exif-empty.jpg", "has EXIF of no length", lambda: with_exif(b"Exif\0\0")),
    _read("exif-twice.jpg", "was held in two ways", lambda: behind_start(turned(3), segment(0xE1, exif(entry(ORIENTATION, 3, 1, 1))))),
    _read("exif-ratio.jpg", "divides by zero", lambda: with_exif(exif(entry(0x011A, 5, 1, 26)) + bytes(8))),
    _read("exif.png", "was held on its side, as a PNG", turned_png, (10, 20)),
    _read("exif.heic", "was held on its side, as HEIC", turned_heic, ON_ITS_SIDE),
    _read("exif-broken.png", "has EXIF of noise in a PNG", lambda: png_with(chunk(b"eXIf", b"\xff" * 999)), (8, 8)),
    _read("profile-empty.jpg", "has a colour profile of no length", partial(profile, b"")),
    _read("profile-noise.jpg", "has a colour profile of noise", partial(profile, bytes(range(256)) * 40)),
    _read("profile-long.jpg", "has a colour profile of 12 MB", partial(profile, b"\xff" * 12_000_000)),
    _read("profile-order.jpg", "has a colour profile whose parts are numbered wrong", misnumbered),
    Attack(Room.PICTURES, "profile-broken.png", "has a colour profile that can't be unpacked", Ending.EITHER,
           lambda: png_with(chunk(b"iCCP", b"a\0\0not packed")), "broken picture", size=(8, 8)),
    _read("xmp-laughs.jpg", "has entities that unfold to a billion laughs", partial(xmp, LAUGHS)),
    _read("xmp-orientation.jpg", "says in XMP a way to hold it that is no number", partial(xmp, TIFF_IN_XMP)),
    _read("xmp-noise.jpg", "has XMP of noise", partial(xmp, b"\0\xff<" * 20_000)),
    _read("segments.jpg", "has 60,000 segments of nothing", many_segments),
    _read("text-many.png", "has 1,000 comments", lambda: png_with(*[chunk(b"tEXt", b"Comment\0x")] * 1000), (8, 8)),
    Attack(Room.PICTURES, "text-broken.png", "has a comment in no language", Ending.EITHER,
           lambda: png_with(chunk(b"iTXt", b"a\0\1\0\xff\0\xff\0junk")), "broken picture", size=(8, 8)),
    _read("gamma-none.png", "has a gamma of nought", lambda: png_with(chunk(b"gAMA", bytes(4))), (8, 8)),
    Attack(Room.PICTURES, "physical-short.png", "has a chunk that is shorter than its kind", Ending.EITHER,
           lambda: png_with(chunk(b"pHYs", b"\0"), chunk(b"gAMA", b"")), "broken picture", size=(8, 8)),
)  # fmt: skip
