"""A network as ONNX without its large weights, so that the file is small; they are drawn again where it is used.

Each large tensor is replaced by the spread of its numbers in every channel, so that what is drawn has the same size.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 4096  # numbers
INPUT = "pictures"


def strip_weights(model: Any) -> Any:
    """The model without its large weights; each carries instead how to draw it."""
    for number, tensor in enumerate(model.graph.initializer):
        values = _numbers(tensor)
        if values is not None and values.size >= LARGE:
            tensor.doc_string = json.dumps({"seed": number, "spread": [float(f"{one:.4g}") for one in _spread(values)]})
            tensor.raw_data = b""
            del tensor.float_data[:]
    return model


def draw_weights(model: Any) -> Any:
    """The inverse, with other numbers of the same spread; a model that holds its weights stays as it is."""
    for tensor in model.graph.initializer:
        if tensor.doc_string.startswith('{"seed"'):
            how = json.loads(tensor.doc_string)
            normal = np.random.RandomState(how["seed"]).standard_normal(tuple(tensor.dims))
            tensor.raw_data = (normal * _columns(np.array(how["spread"]), len(tensor.dims))).astype("<f4").tobytes()
            tensor.doc_string = ""
    return model


def _numbers(tensor: Any) -> NDArray[np.float32] | None:
    from onnx import TensorProto, numpy_helper

    if tensor.data_type != TensorProto.FLOAT:
        return None
    values: NDArray[np.float32] = numpy_helper.to_array(tensor)
    return values


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """By channel of what comes out: the first side of a convolution's weights, the last of a matrix."""
    sides = tuple(range(1, values.ndim)) if values.ndim == 4 else tuple(range(values.ndim - 1))
    spread: NDArray[np.float32] = values.std(axis=sides)
    return spread


def _columns(spread: NDArray[np.float64], sides: int) -> NDArray[np.float64]:
    return spread.reshape(-1, 1, 1, 1) if sides == 4 else spread


def load_network(path: Path) -> Any:
    import onnx

    return draw_weights(onnx.load(path))


def to_half(model: Any) -> Any:
    """Its inside in fp16, input and outputs float32 as they were."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)
