"""A parameter file is as long as its program says, and holds what it names."""

import json
import shutil
from pathlib import Path

import pytest

from scanner.zoo.formats.completeness import CompletenessError, check_parameters
from scanner.zoo.formats.layouts import Layout, find_layout
from scanner.zoo.formats.protocol import protocol
from tests.scanner.conftest import MakeModule


def check(folder: Path) -> list[str]:
    return [parameter.name for parameter in check_parameters(folder, find_layout(folder))]


@pytest.mark.parametrize("layout", ["A", "B", "C", "E"])
def test_a_whole_network_is_passed(make_module: MakeModule, layout: str) -> None:
    names = check(make_module(layout, "softmax"))
    assert len(names) == 8 and "linear_0.w_0" in names


@pytest.mark.parametrize(
    ("layout", "file", "says"),
    [
        ("A", "model.pdiparams", "model.pdiparams is cut off: 10,000 of 10,225 bytes"),
        ("C", "__params__", "__params__ is cut off: 10,000 of 10,225 bytes"),
        ("E", "model.pdiparams", "model.pdiparams is cut off: 10,000 of 10,225 bytes"),
        ("B", "conv2d_0.w_0", "conv2d_0.w_0 is cut off: 1,000 of 4,734 bytes"),
    ],
)
def test_a_file_that_is_cut_off_is_told_with_its_bytes(
    tmp_path: Path, make_module: MakeModule, layout: str, file: str, says: str
) -> None:
    module = shutil.copytree(make_module(layout, "softmax"), tmp_path / "module")
    params = module / "model" / file
    params.write_bytes(params.read_bytes()[: 1000 if layout == "B" else 10_000])
    with pytest.raises(CompletenessError, match=says):
        check(module)


def test_a_file_that_is_missing_is_told(tmp_path: Path, make_module: MakeModule) -> None:
    module = shutil.copytree(make_module("B", "softmax"), tmp_path / "module")
    (module / "model/conv2d_0.w_0").unlink()
    with pytest.raises(CompletenessError, match=r"the parameter file conv2d_0\.w_0, which is missing"):
        check(module)


@pytest.mark.parametrize("change", [lambda old: old + b"more", lambda old: old[:20] + b"\7" + old[21:]])
def test_parameters_of_another_network_are_refused(tmp_path: Path, make_module: MakeModule, change: object) -> None:
    module = shutil.copytree(make_module("A", "softmax"), tmp_path / "module")
    params = module / "model/model.pdiparams"
    params.write_bytes(change(params.read_bytes()))  # type: ignore[operator]
    with pytest.raises(CompletenessError, match=r"does not hold the parameters that model\.pdmodel names"):
        check(module)


@pytest.mark.parametrize("layout", ["A", "E"])
def test_a_program_that_is_cut_off_is_told(tmp_path: Path, make_module: MakeModule, layout: str) -> None:
    module = shutil.copytree(make_module(layout, "softmax"), tmp_path / "module")
    program = module / find_layout(module).program
    program.write_bytes(program.read_bytes()[:-50])
    with pytest.raises(CompletenessError, match="is no program of Paddle's, or not all of it"):
        check(module)


def test_a_parameter_whose_name_is_a_path_is_refused(tmp_path: Path, make_module: MakeModule) -> None:
    module = shutil.copytree(make_module("B", "softmax"), tmp_path / "module")
    program = module / "model/__model__"
    description = protocol().ProgramDesc.FromString(program.read_bytes())
    next(var for var in description.blocks[0].vars if var.name == "linear_0.w_0").name = "../../secret"
    program.write_bytes(description.SerializeToString())
    with pytest.raises(CompletenessError, match=r"names a parameter '\.\./\.\./secret': refused"):
        check(module)


def test_names_that_are_no_text_and_sizes_beyond_measure_are_no_program(tmp_path: Path) -> None:
    program = protocol().ProgramDesc()
    var = program.blocks.add(idx=0, parent_idx=-1).vars.add(name="w", persistable=True)
    var.type.type = protocol().VarType.DENSE_TENSOR
    var.type.dense_tensor.tensor.data_type = 5
    (tmp_path / "a.pdmodel").write_bytes(program.SerializeToString().replace(b"\n\x01w", b"\n\x01\xff"))
    kind = {"TT": {"D": [{"#": "0.t_f32"}, [2**70]]}}
    ops = [{"#": "p", "A": ["w"], "O": kind}]
    (tmp_path / "a.json").write_text(json.dumps({"program": {"regions": [{"blocks": [{"ops": ops}]}]}}))
    for name, letter in (("a.pdmodel", "A"), ("a.json", "E")):
        with pytest.raises(CompletenessError, match="no program of Paddle's"):
            check_parameters(tmp_path, Layout(letter, Path(name), Path("a.pdiparams")))
