import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from webapp.samples import photos
from webapp.samples.package import PackageError
from webapp.samples.photos import PhotosError, prepare_photos


def fake_package(name: str, folder: Path) -> Path:
    stamps = folder / "files" / photos.STAMPS
    for path in ("animals/cat.png", "animals/cat_mirror.png", "symbols/a.png", "animals/cat.ogg"):
        (stamps / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (8, 8)).save(stamps / path, "PNG")
    (stamps / "animals/cat.txt").write_text("A cat.\nde.utf8=Eine Katze.\nxx.utf8=?\nfr.utf8=\n", encoding="utf-8")
    copyright_file = folder / "files" / photos.COPYRIGHT
    copyright_file.parent.mkdir(parents=True)
    copyright_file.write_text(f"Copyright of {name}")
    return folder / "files"


def no_package(name: str, folder: Path) -> Path:
    (folder / "half a download").write_text(name)
    raise PackageError("there is no network")


def test_the_package_gives_its_photographs_with_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "unpack_package", fake_package)
    found = prepare_photos(tmp_path / "photos")
    assert [(p.name, p.caption, p.subject, p.captions) for p in found.pictures] == [
        ("animals/cat.png", "A cat.", "animals", {"de": "Eine Katze."}),
        ("animals/cat_mirror.png", "A cat.", "animals", {"de": "Eine Katze."}),
    ]
    assert all(picture.path.is_file() for picture in found.pictures)
    assert (found.notice, "GPL-2" in found.credit) == (None, True)
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {f"photos/{n}" for n in ("animals/cat.png", "animals/cat_mirror.png", "copyright", "photos.json")}


def test_a_second_call_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "unpack_package", fake_package)
    first = prepare_photos(tmp_path / "photos")
    monkeypatch.setattr(photos, "_fill", pytest.fail)
    assert prepare_photos(tmp_path / "photos") == first


def test_what_a_killed_call_left_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "unpack_package", fake_package)
    (tmp_path / "photos").mkdir()  # without its marker: not complete
    (tmp_path / "photos.part-1" / "work").mkdir(parents=True)
    assert len(prepare_photos(tmp_path / "photos").pictures) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_without_the_package_there_are_drawings_and_a_line_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "unpack_package", no_package)
    found = prepare_photos(tmp_path / "photos")
    assert len(found.pictures) >= 40
    assert "there is no network" in (found.notice or "")
    assert "\n" not in (found.notice or "")
    assert not (tmp_path / "photos" / "work").exists()
    with Image.open(found.pictures[0].path) as image:
        assert len(image.getcolors(2**18) or []) > 1
    assert prepare_photos(tmp_path / "photos") == found


def test_a_folder_of_ones_own_pictures_is_used_as_it_is(own_folder: Path, tmp_path: Path) -> None:
    found = prepare_photos(tmp_path / "photos", own=own_folder)
    assert len(found.pictures) == 30
    assert found.pictures[0].caption == "Thing 1."
    assert found.pictures[0].subject == "clothes"
    assert not (tmp_path / "photos").exists()


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(PhotosError, match="No pictures were found"):
        prepare_photos(tmp_path / "photos", own=tmp_path)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is not on this machine")
def test_apt_is_asked_again_with_lists_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real apt-get and a real dpkg-deb on a package that is no package: what fails is said in half a sentence."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(PackageError, match="apt-get failed"):
        photos.unpack_package("tuskline-no-such-package", tmp_path)
    assert (tmp_path / "apt" / "lists").is_dir()


def test_the_real_package_can_be_fetched(tmp_path: Path) -> None:
    found = prepare_photos(tmp_path / "photos")
    if found.notice is not None:
        pytest.skip(found.notice)
    content = json.loads((tmp_path / "photos" / photos.MARKER).read_text())
    assert len(content["pictures"]) == 549
    names = {picture.name for picture in found.pictures}
    assert {"animals/mammals/elephant.png", "animals/mammals/cats/tiger.png"} <= names
