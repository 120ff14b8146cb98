import hashlib
import multiprocessing
import os
import sys
from pathlib import Path

import boto3
import pytest

from webapp.services import photos
from webapp.settings import Settings
from webapp.storage import RemoteStore, StoreAwayError, StoreError, StoreFullError, open_store
from webapp.storage import remote as remotes


def test_one_setting_says_which_bucket_and_keys_lie_below_its_prefix(remote: RemoteStore, s3_url: str) -> None:
    sha256 = photos.store(remote, b"a picture")
    client = boto3.client("s3")
    found = client.list_objects_v2(Bucket=s3_url.split("/")[2])["Contents"]
    client.close()
    assert [one["Key"] for one in found] == [f"tuskline/photos/{sha256[:2]}/{sha256[2:4]}/{sha256}"]


def test_what_another_process_put_is_seen_at_once(remote: RemoteStore, tmp_path: Path, s3_url: str) -> None:
    other = RemoteStore(s3_url, tmp_path / "another home")
    assert list(remote.list("photos")) == [] and not remote.has("photos/1")
    other.put("photos/1", b"")
    assert list(remote.list("photos")) == ["photos/1"] and remote.has("photos/1")


def test_a_local_copy_is_fetched_once_and_held_against_its_digest(remote: RemoteStore) -> None:
    sha256 = photos.store(remote, b"a picture")
    path = photos.path_of(remote, sha256)
    remote.put(photos.name_of(sha256), b"tampered with")
    assert photos.path_of(remote, sha256) == path and path.read_bytes() == b"a picture"
    path.unlink()
    with pytest.raises(StoreError, match="not what its name says"):
        photos.path_of(remote, sha256)
    assert [one for one in remote.cache.folder.rglob("*") if one.is_file()] == []


def test_another_picture_under_the_name_is_noticed_by_its_length(remote: RemoteStore) -> None:
    remote.put(photos.name_of(hashlib.sha256(b"a picture").hexdigest()), b"another")
    with pytest.raises(StoreError, match="not what its name says"):
        photos.store(remote, b"a picture")


def test_a_thumbnail_of_a_remote_picture_is_shared_by_all_machines(remote: RemoteStore) -> None:
    remote.put("thumbnails/320/00/" + "0" * 64 + ".jpg", b"made elsewhere")
    assert photos.thumbnail(remote, "0" * 64, 320) == b"made elsewhere"


def test_a_store_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    away = RemoteStore(s3_url, tmp_path / "cache")
    for ask in (lambda: away.put("photos/1", b""), lambda: away.has("photos/1"), away.check):
        with pytest.raises(StoreAwayError, match="does not answer"):
            ask()


@pytest.mark.usefixtures("s3_url")
def test_a_bucket_that_is_not_there_is_no_empty_store(tmp_path: Path) -> None:
    missing = RemoteStore("s3://no-such-bucket/tuskline", tmp_path / "cache")
    with pytest.raises(StoreAwayError, match="bucket"):
        missing.put("photos/1", b"")
    with pytest.raises(StoreError):
        missing.check()


@pytest.mark.parametrize("words", ["XMinioStorageFull: no room", "QuotaExceeded"])
def test_a_full_store_is_told_apart(remote: RemoteStore, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, words)

    monkeypatch.setattr(remote._connect(), "pipe_file", refuse)
    with pytest.raises(StoreFullError, match="no room left"):
        remote.put("photos/1", b"")


def test_without_its_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)  # what was imported before
    with pytest.raises(StoreError, match=r"pip install 'tuskline\[s3\]'"):
        RemoteStore("s3://bucket/x", tmp_path)


def test_an_address_that_nothing_speaks_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check TUSKLINE_STORE_URL"):
        open_store(Settings(home=tmp_path, store_url="carrier-pigeon://loft"))


def test_it_works_in_a_spawned_process_and_in_a_forked_one(remote: RemoteStore, s3_url: str, tmp_path: Path) -> None:
    remote.put("photos/before", b"")
    spawned = multiprocessing.get_context("spawn").Process(target=put_one, args=(s3_url, tmp_path, "photos/spawned"))
    spawned.start()
    spawned.join(60)
    assert spawned.exitcode == 0
    child = os.fork()
    if child == 0:
        remote.put("photos/forked", b"")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(remote.list("photos")) == ["photos/before", "photos/forked", "photos/spawned"]


def put_one(url: str, home: Path, name: str) -> None:
    open_store(Settings(home=home, store_url=url)).put(name, b"")


def test_an_upload_that_did_not_come_whole_keeps_its_file(
    remote: RemoteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"evidence")
    monkeypatch.setattr(remote._connect(), "size", lambda _key: 3)
    with pytest.raises(StoreError, match="did not arrive whole"):
        remote.put_file("archives/a.warc.gz", path)
    assert path.read_bytes() == b"evidence"
    assert remotes.HANDS > 1
