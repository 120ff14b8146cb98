"""Run a network that was just brought in, in a process of its own, and see what comes out."""

import logging
from concurrent.futures import TimeoutError
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.zoo.cards import OutputKind, Tuning
from scanner.zoo.engines.paddle import Device, EngineError, PaddleEngine
from scanner.zoo.layouts import Layout
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
Rows = NDArray[np.float32]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a network gave for the probe pictures: which output holds the classes, and of what kind it is.

    tuning: the most of Paddle's optimisation with which it gave that. steady: False where the last digits of its
    input decide what it gives, as with parameters that were never trained.
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
        for tuning in get_args(Tuning):
            try:
                probe = _probe_apart(process, folder, layout, labels, spec, tuning)
            except TuningError as error:
                faults.append(str(error))
                continue
            if faults:
                _log.warning("%s runs %s, slower than others, as it fails else: %s", spec.name, tuning, faults[0])
            if not probe.steady:
                _log.warning("%s gives other numbers for all but equal pictures: was it ever trained?", spec.name)
            return probe
    raise ModelError(faults[0])


def _probe_apart(
    process: Processes, folder: Path, layout: Layout, labels: Path, spec: ModelSpec, tuning: Tuning
) -> Probe:
    program = layout.program.name
    work = process.run(_probe, folder, layout, labels, spec.classes, spec.preprocessing, tuning, timeout_s=TIMEOUT_S)
    try:
        return work.result()
    except EngineError as error:
        raise TuningError(str(error)) from None
    except ProcessExpired as error:
        raise TuningError(f"Paddle crashed on {program} (exit code {error.exitcode})") from None
    except TimeoutError:
        raise TuningError(f"Paddle took longer than {TIMEOUT_S} s over {program}") from None


# What follows runs in the probe's process.
def _probe(folder: Path, layout: Layout, labels: Path, classes: int, how: Preprocessing, tuning: Tuning) -> Probe:
    pictures = normalise(probe_pictures(how.crop), how)
    pictures[0] = pictures[-1] * (1 + NUDGE)
    engine = PaddleEngine(folder, layout, Device(), tuning=tuning)
    outputs = engine.run(pictures)
    index = choose_output(outputs, classes, labels)
    rows, name = outputs[index], layout.program.name
    if not np.isfinite(rows).all():
        raise TuningError(f"{name} gives numbers that are not finite")
    if _differ(rows[:1], rows[-1:], UNSTEADY):
        return Probe(index, output_kind(rows), tuning, steady=False)
    if _differ(engine.run(pictures[-1:])[index], rows[-1:]):
        raise TuningError(f"{name} gives other numbers for a picture alone than for the same picture among others")
    del engine
    if tuning != "without optimisation" and _differ(_run_plainly(folder, layout, pictures[-1:], index), rows[-1:]):
        raise TuningError(f"{name} gives other numbers with Paddle's optimisation than without")
    return Probe(index, output_kind(rows), tuning)


def _run_plainly(folder: Path, layout: Layout, pictures: Rows, index: int) -> Rows | None:
    """The rows without any optimisation; None for a network that does not run without."""
    try:
        return PaddleEngine(folder, layout, Device(), tuning="without optimisation").run(pictures)[index]
    except EngineError:
        return None


def _differ(found: Rows | None, wanted: Rows, tolerance: float = TOLERANCE) -> bool:
    """Whether they are further apart than the tolerance, relative to their size."""
    if found is None:
        return False
    return bool(np.linalg.norm(found - wanted) > tolerance * np.linalg.norm(wanted))


def probe_pictures(side: int) -> NDArray[np.uint8]:
    """Four pictures that differ: black, white, a ramp and seeded noise; uint8 (4, side, side, 3)."""
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    shape = (side, side, 3)
    flat = [np.full(shape, level, dtype=np.uint8) for level in (0, 255)]
    return np.stack([*flat, np.broadcast_to(ramp[None, :, None], shape), noise])
