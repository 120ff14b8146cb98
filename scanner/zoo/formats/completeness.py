"""Whether a program's parameter files are whole: Paddle itself crashes on some that are cut off, and reads others."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.programs import is_parameter
from scanner.zoo.formats.protocol import element_bytes, protocol

PROGRAM_BYTES = 64 * 1024**2
HEAD = struct.Struct("<IQIi")  # version, no LoD levels, version, length of the description
_JSON_KINDS = {"0.t_bool": 0, "0.t_i32": 2, "0.t_i64": 3, "0.t_f16": 4, "0.t_f32": 5, "0.t_f64": 6, "0.t_bf16": 22}


class CompletenessError(Exception):
    """A program or parameters that are not whole; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as the program declares it; kind: a VarType.Type of framework.proto."""

    name: str
    kind: int
    shape: tuple[int, ...]

    @property
    def head(self) -> bytes:
        """What its record begins with, before the numbers."""
        message: bytes = protocol().VarType.TensorDesc(data_type=self.kind, dims=self.shape).SerializeToString()
        return HEAD.pack(0, 0, 0, len(message)) + message

    @property
    def size_bytes(self) -> int:
        return len(self.head) + prod(self.shape) * element_bytes(self.kind)


def check_parameters(folder: Path, layout: Layout) -> list[Parameter]:
    """The program's parameters, once each is found to lie whole in its file. Raises CompletenessError."""
    parameters = sorted(read_parameters(folder / layout.program, layout.kind), key=lambda one: one.name.encode())
    if layout.params is not None:
        _check_file(folder / layout.params, parameters, layout.program.name)
        return parameters
    for parameter in parameters:
        # Paddle would open whatever path the name makes.
        if Path(parameter.name).name != parameter.name:
            raise CompletenessError(f"{layout.program.name} names a parameter {parameter.name[:80]!a}: refused")
        _check_file(folder / layout.folder / parameter.name, [parameter], layout.program.name)
    return parameters


def read_parameters(program: Path, kind: str) -> list[Parameter]:
    """What the program of that layout declares. Raises CompletenessError for what is no program."""
    if program.stat().st_size > PROGRAM_BYTES:
        raise CompletenessError(f"{program.name} is far larger than any program: refused")
    try:
        found = list(_read_json(program) if kind == "E" else _read_proto(program))
        for one in found:
            one.name.encode(), one.head
    except Exception:  # protobuf's own errors, those of a JSON of another shape, and names and sizes that are none
        raise CompletenessError(f"{program.name} is no program of Paddle's, or not all of it") from None
    if any(min(parameter.shape, default=0) < 0 for parameter in found):
        raise CompletenessError(f"{program.name} declares parameters of no certain size: refused")
    return found


def _read_proto(program: Path) -> Iterator[Parameter]:
    for var in protocol().ProgramDesc.FromString(program.read_bytes()).blocks[0].vars:
        if is_parameter(var):
            tensor = var.type.dense_tensor.tensor
            yield Parameter(var.name, tensor.data_type, tuple(tensor.dims))


def _read_json(program: Path) -> Iterator[Parameter]:
    """Each parameter is an operator "p": its attributes end with its name, its output has a kind and a shape."""
    description: Any = json.loads(program.read_bytes())
    for op in description["program"]["regions"][0]["blocks"][0]["ops"]:
        if op["#"] == "p":
            kind, shape = op["O"]["TT"]["D"][:2]
            yield Parameter(str(op["A"][-1]), _JSON_KINDS[kind["#"]], tuple(map(int, shape)))


def _check_file(path: Path, parameters: list[Parameter], program: str) -> None:
    if not path.is_file():
        raise CompletenessError(f"{program} names the parameter file {path.name}, which is missing")
    size, wanted = path.stat().st_size, sum(parameter.size_bytes for parameter in parameters)
    if size < wanted:
        raise CompletenessError(f"{path.name} is cut off: {size:,} of {wanted:,} bytes")
    with path.open("rb") as file:
        if size > wanted or not all(_is_next(file, parameter) for parameter in parameters):
            raise CompletenessError(f"{path.name} does not hold the parameters that {program} names, or was altered")


def _is_next(file: IO[bytes], parameter: Parameter) -> bool:
    """Whether the record at the file's place is this parameter's; afterwards the place is behind it."""
    start, head = file.tell(), parameter.head
    found = file.read(len(head))
    file.seek(start + parameter.size_bytes)
    return found == head
