import errno
from pathlib import Path

import pytest

from webapp.settings import Settings
from webapp.storage import FolderStore, Store, StoreAwayError, StoreFullError, open_store
from webapp.storage import folder as folders


@pytest.fixture
def place(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def files(place: FolderStore) -> list[Path]:
    return [one for one in place.folder.rglob("*") if one.is_file()]


@pytest.mark.parametrize(
    ("url", "where"), [(None, "home"), ("", "home"), ("{}/shared", "shared"), ("file://{}/shared", "shared")]
)
def test_one_setting_says_which_folder(tmp_path: Path, url: str | None, where: str) -> None:
    place = open_store(Settings(home=tmp_path / "home", store_url=url and url.format(tmp_path)))
    assert isinstance(place, FolderStore) and place.folder == tmp_path / where


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing_behind(
    place: FolderStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_with(monkeypatch, number)
    with pytest.raises(StoreFullError, match=r"There is no room left in .*store"):
        place.put("photos/1", b"a picture")
    assert files(place) == []


def test_a_write_that_fails_otherwise_leaves_nothing_behind(
    place: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, errno.EIO)
    with pytest.raises(OSError) as failure:
        place.put("photos/1", b"a picture")
    assert failure.value.errno == errno.EIO and not isinstance(failure.value, StoreFullError)
    assert files(place) == []


def fail_with(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(_handle: int) -> None:
        raise OSError(number, "as a disk says it")

    monkeypatch.setattr("os.fsync", fail)


def test_a_really_full_disk() -> None:
    """/dev/full is Linux's own full disk: a file that can be opened and not written."""
    with pytest.raises(StoreFullError), folders.telling_full("/dev/full"), Path("/dev/full").open("wb") as full:
        full.write(b"x")
        full.flush()


def test_a_file_of_another_disk_is_copied_whole(
    place: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"evidence")
    rename = Path.replace

    def refuse(source: Path, target: Path) -> Path:
        if source == path:
            raise OSError(errno.EXDEV, "another disk")
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    place.put_file("archives/a.warc.gz", path)
    assert files(place) == [place.folder / "archives" / "a.warc.gz"]
    assert place.read("archives/a.warc.gz") == b"evidence" and not path.exists()


def test_what_is_being_written_is_not_listed(place: FolderStore) -> None:
    place.put("photos/1", b"")
    (place.folder / "photos" / ".2.aside").write_bytes(b"half")
    assert list(place.list("photos")) == ["photos/1"]


def test_a_folder_that_can_not_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    place: Store = FolderStore(tmp_path / "file" / "store")
    with pytest.raises(StoreAwayError, match=r"can't be written \(Not a directory\)"):
        place.check()
