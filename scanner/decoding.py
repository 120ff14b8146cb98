"""Decode pictures in processes of their own, under limits: a picture that breaks its decoder is one failure."""

import resource
import signal
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired, ProcessPool

from scanner.fingerprints import digest_file, hash_pixels
from scanner.images import PictureError, open_picture
from scanner.zoo.preprocessing import Preprocessing, crop_pixels

TIMEOUT_S = 30
MEMORY_BYTES = 3 * 1024**3  # address space; a picture of MAX_PIXELS with alpha needs about 0.8 GB at its peak


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """What leaves the decoder process: names, sizes and the crops that models want, never the whole picture.

    crops: uint8 (side, side, 3) RGB by preprocessing. failure: one sentence, then the pixel fields are empty.
    """

    sha256: str | None
    pixel_hash: str | None = None
    media_type: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    crops: tuple[tuple[Preprocessing, NDArray[np.uint8]], ...] = ()
    failure: str | None = None

    def crop(self, how: Preprocessing) -> NDArray[np.uint8]:
        return dict(self.crops)[how]


def decode_photo(path: Path, wanted: tuple[Preprocessing, ...]) -> DecodedPhoto:
    """Name, open and crop one picture; whatever is wrong with it comes back as `failure`."""
    sha256 = digest_file(path) if path.is_file() else None
    try:
        image = open_picture(path)
        crops = tuple((how, crop_pixels(image, how)) for how in wanted)
    except PictureError as error:
        return DecodedPhoto(sha256, failure=str(error))
    except MemoryError:
        return DecodedPhoto(sha256, failure="decoding it takes more memory than a picture may use")
    media_type = f"image/{(image.format or '').lower()}"
    return DecodedPhoto(sha256, hash_pixels(image), media_type, image.width, image.height, crops)


class DecodePool:
    """`workers` processes that decode; a context manager. Futures never raise: see `outcome`."""

    def __init__(self, workers: int, wanted: tuple[Preprocessing, ...]) -> None:
        self._wanted = wanted
        self._pool = ProcessPool(max_workers=workers, context=get_context("spawn"), initializer=limit_process)

    def submit(self, path: Path) -> "Future[DecodedPhoto]":
        future: Future[DecodedPhoto] = self._pool.schedule(decode_photo, args=[path, self._wanted], timeout=TIMEOUT_S)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._pool.stop()
        self._pool.join()


def outcome(future: "Future[DecodedPhoto]") -> DecodedPhoto:
    """The decoded picture, or its failure when the process died or took too long."""
    try:
        return future.result()
    except TimeoutError:
        return DecodedPhoto(None, failure=f"decoding took longer than {TIMEOUT_S} s")
    except ProcessExpired as error:
        return DecodedPhoto(None, failure=f"its decoder died (exit code {error.exitcode})")


def limit_process() -> None:
    """Bounds for a process that reads hostile bytes: memory, open files, no file of its own, no core dump."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
