"""A model's ONNX network in fewer bits: fp16 for cards, int8 for processors, calibrated with real pictures."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.preprocessing import Preprocessing, normalise

CALIBRATION_BATCH = 8
CALIBRATION_MOST = 300  # more moves the bounds of activations by next to nothing, and each takes a tenth of a second


def write_half(source: Path, target: Path) -> None:
    """fp16 inside, float32 at its borders; the softmax stays in float32, as small probabilities would vanish."""
    import onnx
    from onnxruntime.transformers import float16

    kept = [*float16.DEFAULT_OP_BLOCK_LIST, "Softmax"]
    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True, op_block_list=kept), target)


def write_int8(source: Path, target: Path, crops: NDArray[np.uint8], how: Preprocessing) -> None:
    """Weights by channel, activations by what they were on `crops`, uint8 (n, side, side, 3); softmax in float32."""
    import onnx
    from onnxruntime import quantization

    logging.getLogger().setLevel(logging.ERROR)  # it tells of every channel that training left dead
    graph = onnx.load(source).graph
    quantization.quantize_static(
        source,
        target,
        _reader(quantization.CalibrationDataReader, graph.input[0].name, crops, how),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        nodes_to_exclude=[node.name for node in graph.node if node.op_type == "Softmax"],
    )


def _reader(base: Any, name: str, crops: NDArray[np.uint8], how: Preprocessing) -> Any:
    class Reader(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = _batches(crops[:CALIBRATION_MOST], how)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: batch}

    return Reader()


def _batches(crops: NDArray[np.uint8], how: Preprocessing) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(crops), CALIBRATION_BATCH):
        yield normalise(crops[start : start + CALIBRATION_BATCH], how)
