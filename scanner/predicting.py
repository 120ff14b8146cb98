"""Networks in processes of their own: Paddle holds the interpreter lock for a batch, so nobody waits beside it."""

import importlib.metadata
import os
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.records import Scores
from scanner.zoo.engines.paddle import Device, EngineError, PaddleEngine, usable_device
from scanner.zoo.predictor import ModelError, Predictor
from scanner.zoo.registry import InstalledModel

TIMEOUT_S = 300
PROCESS_BYTES = 3 * 1024**3  # memory to leave for each predictor process when choosing how many


class PredictPool(Processes):
    """Predictor processes: one thread each on a CPU, one process on a GPU. A context manager.

    `device` is as parse_device reads it. Raises ValueError for any other.
    """

    def __init__(self, models: tuple[InstalledModel, ...], device: str = "auto") -> None:
        wanted = parse_device(device)
        self._warning = None if wanted.gpu is None else missing_build(wanted)
        wanted = Device() if self._warning else wanted
        self.workers = 1 if wanted.gpu is not None else count_workers()
        self.batch_size = 64 if wanted.gpu is not None else 16
        super().__init__(self.workers, _start_process, models, wanted)

    def open(self, name: str) -> tuple[str, str | None]:
        """Load the model once; the device in use and a warning where it is not the one asked for.

        Raises ModelError when its files have changed or the network can't be loaded.
        """
        device, warning = self.run(_open_model, name, timeout_s=TIMEOUT_S).result()
        return device, self._warning or warning

    def submit(self, name: str, crops: NDArray[np.uint8]) -> "Future[list[Scores]]":
        """Score `crops`, uint8 (n, side, side, 3), with the named model."""
        return self.run(_score, name, crops, timeout_s=TIMEOUT_S)


def parse_device(device: str) -> Device:
    """`cpu`, `gpu:N`, or `auto`: the first NVIDIA card where its driver shows one, else the CPU.

    After a card's number, `,fp32` asks for full precision and `,tensorrt` for TensorRT. Raises ValueError.
    """
    if device == "auto":
        first = Device(0)
        return first if Path("/dev/nvidia0").exists() and not missing_build(first) else Device()
    if device == "cpu":
        return Device()
    card, *options = device.split(",")
    kind, _, number = card.partition(":")
    if kind == "gpu" and number.isdecimal() and set(options) <= {"fp32", "tensorrt"}:
        return Device(int(number), half="fp32" not in options, tensorrt="tensorrt" in options)
    raise ValueError(f"device {device!r}: give cpu, gpu:N (gpu:0, or gpu:0,tensorrt, or gpu:0,fp32) or auto")


def missing_build(wanted: Device) -> str | None:
    """Why this installation can't use a card, known without importing Paddle, so that processes can be counted."""
    try:
        importlib.metadata.distribution("paddlepaddle")  # builds for a card are called paddlepaddle-gpu
    except importlib.metadata.PackageNotFoundError:
        return None
    return f"{wanted.name} was asked for, but this paddlepaddle is built for the CPU: the CPU is used"


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
_models: dict[str, InstalledModel] = {}
_predictors: dict[str, Predictor] = {}
_wanted = Device()


def _start_process(models: tuple[InstalledModel, ...], wanted: Device) -> None:
    global _wanted
    _models.update({model.name: model for model in models})
    _wanted = wanted


def _open_model(name: str) -> tuple[str, str | None]:
    device, warning = usable_device(_wanted)
    if name not in _predictors:
        _predictors[name] = _load(_models[name], device)
    return device.name, warning


def _load(model: InstalledModel, device: Device) -> Predictor:
    if faults := model.changed_files():
        raise ModelError(f"{model.name}: {'; '.join(faults)}; install it again with `tuskline models install`")
    try:
        return Predictor(model, PaddleEngine(model.folder, model.card.network, device))
    except EngineError as error:
        raise ModelError(f"{model.name}: {error}") from None


def _score(name: str, crops: NDArray[np.uint8]) -> list[Scores]:
    _open_model(name)
    return _predictors[name].score(crops)
