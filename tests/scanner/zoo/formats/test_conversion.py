"""Parameters fit their network exactly, or one sentence says why not."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from scanner.zoo.engines import Device
from scanner.zoo.engines.paddle import PaddleEngine
from scanner.zoo.formats.conversion import ConversionError, check_fit, convert_state
from scanner.zoo.formats.layouts import Layout
from scanner.zoo.formats.protocol import protocol
from scanner.zoo.formats.states import State, StateError
from tests.scanner.zoo import crafted
from tests.scanner.zoo.networks.seeding import seeded_input, seeded_parameters
from tests.scanner.zoo.networks.test_networks import read_reference, relative_error

NAME = "mobilenet_v3_small_imagenet_ssld"
SHAPES = {"fc.weight": (4, 3), "fc.bias": (3,)}


def make_state(**changes: object) -> State:
    state = {name: np.ones(shape, np.float32) for name, shape in SHAPES.items()}
    return {name: array for name, array in {**state, **changes}.items() if array is not None}  # type: ignore[misc]


def test_a_state_that_fits_is_passed() -> None:
    check_fit("vgg19_imagenet", make_state(), SHAPES)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fc.bias": None}, "does not fit vgg19_imagenet: 1 missing: fc.bias$"),
        ({"more": np.ones(3, np.float32)}, "1 unknown: more$"),
        ({"fc.bias": np.ones(7, np.float32)}, r"1 of another shape: fc\.bias \(7 instead of 3\)$"),
        ({"fc.weight": None, "x\n": np.ones(1)}, r"1 missing: fc\.weight; 1 unknown: 'x\\n'$"),
        ({"fc.bias": np.ones(3, np.int64)}, r"whole numbers where vgg19_imagenet has fractions: fc\.bias"),
        ({"fc.bias": np.array([1, np.nan, 1], np.float32)}, r"not finite: fc\.bias"),
        ({"fc.weight": np.full((4, 3), np.inf, np.float32)}, r"not finite: fc\.weight"),
    ],
)
def test_a_state_that_does_not_fit_is_told_by_name(changes: dict[str, object], says: str) -> None:
    with pytest.raises(StateError, match=says):
        check_fit("vgg19_imagenet", make_state(**changes), SHAPES)


def test_a_refusal_names_the_first_few() -> None:
    more = {f"extra.{number}": np.ones(1, np.float32) for number in range(9)}
    with pytest.raises(StateError, match=r"9 unknown: extra\.0, extra\.1, extra\.2, \.\.\.$"):
        check_fit("vgg19_imagenet", make_state(**more), SHAPES)


def test_googlenet_may_come_without_what_it_trained_with() -> None:
    shapes = {**SHAPES, "_out1.weight": (2, 2)}
    check_fit("googlenet_imagenet", make_state(), shapes)
    with pytest.raises(StateError, match="1 missing"):
        check_fit("googlenet_imagenet", make_state(**{"fc.bias": None}), shapes)


def write(path: Path, found: object) -> Path:
    path.write_bytes(pickle.dumps(found, protocol=4))
    return path


def test_other_floats_are_turned_and_told_and_the_program_names_no_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = read_reference(NAME)
    wide = {name: array.astype(np.float64) for name, array in seeded_parameters(reference["parameters"]).items()}
    convert_state("D", write(tmp_path / "it.pdparams", wide), NAME, 1000, 224, tmp_path)
    assert caplog.messages == ["it.pdparams: its float64 parameters were turned into float32"]
    layout = Layout("A", Path("model.pdmodel"), Path("model.pdiparams"))
    logits = PaddleEngine(tmp_path, layout, Device()).run(seeded_input())[0]
    assert relative_error(logits[0, :8], np.array(reference["reference"]["logits_row0_first8"])) < 1e-4
    program = (tmp_path / "model.pdmodel").read_bytes()
    assert b".py" not in program and protocol().ProgramDesc.FromString(program).blocks


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"a": np.ones(2)}, rf"it\.pdparams does not fit {NAME}: \d+ missing: conv\.conv\.weight, .*; 1 unknown: a"),
        ({}, r"it\.pdparams holds no parameters by name"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_leaves_nothing(tmp_path: Path, found: object, says: str) -> None:
    with pytest.raises(ConversionError, match=says) as refusal:
        convert_state("D", write(tmp_path / "it.pdparams", found), NAME, 1000, 224, tmp_path / "model")
    assert "\n" not in str(refusal.value)
    assert list((tmp_path / "model").iterdir()) == []


def test_a_pickle_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    """LONG_BINPUT of the last index: the reader would make room for everything before it, 32 GB."""
    path = tmp_path / "it.pdparams"
    path.write_bytes(crafted.whole(b"K\x01r\xff\xff\xff\x7f"))
    with pytest.raises(ConversionError, match="more things than any parameter file has"):
        convert_state("D", path, NAME, 1000, 224, tmp_path / "model")
