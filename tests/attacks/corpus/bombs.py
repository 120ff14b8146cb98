"""Pictures that are small to send and large to open, of each format."""

# ruff: noqa: E501 - one attack a line

import re
import struct
import zlib
from functools import partial

from PIL import Image

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.attacks.corpus.formats import (
    bmp,
    chunk,
    encode,
    frame,
    png,
    replaced,
    resized,
    riff,
    screen,
    whole,
    zeros,
)  # fmt: skip

SAYS = r"pixels; at most|broken picture|more memory|decoder died|a format that is not read"
HUGE = 30_000


def lossless(width: int, height: int) -> bytes:
    """A WebP whose head alone says its size: 14 bits a side."""
    bits = (width - 1) | (height - 1) << 14
    return riff((b"VP8L", b"\x2f" + struct.pack("<I", bits) + bytes(40)))


def canvas(width: int, height: int) -> bytes:
    """A WebP whose canvas is far larger than the picture on it."""
    head = b"\0\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    inner = whole("webp")[12:]
    size = struct.unpack_from("<I", inner, 4)[0]
    return riff((b"VP8X", head), (inner[:4], inner[8 : 8 + size]))


def extended(suffix: str, width: int, height: int) -> bytes:
    """A file of boxes that claims another size than its picture has."""
    said = re.search(rb"ispe\0\0\0\0.{8}", whole(suffix), re.DOTALL)
    assert said
    return replaced(whole(suffix), said[0], b"ispe" + struct.pack(">III", 0, width, height))


def scans(count: int) -> bytes:
    """A progressive JPEG at the limit that begins its last scan again and again: little to send, hours to refine."""
    small = encode(Image.new("L", (7000, 7000)), "jpg", progressive=True, quality=30)
    starts = boundaries_of_scans(small)
    last = small[starts[-1] : -2]
    return small[:-2] + last * count + small[-2:]


def boundaries_of_scans(jpeg: bytes) -> list[int]:
    found, at = [], jpeg.find(b"\xff\xda")
    while at >= 0:
        found.append(at)
        at = jpeg.find(b"\xff\xda", at + 2)
    return found


def text_chunk(count: int) -> bytes:
    return png(1, 1, zlib.compress(b"\0\0\0\0"), before=chunk(b"zTXt", b"Comment\0\0" + zeros(count)))


def profile(count: int) -> bytes:
    return png(1, 1, zlib.compress(b"\0\0\0\0"), before=chunk(b"iCCP", b"a\0\0" + zeros(count)))


def lzw(width: int, height: int) -> bytes:
    """A GIF whose one frame fills a screen of that size with a handful of codes."""
    return screen(width, height) + frame(0, 0, width, height) + b";"


def run_lengths(width: int, height: int) -> bytes:
    """A BMP that jumps to its far corner."""
    return bmp(width, height, b"\0\2\xff\xff" * 300 + b"\0\1", 8, 1, bytes(1024))


def _refused(name: str, does: str, make: partial[bytes]) -> Attack:
    return Attack(Room.PICTURES, f"bomb-{name}", does, Ending.REFUSED, make, SAYS)


ATTACKS = (
    _refused("sizes.png", "says 30,000 x 30,000 pixels and unpacks to 2.7 GB of zeros", partial(png, HUGE, HUGE, zeros(1 << 26))),
    _refused("one-bit.png", "says 2,147,483,647 x 1 pixels of one bit", partial(png, 2**31 - 1, 1, zeros(1 << 20), 1, 0)),
    _refused("text.png", "holds a comment that unpacks to 256 MiB", partial(text_chunk, 1 << 28)),
    _refused("profile.png", "holds a colour profile that unpacks to 256 MiB", partial(profile, 1 << 28)),
    _refused("interlaced.png", "says 30,000 x 30,000 pixels in seven passes", partial(png, HUGE, HUGE, zeros(1 << 20), 8, 2, 1)),
    _refused("sizes.jpg", "says 65,500 x 65,500 pixels in a few hundred bytes", lambda: resized(whole("jpg"), 65_500, 65_500)),
    _refused("lossless.webp", "says 16,383 x 16,383 pixels, the most of its format", partial(lossless, 16_383, 16_383)),
    _refused("canvas.webp", "lays a small picture on a canvas of 16,000 x 16,000", partial(canvas, 16_000, 16_000)),
    _refused("frame.gif", "says 65,535 x 65,535 pixels", partial(lzw, 65_535, 65_535)),
    _refused("sizes.avif", "says 60,000 x 60,000 pixels beside a small picture", partial(extended, "avif", 60_000, 60_000)),
    _refused("sizes.heic", "says 60,000 x 60,000 pixels beside a small picture", partial(extended, "heic", 60_000, 60_000)),
    _refused("sizes.bmp", "says 60,000 x 60,000 pixels and holds none", partial(bmp, 60_000, 60_000, b"")),
    _refused("runs.bmp", "says 20,000 x 20,000 pixels in jumps", partial(run_lengths, 20_000, 20_000)),
    Attack(
        Room.PICTURES, "bomb-just-allowed.png", "is as large as is allowed: 150 MB out of 146 kB", Ending.READ,
        lambda: png(7071, 7071, zeros((7071 * 3 + 1) * 7071)), size=(7071, 7071), colour=(0, 0, 0), is_slow=True,
    ),
    Attack(
        Room.PICTURES, "bomb-just-allowed.gif", "is as large as is allowed, in a few bytes", Ending.EITHER,
        partial(lzw, 7000, 7000), SAYS, size=(7000, 7000), is_slow=True,
    ),
    Attack(
        Room.PICTURES, "bomb-scans.jpg", "refines 49 million pixels a thousand times over", Ending.EITHER,
        partial(scans, 1000), r"longer than|broken picture", size=(7000, 7000), is_slow=True,
    ),
)  # fmt: skip
