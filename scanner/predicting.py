"""Networks in processes of their own: Paddle holds the interpreter lock for a batch, so nobody waits beside it."""

import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.records import Scores
from scanner.zoo.engines import Device, missing_build, parse_device, usable_device
from scanner.zoo.predictor import ModelError, Predictor, load_predictor
from scanner.zoo.registry import InstalledModel

TIMEOUT_S = 300
PROCESS_BYTES = 3 * 1024**3  # memory to leave for each predictor process when choosing how many
MEMORY_MB = 2048  # of which its networks may take this much, unless told otherwise

logger = logging.getLogger(__name__)


class PredictPool(Processes):
    """Predictor processes: one thread each on a CPU, one process on a GPU. A context manager.

    `device` is as parse_device reads it. memory_mb: for the networks of one process; the least recently used leaves.
    Raises ValueError for any other device.
    """

    def __init__(self, models: tuple[InstalledModel, ...], device: str = "auto", memory_mb: int = MEMORY_MB) -> None:
        wanted = parse_device(device)
        self._warning = missing_build(wanted)
        wanted = Device() if self._warning else wanted
        self.workers = 1 if wanted.gpu is not None else count_workers()
        self.batch_size = 64 if wanted.gpu is not None else 16
        super().__init__(self.workers, _start_process, models, wanted, memory_mb * 1024**2)

    def open(self, name: str) -> tuple[str, str | None]:
        """Load the model once; the device in use and a warning where it is not the one asked for.

        Raises ModelError when its files have changed, or the network can't be loaded, whatever it does meanwhile.
        """
        future = self.run(_open_model, name, timeout_s=TIMEOUT_S)
        if (error := future.exception()) is not None:
            raise error if isinstance(error, ModelError) else ModelError(f"{name}: {failure_of(error)}") from error
        device, warning = future.result()
        return device, self._warning or warning

    def submit(self, name: str, crops: NDArray[np.uint8]) -> "Future[list[Scores]]":
        """Score `crops`, uint8 (n, side, side, 3), with the named model."""
        return self.run(_score, name, crops, timeout_s=TIMEOUT_S)


def count_workers() -> int:
    """As many as there are cores to use, and memory for each."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(len(os.sched_getaffinity(0)), memory // PROCESS_BYTES))


def failure_of(error: BaseException) -> str:
    """One sentence for pictures whose batch failed."""
    if isinstance(error, ProcessExpired):
        return f"the predictor process died (exit code {error.exitcode})"
    if isinstance(error, TimeoutError):
        return f"the batch took longer than {TIMEOUT_S} s"
    return f"not scored: {error}"


# What follows runs in the predictor process.
class Shelf:
    """The networks that are loaded, the one used last at the end; over the budget the one used least recently leaves.

    load: what makes a predictor of a model. budget_bytes: for all of them together; the one in use always stays.
    """

    def __init__(self, load: Callable[[InstalledModel], Predictor], budget_bytes: int) -> None:
        self._load = load
        self._budget_bytes = budget_bytes
        self._loaded: OrderedDict[str, Predictor] = OrderedDict()
        # Kept when a network leaves: freed memory stays with the process, so a second measurement would be far too low.
        self._bytes: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._loaded)

    def take(self, model: InstalledModel) -> Predictor:
        """The model's predictor, loaded where it is not. Raises ModelError."""
        if model.name not in self._loaded:
            before = resident_bytes()
            self._loaded[model.name] = self._load(model)
            self._note(model.name, resident_bytes() - before, model.card.size_bytes)
        self._loaded.move_to_end(model.name)
        return self._loaded[model.name]

    def score(self, model: InstalledModel, crops: NDArray[np.uint8]) -> list[Scores]:
        predictor, before = self.take(model), resident_bytes()
        said = predictor.score(crops)
        self._note(model.name, resident_bytes() - before)  # a network takes its buffers when it first runs
        return said

    @property
    def used_bytes(self) -> int:
        """What the loaded networks took when each was first loaded and run."""
        return sum(self._bytes[name] for name in self._loaded)

    def _note(self, name: str, more_bytes: int, least_bytes: int = 0) -> None:
        self._bytes[name] = max(self._bytes.get(name, 0) + max(0, more_bytes), least_bytes)
        while self.used_bytes > self._budget_bytes and len(self._loaded) > 1:
            oldest = next(other for other in self._loaded if other != name)
            del self._loaded[oldest]
            logger.info("%s left memory to make room for %s", oldest, name)


def resident_bytes() -> int:
    """Memory of this process that is in RAM (Linux: the second field of /proc/self/statm, in pages)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


_models: dict[str, InstalledModel] = {}
_wanted = Device()
_shelf: Shelf


def _start_process(models: tuple[InstalledModel, ...], wanted: Device, budget_bytes: int) -> None:
    global _wanted, _shelf
    _models.update({model.name: model for model in models})
    _wanted = wanted
    _shelf = Shelf(_load, budget_bytes)


def _open_model(name: str) -> tuple[str, str | None]:
    device, warning = usable_device(_wanted, _models[name].engine)
    _shelf.take(_models[name])
    return device.name, warning


def _load(model: InstalledModel) -> Predictor:
    return load_predictor(model, usable_device(_wanted, model.engine)[0])


def _score(name: str, crops: NDArray[np.uint8]) -> list[Scores]:
    return _shelf.score(_models[name], crops)
