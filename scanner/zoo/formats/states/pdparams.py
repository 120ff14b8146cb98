"""PaddlePaddle's .pdparams: a pickle of arrays by name, as paddle.save of any version since 1.6 writes it."""

from pathlib import Path
from typing import Any

import numpy as np

from scanner.zoo.formats.pickles import ARRAYS, ClosedUnpickler, PickledArray
from scanner.zoo.formats.states import State, StateError, find_mapping, widen_bfloat16

_NAMES = "StructuredToParameterName@@"
_SLICES = "UnpackBigParamInfor@@"


def read_pdparams(path: Path) -> State:
    """The arrays by name, as they are; bfloat16 as float32. Raises StateError and PickleError."""
    with path.open("rb") as file:
        found = ClosedUnpickler(file, ARRAYS).load()
        if file.read(1):
            raise StateError("goes on behind its end: refused")
    named = find_mapping(_without_names(found), _is_parameter)
    return {name: _array_of(value) for name, value in named.items()}


def _without_names(found: Any) -> Any:
    """Without the table that gives each parameter's name inside Paddle."""
    if not isinstance(found, dict):
        return found
    if _SLICES in found:
        raise StateError("keeps parameters in slices, which are not read; save it again with paddle.save's protocol 4")
    return {name: value for name, value in found.items() if name != _NAMES}


def _is_parameter(value: Any) -> bool:
    """An array, or (its name inside Paddle, the array)."""
    if isinstance(value, tuple):
        return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], PickledArray)
    return isinstance(value, PickledArray)


def _array_of(value: Any) -> Any:
    array = (value[1] if isinstance(value, tuple) else value).array
    if array is None:
        raise StateError("holds an array without its numbers: refused")
    # Paddle writes bfloat16 as the integers of 16 bits that it looks like.
    return widen_bfloat16(array) if array.dtype == np.uint16 else array
