"""Turn parameters without a program into the inference layout, so that one predictor runs every model.

The network is built once as a program of Paddle's legacy format and never run: its parameters go straight to disk.
"""

import logging
import os
import resource
from collections.abc import Mapping
from concurrent.futures import TimeoutError
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired

from scanner.processes import Processes
from scanner.zoo.engines.paddle import import_paddle
from scanner.zoo.formats.parameters import pack_record
from scanner.zoo.formats.programs import is_parameter
from scanner.zoo.formats.protocol import protocol
from scanner.zoo.formats.states import State, StateError, read_state
from scanner.zoo.formats.states.names import adopt_names
from scanner.zoo.networks import build_network, may_be_absent

TIMEOUT_S = 300
MEMORY_BYTES = 6 * 1024**3  # address space: the largest file (575 MB) needs 2.1 GB of it, Paddle included
FILE_BYTES = 2 * 1024**3
NAMED = 3  # how many parameters a refusal names
_log = logging.getLogger(__name__)


class ConversionError(Exception):
    """Parameters that could not be turned into a network; the message is one sentence."""


def convert_state(kind: str, path: Path, network: str, classes: int, side: int, target: Path) -> None:
    """Write target/model.pdmodel and target/model.pdiparams: the network with the parameters of `path`.

    kind: the letter of `path`'s layout, D, F or G. side: of the pictures, in pixels. Raises ConversionError.
    It happens in a process of its own, under limits: nobody vouches for what is read.
    """
    target.mkdir(parents=True, exist_ok=True)
    with Processes(1, start_conversion) as process:
        work = process.run(_convert, kind, path, network, classes, side, target, timeout_s=TIMEOUT_S)
        try:
            for note in work.result():
                _log.warning("%s: %s", path.name, note)
        except StateError as error:
            raise ConversionError(f"{path.name} {error}") from None
        except MemoryError:
            raise ConversionError(f"{path.name} asks for more memory than reading parameters may take") from None
        except ProcessExpired as error:
            raise ConversionError(f"{path.name} made its reader crash (exit code {error.exitcode})") from None
        except TimeoutError:
            raise ConversionError(f"{path.name} took longer than {TIMEOUT_S} s to read") from None


# What follows runs in the conversion's process.
def start_conversion() -> None:
    """Limits, and Paddle told to write its legacy programs before anything imports it, which is when it listens."""
    limit_process(MEMORY_BYTES, FILE_BYTES)
    os.environ["FLAGS_enable_pir_api"] = "0"  # noqa: SIM112 the name is Paddle's


def limit_process(memory_bytes: int, file_bytes: int) -> None:
    """Bounds for a process that turns a network into another form; memory is address space."""
    for kind, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _convert(kind: str, path: Path, network: str, classes: int, side: int, target: Path) -> list[str]:
    """Raises StateError. What a user should know, in sentences."""
    import_paddle()  # before a family of networks does, with its chatter
    state = adopt_names(network, kind, read_state(kind, path))
    program, names = trace_network(network, classes, side)
    shapes = {key: shape for key, (_, shape) in names.items()}
    check_fit(network, state, shapes)
    notes = _describe_casts(state)
    _write_network(program, {names[key][0]: state[key] for key in names if key in state}, target)
    return notes


def trace_network(network: str, classes: int, side: int) -> tuple[Any, dict[str, tuple[str, tuple[int, ...]]]]:
    """The network's first output as a ProgramDesc, and by state-dict key each parameter's variable and shape."""
    paddle = import_paddle()
    paddle.enable_static()
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start), paddle.utils.unique_name.guard():
        pictures = paddle.static.data("x", [None, 3, side, side], "float32")
        layer = build_network(network, classes)
        outputs = layer(pictures)
        scores = outputs[0] if isinstance(outputs, list | tuple) else outputs
    written = paddle.static.serialize_program([pictures], [scores], program=main)
    names = {key: (value.name, tuple(value.shape)) for key, value in layer.state_dict().items()}
    return _without_places(protocol().ProgramDesc.FromString(written)), names


def _without_places(program: Any) -> Any:
    """Without the lines of Python that made each operator: paths of this machine, and other bytes on every other."""
    for block in program.blocks:
        for op in block.ops:
            kept = [attr for attr in op.attrs if attr.name != "op_callstack"]
            del op.attrs[:]
            op.attrs.extend(kept)
    return program


def check_fit(network: str, state: State, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises StateError unless the names and shapes are the network's, and the numbers finite."""
    missing = [key for key in shapes if key not in state and not may_be_absent(network, key)]
    extra = [key for key in state if key not in shapes]
    other = [
        f"{key} ({_by(state[key].shape)} instead of {_by(shape)})"
        for key, shape in shapes.items()
        if key in state and state[key].shape != shape
    ]
    faults = [("missing", missing), ("unknown", extra), ("of another shape", other)]
    if texts := [_count(what, keys) for what, keys in faults if keys]:
        raise StateError(f"does not fit {network}: {'; '.join(texts)}")
    if strange := [key for key, array in state.items() if array.dtype.kind != "f"]:
        raise StateError(f"holds whole numbers where {network} has fractions: {_some(strange)}")
    if endless := [key for key, array in state.items() if not np.isfinite(array).all()]:
        raise StateError(f"holds numbers that are not finite: {_some(endless)}")


def _count(what: str, keys: list[str]) -> str:
    return f"{len(keys)} {what}: {_some(keys)}"


def _some(keys: list[str]) -> str:
    more = ", ..." if len(keys) > NAMED else ""
    return ", ".join(key[:100] if key.isprintable() else ascii(key[:100]) for key in keys[:NAMED]) + more


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _describe_casts(state: State) -> list[str]:
    kinds = sorted({array.dtype.name for array in state.values()} - {"float32"})
    return [f"its {' and '.join(kinds)} parameters were turned into float32"] if kinds else []


def _write_network(program: Any, arrays: Mapping[str, NDArray[Any]], target: Path) -> None:
    (target / "model.pdmodel").write_bytes(program.SerializeToString(deterministic=True))
    wanted = [var.name for var in program.blocks[0].vars if is_parameter(var)]
    with (target / "model.pdiparams").open("wb") as file:
        for name in sorted(wanted, key=str.encode):  # the order in which Paddle reads them
            file.write(pack_record(arrays[name]))
