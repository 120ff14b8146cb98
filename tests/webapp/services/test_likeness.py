"""Pictures that look alike are paired once, whoever writes them, and told apart from the same picture again."""

import hashlib
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from scanner.fingerprints import NEAR_BITS, look_hash
from scanner.records import ScannedPhoto
from tests.factories import make_listing, make_photo, place_photo
from tests.pictures import noise
from tests.webapp.services.conftest import Run
from tests.webapp.services.scene import PlainScanner, Scene
from webapp.cli import main
from webapp.db import session_factory
from webapp.models import Appearance, NearPhoto, PhotoLook, PhotoRow, Scan
from webapp.services import likeness, scans
from webapp.services.likeness import duplicates, liken, note_look, pair
from webapp.services.look_index import LookIndex
from webapp.settings import Settings
from webapp.storage import FolderStore

LOOK = "0123456789abcdef" * 4


def turned(count: int, look: str = LOOK, step: int = 1) -> str:
    """The look with `count` of its bits turned, `step` bits from one to the next."""
    return f"{int(look, 16) ^ sum(1 << at * step for at in range(count)):064x}"


def look_at(session: Session, photo: PhotoRow, look: str) -> PhotoRow:
    assert note_look(photo, look)
    pair(session, [photo], LookIndex())
    session.commit()
    return photo


def seen(session: Session, look: str, pixels: str | None = None, **more: Any) -> PhotoRow:
    """A picture of that look, shown by a listing of its own."""
    photo = make_photo(session, make_listing(session), **more)
    photo.pixel_hash = hashlib.sha256((pixels or photo.sha256).encode()).hexdigest()
    return look_at(session, photo, look)


def pairs(session: Session) -> set[tuple[int, int, int]]:
    found = session.execute(select(NearPhoto.photo_id, NearPhoto.other_id, NearPhoto.distance))
    return {(one, other, distance) for one, other, distance in found}


def first_listing(session: Session, photo: PhotoRow) -> int:
    shown = select(func.min(Appearance.listing_id)).where(Appearance.photo_id == photo.id)
    return session.scalars(shown).one()


