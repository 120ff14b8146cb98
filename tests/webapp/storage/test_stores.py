"""What every store does alike."""

import hashlib
import threading
from pathlib import Path

import pytest

from webapp.services import archives, photos
from webapp.settings import Settings
from webapp.storage import Store, StoreError


def test_what_is_put_can_be_read_in_every_way(place: Store) -> None:
    assert not place.has("a/b.txt")
    place.put("a/b.txt", b"tusk and bone")
    assert place.has("a/b.txt") and not place.has("a")
    assert place.holds("a/b.txt", b"tusk and bone") and not place.holds("a/b.txt", b"tusk")
    assert place.read("a/b.txt") == place.local_path("a/b.txt").read_bytes() == b"tusk and bone"
    with place.open("a/b.txt") as file:
        file.seek(5)
        assert file.read(3) == b"and"


def test_what_is_not_there_is_a_missing_file(place: Store) -> None:
    for ask in (place.read, place.local_path, place.open, lambda name: place.holds(name, b"")):
        with pytest.raises(FileNotFoundError):
            ask("photos/nothing")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../secret.key", "a/../../b", "a//b", "a/.", "a\\..\\b", "a\0b"])
def test_no_name_leads_out_of_the_store(place: Store, name: str) -> None:
    for ask in (place.has, place.read, place.local_path, lambda name: place.put(name, b"")):
        with pytest.raises(ValueError, match="no name in the store"):
            ask(name)


def test_a_digest_is_held_against_what_is_read(place: Store) -> None:
    place.put("one", b"one")
    assert place.read("one", hashlib.sha256(b"one").hexdigest()) == b"one"
    with pytest.raises(StoreError, match="not what its name says"):
        place.read("one", hashlib.sha256(b"two").hexdigest())


def test_names_are_listed_below_a_folder_and_of_other_machines_too(place: Store) -> None:
    assert list(place.list("photos")) == []
    for name in ("photos/b/2", "photos/a/1", "archives/x"):
        place.put(name, b"")
    assert list(place.list("photos")) == ["photos/a/1", "photos/b/2"]


def test_present_and_at_hand_leave_out_what_is_gone(place: Store) -> None:
    names = [f"photos/{number}" for number in range(20)]
    for name in names:
        place.put(name, name.encode())
    assert place.present([*names, "photos/gone"]) == set(names)
    with place.at_hand([*names, "photos/gone"]) as paths:
        assert {name: path.read_text() for name, path in paths.items()} == {name: name for name in names}


def test_a_store_that_can_be_written_passes_its_check_and_is_left_clean(place: Store) -> None:
    place.put("photos/1", b"")
    place.check()
    assert list(place.list("probes")) == [] and list(place.list("photos")) == ["photos/1"]


def test_pictures_are_stored_once_by_many_threads(place: Store) -> None:
    bodies = [b"picture %d" % (number % 10) for number in range(60)]
    shas: list[str] = []
    threads = [
        threading.Thread(target=lambda start: shas.extend(photos.store(place, b) for b in bodies[start::6]), args=[n])
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shas) == 60 and len(set(shas)) == 10
    assert list(place.list("photos")) == sorted(photos.name_of(sha256) for sha256 in set(shas))
    assert photos.path_of(place, shas[0]).read_bytes() in bodies


def test_an_archive_moves_into_the_store_and_out_of_the_spool(place: Store, tmp_path: Path) -> None:
    spool = archives.archives_dir(Settings(home=tmp_path / "worker"))
    path = spool / "shop-1.warc.gz"
    path.write_bytes(b"WARC/1.1")
    assert archives.publish(place, path) == "archives/shop-1.warc.gz"
    assert not path.exists()
    with archives.open_archive(place, "shop-1.warc.gz") as file:
        assert file.read() == b"WARC/1.1"


def test_what_a_worker_left_in_the_spool_is_published_later_and_once_more_does_no_harm(
    place: Store, tmp_path: Path
) -> None:
    spool = archives.archives_dir(Settings(home=tmp_path / "worker"))
    (spool / "a.warc.gz").write_bytes(b"a")
    (spool / "b.warc.gz.part").write_bytes(b"is being written")
    place.put("archives/a.warc.gz", b"a")  # the worker died after it had come, and before it was taken away
    assert archives.publish_left(place, spool) == ["archives/a.warc.gz"]
    assert [path.name for path in spool.iterdir()] == ["b.warc.gz.part"]
    assert archives.publish_left(place, spool) == []


def test_two_workers_that_publish_what_was_left_do_not_trip_over_each_other(
    place: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = archives.archives_dir(Settings(home=tmp_path / "worker"))
    for name in ("a", "b"):
        (spool / f"{name}.warc.gz").write_bytes(name.encode())
    publish = archives.publish

    def overtaken(store: Store, path: Path) -> str:
        publish(store, spool / "b.warc.gz") if path.name == "a.warc.gz" else None
        return publish(store, path)

    monkeypatch.setattr(archives, "publish", overtaken)
    assert archives.publish_left(place, spool) == ["archives/a.warc.gz"]
    assert sorted(place.list("archives")) == ["archives/a.warc.gz", "archives/b.warc.gz"]
