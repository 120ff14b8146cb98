"""ONNX Runtime behind the one interface: plain on a CPU, through bound memory as on a card, and without Paddle."""

import json
import os
import subprocess
import sys
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scanner.zoo.cards import Card, write_card
from scanner.zoo.converting import record_file
from scanner.zoo.engines import Device, EngineError, open_engine, usable_device
from scanner.zoo.engines.onnx import BUCKETS, BoundBatches, OnnxEngine, bucket_of, fill_up
from scanner.zoo.engines.pixels import read_for_pixels
from scanner.zoo.preprocessing import Preprocessing, normalise
from scanner.zoo.registry import InstalledModel
from scanner.zoo.spec import ModelSpec
from tests.scanner.zoo.onnx_files import said_of, write_colours

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
SIDE = 8


def pictures(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(count).random((count, 3, SIDE, SIDE), dtype=np.float32)


@pytest.fixture
def engine(tmp_path: Path) -> OnnxEngine:
    return OnnxEngine(write_colours(tmp_path / "colours.onnx", SIDE), Device(), threads=1)


@pytest.fixture
def bound(engine: OnnxEngine) -> OnnxEngine:
    """As on a card, with the memory of this machine in the place of the card's."""
    engine._bound = BoundBatches(engine._session, "cpu")
    return engine


@pytest.mark.parametrize("count", [1, 5])
def test_it_gives_what_the_network_says(engine: OnnxEngine, count: int) -> None:
    batch = pictures(count)
    (said,) = engine.run(batch)
    np.testing.assert_allclose(said, said_of(batch), atol=1e-6)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 8), (8, 8), (9, 32), (33, 64), (65, 128), (128, 128)])
def test_a_batch_on_a_card_has_one_of_few_sizes(count: int, size: int) -> None:
    assert bucket_of(count) == size
    filled = fill_up(pictures(count), size)
    assert filled.shape == (size, 3, SIDE, SIDE)
    np.testing.assert_array_equal(filled[-1], pictures(count)[-1])


@pytest.mark.parametrize("count", [1, 3, 40, 128, 130, 300])
def test_bound_memory_gives_the_same_in_every_size_and_in_pieces(bound: OnnxEngine, count: int) -> None:
    batch = pictures(count)
    (said,) = bound.run(batch)
    assert said.shape == (count, 3)
    np.testing.assert_allclose(said, said_of(batch), atol=1e-6)


def test_several_batches_under_way_do_not_write_over_one_another(bound: OnnxEngine) -> None:
    batches = [pictures(count) for count in (7, 8, 6, 8, 5, 8, 7, 1)]
    under_way = [bound.submit(batch) for batch in batches]
    wait(under_way)
    for batch, future in zip(batches, under_way, strict=True):
        np.testing.assert_allclose(future.result()[0], said_of(batch), atol=1e-6)


def test_memory_is_bound_once_for_each_size_and_lane(bound: OnnxEngine) -> None:
    assert bound._bound is not None
    for count in (5, 6, 7, 8):
        bound.run(pictures(count))
    lanes = [bound._bound._lanes.get() for _ in range(2)]
    assert {size for lane in lanes for size in lane} == {8} <= set(BUCKETS)


def test_what_is_no_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"^the network can't be loaded by ONNX Runtime: [^\n]+$"):
        OnnxEngine(broken, Device())


def test_a_batch_of_another_size_is_refused_in_one_sentence(engine: OnnxEngine, bound: OnnxEngine) -> None:
    batch = np.zeros((2, 3, SIDE + 1, SIDE), np.float32)
    with pytest.raises(EngineError, match=r"^the network can't be run by ONNX Runtime: [^\n]+$"):
        bound.run(batch)
    engine._bound = None
    with pytest.raises(EngineError, match=r"^the network can't be run by ONNX Runtime: [^\n]+$"):
        engine.submit(batch).result()


