"""Names for a picture: by its bytes, by its pixels, and by what it looks like."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

LOOK_BITS = 256
NEAR_BITS = 36
"""The largest distance of two look hashes that counts as near.

Measured on 1,224 photographs (median 0.13 million pixels; 369 of them changed in each way), bits apart, as
median / 99th of 100 / most: JPEG at quality 40 2 / 6 / 10; half the size 0 / 4 / 6; half and quality 40 2 / 10 / 12;
a fifth darker 0 / 4 / 6, brighter 4 / 20 / 38; contrast up by three tenths 4 / 16 / 20; 1 % cut off each edge
16 / 30 / 34; 2 % 34 / 54 / 58; 3 % 50 / 80 / 94. At 36 all of these are found but one brighter one, a third of those
with 2 % cut off and nine tenths of those with 3 %. Cuts of 5 %, frames and mirrored pictures (128) are not found.
Of the 748,476 pairs of these photographs 26 are closer than 64: each is the same photograph from two collections, at
most 4 apart. So no false pair, and 28 bits of room up to the nearest two that differ (carvings of one museum on black).
"""
BAND_COUNT, BAND_BITS = 16, 16

_PIECE_BYTES = 1 << 18
_GREY_SIDE = 64  # what ImageHash shrinks to for 16 x 16 coefficients
_STEADY_BITS = 24


def digest_file(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_pixels(image: Image.Image, shrunk: int = 1) -> str:
    """SHA-256 (hex) over the size and the decoded RGB pixels: equal for files that differ in metadata alone.

    shrunk: the factor by which a JPEG was decoded smaller (see images.open_shrunk). What is hashed says so: a picture
    that was decoded smaller never has the name of one that was decoded whole.
    """
    smaller = f" shrunk {shrunk}" if shrunk > 1 else ""
    digest = hashlib.sha256(f"RGB {image.width}x{image.height}{smaller}\n".encode())
    for packed in _pack(image):
        digest.update(packed)
    return digest.hexdigest()


def _pack(image: Image.Image) -> Iterator[bytes]:
    """What image.tobytes() gives, in pieces that stay in the processor's cache.

    It joins the same pieces to one, which is written and read once more: a fifth of what the hash costs.
    """
    encoder = Image._getencoder(image.mode, "raw", (image.mode,))
    encoder.setimage(image.im, (0, 0, *image.size))
    is_done = 0
    while not is_done:
        _, is_done, packed = encoder.encode(max(_PIECE_BYTES, image.width * 4))
        yield packed


def look_hash(image: Image.Image) -> str | None:
    """What the picture looks like: 256 bits of a perceptual hash, 64 hex digits; compare with `look_distance`.

    None where the picture says too little: where noise of one grey level turns more than 24 bits. A spread of grey
    levels would not tell: a smooth ramp has a large one (74) and a hash that is noise (128 bits turned). Of 408
    photographs none turned more than 10 bits; of photographs faded to a tenth of their contrast (spread 5) 19 of 20
    kept their hash; faded to a fiftieth (spread 1) all lost it, as did blank pictures, ramps and discs drawn on white.
    Costs 0.8 ms for a picture of 0.13 million pixels, of which the second hash takes 0.1.
    """
    grey = _shrink(image)
    seen = imagehash.phash(grey, hash_size=16)
    if seen - imagehash.phash(_disturb(grey), hash_size=16) > _STEADY_BITS:
        return None
    return str(seen)


def look_distance(first: str, second: str) -> int:
    """How many of the 256 bits differ: 0 to 256, about 128 for pictures that have nothing in common."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def bands(look: str) -> tuple[int, ...]:
    """The hash cut into 16 integers of 16 bits (0 to 65535), the first band first, for an index.

    Two hashes at most 15 bits apart share at least one band, in the same place. Of 3,241 measured pairs up to
    NEAR_BITS apart 99.4 % do; of those 29 to 36 apart 90 %.
    """
    digits = BAND_BITS // 4
    return tuple(int(look[at : at + digits], 16) for at in range(0, LOOK_BITS // 4, digits))


def _shrink(image: Image.Image) -> Image.Image:
    """64 x 64 greys. Large pictures are halved by whole steps first, which is all that their size costs."""
    side = (_GREY_SIDE, _GREY_SIDE)
    return image.resize(side, Image.Resampling.LANCZOS, reducing_gap=2.0).convert("L")


def _disturb(grey: Image.Image) -> Image.Image:
    levels = np.asarray(grey, dtype=np.float64) + _noise()
    return Image.fromarray(np.clip(levels, 0, 255).round().astype(np.uint8))


@cache
def _noise() -> NDArray[np.float64]:
    """Of one grey level; RandomState, because numpy promises that its numbers never change."""
    return np.random.RandomState(0).normal(0, 1, (_GREY_SIDE, _GREY_SIDE))
