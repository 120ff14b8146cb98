"""From pictures to the numbers that a head reads, by the frozen backbone: decoders fill batches for one network."""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.decoding import TIMEOUT_S, limit_process
from scanner.images import PictureError, open_picture
from scanner.predicting import count_workers
from scanner.processes import Processes
from scanner.zoo.engines import Device
from scanner.zoo.engines.paddle import PaddleEngine
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.programs import cut_network, find_features, read_network, write_network
from scanner.zoo.preprocessing import Preprocessing, crop_pixels, normalise
from scanner.zoo.registry import InstalledModel
from scanner.zoo.training.duplicates import hash_picture
from scanner.zoo.training.variants import vary_picture

BATCH_TIMEOUT_S = 300
_WINDOW = 16  # pictures on their way: a dozen crops of each are 2 MB
_NO_FEATURES = np.empty((0, 0), np.float32)
_NO_BITS = np.empty(0, np.uint8)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Described:
    """One picture as the backbone sees it.

    features: float32 (1 + variants, width), that of the plain crop first. bits: see duplicates.hash_picture.
    failure: one sentence where the picture can't be read; then the arrays are empty.
    """

    features: NDArray[np.float32]
    bits: NDArray[np.uint8]
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """crops: uint8 (1 + variants, side, side, 3), the plain one first. failure: as in Described."""

    crops: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    failure: str | None = None


def describe_pictures(
    paths: Sequence[Path], backbone: InstalledModel, variants: int, seed: int, progress: Progress | None = None
) -> Iterator[Described]:
    """In the order of `paths`; a picture's variants depend on the seed and on its place alone.

    Raises ProgramError and ParameterError for a backbone that can't be cut, EngineError where Paddle can't run it.
    """
    network = read_network(backbone.folder, backbone.card.network)
    body = cut_network(network, [find_features(network, backbone.card.output_index).name])
    how, workers = backbone.spec.preprocessing, count_workers()
    with TemporaryDirectory() as scratch:
        layout = write_network(body, Path(scratch))
        with Processes(workers, limit_process) as readers, Processes(workers, _open, Path(scratch), layout) as networks:
            jobs = enumerate(paths)
            waiting: deque[_Waiting] = deque()
            for done in range(len(paths)):
                for place, path in islice(jobs, _WINDOW - len(waiting)):
                    views = readers.run(read_views, path, how, variants, seed + place, timeout_s=TIMEOUT_S)
                    waiting.append(_Waiting(views))
                for ahead in islice(waiting, 2 * workers):
                    ahead.hand_on(networks, how)
                yield waiting.popleft().outcome()
                if progress is not None:
                    progress(done + 1, len(paths))


def read_views(path: Path, how: Preprocessing, variants: int, seed: int) -> Views:
    """The picture as the model will be given it, and variants of it. Runs in a process under limits."""
    try:
        image = open_picture(path)
    except PictureError as error:
        return _unread(str(error))
    rng = random.Random(seed)  # noqa: S311 it picks variants, and has to pick the same ones again
    varied = [vary_picture(image, how, rng) for _ in range(variants)]
    return Views(np.stack([crop_pixels(image, how), *varied]), hash_picture(image))


class _Waiting:
    """One picture on its way: in a reader process first, then in a network's."""

    def __init__(self, views: "Future[Views]") -> None:
        self._views = views
        self._read: Views | None = None
        self._features: Future[NDArray[np.float32]] | None = None

    def hand_on(self, networks: Processes, how: Preprocessing) -> None:
        """Give the crops to a network as soon as they are wanted."""
        if self._read is None:
            self._read = _outcome(self._views)
            if self._read.failure is None:
                self._features = networks.run(_describe, self._read.crops, how, timeout_s=BATCH_TIMEOUT_S)

    def outcome(self) -> Described:
        if self._read is None or self._features is None:
            return Described(_NO_FEATURES, _NO_BITS, self._read.failure if self._read else "never read")
        return Described(self._features.result(), self._read.bits)


def _outcome(future: "Future[Views]") -> Views:
    try:
        return future.result()
    except TimeoutError:
        return _unread(f"decoding took longer than {TIMEOUT_S} s")
    except ProcessExpired as error:
        return _unread(f"its decoder died (exit code {error.exitcode})")


def _unread(failure: str) -> Views:
    return Views(np.empty((0, 0, 0, 3), np.uint8), _NO_BITS, failure)


# What follows runs in a network's process.
_engines: list[PaddleEngine] = []


def _open(folder: Path, layout: Layout) -> None:
    _engines.append(PaddleEngine(folder, layout, Device()))


def _describe(crops: NDArray[np.uint8], how: Preprocessing) -> NDArray[np.float32]:
    """The features of each crop, float32 (n, width)."""
    (features,) = _engines[0].run(normalise(crops, how))
    return features.reshape(len(crops), -1)