def test_a_card_is_never_silently_a_processor(tmp_path: Path) -> None:
    used, warning = usable_device(Device(0), "onnx")
    if used.gpu is not None:
        pytest.skip("this machine has a card that ONNX Runtime can use")
    assert used == Device() and "built for the CPU" in (warning or "")
    with pytest.raises(EngineError, match="can't use gpu:0"):
        OnnxEngine(write_colours(tmp_path / "colours.onnx", SIDE), Device(0))


def install_colours(models_dir: Path) -> InstalledModel:
    """A model that has no network but an ONNX one."""
    folder = models_dir / "colours"
    write_colours(folder / "onnx" / "fp32.onnx")
    (folder / "label_list.txt").write_text("red\ngreen\nblue\n")
    record = record_file(folder, Path("label_list.txt"))
    spec = ModelSpec("colours", "Colours", "fallback", 3, {0: "ivory", 1: "tiger"}, (), "none", "")
    card = Card(
        spec=spec,
        source="a test",
        installed_at="2026-11-26T12:00:00+00:00",
        source_layout="A",
        layout="A",
        program="model/absent.pdmodel",
        params=None,
        labels_file=record.path,
        output_index=0,
        output_kind="probabilities",
        files=[record],
        onnx={"fp32": record_file(folder, Path("onnx/fp32.onnx"))},
    )
    write_card(folder, card)
    return InstalledModel(spec, folder, card, engine="onnx")


def test_a_precision_without_a_file_says_what_to_do(tmp_path: Path) -> None:
    model = install_colours(tmp_path)
    with pytest.raises(EngineError, match="tuskline models convert colours"):
        open_engine(InstalledModel(model.spec, model.folder, model.card, "onnx", "int8"), Device())


def test_a_changed_onnx_file_is_seen(tmp_path: Path) -> None:
    model = install_colours(tmp_path)
    (model.folder / "onnx" / "fp32.onnx").write_bytes(b"another")
    assert model.changed_files() == ["onnx/fp32.onnx has changed since it was installed"]


def test_a_scan_needs_no_paddle_at_all(tmp_path: Path) -> None:
    """In every process of it, `import paddle` raises."""
    from PIL import Image

    install_colours(tmp_path / "home" / "models")
    Image.new("RGB", (300, 300), (250, 20, 20)).save(tmp_path / "red.png")
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['paddle'] = None\n")
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "TUSKLINE_HOME": str(tmp_path / "home"),
        "TUSKLINE_ENGINE": "onnx",
    }
    asked = ["scan", str(tmp_path / "red.png"), "--models", "colours", "--format", "jsonl", "--device", "cpu"]
    proof = "import sys; assert sys.modules['paddle'] is None; from webapp.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", proof, *asked], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["scores"]["ivory"] > 0.99 > 0.01 > said["scores"]["tiger"]


def test_a_network_that_takes_pixels_gives_what_normalised_ones_give(tmp_path: Path) -> None:
    """Here on the processor; a card's engine reads its file so."""
    import onnx
    import onnxruntime

    how = Preprocessing(resize_short=SIDE, crop=SIDE)
    crops = np.random.default_rng(3).integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)
    path = write_colours(tmp_path / "colours.onnx", SIDE)
    network = read_for_pixels(path, how)
    assert network is not None
    onnx.checker.check_model(onnx.load_from_string(network))
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    assert (given.type, given.shape[1:]) == ("tensor(uint8)", [SIDE, SIDE, 3])
    (said,) = session.run(None, {given.name: crops})
    np.testing.assert_allclose(said, said_of(normalise(crops, how)), atol=1e-5)
    bound = BoundBatches(session, "cpu").submit(crops).result()[0]
    np.testing.assert_array_equal(bound, said)


def test_without_the_package_that_changes_networks_a_card_gets_floats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_colours(tmp_path / "colours.onnx", SIDE)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert read_for_pixels(path, Preprocessing(resize_short=SIDE, crop=SIDE)) is None
