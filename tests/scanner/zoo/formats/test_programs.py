"""A network is cut at its features and gets another head; what Paddle computes before and after is the judge."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanner.processes import Processes
from scanner.zoo.catalogue import DEFAULT
from scanner.zoo.engines import Device
from scanner.zoo.engines.paddle import PaddleEngine
from scanner.zoo.formats.layouts import Layout, find_layout
from scanner.zoo.formats.parameters import unpack_record
from scanner.zoo.formats.programs import (
    Network,
    ProgramError,
    cut_network,
    find_features,
    join_head,
    read_network,
    write_network,
)
from scanner.zoo.formats.protocol import protocol
from tests.scanner.conftest import MakeModule

Run = Callable[[Path, Layout], list[np.ndarray]]
BATCH = np.random.default_rng(3).normal(size=(3, 3, 224, 224)).astype(np.float32)


def run_network(folder: Path, layout: Layout) -> list[np.ndarray]:
    return PaddleEngine(folder, layout, Device()).run(BATCH)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """What Paddle gives for BATCH; in one process, so that its import is paid for once."""
    with Processes(1) as process:
        yield lambda folder, layout: process.run(run_network, folder, layout, timeout_s=120).result()


def rejoin(network: Network, folder: Path, scale: float = 1.0, output: int = 0) -> Layout:
    """The network's own classifier, taken off and put back; scale: what the network multiplies its logits by."""
    weight, bias = (unpack_record(network.records[name], name) for name in classifier_names(network))
    weight = weight[:, :, 0, 0].T if weight.ndim == 4 else weight
    return write_network(join_head(network, find_features(network, output), weight * scale, bias * scale), folder)


def classifier_names(network: Network) -> tuple[str, str]:
    """Weight and bias of the last layer, found by their shapes: ten classes, as make_module has."""
    shapes = {var.name: tuple(var.type.dense_tensor.tensor.dims) for var in network.block.vars if var.persistable}
    weight = next(name for name, shape in shapes.items() if len(shape) > 1 and 10 in shape)
    return weight, next(name for name, shape in shapes.items() if shape == (10,))


def change_classifier(network: Network, change: Callable[[Any], None]) -> Network:
    program = protocol().ProgramDesc.FromString(network.program.SerializeToString())
    change(program.blocks[0])
    return Network(program, network.records)


def classifier_of(block: Any) -> int:
    return next(at for at, op in enumerate(block.ops) if op.type == "matmul_v2")


def as_mul(block: Any) -> None:
    """As version 1 of Paddle wrote it."""
    op = block.ops[classifier_of(block)]
    op.type = "mul"
    del op.attrs[:]


def as_fc(block: Any) -> None:
    """Weight and bias in one operator, as an optimised program has them."""
    at = classifier_of(block)
    product, added = block.ops[at], block.ops[at + 1]
    bias = next(slot.arguments[0] for slot in added.inputs if slot.parameter == "Y")
    weight = next(slot.arguments[0] for slot in product.inputs if slot.parameter == "Y")
    source = next(slot.arguments[0] for slot in product.inputs if slot.parameter == "X")
    result = added.outputs[0].arguments[0]
    del block.ops[at + 1]
    product.Clear()
    product.type = "fc"
    for slot, name in (("Input", source), ("W", weight), ("Bias", bias)):
        product.inputs.add(parameter=slot, arguments=[name])
    product.outputs.add(parameter="Out", arguments=[result])
    product.attrs.add(name="in_num_col_dims", type=0, i=1)
    product.attrs.add(name="activation_type", type=2, s="")


@pytest.mark.parametrize("layout", ["A", "B", "C"])
def test_the_classifier_put_back_scores_as_before(
    run: Run, tmp_path: Path, make_module: MakeModule, layout: str
) -> None:
    module = make_module(layout, "softmax")
    network = read_network(module, find_layout(module))
    before = run(module, find_layout(module))[0]
    after = run(tmp_path, rejoin(network, tmp_path, scale=8))
    assert len(after) == 1 and before.std() > 0.01
    np.testing.assert_allclose(after[0], before, atol=1e-6)


