"""Pictures that move: of each the first frame is what counts."""

# ruff: noqa: E501 - one attack a line

import struct
import zlib
from functools import cache, partial
from typing import Any

from PIL import Image

from tests.attacks.corpus.attack import Attack, Ending, Room
from tests.attacks.corpus.formats import PNG_MARK, chunk, encode, frame, riff, screen, whole

RED, GREEN = (255, 0, 0), (0, 255, 0)
COLOURS = b"\xff\0\0\0\xff\0"


def gif(*blocks: bytes, width: int = 2, height: int = 2) -> bytes:
    return screen(width, height, COLOURS) + b"".join(blocks) + b";"


def delay(hundredths: int, disposal: int = 0) -> bytes:
    return b"!\xf9\4" + struct.pack("<BHB", disposal << 2, hundredths, 0) + b"\0"


# Two by two pixels of the first colour, packed.
DOTS = b"\x02\x03\x84Q\0"
DOT = partial(frame, 0, 0, 2, 2, b"\x02\x02\x84\x51\0")


@cache
def shown(suffix: str, count: int, side: int = 16) -> bytes:
    """So many frames, the first red, the others green."""
    first = Image.new("RGB", (side, side), RED)
    others = [Image.new("RGB", (side, side), (0, 255 - n % 9, 0)) for n in range(count - 1)]
    options: dict[str, Any] = {"save_all": True, "append_images": others, "duration": 0}
    return encode(first, suffix, **options | ({"lossless": True} if suffix == "webp" else {}))


def moving_png(count: int, number: int = 0) -> bytes:
    """An animated PNG that says `count` frames; the frame behind the first is numbered `number`."""
    rows = zlib.compress((b"\0" + bytes(RED) * 4) * 4)
    control = struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 0, 0, 0, 0)
    outside = struct.pack(">IIIIIHHBB", number, 60_000, 60_000, 9999, 9999, 0, 0, 3, 3)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)) + chunk(b"acTL", struct.pack(">II", count, 0))
    return PNG_MARK + head + chunk(b"fcTL", control) + chunk(b"IDAT", rows) + chunk(b"fcTL", outside) + chunk(b"IEND")


def moving_webp(frames: int, side: int) -> bytes:
    """An animated WebP whose frames lie outside of its canvas."""
    inner = whole("webp")[12:]
    place = struct.pack("<I", 9000)[:3] * 2 + struct.pack("<I", side - 1)[:3] * 2 + b"\0\0\0\0"
    head = b"\x02\0\0\0" + struct.pack("<I", 63)[:3] + struct.pack("<I", 47)[:3]
    return riff((b"VP8X", head), (b"ANIM", bytes(6)), *[(b"ANMF", place + inner)] * frames)


READ, REFUSED, EITHER = Ending.READ, Ending.REFUSED, Ending.EITHER


def _make(name: str, does: str, ending: Ending, make: Any, says: str = "broken picture|at most", **more: Any) -> Attack:
    return Attack(Room.PICTURES, name, does, ending, make, says, **more)


ATTACKS = (
    _make("frames.gif", "has 10,000 frames without a delay", READ, lambda: gif(*[delay(0) + DOT()] * 10_000), size=(2, 2)),
    _make("frames.webp", "has 500 frames without a delay", READ, partial(shown, "webp", 500), size=(16, 16), colour=RED),
    _make("frames.png", "has 200 frames without a delay", READ, partial(shown, "png", 200), size=(16, 16), colour=RED),
    _make("frames.avif", "has 12 frames without a delay", READ, partial(shown, "avif", 12), size=(16, 16), colour=RED),
    _make("frames-none.gif", "has no frame", REFUSED, lambda: gif(), "broken picture|not read"),
    _make("frames-say.png", "says four billion frames and has one", EITHER, partial(moving_png, 2**32 - 1, 1), size=(4, 4),
          colour=RED),
    _make("frames-order.png", "numbers its frames backwards", EITHER, partial(moving_png, 2, 0), size=(4, 4), colour=RED),
    _make("frame-larger.gif", "says 2 x 2 and has a frame of 60,000 x 60,000", REFUSED,
          lambda: gif(frame(0, 0, 60_000, 60_000))),
    _make("frame-outside.gif", "has its frame outside of its screen", EITHER, lambda: gif(frame(60_000, 60_000, 2, 2)),
          "broken picture|at most"),
    _make("frame-second.gif", "has a second frame of 60,000 x 60,000", READ,
          lambda: gif(DOT(), frame(0, 0, 60_000, 60_000)), size=(2, 2)),
    _make("frame-outside.webp", "has its frames outside of its canvas", REFUSED, partial(moving_webp, 3, 64), "."),
    _make("disposal.gif", "takes its frames back in a way that there is not", READ, lambda: gif(delay(0, 7) + DOT()), size=(2, 2)),
    _make("comments.gif", "has 10,000 comments before its frame", READ, lambda: gif(b"!\xfe\1x\0" * 10_000, DOT()), size=(2, 2)),
    _make("loops.gif", "is to be shown for ever, a thousand times", READ,
          lambda: gif(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0" * 1000, DOT()), size=(2, 2)),
    _make("codes.gif", "has codes that are longer than codes may be", REFUSED, lambda: gif(frame(0, 0, 2, 2, b"\xff\2D\1\0"))),
    _make("codes-none.gif", "has a frame without codes", REFUSED, lambda: gif(frame(0, 0, 2, 2, b"\2\0"))),
)  # fmt: skip
