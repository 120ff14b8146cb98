"""The index of looks follows the database, whoever writes; its files may be lost, wrong or left by a killed maker."""

import os
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from tests.factories import make_photo
from webapp.db import open_engine, session_factory
from webapp.models import NearPhoto, PhotoLook, PhotoRow
from webapp.services import look_index
from webapp.services.likeness import note_look, pair
from webapp.services.look_index import LookIndex, next_path, only_one
from webapp.settings import Settings


def look_of(number: int) -> str:
    """Far from that of any other number."""
    return f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95) % 2**256:064x}"


def add(session: Session, index: LookIndex, *looks: str) -> list[PhotoRow]:
    photos = [make_photo(session) for _ in looks]
    for photo, look in zip(photos, looks, strict=True):
        photo.pixel_hash = f"{photo.id:064x}"
        note_look(photo, look)
    pair(session, photos, index)
    session.commit()
    return photos


def add_many(session: Session, index: LookIndex, count: int, start: int = 1) -> list[PhotoRow]:
    return add(session, index, *(look_of(number) for number in range(start, start + count)))


def find(index: LookIndex, session: Session, look: str) -> list[int]:
    """Ids of what is near to a picture that is not in the database."""
    index.follow(session)
    return [photo for _, photo in index.near(PhotoRow(id=0, look_hash=look, pixel_hash="0" * 64), 100)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Volumes of a few looks."""
    monkeypatch.setattr(look_index, "TAIL", 4)
    monkeypatch.setattr(look_index, "PAGE", 3)


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.looks_dir


def volumes(folder: Path) -> list[str]:
    return sorted(path.name[:25] for path in folder.iterdir() if path.is_dir())


def test_numbers_have_no_gap_whoever_writes(session: Session, folder: Path) -> None:
    one, other = LookIndex(folder), LookIndex(folder)
    photos = [*add_many(session, one, 2), *add_many(session, other, 3, start=3), *add_many(session, one, 1, start=6)]
    rows = session.execute(select(PhotoLook.number, PhotoLook.photo_id).order_by(PhotoLook.number)).all()
    assert rows == [(number, photo.id) for number, photo in enumerate(photos, 1)]


@pytest.mark.usefixtures("small")
def test_many_looks_become_files_and_all_are_found(session: Session, folder: Path) -> None:
    index, fresh = LookIndex(folder), LookIndex(folder)
    photos = add_many(session, index, 9)
    index.settle(session)
    assert volumes(folder) == ["000000000001-000000000009"]
    photos += add_many(session, index, 3, start=10)  # in the tail of one, and of the other
    for known in (index, fresh):
        known.settle(session)
        assert [find(known, session, look_of(number)) for number in range(1, 13)] == [[one.id] for one in photos]
    assert volumes(folder) == ["000000000001-000000000009"]


@pytest.mark.usefixtures("small")
def test_volumes_of_one_size_are_joined_and_a_large_one_is_left(session: Session, folder: Path) -> None:
    index = LookIndex(folder)
    lengths = []
    for start in range(0, 40, 4):
        add_many(session, index, 4, start=start)
        index.settle(session)
        lengths.append([int(name[13:25]) - int(name[:12]) + 1 for name in volumes(folder)])
    assert lengths[:5] == [[4], [8], [12], [16], [16, 4]]
    assert all(sum(one) == 4 * number for number, one in enumerate(lengths, 1))
    assert len(find(index, session, look_of(33))) == 1


@pytest.mark.usefixtures("small")
def test_volumes_grow_to_a_bound(session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_index, "LARGEST", 9)
    add_many(session, LookIndex(), 30)
    index = LookIndex(folder)
    index.settle(session)
    assert max(int(name[13:25]) - int(name[:12]) + 1 for name in volumes(folder)) == 9
    assert [len(find(index, session, look_of(number))) for number in range(1, 31)] == [1] * 30


@pytest.mark.usefixtures("small")
def test_what_another_process_joined_is_taken_over(session: Session, folder: Path) -> None:
    one, other = LookIndex(folder), LookIndex(folder)
    for start in (0, 4, 8):
        add_many(session, one, 4, start=start)
        one.settle(session)
        if not start:
            other.settle(session)  # has files open that are deleted then
    assert len(find(other, session, look_of(2))) == len(find(other, session, look_of(11))) == 1
    other.settle(session)
    assert [volume.last for volume in other._volumes] == [12]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("harm", ["deleted", "cut off", "of another version", "of another database"])
def test_files_that_can_not_be_used_are_made_anew(session: Session, folder: Path, harm: str) -> None:
    index = LookIndex(folder)
    photos = add_many(session, index, 8)
    index.settle(session)
    (volume,) = (path for path in folder.iterdir() if path.is_dir())
    if harm == "deleted":
        (volume / "facts.json").unlink()
    elif harm == "cut off":
        with (volume / "members.npy").open("r+b") as file:
            file.truncate(200)
    elif harm == "of another version":
        (volume / "facts.json").write_text('{"format": 0}')
    else:
        photos[3].look_hash = look_of(99)
        session.commit()
    anew = LookIndex(folder)
    anew.settle(session)
    assert not volume.exists()
    assert find(anew, session, photos[3].look_hash or "") == [photos[3].id]
    assert find(anew, session, look_of(8)) == [photos[7].id]


@pytest.mark.usefixtures("small")
def test_a_database_that_was_put_back_is_noticed(session: Session, folder: Path) -> None:
    index = LookIndex(folder)
    add_many(session, index, 10)
    index.settle(session)
    session.execute(delete(PhotoLook).where(PhotoLook.number > 6))
    session.commit()
    (later,) = add(session, index, look_of(50))
    assert session.scalar(select(func.max(PhotoLook.number))) == 7
    assert find(index, session, look_of(50)) == [later.id]
    assert find(index, session, look_of(9)) == []
    index.settle(session)
    assert volumes(folder) == ["000000000001-000000000007"]


def test_what_was_rolled_back_is_forgotten(session: Session, folder: Path) -> None:
    index = LookIndex(folder)
    lost = [make_photo(session, look_hash=look_of(number), pixel_hash=f"{number:064x}") for number in (1, 2)]
    session.commit()
    pair(session, lost[:1], index)
    pair(session, lost[1:], index)  # reads what the first one wrote in the same transaction
    session.rollback()
    (kept,) = add(session, index, look_of(3))
    assert find(index, session, look_of(1)) == []
    assert find(index, session, look_of(3)) == [kept.id]


def test_the_database_has_the_last_word_on_what_is_near(session: Session, folder: Path) -> None:
    index = LookIndex(folder)
    (old,) = add(session, index, look_of(1))
    index.follow(session)
    old.look_hash = look_of(2)
    session.commit()
    add(session, index, look_of(1))
    assert session.scalar(select(func.count()).select_from(NearPhoto)) == 0


@pytest.mark.usefixtures("small")
def test_without_room_for_files_all_is_found_in_memory(
    session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(look_index.Volume, "save", fail)
    index = LookIndex(folder)
    add_many(session, index, 8)
    index.settle(session)
    assert len(find(index, session, look_of(3))) == 1
    assert "No space left on device" in caplog.text


@pytest.mark.usefixtures("small")
def test_one_process_makes_files_and_the_other_goes_on(session: Session, folder: Path) -> None:
    index = LookIndex(folder)
    add_many(session, index, 8)
    with only_one(folder, is_patient=False) as is_ours:
        index.settle(session)
    assert is_ours and volumes(folder) == []
    assert len(find(index, session, look_of(3))) == 1
    index.settle(session)
    assert volumes(folder) == ["000000000001-000000000008"]


def make_slowly(url: str, folder: Path, begun: Path) -> None:
    """Work of a process that is killed in the middle of it."""

    def wait(*_: object) -> None:
        begun.touch()
        time.sleep(60)

    look_index.TAIL = 4
    os.rename = os.fsync = wait  # type: ignore[assignment]
    with session_factory(open_engine(url))() as session:
        LookIndex(folder).settle(session)


@pytest.mark.usefixtures("small")
def test_a_killed_maker_leaves_the_old_and_its_rest_is_swept(
    session: Session, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    index = LookIndex(folder)
    add_many(session, index, 4)
    index.settle(session)
    add_many(session, index, 4, start=5)
    maker = get_context("fork").Process(target=make_slowly, args=(settings.sqlalchemy_url, folder, tmp_path / "begun"))
    maker.start()
    until = time.monotonic() + 60
    while not (tmp_path / "begun").exists() and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(maker.pid or 0, signal.SIGKILL)
    maker.join()
    assert any(path.name.startswith(".") for path in folder.iterdir())
    assert next_path(folder, 0, ()) is not None
    fresh = LookIndex(folder)
    assert len(find(fresh, session, look_of(2))) == len(find(fresh, session, look_of(7))) == 1
    fresh.settle(session)
    assert volumes(folder) == ["000000000001-000000000008"]


def test_the_looks_of_an_older_version_get_numbers(session: Session, folder: Path) -> None:
    """As the migration numbers them."""
    photos = [make_photo(session, look_hash=look_of(number), pixel_hash=f"{number:064x}") for number in (1, 2)]
    numbered = "SELECT row_number() OVER (ORDER BY id), id FROM photos WHERE look_hash IS NOT NULL ORDER BY id"
    session.execute(text(f"INSERT INTO photo_looks (number, photo_id) {numbered}"))
    session.commit()
    assert find(LookIndex(folder), session, look_of(2)) == [photos[1].id]
