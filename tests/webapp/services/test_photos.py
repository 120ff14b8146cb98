import io
from pathlib import Path

import pytest
from PIL import Image

from webapp.services import photos


def picture(**how: object) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (640, 480), "sienna").save(target, "JPEG", **how)
    return target.getvalue()


def test_bytes_are_kept_once_under_their_digest(tmp_path: Path) -> None:
    sha256, path = photos.store(tmp_path, b"a picture")
    assert path == tmp_path / sha256[:2] / sha256[2:4] / sha256 == photos.path_of(tmp_path, sha256)
    assert path.read_bytes() == b"a picture"
    assert photos.store(tmp_path, b"a picture") == (sha256, path)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_a_file_that_is_not_what_its_name_says_is_reported(tmp_path: Path) -> None:
    _, path = photos.store(tmp_path, b"a picture")
    path.write_bytes(b"another")
    with pytest.raises(photos.StoreError, match="not what its name says"):
        photos.store(tmp_path, b"a picture")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk is full"):
        photos.store(tmp_path, b"a picture")
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_a_thumbnail_holds_the_pixels_and_nothing_else_of_the_file(tmp_path: Path) -> None:
    hostile = b"<script>alert(1)</script>"
    sha256, _ = photos.store(tmp_path / "photos", picture(comment=hostile) + hostile)
    body = photos.thumbnail(tmp_path / "photos", sha256, 200)
    with Image.open(io.BytesIO(body)) as image:
        assert (image.format, image.size) == ("JPEG", (200, 150))
    assert hostile not in body


def test_a_thumbnail_is_made_once(tmp_path: Path) -> None:
    sha256, path = photos.store(tmp_path / "photos", picture())
    first = photos.thumbnail(tmp_path / "photos", sha256, 100)
    path.unlink()
    assert photos.thumbnail(tmp_path / "photos", sha256, 100) == first


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xd8\xff broken"])
def test_what_is_no_picture_has_no_thumbnail(tmp_path: Path, body: bytes) -> None:
    sha256, _ = photos.store(tmp_path / "photos", body)
    with pytest.raises(OSError, match=r"empty|not a picture|broken"):
        photos.thumbnail(tmp_path / "photos", sha256, 100)
