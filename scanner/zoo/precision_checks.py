"""Make a model's lower precisions and compare each with fp32 on real pictures; its card keeps what came of it."""

import hashlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.decoding import DecodePool, outcome
from scanner.predicting import count_workers
from scanner.processes import Processes
from scanner.zoo.cards import write_card
from scanner.zoo.concepts import name_scores
from scanner.zoo.converting import FOLDER, again, convert, put, record_file
from scanner.zoo.engines import Device, usable_device
from scanner.zoo.formats.conversion import FILE_BYTES, limit_process
from scanner.zoo.formats.portable import MEMORY_BYTES, first_line
from scanner.zoo.machine import processor_name
from scanner.zoo.options import Echo, say_nothing
from scanner.zoo.precisions import (
    FEWEST_PICTURES,
    EngineName,
    Precision,
    PrecisionCheck,
    in_any_order,
    lacks_precision,
    p99_of,
)
from scanner.zoo.predictor import ModelError, Predictor, load_predictor
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.quantising import write_half, write_int8
from scanner.zoo.registry import InstalledModel
from scanner.zoo.running import LOWER, can_run, kind_of
from scanner.zoo.staging import open_staging
from scanner.zoo.wishes import ENGINES

MOST_PICTURES = 2000  # more take longer and turn no verdict: at 2,000, one picture is a twentieth of a point
TIMEOUT_S = 3600
BATCH, CARD_BATCH = 16, 64  # as a scan makes them on a CPU, and on a card
ROUNDS, ROUND_BATCHES = 3, 4
WINDOW = 48  # pictures on their way through the decoders
Crops = NDArray[np.uint8]
Rows = NDArray[np.float32]
Progress = Callable[[int, int], None]
Result = TypeVar("Result")


class PrecisionError(Exception):
    """Why no precision was checked, in one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one precision: its check, or in one sentence why there is none."""

    precision: Precision
    check: PrecisionCheck | None = None
    why_not: str = ""


def check_precisions(
    model: InstalledModel,
    pictures: Sequence[Path],
    device: Device,
    only: Iterable[Precision] = (),
    echo: Echo = say_nothing,
    progress: Progress | None = None,
) -> tuple[Outcome, ...]:
    """Check each lower precision that this machine can run, or those of `only`, and write the checks on the card.

    int8 learns from half of the pictures and is checked on the others. Raises PrecisionError where the pictures are
    too few, and ModelError where the model can't be run in fp32.
    """
    wanted = tuple(dict.fromkeys(only)) or tuple(one for one in LOWER if not lacks_precision(one, kind_of(device)))
    if not wanted:
        raise PrecisionError("this machine can run no precision below fp32 faster: nothing was checked")
    check_count(len(pictures), wanted)
    with TemporaryDirectory(prefix="tuskline-precision-") as work:
        crops, failed = read_crops(model, in_any_order(pictures)[:MOST_PICTURES], progress)
        if failed:
            echo(f"{failed} pictures can't be read or are there twice: left out")
        check_count(len(crops), wanted)
        path = Path(work, "crops.npy")
        np.save(path, crops)
        return tuple(_check_one(model, precision, Sample(path, len(crops)), device, echo) for precision in wanted)


