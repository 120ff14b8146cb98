"""Run a network that was just brought in, in a process of its own, and see what comes out."""

from concurrent.futures import TimeoutError
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.zoo.cards import OutputKind
from scanner.zoo.engines.paddle import Device, EngineError, PaddleEngine
from scanner.zoo.layouts import Layout
from scanner.zoo.predictor import ModelError, choose_output, output_kind
from scanner.zoo.preprocessing import Preprocessing, normalise

TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Probe:
    """What a network gave for the probe pictures: which output holds the classes, and of what kind it is."""

    output_index: int
    output_kind: OutputKind


def probe_network(folder: Path, layout: Layout, labels: Path, classes: int, how: Preprocessing) -> Probe:
    """Load and run the network once. Raises ModelError when it can't be, or when its width is not `classes`.

    A crafted file can crash Paddle's loader: only the probe's process dies.
    """
    with Processes(1) as process:
        try:
            return process.run(_probe, folder, layout, labels, classes, how, timeout_s=TIMEOUT_S).result()
        except ProcessExpired as error:
            raise ModelError(f"Paddle crashed on {layout.program.name} (exit code {error.exitcode})") from None
        except TimeoutError:
            raise ModelError(f"Paddle took longer than {TIMEOUT_S} s over {layout.program.name}") from None


def _probe(folder: Path, layout: Layout, labels: Path, classes: int, how: Preprocessing) -> Probe:
    try:
        outputs = PaddleEngine(folder, layout, Device()).run(normalise(probe_pictures(how.crop), how))
    except EngineError as error:
        raise ModelError(str(error)) from None
    index = choose_output(outputs, classes, labels)
    if not np.isfinite(outputs[index]).all():
        raise ModelError(f"{layout.program.name} gives numbers that are not finite")
    return Probe(index, output_kind(outputs[index]))


def probe_pictures(side: int) -> NDArray[np.uint8]:
    """Four pictures that differ: black, white, a ramp and seeded noise; uint8 (4, side, side, 3)."""
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    shape = (side, side, 3)
    flat = [np.full(shape, level, dtype=np.uint8) for level in (0, 255)]
    return np.stack([*flat, np.broadcast_to(ramp[None, :, None], shape), noise])
