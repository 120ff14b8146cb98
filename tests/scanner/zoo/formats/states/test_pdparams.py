"""State dicts as PaddlePaddle writes them, of every version that published one."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanner.zoo.engines.paddle import import_paddle
from scanner.zoo.formats.states import StateError, read_state
from tests.scanner.zoo import crafted

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
STATE = {"fc.weight": WEIGHT, "fc.bias": np.ones(3, np.float32)}
NAMES = {"StructuredToParameterName@@": {"fc.weight": "linear_0.w_0", "fc.bias": "linear_0.b_0"}}
PAIRS = OrderedDict((name, (f"linear_{n}", array)) for n, (name, array) in enumerate(STATE.items()))


def write(path: Path, found: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(found, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_saves_is_read(tmp_path: Path, protocol: int) -> None:
    paddle = import_paddle()
    layer = paddle.nn.Sequential(paddle.nn.Conv2D(3, 2, 3), paddle.nn.BatchNorm2D(2))
    paddle.save(layer.state_dict(), str(tmp_path / "it.pdparams"), protocol=protocol)
    found = read_state("D", tmp_path / "it.pdparams")
    assert {name: array.tolist() for name, array in found.items()} == {
        name: value.numpy().tolist() for name, value in layer.state_dict().items()
    }


@pytest.mark.parametrize(
    "found",
    [STATE, STATE | NAMES, PAIRS, {"model": PAIRS, "epoch": 12}, [STATE], {"net": {"student": STATE}}],
    ids=["arrays", "names", "pairs", "training", "list", "nested"],
)
def test_arrays_are_found_in_what_lies_around_them(tmp_path: Path, found: Any) -> None:
    state = read_state("D", write(tmp_path / "it.pdparams", found))
    assert set(state) == set(STATE)
    np.testing.assert_array_equal(state["fc.weight"], WEIGHT)


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    upper_half = (WEIGHT.view(np.uint32) >> 16).astype(np.uint16)
    state = read_state("D", write(tmp_path / "it.pdparams", {"fc.weight": upper_half}))
    np.testing.assert_array_equal(state["fc.weight"], WEIGHT)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"epoch": 3}, "holds no parameters by name"),
        ([], "holds no parameters by name"),
        ({"a": STATE, "b": STATE}, "more than one set of parameters"),
        ({**STATE, "lr": 0.1}, "something else among its parameters"),
        ({3: WEIGHT}, "something else among its parameters"),
        ({**STATE, "UnpackBigParamInfor@@": {}}, "in slices"),
        ({"x": {"x": {"x": {"x": {"x": STATE}}}}}, "holds no parameters by name"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, found: Any, says: str) -> None:
    with pytest.raises(StateError, match=says):
        read_state("D", write(tmp_path / "it.pdparams", found))


def test_what_follows_the_pickle_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "it.pdparams", STATE)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(StateError, match="goes on behind its end"):
        read_state("D", path)


def test_a_crafted_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "it.pdparams"
    path.write_bytes(crafted.system(marker))
    with pytest.raises(StateError, match=r"names posix\.system, which no parameter file needs"):
        read_state("D", path)
    assert not marker.exists()
