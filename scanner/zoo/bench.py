"""Pictures a second of installed models, by batch size, device and precision, through the very pools that scan."""

import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Column, Table

from scanner.predicting import PredictPool
from scanner.zoo.engines import parse_device
from scanner.zoo.machine import processor_name
from scanner.zoo.precisions import EngineName, Precision
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import InstalledModel
from scanner.zoo.running import settle
from scanner.zoo.wishes import Wishes

FORMAT = 1
BATCH_SIZES = (1, 4, 16, 32)
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """One model at one setting.

    device: the one used. workers: predictor processes, all of them busy. pictures_per_second: the median of the rounds,
    all workers together; slowest and fastest: rounds. load_s: from nothing to a model that is ready to score.
    """

    model: str
    device: str
    engine: EngineName
    precision: Precision
    batch_size: int
    workers: int
    pictures: int
    pictures_per_second: float
    slowest: float
    fastest: float
    load_s: float

    def to_json(self) -> dict[str, Any]:
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Benchmark:
    """speeds, in the order in which they were taken. warnings: settings that were not to be had, and why."""

    speeds: tuple[Speed, ...]
    warnings: tuple[str, ...]
    machine: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """JSON values only; `format` counts up when a field changes its meaning or goes."""
        speeds = [speed.to_json() for speed in self.speeds]
        return {"format": FORMAT, "machine": self.machine, "speeds": speeds, "warnings": list(self.warnings)}


def measure_speeds(
    models: Sequence[InstalledModel],
    devices: Sequence[str] = ("auto",),
    batch_sizes: Sequence[int] = BATCH_SIZES,
    seconds: float = 2.0,
    progress: Callable[[Speed], None] | None = None,
    wishes: Wishes | None = None,
) -> Benchmark:
    """Time every model at every setting, `seconds` a round, three rounds, one setting after the other.

    devices: as parse_device reads them (`cpu`, `gpu:0`, `gpu:0,fp32`, `gpu:0,tensorrt`, `auto`). wishes: the engine and
    precision, else those in which a scan would run there. A device that is not to be had is a warning, and is not
    timed as another.
    Raises ValueError for a device, a batch size or a time that is none.
    """
    if any(size < 1 for size in batch_sizes) or seconds <= 0:
        raise ValueError("batch sizes and seconds must be above 0")
    machine = describe_machine()
    for device in devices:
        parse_device(device)  # all are looked at before the first is timed
    speeds: list[Speed] = []
    warnings: list[str] = []
    for model in models:
        for device in dict.fromkeys(devices):
            settled = settle(model, parse_device(device), wishes or Wishes())
            warnings += [settled.warning] if settled.warning else []
            for speed in _time_device(settled.model, device, batch_sizes, seconds, warnings):
                speeds.append(speed)
                if progress is not None:
                    progress(speed)
    return Benchmark(tuple(speeds), tuple(dict.fromkeys(warnings)), machine)


def _time_device(
    model: InstalledModel, device: str, batch_sizes: Sequence[int], seconds: float, warnings: list[str]
) -> Iterator[Speed]:
    """A speed by batch size; a model that can't be loaded, or another device than the one asked for, is a warning."""
    with PredictPool((model,), device) as pool:
        started = time.perf_counter()
        try:
            used, warning = pool.open(model.name)
        except ModelError as error:
            warnings.append(str(error))
            return
        load_s = time.perf_counter() - started
        if warning:
            warnings.append(f"{warning}; {device} was not timed")
            return
        _run_round(pool, model, 1, max(seconds, 1.5 * load_s))  # one process was opened: let the others load, too
        for size in batch_sizes:
            _run_round(pool, model, size, seconds / 2)  # oneDNN makes a plan for every batch size
            rounds = [_run_round(pool, model, size, seconds) for _ in range(ROUNDS)]
            rates = [pictures / elapsed for pictures, elapsed in rounds]
            yield Speed(
                model=model.name,
                device=used,
                engine=model.engine,
                precision=model.precision,
                batch_size=size,
                workers=pool.workers,
                pictures=sum(pictures for pictures, _ in rounds),
                pictures_per_second=statistics.median(rates),
                slowest=min(rates),
                fastest=max(rates),
                load_s=load_s,
            )


def _run_round(pool: PredictPool, model: InstalledModel, size: int, seconds: float) -> tuple[int, float]:
    """Pictures scored, and the seconds that it took, with two batches a worker under way until time is up."""
    crops = make_crops(model, size)
    window: deque[Future[Any]] = deque()
    scored = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or not scored:
        while len(window) < 2 * pool.workers:
            window.append(pool.submit(model.name, crops))
        scored += len(window.popleft().result())
    scored += sum(len(future.result()) for future in window)
    return scored, time.perf_counter() - started


def make_crops(model: InstalledModel, count: int) -> NDArray[np.uint8]:
    """Seeded noise, uint8 (count, side, side, 3) of the model's size: a network takes as long for it as for ivory."""
    side = model.spec.preprocessing.crop
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def describe_machine() -> dict[str, Any]:
    """What the speeds depend on besides the model, the load of others included."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "paddle": _version("paddlepaddle", "paddlepaddle-gpu"),
        "onnxruntime": _version("onnxruntime", "onnxruntime-gpu"),
    }


def _version(*names: str) -> str | None:
    for name in names:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return None


def tabulate_speeds(benchmark: Benchmark) -> Table:
    """For rich.console.Console.print."""
    machine = benchmark.machine
    names = ("batch", "device", "engine", "precision", "processes", "pictures a second", "slowest to fastest", "load")
    builds = ", ".join(filter(None, (machine["paddle"], machine["onnxruntime"])))
    caption = f"{machine['processor']}, {machine['cores']} cores, {builds}, load {machine['load_before']}"
    table = Table("model", *(Column(name, justify="right") for name in names), title="Speed", caption=caption)
    for speed in benchmark.speeds:
        table.add_row(
            speed.model,
            str(speed.batch_size),
            speed.device,
            speed.engine,
            speed.precision,
            str(speed.workers),
            f"{speed.pictures_per_second:.1f}",
            f"{speed.slowest:.1f} to {speed.fastest:.1f}",
            f"{speed.load_s:.1f} s",
        )
    return table
