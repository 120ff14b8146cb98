"""The machine's own limits, each in a process of its own: decoding alone, the network alone, a large matrix product."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from bench.profiles import Times, profile
from scanner.decoding import LEAST_SHORT_PX, begin_decoding, decode_photo
from scanner.images import open_picture, open_shrunk
from scanner.processes import Processes
from scanner.zoo.engines import Device, open_engine
from scanner.zoo.precisions import Decoding
from scanner.zoo.predictor import Predictor
from scanner.zoo.preprocessing import Preprocessing, crop_pixels
from scanner.zoo.registry import InstalledModel

BATCH = 16
SIDE = 3072  # of the matrices, in numbers: 58 GFLOP a product, and 113 MB that no cache holds
TIMEOUT_S = 1800

Each = Callable[[Iterable[Path]], int]


@contextmanager
def open_alone(work: Callable[..., int], begin: Callable[..., None] | None = None, *arguments: Any) -> Iterator[Each]:
    """`work(paths)` in a process of its own, which begins with begin(*arguments)."""
    with Processes(1, begin, *arguments) as process:

        def run(paths: Iterable[Path]) -> int:
            count: int = process.run(work, list(paths), timeout_s=TIMEOUT_S).result()
            return count

        yield run


# What follows runs in such a process.
def begin_decoder(decoding: Decoding) -> None:
    """As a decoder process begins, its limits included."""
    global _decoding
    begin_decoding()
    _decoding = decoding


_decoding: Decoding = "exact"


def crop_each(paths: Sequence[Path]) -> int:
    """Decode and crop, without naming: what a picture costs at least before the network."""
    for path in paths:
        open_crop(path, _decoding)
    return len(paths)


def open_crop(path: Path, decoding: Decoding) -> NDArray[np.uint8]:
    image = open_picture(path) if decoding == "exact" else open_shrunk(path, LEAST_SHORT_PX).image
    return crop_pixels(image, Preprocessing())


def decode_each(paths: Sequence[Path]) -> int:
    """All that a decoder process does for a scan: digests and hashes too."""
    for path in paths:
        decode_photo(path, (Preprocessing(),), _decoding)
    return len(paths)


_predictor: Predictor


def begin_network(model: InstalledModel) -> None:
    """Load it as a predictor process does, with one thread."""
    global _predictor
    _predictor = Predictor(model, open_engine(model, Device()))


def predict_each(paths: Sequence[Path]) -> int:
    """As many pictures as there are paths, in full batches, of noise: a network takes as long for it as for ivory."""
    side = Preprocessing().crop
    crops = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    batches = max(1, len(paths) // BATCH)
    for _ in range(batches):
        _predictor.predict(crops)
    return batches * BATCH


def profile_network(model: InstalledModel, batches: int) -> tuple[int, Times]:
    """How many pictures a predictor scored, as a scan has them scored, and where its time went."""
    begin_network(model)
    side = Preprocessing().crop
    crops = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    _predictor.score(crops)
    return profile(lambda: sum(len(_predictor.score(crops)) for _ in range(batches)))


def multiply(threads: int, products: int = 3) -> int:
    """So many products of two large float32 matrices; gives the GFLOP of them."""
    random = np.random.default_rng(0)
    left, right = (random.standard_normal((SIDE, SIDE), dtype=np.float32) for _ in range(2))
    out = np.empty((SIDE, SIDE), dtype=np.float32)
    with threadpool_limits(threads, user_api="blas"):
        for _ in range(products):
            np.matmul(left, right, out=out)
    return round(products * 2 * SIDE**3 / 1e9)
