"""Run a network that was just brought in, in a process of its own, and see what comes out."""

import logging
from concurrent.futures import TimeoutError
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.zoo.cards import OutputKind, Tuning
from scanner.zoo.engines import Device, EngineError
from scanner.zoo.engines.paddle import PaddleEngine
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.predictor import ModelError, choose_output, output_kind
from scanner.zoo.preprocessing import Preprocessing, normalise
from scanner.zoo.spec import ModelSpec

TIMEOUT_S = 300
# How far the numbers of one picture may move, relative to their size, with the batch or with the optimisation. Rounding
# moves them by 1e-6 to 1e-5 in trained networks; a fault moves them by whole numbers.
TOLERANCE = 1e-2
# By how much a picture is changed to see whether rounding decides: then there is nothing to compare.
NUDGE = 1e-6
UNSTEADY = 1e-3
PLAIN: Tuning = "without optimisation"
Rows = NDArray[np.float32]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a network gave for the probe pictures: which output holds the classes, and of what kind it is.

    tuning: the most of Paddle's optimisation with which it gave that. steady: False where the last digits of its
    input decide what it gives, also without optimisation, as with parameters that were never trained.
    """

    output_index: int
    output_kind: OutputKind
    tuning: Tuning = "full"
    steady: bool = True


class TuningError(Exception):
    """A network that fails under one tuning, and may do better under another."""


def probe_network(folder: Path, layout: Layout, labels: Path, spec: ModelSpec) -> Probe:
    """Load and run the network, with less of Paddle's optimisation where it fails with more, which is logged.

    Raises ModelError when it can't be run at all, or when its width is not spec.classes. A crafted file can crash
    Paddle's loader: only the probe's process dies.
    """
    faults: list[str] = []
    with Processes(1) as process:
        probing = _Probing(process, folder, layout, labels, spec)
        for tuning in get_args(Tuning):
            try:
                probe = probing.probe(tuning)
            except TuningError as error:
                faults.append(str(error))
                continue
            if faults:
                _log.warning("%s runs %s, slower than others, as it fails else: %s", spec.name, tuning, faults[0])
            if not probe.steady:
                _log.warning("%s gives other numbers for all but equal pictures: was it ever trained?", spec.name)
            return probe
    raise ModelError(faults[0])


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run gave: rows of all probe pictures, of which the first is all but equal to the last; the last alone.

    index: of the network's outputs, the one with the classes.
    """

    index: int
    rows: Rows
    alone: Rows

    @property
    def is_steady(self) -> bool:
        return not _differ(self.rows[:1], self.rows[-1:], UNSTEADY)


@dataclass
class _Probing:
    """The runs of one network, each of which may crash and take no other with it."""

    process: Processes
    folder: Path
    layout: Layout
    labels: Path
    spec: ModelSpec

    def probe(self, tuning: Tuning) -> Probe:
        """Raises TuningError where it fails under this tuning."""
        reading = self._read(tuning)
        plain = reading if tuning == PLAIN else self.plain
        if reading.is_steady or (plain is not None and plain.is_steady):
            self._check(reading, plain)
        return Probe(reading.index, output_kind(reading.rows), tuning, steady=reading.is_steady)

    def _check(self, reading: Reading, plain: Reading | None) -> None:
        name = self.layout.program.name
        if not reading.is_steady:
            raise TuningError(f"{name} gives other numbers for all but equal pictures, and none without optimisation")
        if _differ(reading.alone, reading.rows[-1:]):
            raise TuningError(f"{name} gives other numbers for a picture alone than for the same picture among others")
        if plain is not None and _differ(plain.alone, reading.alone):
            raise TuningError(f"{name} gives other numbers with Paddle's optimisation than without")

    @cached_property
    def plain(self) -> Reading | None:
        """What it gives without any optimisation; None where it does not run so, which speaks against no other."""
        try:
            return self._read(PLAIN)
        except (TuningError, ModelError) as error:
            _log.warning("%s was compared with no plain run, as that fails: %s", self.spec.name, error)
            return None

    def _read(self, tuning: Tuning) -> Reading:
        program, how = self.layout.program.name, self.spec.preprocessing
        given = (self.folder, self.layout, self.labels, self.spec.classes, how, tuning)
        work = self.process.run(_read, *given, timeout_s=TIMEOUT_S)
        try:
            return work.result()
        except EngineError as error:
            raise TuningError(str(error)) from None
        except ProcessExpired as error:
            raise TuningError(f"Paddle crashed on {program} (exit code {error.exitcode})") from None
        except TimeoutError:
            raise TuningError(f"Paddle took longer than {TIMEOUT_S} s over {program}") from None


def _read(folder: Path, layout: Layout, labels: Path, classes: int, how: Preprocessing, tuning: Tuning) -> Reading:
    """Runs in the probe's process."""
    pictures = normalise(probe_pictures(how.crop), how)
    pictures[0] = pictures[-1] * (1 + NUDGE)
    engine = PaddleEngine(folder, layout, Device(), tuning=tuning)
    outputs = engine.run(pictures)
    index = choose_output(outputs, classes, labels)
    if not np.isfinite(outputs[index]).all():
        raise TuningError(f"{layout.program.name} gives numbers that are not finite")
    return Reading(index, outputs[index], engine.run(pictures[-1:])[index])


def _differ(found: Rows, wanted: Rows, tolerance: float = TOLERANCE) -> bool:
    """Whether they are further apart than the tolerance, relative to their size."""
    return bool(np.linalg.norm(found - wanted) > tolerance * np.linalg.norm(wanted))


def probe_pictures(side: int) -> NDArray[np.uint8]:
    """Four pictures that differ: black, white, a ramp and seeded noise; uint8 (4, side, side, 3)."""
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    shape = (side, side, 3)
    flat = [np.full(shape, level, dtype=np.uint8) for level in (0, 255)]
    return np.stack([*flat, np.broadcast_to(ramp[None, :, None], shape), noise])
