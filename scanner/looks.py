"""Looks that are near a given one, found among millions: files that are mapped into memory, never read whole.

A look is 256 bits (scanner.fingerprints). Two that are near share at least one of their 16 bands, so that only those
in the same 16 buckets are compared: at ten million pictures 2,400 of them.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from scanner.fingerprints import BAND_BITS, BAND_COUNT, LOOK_BITS, NEAR_BITS

Array = NDArray[Any]

FORMAT = 1
WORDS = LOOK_BITS // 64
BUCKETS = 1 << BAND_BITS
MOST_COMPARED = 5_000  # looks that one search compares in a volume: of the emptiest buckets first, the newest of each
SEEN_AT_ONCE = 512  # of the pictures of one look; most often the first of these are enough
FACTS = "facts.json"
BANDS = np.arange(BAND_COUNT)
# Odd numbers that spread four words over one, so that equal looks meet in a sort; no more is asked of them.
SPREAD = (1, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures with their looks, the oldest first; the same place in each array is the same picture.

    looks: (n, 4) of uint64; photos: their ids; pixels: the `pixel_key` of each.
    """

    looks: Array
    photos: Array
    pixels: Array

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str, str | None]]) -> Self:
        """rows: (photo id, look, pixel hash), as the tables hold them."""
        looks = np.frombuffer(bytes.fromhex("".join(look for _, look, _ in rows)), np.uint64).reshape(-1, WORDS)
        photos = np.fromiter((photo for photo, _, _ in rows), np.int64, len(rows))
        return cls(looks, photos, np.fromiter((pixel_key(pixels) for _, _, pixels in rows), np.uint64, len(rows)))

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        looks, photos, pixels = zip(*((part.looks, part.photos, part.pixels) for part in parts), strict=True)
        return cls(np.concatenate(looks), np.concatenate(photos), np.concatenate(pixels))

    def __len__(self) -> int:
        return len(self.photos)

    def near(self, asked: "Asked") -> list[tuple[int, int]]:
        """(distance, photo id) of those that are near and have other pixels, the nearest first; all are compared."""
        distances = count_differing(self.looks, asked.look)
        places = np.flatnonzero((distances <= NEAR_BITS) & (self.pixels != asked.pixels) & (self.photos != asked.photo))
        return sorted(zip(distances[places].tolist(), self.photos[places].tolist(), strict=True))[: asked.most]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: at most `most` pictures near to `look`, that are not `photo` and have other pixels."""

    look: Array
    photo: int
    pixels: Any
    most: int

    @classmethod
    def of(cls, photo: int, look: str, pixels: str | None, most: int) -> Self:
        return cls(np.frombuffer(bytes.fromhex(look), np.uint64), photo, pixel_key(pixels), most)


def pixel_key(pixel_hash: str | None) -> Any:
    """64 bits that stand for it; 0 where it is not known."""
    return np.uint64(int.from_bytes(blake2b(pixel_hash.encode(), digest_size=8).digest()) if pixel_hash else 0)


def count_differing(looks: Array, look: Array) -> Array:
    """Bits in which each of `looks` differs from `look`."""
    bits = np.bitwise_count(looks ^ look).astype(np.uint16)
    differing: Array = (
        bits[:, 0] + bits[:, 1] + bits[:, 2] + bits[:, 3]
    )  # numpy's own sum of four takes seven times as long
    return differing


@dataclass(frozen=True, slots=True)
class Volume:
    """A part of all looks, `first` to `last` of their numbers, in order; in memory, or in the files of `folder`.

    A look that many pictures have stands in it once, so that a bucket holds what differs. looks: (m, 4), in the order
    in which they were last seen. ends: (m + 1), where the pictures of each begin and end in photos and pixels.
    starts: (16, 65,537), where each bucket begins in its row of members, (16, m) places in looks.
    facts: first and last number, and whatever the maker added.
    """

    facts: Mapping[str, Any]
    looks: Array
    ends: Array
    photos: Array
    pixels: Array
    starts: Array
    members: Array
    folder: Path | None = None

    @property
    def first(self) -> int:
        return int(self.facts["first"])

    @property
    def last(self) -> int:
        return int(self.facts["last"])

    def __len__(self) -> int:
        return len(self.photos)

    @classmethod
    def build(cls, pictures: Pictures, **facts: Any) -> Self:
        """facts: `first` and `last` at least. Ten million take 20 s and twice the memory of the volume."""
        places, of_look = gather_equal(pictures.looks)
        order = np.argsort(of_look, kind="stable")
        ends = np.zeros(len(places) + 1, np.int64)
        np.cumsum(np.bincount(of_look, minlength=len(places)), out=ends[1:])
        looks = pictures.looks[places]
        starts, members = sort_bands(looks)
        facts |= {"format": FORMAT, "count": len(pictures)}
        return cls(facts, looks, ends, pictures.photos[order], pictures.pixels[order], starts, members)

    def pictures(self) -> Pictures:
        """What it was built of, but in the order of its looks."""
        return Pictures(np.repeat(self.looks, np.diff(self.ends), axis=0), self.photos, self.pixels)

    def near(self, asked: Asked) -> list[tuple[int, int]]:
        """As `Pictures.near`; of buckets that hold too many the newest are compared."""
        places = self._candidates(asked.look)
        distances = count_differing(self.looks.take(places, axis=0), asked.look)
        is_near = distances <= NEAR_BITS
        if not is_near.any():
            return []
        found: list[tuple[int, int]] = []
        near = dict(zip(places[is_near].tolist(), distances[is_near].tolist(), strict=True))
        for place, distance in sorted(near.items(), key=lambda one: (one[1], -one[0])):
            found += [(distance, photo) for photo in self._photos_of(place, asked, asked.most - len(found))]
            if len(found) >= asked.most:
                break
        return found

    def _candidates(self, look: Array) -> Array:
        """Places of looks that share a band. The fullest bucket comes last: what it holds tells the least."""
        values = look.view(">u2").astype(np.intp)
        starts, ends = self.starts[BANDS, values].tolist(), self.starts[BANDS, values + 1].tolist()
        left, parts = MOST_COMPARED, []
        for size, band in sorted((ends[band] - starts[band], band) for band in range(BAND_COUNT)):
            taken = min(size, left)
            parts.append(self.members[band, ends[band] - taken : ends[band]])
            left -= taken
        return np.concatenate(parts)

    def _photos_of(self, place: int, asked: Asked, most: int) -> list[int]:
        """The newest pictures of a look that have other pixels."""
        start, end = int(self.ends[place]), int(self.ends[place + 1])
        found: list[int] = []
        while end > start and len(found) < most:
            begin = max(start, end - SEEN_AT_ONCE)
            photos = self.photos[begin:end]
            fitting = photos[(self.pixels[begin:end] != asked.pixels) & (photos != asked.photo)]
            found += fitting[::-1].tolist()
            end = begin
        return found[:most]

    def save(self, folder: Path) -> Self:
        """Keep it as a folder in `folder`, whole or not at all; the same, mapped from there. Raises OSError."""
        aside = folder / f".{uuid4().hex}"
        target = folder / f"{self.first:012}-{self.last:012}-{uuid4().hex[:8]}"
        try:
            aside.mkdir(parents=True)
            for name in ARRAYS:
                with (aside / f"{name}.npy").open("wb") as file:
                    np.save(file, getattr(self, name))
                    os.fsync(file.fileno())
            (aside / FACTS).write_text(json.dumps(dict(self.facts)))
            aside.rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return self.open(target)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises OSError or ValueError where it is gone or broken."""
        facts = json.loads((folder / FACTS).read_text())
        if facts["format"] != FORMAT:
            raise ValueError(f"{folder} is of another version")
        return cls(facts, folder=folder, **{name: map_array(folder / f"{name}.npy") for name in ARRAYS})


