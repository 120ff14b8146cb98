"""Decode pictures in processes of their own, under limits: a picture that breaks its decoder is one failure."""

import ctypes
import io
import os
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired
from PIL import Image

from scanner.crops import CropTable, Place
from scanner.fingerprints import digest_file, hash_pixels, look_hash
from scanner.images import Opened, PictureError, open_picture, open_shrunk, open_whole
from scanner.processes import Processes, step_back
from scanner.zoo.precisions import Decoding
from scanner.zoo.preprocessing import Preprocessing, crop_pixels

Result = TypeVar("Result")

TIMEOUT_S = 30
CPU_S = 20  # of one picture; the largest takes a tenth of it
QUALITY = 82
LEAST_SHORT_PX = 512  # of a picture that is decoded smaller; 256 would turn one verdict in ten (docs/decisions/0021)
KEPT_BYTES = 128 * 1024**2  # of free memory that a decoder keeps for the next picture
MAPPED_BYTES = 32 * 1024**2  # an allocation as large goes back to the system at once; Pillow's are half as large
_one_at_a_time = Lock()
MEMORY_BYTES = 3 * 1024**3  # address space; a picture of MAX_PIXELS with alpha needs about 0.8 GB at its peak


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """What leaves the decoder process: names, sizes and the crops that models want, never the whole picture.

    crops: uint8 (side, side, 3) RGB by preprocessing; none where they lie in a CropTable. failure: one sentence, then
    the pixel fields are empty. busy_s: what it took, on the clock.
    """

    sha256: str | None
    pixel_hash: str | None = None
    media_type: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    crops: tuple[tuple[Preprocessing, NDArray[np.uint8]], ...] = ()
    failure: str | None = None
    look_hash: str | None = None
    busy_s: float = field(default=0.0, compare=False)

    def crop(self, how: Preprocessing) -> NDArray[np.uint8]:
        """The crop for a model; models that differ in mean and std alone share one."""
        return next(crop for other, crop in self.crops if other.size == how.size)


def decode_photo(path: Path, wanted: tuple[Preprocessing, ...], decoding: Decoding = "exact") -> DecodedPhoto:
    """Name, open and crop one picture; whatever is wrong with it comes back as `failure`."""
    sha256 = digest_file(path) if path.is_file() else None
    try:
        opened = _open(path, wanted, decoding)
        image = opened.image
        crops = tuple((how, crop_pixels(image, how)) for how in wanted)
        pixels, look = hash_pixels(image, opened.shrunk), look_hash(image)
    except PictureError as error:
        return DecodedPhoto(sha256, failure=str(error))
    except MemoryError:
        return DecodedPhoto(sha256, failure="decoding it takes more memory than a picture may use")
    media_type = f"image/{(image.format or '').lower()}"
    return DecodedPhoto(sha256, pixels, media_type, opened.width_px, opened.height_px, crops, look_hash=look)


def _open(path: Path, wanted: tuple[Preprocessing, ...], decoding: Decoding) -> Opened:
    if decoding == "exact":
        return open_whole(path)
    return open_shrunk(path, max([LEAST_SHORT_PX, *(2 * how.resize_short for how in wanted)]))


class DecodePool(Processes):
    """`workers` processes that decode, under limits; see `outcome` for what their futures hold.

    table: where the crops of pictures go for which `submit` is given a place.
    """

    def __init__(
        self,
        workers: int,
        wanted: tuple[Preprocessing, ...],
        decoding: Decoding = "exact",
        table: CropTable | None = None,
    ) -> None:
        super().__init__(workers, begin_decoding, table)
        self.workers = workers
        self._wanted = tuple({how.size: how for how in wanted}.values())
        self._decoding = decoding

    def submit(self, path: Path, place: Place | None = None) -> "Future[DecodedPhoto]":
        number = None if place is None else place.number
        work = (_decode_into, path, self._wanted, self._decoding, number)
        return self.run(spend_cpu, CPU_S, *work, timeout_s=TIMEOUT_S)


def outcome(future: "Future[DecodedPhoto]") -> DecodedPhoto:
    """The decoded picture, or its failure when the process died or took too long."""
    try:
        return future.result()
    except TimeoutError:
        return DecodedPhoto(None, failure=f"decoding took longer than {TIMEOUT_S} s")
    except ProcessExpired as error:
        return DecodedPhoto(None, failure=_last_words(error))


def make_thumbnail(path: Path, edge_px: int) -> bytes:
    """A JPEG at most `edge_px` wide and high, decoded in a process under limits. Raises PictureError."""
    run = thumbnail_process().run
    made: Future[bytes] = run(spend_cpu, CPU_S, shrink_photo, path, edge_px, timeout_s=TIMEOUT_S)
    try:
        return made.result()
    except TimeoutError:
        raise PictureError(f"decoding took longer than {TIMEOUT_S} s") from None
    except ProcessExpired as error:
        raise PictureError(_last_words(error)) from None


def _last_words(error: ProcessExpired) -> str:
    if error.exitcode == -signal.SIGXCPU:
        return f"decoding took longer than {CPU_S} s of computing"
    return f"its decoder died (exit code {error.exitcode})"


def shrink_photo(path: Path, edge_px: int) -> bytes:
    image = open_picture(path)
    image.thumbnail((edge_px, edge_px), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    # A fresh picture of the pixels: EXIF, comments and profiles of the seller's file stay behind.
    Image.frombytes("RGB", image.size, image.tobytes()).save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


def thumbnail_process() -> Processes:
    """The one process that makes thumbnails for this one; it is started when first wanted, and ends with us."""
    with _one_at_a_time:  # two pages may want the first thumbnail at once
        return _start_thumbnails()


@cache
def _start_thumbnails() -> Processes:
    return Processes(1, limit_process).end_at_exit()


# What follows runs in the decoder process.
_table: CropTable | None = None


def _decode_into(path: Path, wanted: tuple[Preprocessing, ...], decoding: Decoding, place: int | None) -> DecodedPhoto:
    began = time.perf_counter()
    decoded = decode_photo(path, wanted, decoding)
    if _table is not None and place is not None:
        for how, crop in decoded.crops:
            _table.put(place, how, crop)
        decoded = replace(decoded, crops=())
    return replace(decoded, busy_s=time.perf_counter() - began)


def begin_decoding(table: CropTable | None = None) -> None:
    """Load what naming a picture needs, then limit the process: an import opens more files than a picture may."""
    global _table
    import scipy.fftpack  # noqa: F401 - ImageHash imports it at its first picture

    _table = table
    step_back()
    keep_memory()
    limit_process()


def keep_memory() -> None:
    """Keep what a picture frees for the next one, where the C library is glibc.

    It gives the end of its memory back each time and takes it anew; the system clears every page. That was a fifth of
    the time of a photograph of 1,600 pixels. What a large picture took, above KEPT_BYTES, still goes back.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(-3, MAPPED_BYTES)  # M_MMAP_THRESHOLD in malloc.h
        set_option(-1, KEPT_BYTES)  # M_TRIM_THRESHOLD


def limit_process() -> None:
    """Bounds for a process that reads hostile bytes: memory, open files, no file of its own, no core dump."""
    os.environ["JOBLIB_MULTIPROCESSING"] = "0"  # scikit-learn's helper would complain that it can't write files
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def spend_cpu(seconds: int, work: Callable[..., Result], *arguments: object) -> Result:
    """What `work` gives, in a process that the kernel ends once it has computed for `seconds` more.

    The kernel counts over the whole life of a process, so the limit is moved on for each picture. Only for processes
    that are ours to lose.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    return work(*arguments)
