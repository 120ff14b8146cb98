import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from webapp.services import photos
from webapp.storage import FolderStore


@pytest.fixture
def place(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def picture(**how: object) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (640, 480), "sienna").save(target, "JPEG", **how)
    return target.getvalue()


def files(place: FolderStore) -> list[Path]:
    return [one for one in place.folder.rglob("*") if one.is_file()]


def test_bytes_are_kept_once_under_their_digest(place: FolderStore) -> None:
    sha256 = photos.store(place, b"a picture")
    assert sha256 == hashlib.sha256(b"a picture").hexdigest()
    path = place.folder / "photos" / sha256[:2] / sha256[2:4] / sha256
    assert path == photos.path_of(place, sha256)
    assert path.read_bytes() == b"a picture"
    assert photos.store(place, b"a picture") == sha256
    assert files(place) == [path]


def test_a_file_that_is_not_what_its_name_says_is_reported(place: FolderStore) -> None:
    photos.path_of(place, photos.store(place, b"a picture")).write_bytes(b"another")
    with pytest.raises(photos.StoreError, match="not what its name says"):
        photos.store(place, b"a picture")


def test_a_thumbnail_holds_the_pixels_and_nothing_else_of_the_file(place: FolderStore) -> None:
    hostile = b"<script>alert(1)</script>"
    sha256 = photos.store(place, picture(comment=hostile) + hostile)
    body = photos.thumbnail(place, sha256, 200)
    with Image.open(io.BytesIO(body)) as image:
        assert (image.format, image.size) == ("JPEG", (200, 150))
    assert hostile not in body


def test_a_thumbnail_is_made_once(place: FolderStore) -> None:
    sha256 = photos.store(place, picture())
    first = photos.thumbnail(place, sha256, 320)
    photos.path_of(place, sha256).unlink()
    assert photos.thumbnail(place, sha256, 320) == first


def test_a_picture_is_removed_with_every_copy_of_it(place: FolderStore) -> None:
    sha256 = photos.store(place, picture())
    for edge_px in (*photos.EDGES_PX, 100):
        photos.thumbnail(place, sha256, edge_px)
    assert len(files(place)) == 1 + len(photos.EDGES_PX), "a copy of another size is not kept"
    photos.remove(place, sha256)
    assert files(place) == []
    photos.remove(place, sha256)


def test_a_copy_that_is_made_while_the_picture_is_removed_goes_too(
    place: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = photos.store(place, picture())
    shrink = photos.shrunk

    def shrink_slowly(path: Path, edge_px: int) -> bytes:
        body = shrink(path, edge_px)
        photos.remove(place, sha256)
        return body

    monkeypatch.setattr(photos, "shrunk", shrink_slowly)
    with pytest.raises(FileNotFoundError):
        photos.thumbnail(place, sha256, 320)
    assert files(place) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xd8\xff broken"])
def test_what_is_no_picture_has_no_thumbnail(place: FolderStore, body: bytes) -> None:
    sha256 = photos.store(place, body)
    with pytest.raises(OSError, match=r"empty|not a picture|broken"):
        photos.thumbnail(place, sha256, 100)
