"""Read a network's legacy inference program, cut it at the features of its classifier, and join a new head there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.parameters import Records, join_records, pack_record, read_records
from scanner.zoo.formats.protocol import FEED, FETCH, FLOAT32, protocol

# Operators by what they are to a walk from the scores back to the classifier: its input is what we call the features.
_CLASSIFIERS = {"matmul_v2": ("X", "Y"), "matmul": ("X", "Y"), "mul": ("X", "Y"), "fc": ("Input", "W")}
_CONVOLUTION = ("Input", "Filter")
_PASSED = {"softmax", "log_softmax", "elementwise_add", "scale", "dropout", "assign"}
_RESHAPES = {"reshape", "reshape2", "flatten", "flatten2", "flatten_contiguous_range", "squeeze", "squeeze2"}
# The parameters of a head that was joined.
WEIGHT, BIAS = "head.w_0", "head.b_0"
# How framework.proto numbers the kinds of attributes that we write.
_INT = 0


class ProgramError(Exception):
    """A network that can't be cut or joined; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Network:
    """program: a ProgramDesc of framework.proto, never changed in place; records: its parameters by name."""

    program: Any
    records: Records

    @property
    def block(self) -> Any:
        return self.program.blocks[0]


@dataclass(frozen=True, slots=True)
class Features:
    """The variable that a classifier reads, and how many numbers of it there are a picture.

    It may be (n, width) or (n, channels, height, width) with channels * height * width = width numbers a picture.
    """

    name: str
    width: int


def read_network(folder: Path, layout: Layout) -> Network:
    """The network of layout A, B or C in `folder`. Raises ProgramError and ParameterError."""
    if layout.kind == "E":
        raise ProgramError(
            "this network is in the .json format of PaddlePaddle 3, which can't be cut: give one with .pdmodel"
        )
    try:
        program = protocol().ProgramDesc.FromString((folder / layout.program).read_bytes())
        program.SerializeToString()  # raises for one that has not all that it must
        _check_names(program)
    except Exception:  # protobuf's own errors, of which there are several
        raise ProgramError(f"{layout.program.name} is no inference program of Paddle's") from None
    if len(program.blocks) != 1:
        raise ProgramError(f"{layout.program.name} branches or loops, and can't be cut")
    names = [var.name for var in program.blocks[0].vars if is_parameter(var)]
    return Network(program, read_records(folder, layout, names))


def _check_names(program: Any) -> None:
    """Raises ValueError for names that are no text."""
    for block in program.blocks:
        slots = [slot for op in block.ops for slot in (*op.inputs, *op.outputs)]
        named = [*(var.name for var in block.vars), *(slot.parameter for slot in slots), *_arguments(slots)]
        if not all(isinstance(name, str) for name in named):
            raise ValueError("a name is no text")


