"""What a user gives by hand: the packages of the catalogue are known by their digest."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.zoo.sources.errand import SourceError
from scanner.zoo.sources.origins import fetch_origin
from scanner.zoo.spec import WheelSource
from tests.scanner.zoo.sources.conftest import MakeErrand

NAME = "mobilenet_v2_imagenet"


def test_a_wheel_of_the_catalogue_is_taken_by_its_list_whatever_it_is_called(
    tmp_path: Path, make_errand: MakeErrand
) -> None:
    with zipfile.ZipFile(tmp_path / "downloaded.zip", "w") as wheel:
        wheel.writestr("net/net.pth", b"weights")
        wheel.writestr("net/other.pth", b"others")
    digest = hashlib.sha256((tmp_path / "downloaded.zip").read_bytes()).hexdigest()
    source = WheelSource("net==1", digest, {"mine.pth": ("net/net.pth", hashlib.sha256(b"weights").hexdigest())})
    errand = make_errand(NAME)
    assert errand.spec is not None
    errand = replace(errand, spec=replace(errand.spec, sources=(source,)))
    delivery = fetch_origin(str(tmp_path / "downloaded.zip"), errand)
    assert {path.name: path.read_bytes() for path in delivery.folder.rglob("*")} == {"mine.pth": b"weights"}
    assert delivery.words == f"{tmp_path / 'downloaded.zip'}, SHA-256 {digest}"


def test_parameters_alone_are_taken_although_a_pth_is_a_zip(tmp_path: Path, make_errand: MakeErrand) -> None:
    with zipfile.ZipFile(tmp_path / "net.pth", "w") as file:
        file.writestr("archive/data.pkl", b"x")
    delivery = fetch_origin(str(tmp_path / "net.pth"), make_errand(NAME))
    assert [path.name for path in delivery.folder.iterdir()] == ["net.pth"]


def test_a_folder_is_read_where_it_is(tmp_path: Path, make_errand: MakeErrand) -> None:
    delivery = fetch_origin(str(tmp_path), make_errand(NAME))
    assert (delivery.folder, delivery.words, delivery.pin) == (tmp_path, str(tmp_path), None)


def test_a_picture_is_no_model(tmp_path: Path, make_errand: MakeErrand) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(SourceError, match=r"^cat\.jpg is neither a \.tar\.gz"):
        fetch_origin(str(tmp_path / "cat.jpg"), make_errand(NAME))
