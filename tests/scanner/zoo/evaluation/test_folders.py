"""A folder a label."""

from pathlib import Path

import pytest

from rules.evidence import CONCEPTS
from scanner.zoo.evaluation.folders import FolderError, LabelNames, find_concept, read_folder

NAMES = ("虎皮", "Tiger-Skin", "tiger skin", "TIGER_SKIN", "tiger_skin")


def fill(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"not looked at here")
    return root


@pytest.mark.parametrize("name", NAMES)
def test_a_label_is_read_in_english_and_chinese_whatever_its_case_and_separators(name: str) -> None:
    assert find_concept(name) == "tiger_skin"


def test_every_label_of_the_primary_model_is_read() -> None:
    labels = [
        "其他",
        "象牙制品",
        "象牙",
        "大象",
        "虎皮",
        "老虎",
        "虎牙/虎爪/虎骨",
        "穿山甲甲片",
        "穿山甲",
        "穿山甲爪子",
    ]
    assert tuple(map(find_concept, labels)) == CONCEPTS


def test_pictures_come_with_label_and_group_and_other_files_are_passed_over(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "tiger/b.JPG",
        "tiger/deep/a.png",
        "other/c.webp",
        "tiger/notes.txt",
        "tiger/.hidden.jpg",
        ".git/x.jpg",
    )
    (tmp_path / "manifest.csv").write_text("file,label,repo\ntiger/b.JPG,tiger,museum\nother/c.webp,other,\n")
    found = read_folder(tmp_path)
    assert [(picture.path.name, picture.label, picture.group) for picture in found.pictures] == [
        ("c.webp", "other", None),
        ("b.JPG", "tiger", "museum"),
        ("a.png", "tiger", None),
    ]
    assert found.others == 1


def test_an_unknown_folder_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"'leopard'.*labels are other, ivory_product.*--as NAME=LABEL.*--ignore"):
        read_folder(fill(tmp_path, "tiger/a.jpg", "leopard/b.jpg"))


def test_a_folder_can_be_renamed_set_aside_or_ignored(tmp_path: Path) -> None:
    fill(tmp_path, "leopard/a.jpg", "whale/b.jpg", "fakes/c.jpg", "fakes/d.jpg", "tiger/e.jpg")
    found = read_folder(tmp_path, LabelNames.parse(["whale=Other"], ["leopard"], ["fakes"]))
    assert [picture.label for picture in found.pictures] == ["leopard", "tiger", "other"]
    assert found.ignored == {"fakes": 2}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (LabelNames({"tiger": "lion"}), "lion is no concept"),
        (LabelNames(ignored=("tigr",)), "has no folder 'tigr'; it has tiger"),
    ],
)
def test_a_slip_in_the_options_is_refused(tmp_path: Path, names: LabelNames, words: str) -> None:
    with pytest.raises(FolderError, match=words):
        read_folder(fill(tmp_path, "tiger/a.jpg"), names)


def test_an_as_without_a_label_is_refused() -> None:
    with pytest.raises(FolderError, match="give NAME=LABEL"):
        LabelNames.parse(["tiger"])


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("path,repo\n", "wants the columns file and group or repo; it has path, repo"),
        ("", "it has none"),
        ("file,label,group\ntiger/a.jpg,elephant,x\n", r"manifest.csv:2: tiger/a.jpg is labelled 'elephant'"),
    ],
)
def test_a_manifest_that_cant_be_trusted_is_refused(tmp_path: Path, manifest: str, words: str) -> None:
    fill(tmp_path, "tiger/a.jpg")
    (tmp_path / "manifest.csv").write_text(manifest)
    with pytest.raises(FolderError, match=words):
        read_folder(tmp_path)


def test_a_manifest_of_bytes_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "tiger/a.jpg")
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FolderError, match="can't be read"):
        read_folder(tmp_path)


def test_no_picture_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="holds no picture"):
        read_folder(tmp_path)
    with pytest.raises(FolderError, match="is no folder"):
        read_folder(tmp_path / "absent")