def write_network(network: Network, folder: Path) -> Layout:
    """Write layout A: folder/model.pdmodel and folder/model.pdiparams. The layout's paths are relative to folder."""
    layout = Layout("A", Path("model.pdmodel"), Path("model.pdiparams"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / layout.program).write_bytes(network.program.SerializeToString(deterministic=True))
    (folder / "model.pdiparams").write_bytes(join_records(network.records))
    return layout


def is_parameter(var: Any) -> bool:
    return bool(var.persistable) and var.type.type not in (FEED, FETCH)


def find_features(network: Network, output: int = 0) -> Features:
    """What the classifier behind the network's output number `output` (as its card says) reads.

    Known classifiers are matmul, mul and fc, and a 1 x 1 convolution. Raises ProgramError where there is another.
    """
    op, source, weight = _find_classifier(network, output)
    shape = next(tuple(var.type.dense_tensor.tensor.dims) for var in network.block.vars if var.name == weight)
    flipped = op.type == "conv2d" or any(attr.name in ("trans_y", "transpose_Y") and attr.b for attr in op.attrs)
    return Features(source, int(shape[1] if flipped else shape[0]))


def cut_network(network: Network, names: Sequence[str]) -> Network:
    """The part of the network that gives the named variables, and gives them only, in this order."""
    producers = _producers(network)
    kept: set[int] = set()
    wanted = list(names)
    while wanted:
        at = producers.get(wanted.pop())
        if at is not None and at not in kept:
            kept.add(at)
            wanted += _arguments(network.block.ops[at].inputs)
    ops = [network.block.ops[at] for at in sorted(kept)]
    return _rebuild(network, [*ops, *_fetch_ops(network, names)])


def join_head(
    network: Network,
    features: Features,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    softmax: bool = True,
) -> Network:
    """The network up to `features`, and behind it features @ weight + bias, with a softmax unless told otherwise.

    weight: (features.width, classes); bias: (classes,). Raises ProgramError for other shapes.
    """
    classes = len(bias)
    if weight.shape != (features.width, classes):
        raise ProgramError(f"a head of {weight.shape} does not fit {features.width} features and {classes} classes")
    body = cut_network(network, [features.name])
    program = protocol().ProgramDesc.FromString(body.program.SerializeToString())
    block = program.blocks[0]
    fetch = block.ops.pop()
    records = {**body.records, WEIGHT: pack_record(weight), BIAS: pack_record(bias)}
    _add_variable(block, WEIGHT, weight.shape, persistable=True)
    _add_variable(block, BIAS, bias.shape, persistable=True)
    # mul flattens whatever follows the first dimension, so that a (n, width, 1, 1) needs no reshape.
    names = _Names(block, classes)
    _add_op(block, "mul", {"X": features.name, "Y": WEIGHT}, names.new(), x_num_col_dims=1, y_num_col_dims=1)
    _add_op(block, "elementwise_add", {"X": names.last, "Y": BIAS}, names.new(), axis=1)
    if softmax:
        _add_op(block, "softmax", {"X": names.last}, names.new(), axis=-1)
    fetch.inputs[0].arguments[:] = [names.last]
    block.ops.append(fetch)
    return replace(body, program=program, records=records)


class _Names:
    """The variables between a head's operators, each (n, classes)."""

    def __init__(self, block: Any, classes: int) -> None:
        self._block = block
        self._classes = classes
        self._count = 0

    @property
    def last(self) -> str:
        return f"head.tmp_{self._count - 1}"

    def new(self) -> str:
        _add_variable(self._block, f"head.tmp_{self._count}", (-1, self._classes), persistable=False)
        self._count += 1
        return self.last


def _find_classifier(network: Network, output: int) -> tuple[Any, str, str]:
    """The operator, the variable it reads, and its weight's name."""
    parameters = {var.name: var.type.dense_tensor.tensor.dims for var in network.block.vars if is_parameter(var)}
    for op in _walk_back(network, _output_name(network, output)):
        if op.type in _CLASSIFIERS or op.type == "conv2d":
            source, weight = (_argument(op, slot) for slot in _CLASSIFIERS.get(op.type, _CONVOLUTION))
            shape = parameters.get(weight)
            if shape is not None and len(shape) > 1 and (op.type != "conv2d" or tuple(shape[2:]) == (1, 1)):
                return op, source, weight
        if op.type not in _PASSED | _RESHAPES:
            break
    raise ProgramError("no classifier was found at the end of this network: its last layer is not fully connected")


def _walk_back(network: Network, name: str) -> Iterator[Any]:
    """The operators that lead to the variable, from the last one backwards, along their first inputs."""
    producers = _producers(network)
    while name in producers:
        op = network.block.ops[producers[name]]
        yield op
        name = _argument(op, "Input" if op.type in ("fc", "conv2d") else "X")


def _output_name(network: Network, output: int) -> str:
    fetches = [op for op in network.block.ops if op.type == "fetch"]
    by_column = {next((attr.i for attr in op.attrs if attr.name == "col"), 0): op for op in fetches}
    if output not in by_column:
        raise ProgramError(f"this network has {len(fetches)} outputs, and none has the number {output}")
    return _argument(by_column[output], "X")


def _producers(network: Network) -> dict[str, int]:
    """Variable -> the last operator that writes it; a batch norm that writes its own statistics back is no source."""
    return {
        name: at
        for at, op in enumerate(network.block.ops)
        for name in _arguments(op.outputs)
        if name not in network.records and op.type != "fetch"
    }


def _arguments(slots: Any) -> list[str]:
    return [name for slot in slots for name in slot.arguments]


def _argument(op: Any, slot: str) -> str:
    """The first variable in the operator's input slot, "" where it is empty."""
    return next((given.arguments[0] for given in op.inputs if given.parameter == slot and given.arguments), "")


def _fetch_ops(network: Network, names: Sequence[str]) -> Iterator[Any]:
    """Fetch operators into the holder that the program already has, whatever it is called."""
    template = next(op for op in network.block.ops if op.type == "fetch")
    for column, name in enumerate(names):
        op = type(template).FromString(template.SerializeToString())
        op.inputs[0].arguments[:] = [name]
        del op.attrs[:]
        _set_attribute(op, "col", column)
        yield op


def _rebuild(network: Network, ops: Sequence[Any]) -> Network:
    """The same program with these operators alone, and with the variables and parameters that they name."""
    program = protocol().ProgramDesc.FromString(network.program.SerializeToString())
    block = program.blocks[0]
    used = {name for op in ops for name in _arguments(op.inputs) + _arguments(op.outputs)}
    variables = [var for var in network.block.vars if var.name in used]
    del block.ops[:], block.vars[:]
    block.ops.extend(ops)
    block.vars.extend(variables)
    return Network(program, {name: record for name, record in network.records.items() if name in used})


def _add_variable(block: Any, name: str, shape: Sequence[int], persistable: bool) -> None:
    var = block.vars.add(name=name, persistable=persistable)
    var.type.type = protocol().VarType.DENSE_TENSOR
    var.type.dense_tensor.tensor.data_type = FLOAT32
    var.type.dense_tensor.tensor.dims.extend(shape)


def _add_op(block: Any, kind: str, inputs: dict[str, str], output: str, **attributes: int) -> None:
    op = block.ops.add(type=kind)
    for slot, name in inputs.items():
        op.inputs.add(parameter=slot, arguments=[name])
    op.outputs.add(parameter="Out", arguments=[output])
    for name, value in attributes.items():
        _set_attribute(op, name, value)


def _set_attribute(op: Any, name: str, value: int) -> None:
    op.attrs.add(name=name, type=_INT, i=value)