def count(session: Session, model: type[PhotoLook] | type[NearPhoto]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_pictures_that_look_alike_are_paired_in_both_directions(session: Session) -> None:
    one, other = seen(session, LOOK), seen(session, turned(9))
    assert pairs(session) == {(one.id, other.id, 9), (other.id, one.id, 9)}
    assert count(session, PhotoLook) == 2


@pytest.mark.parametrize(("apart", "are_near"), [(NEAR_BITS, True), (NEAR_BITS + 1, False)])
def test_the_largest_distance_that_counts_is_that_of_the_scanner(session: Session, apart: int, are_near: bool) -> None:
    seen(session, LOOK), seen(session, turned(apart))
    assert bool(pairs(session)) is are_near


def test_a_picture_of_the_same_pixels_is_a_duplicate_and_no_pair(session: Session) -> None:
    one, other = seen(session, LOOK, pixels="p"), seen(session, LOOK, pixels="p")
    assert pairs(session) == set()
    assert len(duplicates(session, one).exact) == len(duplicates(session, other).exact) == 2


def test_exact_and_near_duplicates_are_told_apart(session: Session) -> None:
    photo = seen(session, LOOK, pixels="p")
    again, saved_anew, near = make_listing(session), seen(session, LOOK, pixels="p"), seen(session, turned(4))
    place_photo(session, again, photo)
    nearer, far = seen(session, turned(2)), seen(session, turned(120))
    session.commit()
    found = duplicates(session, photo)
    exact = [first_listing(session, saved_anew), again.id, first_listing(session, photo)]
    assert [row.id for row in found.exact] == sorted(exact, reverse=True)
    assert [(one.photo.id, one.distance) for one in found.near] == [(nearer.id, 2), (near.id, 4)]
    shown = [[row.id for row in one.listings] for one in found.near]
    assert shown == [[first_listing(session, nearer)], [first_listing(session, near)]]
    assert far.id not in {one.photo.id for one in found.near}


def test_the_listing_that_is_looked_at_is_left_out(session: Session) -> None:
    photo, near = seen(session, LOOK), seen(session, turned(4))
    own = first_listing(session, photo)
    assert duplicates(session, photo, besides=own).exact == ()
    assert [one.photo.id for one in duplicates(session, photo, besides=own).near] == [near.id]
    assert duplicates(session, photo, besides=first_listing(session, near)).near == ()


def test_a_near_picture_that_no_listing_shows_is_left_out(session: Session) -> None:
    photo, gone = seen(session, LOOK), make_photo(session, pixel_hash="0" * 64)
    look_at(session, gone, turned(3))
    assert len(pairs(session)) == 2
    assert duplicates(session, photo).near == ()


def test_two_listings_that_show_a_near_picture_are_both_named_newest_first(session: Session) -> None:
    photo, near = seen(session, LOOK), seen(session, turned(4))
    later = make_listing(session)
    place_photo(session, later, near)
    session.commit()
    (found,) = duplicates(session, photo).near
    assert [row.id for row in found.listings] == [later.id, first_listing(session, near)]


def test_a_picture_that_was_never_compared_has_exact_duplicates_only(session: Session) -> None:
    photo = make_photo(session, make_listing(session))
    session.commit()
    assert len(duplicates(session, photo).exact) == 1
    assert duplicates(session, photo).near == ()


def test_pairing_again_changes_nothing(session: Session) -> None:
    one, _ = seen(session, LOOK), seen(session, turned(9))
    before = pairs(session)
    pair(session, [one], LookIndex())
    session.commit()
    assert (pairs(session), count(session, PhotoLook)) == (before, 2)
    assert not note_look(one, turned(9))
    assert one.look_hash == LOOK


def test_pictures_of_one_batch_find_one_another(session: Session) -> None:
    batch = [make_photo(session, pixel_hash=f"{number:064x}") for number in range(3)]
    for number, photo in enumerate(batch):
        note_look(photo, turned(number))
    pair(session, batch, LookIndex())
    session.commit()
    assert count(session, NearPhoto) == 6


def test_a_picture_keeps_its_nearest_only(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "MOST_NEAR", 2)
    for apart in (5, 1, 3):
        make_photo(session, pixel_hash=f"{apart:064x}", look_hash=turned(apart))
    photos = session.scalars(select(PhotoRow)).all()
    pair(session, photos, LookIndex())
    newest = seen(session, LOOK)
    assert {distance for one, _, distance in pairs(session) if one == newest.id} == {1, 3}


def test_two_workers_at_once_miss_no_pair(engine: Engine, session: Session) -> None:
    """Eight pictures alike, four a worker, each in a transaction of its own at the same moment."""
    ids = [make_photo(session, pixel_hash=f"{number:064x}").id for number in range(8)]
    session.commit()
    failures: list[BaseException] = []

    def work(mine: list[int]) -> None:
        try:
            with session_factory(engine)() as own:
                for photo_id in mine:
                    photo = own.get_one(PhotoRow, photo_id)
                    note_look(photo, turned(photo_id % 8))
                    pair(own, [photo], LookIndex())
                    own.commit()
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=work, args=(ids[number::2],)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == [] and not any(thread.is_alive() for thread in threads)
    assert {(one, other) for one, other, _ in pairs(session)} == {(a, b) for a in ids for b in ids if a != b}


def test_who_pairs_waits_for_a_worker_that_has_not_committed(engine: Engine, session: Session) -> None:
    first, second = (make_photo(session, pixel_hash=f"{number:064x}") for number in (1, 2))
    session.commit()

    def work() -> None:
        with session_factory(engine)() as own:
            photo = own.get_one(PhotoRow, second.id)
            note_look(photo, turned(1))
            pair(own, [photo], LookIndex())
            own.commit()

    note_look(first, LOOK)
    pair(session, [first], LookIndex())
    other = Thread(target=work)
    other.start()
    other.join(timeout=0.5)  # long enough to be done, if it did not wait
    session.commit()
    other.join(timeout=60)
    assert not other.is_alive()
    assert pairs(session) == {(first.id, second.id, 1), (second.id, first.id, 1)}


class LookingScanner(PlainScanner):
    """Pictures look like the score that their bytes name: 0.9 and 0.2 are seven bits apart."""

    def judge(self, *arguments: Any) -> ScannedPhoto:
        scanned = super().judge(*arguments)
        look = turned(int(scanned.scores[0].by_concept["elephant"] * 10)) if scanned.scores else None
        return ScannedPhoto(**{name: getattr(scanned, name) for name in scanned.__slots__} | {"look_hash": look})


def test_a_scan_pairs_what_it_scores(session: Session, scene: Scene, scan: Scan, run: Run) -> None:
    scene.scanner_of = LookingScanner
    run(scan)
    looks = dict(session.execute(select(PhotoRow.look_hash, PhotoRow.id).where(PhotoRow.look_hash.is_not(None))).all())
    assert set(looks) == {turned(9), turned(2), turned(1)}
    assert (looks[turned(9)], looks[turned(2)], 7) in pairs(session)
    assert count(session, NearPhoto) == 6


def test_a_second_scan_adds_nothing(session: Session, scene: Scene, scan: Scan, run: Run) -> None:
    scene.scanner_of = LookingScanner
    run(scan)
    before = pairs(session)
    run(scans.create(session, scan.source_id, "ann"))
    assert (pairs(session), count(session, PhotoLook)) == (before, 3)


def stored(session: Session, settings: Settings, image: Image.Image, name: str, **fields: Any) -> PhotoRow:
    """A picture whose bytes lie in the store, as an older version left it: scored, and without a look."""
    image.save(settings.home / name)
    body = (settings.home / name).read_bytes()
    photo = make_photo(
        session, make_listing(session), body, **{"pixel_hash": hashlib.sha256(body).hexdigest(), **fields}
    )
    FolderStore(settings.home).put(f"photos/{photo.sha256[:2]}/{photo.sha256[2:4]}/{photo.sha256}", body)
    return photo


@pytest.fixture
def old(session: Session, settings: Settings) -> SimpleNamespace:
    large = noise(400, 300)
    photos = SimpleNamespace(
        one=stored(session, settings, large, "a.png"),
        half=stored(session, settings, large.resize((200, 150)), "b.png"),
        blank=stored(session, settings, Image.new("RGB", (50, 50), "white"), "c.png"),
        gone=make_photo(session, make_listing(session), pixel_hash="1" * 64),
        broken=make_photo(session, make_listing(session), failure="broken picture"),
    )
    session.commit()
    return photos


def test_pictures_of_before_are_read_and_paired(
    session: Session, settings: Settings, old: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "BATCH", 3)
    steps = list(liken(session, FolderStore(settings.home), LookIndex(settings.looks_dir)))
    assert [(step.total, step.read, step.told, step.failed) for step in steps] == [(4, 3, 2, 0), (4, 4, 2, 1)]
    assert old.one.look_hash == look_hash(noise(400, 300))
    assert old.blank.look_hash is old.gone.look_hash is None
    assert [near.photo.id for near in duplicates(session, old.one).near] == [old.half.id]
    again = list(liken(session, FolderStore(settings.home), LookIndex(settings.looks_dir)))
    assert [(step.total, step.told) for step in again] == [(2, 0)]


def test_a_file_that_is_not_what_was_scored_is_not_compared(
    session: Session, settings: Settings, tmp_path: Path
) -> None:
    photo = stored(session, settings, noise(40, 30), "a.png")
    session.commit()
    noise(40, 30, seed=1).save(tmp_path / "other.png")
    path = settings.home / "photos" / photo.sha256[:2] / photo.sha256[2:4] / photo.sha256
    path.chmod(0o644)
    path.write_bytes((tmp_path / "other.png").read_bytes())
    assert [step.told for step in liken(session, FolderStore(settings.home), LookIndex(settings.looks_dir))] == [0]


@pytest.mark.usefixtures("old")
def test_the_command_says_what_it_did(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSKLINE_HOME", str(settings.home))
    if settings.database_url:
        monkeypatch.setenv("TUSKLINE_DATABASE_URL", settings.database_url)
    result = CliRunner().invoke(main, ["photos", "liken"])
    assert result.output == "4 pictures read, 2 can be compared now, 1 could not be read\n"
    assert result.exit_code == 0