@pytest.mark.parametrize("change", [as_mul, as_fc])
def test_older_ways_to_write_a_classifier_are_found(
    run: Run, tmp_path: Path, make_module: MakeModule, change: Callable[[Any], None]
) -> None:
    module = make_module("A", "softmax")
    changed = change_classifier(read_network(module, find_layout(module)), change)
    before = run(tmp_path / "before", write_network(changed, tmp_path / "before"))[0]
    after = run(tmp_path / "after", rejoin(changed, tmp_path / "after", scale=8))[0]
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_a_convolution_of_one_pixel_is_a_classifier(run: Run, tmp_path: Path, make_module: MakeModule) -> None:
    module = make_module("A", "conv")
    network = read_network(module, find_layout(module))
    assert find_features(network).width == 8
    after = run(tmp_path, rejoin(network, tmp_path))[0]
    np.testing.assert_allclose(after, run(module, find_layout(module))[0], atol=1e-6)


def test_of_two_outputs_the_one_with_the_classes_leads_to_the_features(
    run: Run, tmp_path: Path, make_module: MakeModule
) -> None:
    module = make_module("A", "two")
    network = read_network(module, find_layout(module))
    after = run(tmp_path, rejoin(network, tmp_path, scale=8, output=1))
    np.testing.assert_allclose(after[0], run(module, find_layout(module))[1], atol=1e-6)
    with pytest.raises(ProgramError, match="no classifier was found"):
        find_features(network, 0)
    with pytest.raises(ProgramError, match="has 2 outputs"):
        find_features(network, 2)


def test_a_cut_network_gives_what_the_classifier_reads(run: Run, tmp_path: Path, make_module: MakeModule) -> None:
    module = make_module("A", "logits")
    network = read_network(module, find_layout(module))
    body = cut_network(network, [find_features(network).name])
    features = run(tmp_path, write_network(body, tmp_path))[0].reshape(len(BATCH), -1)
    weight, bias = (unpack_record(network.records[name], name) for name in classifier_names(network))
    assert not set(classifier_names(network)) & set(body.records)
    np.testing.assert_allclose((features @ weight + bias) * 8, run(module, find_layout(module))[0], atol=1e-4)


@pytest.mark.weights
def test_the_default_models_own_classifier_put_back_scores_as_before(
    run: Run, tmp_path: Path, default_models: Path
) -> None:
    folder = default_models / DEFAULT
    network = read_network(folder, find_layout(folder))
    features = find_features(network)
    assert features.width == 1280
    names = ("linear_0.w_0", "linear_0.b_0")
    joined = join_head(network, features, *(unpack_record(network.records[name], name) for name in names))
    after = run(tmp_path, write_network(joined, tmp_path))[0]
    np.testing.assert_allclose(after, run(folder, find_layout(folder))[0], atol=1e-6)


def test_a_head_of_another_width_is_refused(make_module: MakeModule) -> None:
    module = make_module("A", "softmax")
    network = read_network(module, find_layout(module))
    with pytest.raises(ProgramError, match=r"a head of \(64, 3\) does not fit 128 features and 3 classes"):
        join_head(network, find_features(network), np.zeros((64, 3), np.float32), np.zeros(3, np.float32))


def test_the_json_format_is_refused_with_what_to_do() -> None:
    layout = Layout("E", Path("model/m.json"), Path("model/m.pdiparams"))
    with pytest.raises(ProgramError, match=r"can't be cut: give one with .pdmodel"):
        read_network(Path("anywhere"), layout)


def test_bytes_that_are_no_program_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.pdmodel").write_bytes(b"\xff\xff\xff")
    with pytest.raises(ProgramError, match="is no inference program"):
        read_network(tmp_path, Layout("A", Path("m.pdmodel"), Path("m.pdiparams")))
