"""Networks in processes of their own: Paddle holds the interpreter lock for a batch, so nobody waits beside it."""

import logging
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.crops import CropTable
from scanner.processes import Processes, step_back
from scanner.records import Scores
from scanner.zoo.engines import Device, EngineError, missing_build, parse_device, usable_device
from scanner.zoo.predictor import ModelError, Predictor, load_predictor
from scanner.zoo.registry import InstalledModel

TIMEOUT_S = 300
CPU_BATCH, GPU_BATCH = 16, 128  # pictures; a processor gains nothing from more, a card does
GPU_PROCESSES = 2
PROCESS_BYTES = 3 * 1024**3  # memory to leave for each predictor process when choosing how many
MEMORY_MB = 2048  # of which its networks may take this much, unless told otherwise

_OUT_OF_MEMORY = re.compile(
    r"out of memory|outofmemory|resourceexhausted|failed to allocate|alloc.*fail", re.IGNORECASE
)

logger = logging.getLogger(__name__)


LoadModel = Callable[[InstalledModel, Device], Predictor]


@dataclass(frozen=True, slots=True)
class Said:
    """What a predictor process said of a batch. busy_s: what it took, on the clock."""

    scores: list[Scores]
    busy_s: float


class PredictPool(Processes):
    """Predictor processes: one thread each on a CPU; on a GPU two, so that one prepares while the other's batch runs.

    `device` is as parse_device reads it. memory_mb: for the networks of one process; the least recently used leaves.
    table: where the crops lie that `submit` is given by their places. load: how a process gets a model ready.
    `generation` counts the times that the processes were replaced: what was under way before is lost.
    Raises ValueError for any other device.
    """

    def __init__(
        self,
        models: tuple[InstalledModel, ...],
        device: str = "auto",
        memory_mb: int = MEMORY_MB,
        table: CropTable | None = None,
        load: LoadModel = load_predictor,
    ) -> None:
        wanted = parse_device(device)
        self._warning = missing_build(wanted)
        self._arguments = (models, memory_mb * 1024**2, table, load)
        self.generation = 0
        self._aim(Device() if self._warning else wanted)
        super().__init__(self.workers, _start_process, self._device, *self._arguments)

    def _aim(self, device: Device) -> None:
        self._device = device
        self.workers = GPU_PROCESSES if self.is_on_card else count_workers()
        self.batch_size = GPU_BATCH if self.is_on_card else CPU_BATCH

    @property
    def is_on_card(self) -> bool:
        return self._device.gpu is not None

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

    def ask(self, name: str, crops: "NDArray[np.uint8] | Sequence[int]") -> "Future[Said]":
        """As `submit`; crops may also be n places of the table."""
        return self.run(_answer, name, crops, timeout_s=TIMEOUT_S)

    def halve_batch(self) -> bool:
        """From now on batches of half the size; False where they are of one picture already."""
        if self.batch_size == 1:
            return False
        self.batch_size //= 2
        return True

    def leave_card(self) -> str:
        """Go on on the CPU; the name of the card that was left. What was under way is lost."""
        name = self._device.name
        self._aim(Device())
        self.generation += 1
        self.replace(self.workers, _start_process, self._device, *self._arguments)
        return name


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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a card had too little memory for the batch; both engines say so in words alone."""
    return isinstance(error, EngineError) and _OUT_OF_MEMORY.search(str(error)) is not None


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
_table: CropTable | None = None


def _start_process(
    wanted: Device, models: tuple[InstalledModel, ...], budget_bytes: int, table: CropTable | None, load: LoadModel
) -> None:
    global _wanted, _shelf, _table
    step_back()
    _models.update({model.name: model for model in models})
    _wanted, _table = wanted, table
    _shelf = Shelf(lambda model: load(model, usable_device(_wanted, model.engine)[0]), budget_bytes)


def _open_model(name: str) -> tuple[str, str | None]:
    device, warning = usable_device(_wanted, _models[name].engine)
    _shelf.take(_models[name])
    return device.name, warning


def _score(name: str, crops: NDArray[np.uint8]) -> list[Scores]:
    return _shelf.score(_models[name], crops)


def _answer(name: str, crops: "NDArray[np.uint8] | Sequence[int]") -> Said:
    began = time.perf_counter()
    scores = _score(name, crops if isinstance(crops, np.ndarray) else _read_table(name, crops))
    return Said(scores, time.perf_counter() - began)


def _read_table(name: str, places: Sequence[int]) -> NDArray[np.uint8]:
    if _table is None:
        raise ValueError("the crops lie in a table that this process was not given")
    return _table.batch(places, _models[name].spec.preprocessing)