def check_count(count: int, wanted: Sequence[Precision]) -> None:
    """Raises PrecisionError where a precision would be checked on fewer than FEWEST_PICTURES."""
    least = 2 * FEWEST_PICTURES if "int8" in wanted else FEWEST_PICTURES
    if count < least:
        halves = ", half of them to calibrate int8 with" if "int8" in wanted else ""
        advice = f", or leave int8 out with --only {','.join(one for one in LOWER if one != 'int8')}"
        raise PrecisionError(
            f"{count:,} pictures are too few to tell: give {least:,} at least{halves}"
            + (advice if halves and count >= FEWEST_PICTURES else "")
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """Crops in a file, uint8 (count, side, side, 3), in an order that says nothing of where they came from."""

    path: Path
    count: int

    @property
    def calibrating(self) -> slice:
        return slice(0, self.count // 2)

    def held_out(self, precision: Precision) -> slice:
        return slice(self.count // 2 if precision == "int8" else 0, self.count)

    def read(self, part: slice) -> Crops:
        crops: Crops = np.load(self.path, mmap_mode="r")[part]
        return crops


def read_crops(model: InstalledModel, pictures: Sequence[Path], progress: Progress | None = None) -> tuple[Crops, int]:
    """The crops of pictures that can be read, each of the same pixels once, and how many were left out.

    They come in the order of their pixels' digests: the halves are the same in every run, and no folder has one alone.
    """
    found: dict[str, Crops] = {}
    how = model.spec.preprocessing
    with DecodePool(count_workers(), (how,)) as decoders:
        for start in range(0, len(pictures), WINDOW):
            for future in [decoders.submit(path) for path in pictures[start : start + WINDOW]]:
                decoded = outcome(future)
                if decoded.failure is None and decoded.pixel_hash is not None:
                    found[decoded.pixel_hash] = decoded.crop(how)
            if progress is not None:
                progress(min(start + WINDOW, len(pictures)), len(pictures))
    order = sorted(found, key=lambda digest: hashlib.sha256(digest.encode()).digest())
    side = how.crop
    crops = np.stack([found[digest] for digest in order]) if found else np.empty((0, side, side, 3), np.uint8)
    return crops, len(pictures) - len(found)


def _check_one(model: InstalledModel, precision: Precision, sample: Sample, device: Device, echo: Echo) -> Outcome:
    if reason := lacks_precision(precision, kind_of(device)):
        return Outcome(precision, why_not=reason)
    model = again(model)
    try:
        if needs_onnx(model, precision, device):
            echo(f"{model.name}: making it in {precision}")
            model = make_onnx(model, precision, sample, echo)
        engine = engine_of(model, precision, device)
        echo(f"{model.name}: comparing {precision} with fp32 on {engine}")
        check = compare(model, engine, precision, sample, device)
    except ModelError as error:
        return Outcome(precision, why_not=str(error))
    keep_check(model, check, echo)
    return Outcome(precision, check)


def needs_onnx(model: InstalledModel, precision: Precision, device: Device) -> bool:
    """Whether no engine makes the precision by itself here."""
    return not can_run(model, "paddle", precision, on_card=device.gpu is not None)


def engine_of(model: InstalledModel, precision: Precision, device: Device) -> EngineName:
    """Raises ModelError where none can run it here."""
    for engine in ENGINES:
        if can_run(model, engine, precision, on_card=device.gpu is not None):
            return engine
    raise ModelError(f"{model.name} can't run in {precision} here: no engine is installed that could ({device.name})")


def make_onnx(model: InstalledModel, precision: Precision, sample: Sample, echo: Echo) -> InstalledModel:
    """The model with its network as ONNX in that precision, made anew. Raises ModelError."""
    if precision == "bf16":
        raise ModelError(f"{model.name} can't run in bf16 here: PaddlePaddle makes it, with oneDNN")
    if "fp32" not in model.card.onnx:
        model = convert(model, echo)
    with open_staging(model.folder.parent, model.name, echo) as staging:
        model = again(model)  # another may have written its card while we waited
        source = model.folder / model.card.onnx["fp32"].path
        path = Path(FOLDER, f"{precision}.onnx")
        (staging.staged / FOLDER).mkdir()
        with (
            _translated(model, f"making {precision}"),
            Processes(1, limit_process, MEMORY_BYTES, FILE_BYTES) as process,
        ):
            given = (precision, source, staging.staged / path, sample, model.spec.preprocessing)
            process.run(_make, *given, timeout_s=TIMEOUT_S).result()
        record = record_file(staging.staged, path)
        put(model, staging.staged / path, replace(model.card, onnx={**model.card.onnx, precision: record}))
    return again(model)


def keep_check(model: InstalledModel, check: PrecisionCheck, echo: Echo) -> None:
    """Onto the card, in the place of older checks of the same way."""
    way = (check.engine, check.precision, check.on)
    with open_staging(model.folder.parent, model.name, echo):
        card = again(model).card
        others = [one for one in card.checks if (one.engine, one.precision, one.on) != way]
        write_card(model.folder, replace(card, checks=[*others, check]))


# Comparing ----------------------------------------------------------------------------------------------------------


def compare(
    model: InstalledModel, engine: EngineName, precision: Precision, sample: Sample, device: Device
) -> PrecisionCheck:
    """Both on the same pictures, then in turns against the clock. Raises ModelError."""
    lower = replace(model, engine=engine, precision=precision)
    plain = replace(model, engine=engine_of(model, "fp32", device))
    part = sample.held_out(precision)
    with _opened(plain, device) as first, _opened(lower, device) as second:
        before, after = (_ask(one, _score, sample, part) for one in (first, second))
        speed = time_ratio(partial(_ask, first, _time, sample, part), partial(_ask, second, _time, sample, part))
    if np.array_equal(before, after):
        raise ModelError(
            f"{model.name} gives in {precision} the very numbers of fp32: {engine} makes no {precision} of this network"
        )
    kept, moves = measure_moves(model, before, after)
    return PrecisionCheck(
        engine=engine,
        precision=precision,
        on=kind_of(device),
        pictures=len(before),
        kept=round(kept, 5),
        moved_p99=round(p99_of(moves), 5),
        moved_most=round(max(moves), 5),
        speed=round(speed, 3),
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=processor_name() if device.gpu is None else f"{device.name} beside {processor_name()}",
        network=model.card.onnx[precision].sha256 if engine == "onnx" else "",
    )


def measure_moves(model: InstalledModel, before: Rows, after: Rows) -> tuple[float, list[float]]:
    """The share of pictures whose top label stayed, and by picture how far the concept or look-alike moved that moved
    most."""
    labels = model.labels()
    first, second = (name_scores(model.spec, "", labels, rows) for rows in (before, after))
    said = [
        ({**one.by_concept, **one.counters}, {**two.by_concept, **two.counters})
        for one, two in zip(first, second, strict=True)
    ]
    moves = [max((abs(one[name] - two[name]) for name in one), default=0.0) for one, two in said]
    return float((before.argmax(axis=1) == after.argmax(axis=1)).mean()), moves


def time_ratio(plain: Callable[[], float], lower: Callable[[], float]) -> float:
    """Pictures a second of the second over those of the first: the median of rounds taken in turns."""
    return statistics.median(plain() / lower() for _ in range(ROUNDS))


@contextmanager
def _opened(model: InstalledModel, device: Device) -> Iterator[Processes]:
    """A process that holds the model ready: Paddle holds the interpreter lock, and ONNX Runtime is not to share it."""
    with _translated(model, f"running in {model.precision}"), Processes(1) as process:
        process.run(_open, model, device, timeout_s=TIMEOUT_S).result()
        yield process


def _ask(process: Processes, work: Callable[[Sample, slice], Result], sample: Sample, part: slice) -> Result:
    return process.run(work, sample, part, timeout_s=TIMEOUT_S).result()


@contextmanager
def _translated(model: InstalledModel, what: str) -> Iterator[None]:
    try:
        yield
    except ModelError:
        raise
    except ProcessExpired as error:
        raise ModelError(f"{model.name}: {what} crashed (exit code {error.exitcode})") from None
    except TimeoutError:
        raise ModelError(f"{model.name}: {what} took longer than {TIMEOUT_S} s") from None
    except Exception as error:  # of onnx and its quantiser, which raise whatever they like
        raise ModelError(f"{model.name}: {what} failed ({first_line(error)})") from error


# What follows runs in processes of their own.
_predictors: list[tuple[Predictor, int]] = []  # with the size of its batches


def _open(model: InstalledModel, device: Device) -> None:
    used, warning = usable_device(device, model.engine)
    if warning is not None:
        raise ModelError(warning)
    _predictors.append((load_predictor(model, used), BATCH if used.gpu is None else CARD_BATCH))


def _score(sample: Sample, part: slice) -> Rows:
    crops, (predictor, size) = sample.read(part), _predictors[0]
    return np.concatenate([predictor.predict(crops[n : n + size]) for n in range(0, len(crops), size)])


def _time(sample: Sample, part: slice) -> float:
    """Seconds for a few batches."""
    predictor, size = _predictors[0]
    crops = sample.read(part)[: size * ROUND_BATCHES]
    started = time.perf_counter()
    for start in range(0, len(crops), size):
        predictor.predict(crops[start : start + size])
    return time.perf_counter() - started


def _make(precision: Precision, source: Path, target: Path, sample: Sample, how: Preprocessing) -> None:
    if precision == "fp16":
        write_half(source, target)
    else:
        write_int8(source, target, sample.read(sample.calibrating), how)
