"""What lies in a folder becomes a model's files, and the folder stays as it was unless it is ours."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.zoo.catalogue import CATALOGUE, PRIMARY
from scanner.zoo.formats.intake import IntakeError, take_folder
from scanner.zoo.labels import read_labels, shipped_labels
from scanner.zoo.weights import InstallError, install
from tests.scanner.conftest import MakeModule
from tests.scanner.zoo import crafted

SPEC = CATALOGUE[PRIMARY]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layout", ["A", "B", "C", "E"])
def test_a_network_is_copied_and_its_python_left_behind(tmp_path: Path, make_module: MakeModule, layout: str) -> None:
    module = make_module(layout, "softmax")
    before = files(module)
    assert take_folder(module, SPEC, tmp_path) == layout
    assert files(module) == before
    assert files(tmp_path) == {name for name in before if not name.endswith(".py")}


def test_what_is_ours_is_moved(tmp_path: Path, make_module: MakeModule) -> None:
    module = shutil.copytree(make_module("A", "softmax"), tmp_path / "module")
    (tmp_path / "staged").mkdir()
    take_folder(module, SPEC, tmp_path / "staged", ours=True)
    assert files(module / "model") == set()


def test_files_that_the_program_does_not_name_stay_behind(tmp_path: Path, make_module: MakeModule) -> None:
    module = shutil.copytree(make_module("B", "softmax"), tmp_path / "module")
    (module / "model/notes.txt").write_text("mine")
    (tmp_path / "staged").mkdir()
    take_folder(module, SPEC, tmp_path / "staged")
    assert "model/notes.txt" not in files(tmp_path / "staged")


def test_weights_without_labels_get_ours(tmp_path: Path, make_module: MakeModule) -> None:
    module = shutil.copytree(make_module("A", "softmax"), tmp_path / "module")
    (module / "label_list.txt").unlink()
    (tmp_path / "staged").mkdir()
    take_folder(module, SPEC, tmp_path / "staged")
    assert read_labels(tmp_path / "staged/label_list.txt") == read_labels(shipped_labels(PRIMARY))
    with pytest.raises(IntakeError, match="no label file was found"):
        take_folder(module, replace(SPEC, labels=None), tmp_path / "staged")


def test_parameters_without_a_network_of_ours_are_refused(tmp_path: Path) -> None:
    (tmp_path / "it.pdparams").write_bytes(b"")
    with pytest.raises(IntakeError, match="parameters without a network"):
        take_folder(tmp_path, replace(SPEC, network=None), tmp_path)


@pytest.mark.parametrize("name", sorted({spec.labels for spec in CATALOGUE.values() if spec.labels}))
def test_each_shipped_list_has_as_many_labels_as_its_models(name: str) -> None:
    labels = read_labels(shipped_labels(name))
    assert {len(labels)} == {spec.classes for spec in CATALOGUE.values() if spec.labels == name}


def test_a_crafted_file_is_not_installed_and_runs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    marker, source = tmp_path / "ran", tmp_path / "vgg19_imagenet"
    source.mkdir()
    (source / "vgg19_imagenet.pdparams").write_bytes(crafted.system(marker))
    with pytest.raises(InstallError, match=r"vgg19_imagenet\.pdparams names posix\.system") as refusal:
        install("vgg19_imagenet", tmp_path / "models", str(source))
    assert "\n" not in str(refusal.value)
    assert not marker.exists()
    assert list((tmp_path / "models").iterdir()) == []