ARRAYS = ("looks", "ends", "photos", "pixels", "starts", "members")


def map_array(path: Path) -> Array:
    """As a plain array: numpy's own kind for mapped files takes longer for each slice than the slice is searched.

    The system is asked to read the file now, in one go: a search touches thousands of places, and each of them would be
    a wait for the disk.
    """
    if hasattr(os, "posix_fadvise"):  # not on macOS
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)


def gather_equal(looks: Array) -> tuple[Array, Array]:
    """Where each different look was last seen, in that order; and for every look which of these it is."""
    keys = np.bitwise_xor.reduce(looks * np.array(SPREAD, np.uint64), axis=1)
    order = np.argsort(keys, kind="stable")
    is_new = np.ones(len(looks), bool)
    is_new[1:] = (looks[order[1:]] != looks[order[:-1]]).any(axis=1)
    # Stable: the last of each group is the newest.
    newest = order[np.append(np.flatnonzero(is_new)[1:] - 1, len(looks) - 1)] if len(looks) else order
    rank = np.empty(len(newest), np.int64)
    by_age = np.argsort(newest)
    rank[by_age] = np.arange(len(newest))
    of_look = np.empty(len(looks), np.int64)
    of_look[order] = rank[np.cumsum(is_new) - 1]
    return newest[by_age], of_look


def sort_bands(looks: Array) -> tuple[Array, Array]:
    starts = np.zeros((BAND_COUNT, BUCKETS + 1), np.uint32)
    members = np.empty((BAND_COUNT, len(looks)), np.uint32)
    values = looks.view(">u2")
    for band in range(BAND_COUNT):
        column = values[:, band].astype(np.uint16)
        members[band] = np.argsort(column, kind="stable")
        starts[band, 1:] = np.cumsum(np.bincount(column, minlength=BUCKETS))
    return starts, members


def nearest(asked: Asked, parts: Iterable[Volume | Pictures]) -> list[tuple[int, int]]:
    """(distance, photo id) over all parts, the nearest first."""
    return sorted(found for part in parts for found in part.near(asked))[: asked.most]
