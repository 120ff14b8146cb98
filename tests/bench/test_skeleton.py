"""The network that travels without its large weights, and the one that takes bytes."""

from typing import Any

import numpy as np
import pytest

from bench import skeleton
from scanner.zoo.preprocessing import Preprocessing

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
HOW = Preprocessing(crop=8)
CHANNELS = 200  # 200 x 3 x 3 x 3 numbers are large enough to be drawn again


def make_network() -> Any:
    """A convolution, each channel of another spread, and the mean of what it gives."""
    from onnx import TensorProto, helper, numpy_helper

    normal = np.random.default_rng(0).standard_normal((CHANNELS, 3, 3, 3))
    weights = (normal * np.linspace(0.1, 2, CHANNELS).reshape(-1, 1, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pictures", "weights", "bias"], ["features"]),
            helper.make_node("GlobalAveragePool", ["features"], ["scores"]),
        ],
        "network",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", CHANNELS, 1, 1])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.ones(CHANNELS, np.float32), "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: Any, batch: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


def test_weights_that_were_left_out_come_back_as_large_as_they_were() -> None:
    from onnx import numpy_helper

    whole, made = make_network(), skeleton.strip_weights(make_network())
    assert made.ByteSize() < whole.ByteSize() / 4
    drawn = skeleton.draw_weights(made)
    weights, again = (numpy_helper.to_array(model.graph.initializer[0]) for model in (whole, drawn))
    assert again.shape == weights.shape
    assert not np.allclose(again, weights)
    ratio = again.std(axis=(1, 2, 3)) / weights.std(axis=(1, 2, 3))
    assert 0.9 < np.median(ratio) < 1.1
    assert (numpy_helper.to_array(drawn.graph.initializer[1]) == 1).all()  # what is small travels
    assert run(drawn, np.zeros((2, 3, 8, 8), np.float32)).shape == (2, CHANNELS, 1, 1)
