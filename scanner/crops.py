"""Crops in memory that decoders, predictors and their parent share: through the pipes go the numbers of places alone.

A crop is 150 kB. Sent through pipes, from a decoder to the parent and on to a predictor, it costs the parent 0.3 ms,
of which it has one thread: 3,000 pictures a second at most, and none of the rules' work done.
"""

import mmap
import os
from collections.abc import Sequence
from multiprocessing import reduction
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.preprocessing import Preprocessing

Size = tuple[int, int]  # Preprocessing.size


class Place:
    """One picture's crops in the shared memory; it is free again once nobody holds this any more."""

    __slots__ = ("_free", "number")

    def __init__(self, number: int, free: list[int]) -> None:
        self.number = number
        self._free = free

    def __del__(self) -> None:
        self._free.append(self.number)


class CropTable:
    """Places, each with room for one picture's crops of all `sizes`, in at most `bytes_most`; a context manager.

    It may be handed to a process as that is started, and to no other way. Memory is taken as places are first used; the
    one that was given back last is the next. It is nowhere in the file system, so that no limit of /dev/shm holds
    (64 MB in a container), and nothing is left behind.
    """

    def __init__(self, sizes: Sequence[Size], bytes_most: int, handle: int | None = None) -> None:
        self._sizes = tuple(dict.fromkeys(sizes))
        self._bytes_most = bytes_most
        self._starts, end = {}, 0
        for size in self._sizes:
            self._starts[size], end = end, end + _bytes_of(size)
        count = bytes_most // end
        self._handle = os.memfd_create("tuskline-crops") if handle is None else handle
        os.ftruncate(self._handle, count * end)
        self._table = np.frombuffer(mmap.mmap(self._handle, count * end), np.uint8).reshape(count, end)
        self._free = list(range(count))

    def __reduce__(self) -> tuple[Any, ...]:
        return _attach, (self._sizes, self._bytes_most, reduction.DupFd(self._handle))

    def take(self) -> Place | None:
        """A free place; None where there is none, and crops have to travel."""
        try:
            return Place(self._free.pop(), self._free)
        except IndexError:
            return None

    def put(self, place: int, how: Preprocessing, crop: NDArray[np.uint8]) -> None:
        """Write a crop, uint8 (side, side, 3)."""
        self.crop(place, how)[:] = crop

    def crop(self, place: int, how: Preprocessing) -> NDArray[np.uint8]:
        """The crop itself, uint8 (side, side, 3), no copy."""
        return self._cut(self._table[place], how.size)

    def batch(self, places: Sequence[int], how: Preprocessing) -> NDArray[np.uint8]:
        """A copy of several, uint8 (n, side, side, 3)."""
        start = self._starts[how.size]
        side = how.size[1]
        wide = self._table[:, start : start + _bytes_of(how.size)]
        return wide[list(places)].reshape(len(places), side, side, 3)

    def _cut(self, row: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
        start, side = self._starts[size], size[1]
        return row[start : start + _bytes_of(size)].reshape(side, side, 3)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)  # the memory itself goes with the last that looks at it


def _bytes_of(size: Size) -> int:
    return size[1] * size[1] * 3


def _attach(sizes: tuple[Size, ...], bytes_most: int, handle: Any) -> CropTable:
    return CropTable(sizes, bytes_most, handle.detach())
