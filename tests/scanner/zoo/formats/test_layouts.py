"""A folder holds one network, with a program or as parameters alone."""

from pathlib import Path

import pytest

from scanner.zoo.formats.layouts import Layout, LayoutError, Parameters, find_layout, find_source

SHARDED = '{"weightsManifest": []}'


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SHARDED if name.endswith("model.json") else "")
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["m/x.pdmodel", "m/x.pdiparams"], Layout("A", Path("m/x.pdmodel"), Path("m/x.pdiparams"))),
        (["darknet53_model/__model__", "darknet53_model/w_0"], Layout("B", Path("darknet53_model/__model__"), None)),
        (["a/b/__model__", "a/b/__params__"], Layout("C", Path("a/b/__model__"), Path("a/b/__params__"))),
        (["model.json", "model.pdiparams"], Layout("E", Path("model.json"), Path("model.pdiparams"))),
        (["alexnet/x.pdparams", "alexnet/x.pdopt"], Parameters("D", Path("alexnet/x.pdparams"))),
        (["x.pth"], Parameters("F", Path("x.pth"))),
        (["ResNet50/model.json", "ResNet50/group1-shard1of1.bin"], Parameters("G", Path("ResNet50/model.json"))),
    ],
)  # fmt: skip
def test_a_network_is_found_by_its_files(tmp_path: Path, names: list[str], found: object) -> None:
    assert find_source(write(tmp_path, *names)) == found


def test_a_program_wins_over_parameters_beside_it(tmp_path: Path) -> None:
    source = find_source(write(tmp_path, "x.pdparams", "model/__model__"))
    assert source == Layout("B", Path("model/__model__"), None)


@pytest.mark.parametrize(
    "names", [["a/__model__", "b/__model__"], ["a.pdparams", "b.pdparams"], ["a.pdparams", "b.pth"]]
)
def test_two_networks_are_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(LayoutError, match="holds more than one network"):
        find_source(write(tmp_path, *names))


@pytest.mark.parametrize("names", [[], ["readme.md"], ["model.pdmodel"], ["package.json"]])
def test_what_holds_no_network_is_told(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(LayoutError, match="holds no network"):
        find_source(write(tmp_path, *names))


def test_an_installed_model_has_a_program(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="holds no network"):
        find_layout(write(tmp_path, "x.pdparams"))
