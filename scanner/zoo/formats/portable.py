"""A model's network as ONNX, made by paddle2onnx once, so that ONNX Runtime can run it where Paddle can't.

It is made in a process of its own, under limits, and kept only where it gives what Paddle gives.
"""

import importlib.metadata
import importlib.util
import os
from concurrent.futures import TimeoutError
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.zoo.cards import OutputKind, Tuning
from scanner.zoo.engines.base import EngineError
from scanner.zoo.engines.devices import Device
from scanner.zoo.engines.onnx import CPU, OnnxEngine, import_runtime
from scanner.zoo.engines.paddle import PaddleEngine, import_paddle
from scanner.zoo.formats.conversion import FILE_BYTES, limit_process
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.parameters import ParameterError
from scanner.zoo.formats.programs import ProgramError, read_network, write_network
from scanner.zoo.predictor import softmax
from scanner.zoo.preprocessing import Preprocessing, normalise
from scanner.zoo.probe import probe_pictures

TIMEOUT_S = 600
MEMORY_BYTES = 12 * 1024**3  # address space: Paddle, paddle2onnx and ONNX Runtime hold the largest network each
OPSET = 17  # what ONNX Runtime 1.13 and every later one reads
TOLERANCE = 1e-4  # of a probability; both engines round by about 1e-6
NEEDS = ("paddle2onnx", "onnx", "onnxruntime")


class PortableError(Exception):
    """A network that could not be turned into ONNX; the message is one sentence without a full stop."""


def lacks_extra() -> str | None:
    """Why no network can be converted here, in a sentence; None where all that it takes is installed."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    return f"{', '.join(missing)} is not installed: `pip install tuskline[onnx]` brings it" if missing else None


def write_portable(
    folder: Path, layout: Layout, tuning: Tuning, kind: OutputKind, output: int, how: Preprocessing, target: Path
) -> float:
    """Write the network as ONNX to `target`; by how much a probability differs from Paddle's at the most.

    kind and output: of the network's output that holds the classes. Raises PortableError, and nothing is left then.
    """
    if reason := lacks_extra():
        raise PortableError(reason)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Processes(1, start_portable) as process:
            given = (folder, layout, tuning, kind, output, how, target)
            moved = process.run(_write, *given, timeout_s=TIMEOUT_S).result()
    except (EngineError, ProgramError, ParameterError) as error:
        moved, reason = np.inf, str(error)
    except MemoryError:
        moved, reason = np.inf, "it asks for more memory than a conversion may take"
    except ProcessExpired as error:
        moved, reason = np.inf, f"the conversion crashed (exit code {error.exitcode})"
    except TimeoutError:
        moved, reason = np.inf, f"the conversion took longer than {TIMEOUT_S} s"
    except Exception as error:  # paddle2onnx and onnx raise whatever they like
        moved, reason = np.inf, f"paddle2onnx can't convert it ({first_line(error)})"
    else:
        reason = f"its ONNX network moves a probability by {moved:.1g} from Paddle's, and {TOLERANCE} is the most"
    if not moved <= TOLERANCE:
        target.unlink(missing_ok=True)
        raise PortableError(reason)
    return moved


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__


# What follows runs in the conversion's process.
def start_portable() -> None:
    """Limits, and silence: paddle2onnx writes to the terminal from C++."""
    limit_process(MEMORY_BYTES, FILE_BYTES)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


def _write(
    folder: Path, layout: Layout, tuning: Tuning, kind: OutputKind, output: int, how: Preprocessing, target: Path
) -> float:
    with TemporaryDirectory(dir=target.parent, prefix=".convert-") as work:
        export(folder, layout, Path(work, "raw.onnx"))
        fold(Path(work, "raw.onnx"), target)
    pictures = normalise(compared_pictures(how.crop), how)
    ours = OnnxEngine(target, Device())
    theirs = PaddleEngine(folder, layout, Device(), tuning=tuning)
    together = _differ(ours.run(pictures)[output], theirs.run(pictures)[output], kind)
    alone = _differ(ours.run(pictures[:1])[output], theirs.run(pictures[:1])[output], kind)
    return max(together, alone)


def export(folder: Path, layout: Layout, target: Path) -> None:
    """Layouts B and C are joined first: paddle2onnx reads one program and one file of parameters."""
    import_paddle()
    import paddle2onnx

    program, params = folder / layout.program, folder / layout.params if layout.params else None
    if layout.kind in ("B", "C"):
        joined = target.parent / "joined"
        ours = write_network(read_network(folder, layout), joined)
        program, params = joined / ours.program, joined / str(ours.params)
    # Its usual optimiser, Polygraphy, calls pip to install what it lacks, so it must never run: ONNX Runtime folds.
    paddle2onnx.export(str(program), str(params), str(target), OPSET, auto_upgrade_opset=False, optimize_tool="none")


def fold(raw: Path, target: Path) -> None:
    """Constants folded and batch norms joined to their convolutions, in plain ONNX."""
    import onnx

    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    runtime.InferenceSession(str(raw), options, providers=[CPU])
    model = onnx.load(target)
    plain = [one for one in model.opset_import if one.domain in ("", "ai.onnx")]  # it names all of its own, unused
    del model.opset_import[:]
    model.opset_import.extend(plain)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def compared_pictures(side: int) -> NDArray[np.uint8]:
    """The probe's four, and four blurred patterns in colour; uint8 (8, side, side, 3)."""
    rng = np.random.default_rng(1)
    patterns = [
        np.kron(rng.integers(0, 256, (-(-side // 16), -(-side // 16), 3)), np.ones((16, 16, 1))) for _ in range(4)
    ]
    cut = [pattern[:side, :side].astype(np.uint8) for pattern in patterns]
    return np.concatenate([probe_pictures(side), np.stack(cut)])


def _differ(ours: NDArray[np.float32], theirs: NDArray[np.float32], kind: OutputKind) -> float:
    """The largest difference of a probability."""
    if kind == "logits":
        ours, theirs = softmax(ours), softmax(theirs)
    return float(np.abs(ours - theirs).max())
