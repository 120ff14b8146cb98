"""Lower precisions are compared with fp32 on pictures that they were not tuned with, and the card keeps the outcome."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scanner.zoo import converting, precision_checks
from scanner.zoo.cards import read_card, write_card
from scanner.zoo.engines import Device, open_engine
from scanner.zoo.formats.portable import PortableError, write_portable
from scanner.zoo.options import InstallOptions
from scanner.zoo.precision_checks import (
    PrecisionError,
    Sample,
    check_count,
    check_precisions,
    measure_moves,
    read_crops,
    time_ratio,
)
from scanner.zoo.precisions import FEWEST_PICTURES, in_any_order, lacks_precision, p99_of
from scanner.zoo.predictor import ModelError
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.registry import InstalledModel
from scanner.zoo.weights import install
from tests.scanner.conftest import MakeModule
from tests.webapp.services.zoo import place_model

PRIMARY = "resnet50_vd_wildanimals"


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Small ones that differ; the first is there twice, and one can't be read."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((260, 280), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    (folder / "again.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    return sorted(folder.iterdir())


def test_too_few_pictures_are_refused_with_what_to_do() -> None:
    check_count(FEWEST_PICTURES, ["bf16"])
    with pytest.raises(PrecisionError, match=r"199 pictures are too few to tell: give 200 at least$"):
        check_count(199, ["bf16"])
    with pytest.raises(PrecisionError, match="give 400 at least, half of them to calibrate int8 with, or leave int8"):
        check_count(399, ["bf16", "int8"])


def test_pictures_are_taken_once_in_an_order_of_their_own(tmp_path: Path) -> None:
    paths = make_pictures(tmp_path / "pictures", 6)
    model = place_model(tmp_path / "models")
    crops, left_out = read_crops(model, paths)
    again, _ = read_crops(model, paths[::-1])
    assert crops.shape == (6, 224, 224, 3) and left_out == 2
    np.testing.assert_array_equal(crops, again)


def test_int8_is_checked_on_what_did_not_calibrate_it(tmp_path: Path) -> None:
    np.save(tmp_path / "crops.npy", np.arange(7, dtype=np.uint8))
    sample = Sample(tmp_path / "crops.npy", 7)
    assert list(sample.read(sample.calibrating)) == [0, 1, 2]
    assert list(sample.read(sample.held_out("int8"))) == [3, 4, 5, 6]
    assert len(sample.read(sample.held_out("bf16"))) == 7


def test_moves_are_of_concepts_and_look_alikes_and_labels_are_the_models_own(tmp_path: Path) -> None:
    model = place_model(tmp_path, own=True)
    spec = dataclasses.replace(model.spec, concepts={0: "ivory", 1: "ivory"}, counters={2: "armadillo"})
    model = dataclasses.replace(model, spec=spec)
    before = np.zeros((2, model.spec.classes), np.float32)
    before[:, :3] = [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]
    after = before.copy()
    after[0, :3] = [0.3, 0.5, 0.2]  # another label of the same concept
    after[1, :3] = [0.1, 0.2, 0.7]
    kept, moves = measure_moves(model, before, after)
    assert kept == 0.5
    assert [round(move, 3) for move in moves] == [0.0, 0.1]


def test_a_check_is_of_pictures_whichever_of_its_concepts_moved() -> None:
    """Two concepts that move on 1 % of the pictures each are 2 % of pictures on which one moved."""
    assert p99_of([0.0] * 198 + [0.2] * 2) == 0.0
    assert p99_of([0.0] * 197 + [0.2] * 3) == 0.2


def test_what_is_left_out_of_too_many_pictures_is_not_the_last_folders(tmp_path: Path) -> None:
    pictures = [tmp_path / folder / f"{number}.jpg" for folder in "ab" for number in range(1000)]
    taken = in_any_order(pictures)[:1000]
    assert taken == in_any_order(pictures)[:1000] and len(set(taken)) == 1000
    assert 400 < sum(path.parent.name == "a" for path in taken) < 600


def test_speed_is_the_median_of_rounds_in_turns() -> None:
    plain, lower = iter([4.0, 6.0, 100.0]), iter([2.0, 2.0, 2.0])
    assert time_ratio(lambda: next(plain), lambda: next(lower)) == 3.0


def test_what_the_machine_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.zoo.precisions.processor_flags", lambda: frozenset({"avx512_vnni"}))
    assert lacks_precision("int8", "cpu") is None and lacks_precision("fp16", "gpu") is None
    assert lacks_precision("bf16", "cpu") == "this processor has no amx_bf16 or avx512_bf16, which bf16 takes"


def test_a_network_that_onnx_does_not_repeat_is_dropped_and_its_card_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> float:
        raise PortableError("its ONNX network moves a probability by 0.2 from Paddle's, and 0.0001 is the most")

    monkeypatch.setattr(converting, "write_portable", refuse)
    model = place_model(tmp_path)
    with pytest.raises(ModelError, match=r"has no ONNX network: its ONNX network moves a probability by 0\.2"):
        converting.convert(model)
    card = read_card(model.folder)
    assert card.onnx == {} and card.onnx_note.startswith("its ONNX network moves")
    assert not (model.folder / "onnx").exists()


def test_a_conversion_keeps_what_the_card_was_given_while_it_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*given: Any) -> float:
        given[-1].parent.mkdir()
        given[-1].touch()
        return 0.0

    monkeypatch.setattr(converting, "write_portable", write)
    model = place_model(tmp_path)
    write_card(model.folder, dataclasses.replace(model.card, figures={"pictures": 5}))
    assert converting.convert(model).card.figures == {"pictures": 5}


def test_without_the_extra_a_conversion_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.zoo.formats.portable.NEEDS", ("absent_module",))
    model = place_model(tmp_path)
    given = (model.card.network, "full", "logits", 0, Preprocessing(), tmp_path / "x.onnx")
    with pytest.raises(PortableError, match=r"absent_module is not installed: `pip install tuskline\[onnx\]`"):
        write_portable(model.folder, *given)  # type: ignore[arg-type]


def install_with_onnx(module: Path, models: Path) -> InstalledModel:
    pytest.importorskip("paddle2onnx")
    return install(PRIMARY, models, str(module), options=InstallOptions(onnx=True))


def test_an_install_converts_the_network_and_it_says_the_same(make_module: MakeModule, tmp_path: Path) -> None:
    model = install_with_onnx(make_module("A", "even"), tmp_path)
    assert model.card.onnx["fp32"].path == "onnx/fp32.onnx" and model.changed_files() == []
    batch = np.random.default_rng(0).standard_normal((2, 3, 224, 224)).astype(np.float32)
    ours, theirs = (
        open_engine(dataclasses.replace(model, engine=engine), Device()).run(batch)[model.card.output_index]
        for engine in ("onnx", "paddle")
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.full
@pytest.mark.parametrize("layout", ["B", "C", "E"])
def test_every_layout_is_converted(make_module: MakeModule, tmp_path: Path, layout: str) -> None:
    assert "fp32" in install_with_onnx(make_module(layout, "even"), tmp_path).card.onnx


@pytest.mark.full
def test_a_network_that_paddle2onnx_makes_another_of_is_not_kept(make_module: MakeModule, tmp_path: Path) -> None:
    """It pools 55 numbers into 4 as if the windows were of one size, and says nothing."""
    model = install_with_onnx(make_module("A", "logits"), tmp_path)
    assert not model.card.onnx and "moves a probability by" in model.card.onnx_note
    assert not list(model.folder.rglob("*.onnx"))


@pytest.mark.full
def test_a_check_stands_on_the_card(make_module: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime.quantization")
    monkeypatch.setattr(precision_checks, "check_count", lambda *_: None)
    monkeypatch.setattr(precision_checks, "count_workers", lambda: 1)
    monkeypatch.setattr(
        "scanner.zoo.running.lacks_precision", lambda precision, _: None if precision != "fp16" else "no"
    )
    monkeypatch.setattr(precision_checks, "lacks_precision", lambda *_: None)
    model = install_with_onnx(make_module("A", "even"), tmp_path / "models")
    (outcome,) = check_precisions(model, make_pictures(tmp_path / "pictures", 40), Device(), ["int8"])
    assert outcome.check is not None and outcome.check.pictures == 20
    card = read_card(model.folder)
    assert card.checks == [outcome.check] and card.onnx["int8"].sha256 == outcome.check.network
    assert not outcome.check.has_passed  # of too few pictures
    assert (model.folder / "onnx" / "int8.onnx").is_file()
