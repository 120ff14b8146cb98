"""Scan workers: pictures with a lease, across scans, on one machine or on several."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from scanner.pipeline import KnownScores
from scanner.records import Listing, Photo, ScannedPhoto
from scanner.zoo.predictor import ModelError
from tests.factories import make_source
from tests.webapp.services.conftest import Run
from tests.webapp.services.scene import SITE, PlainScanner, Scene
from webapp.db import now, session_factory
from webapp.models import FindingRow, PictureState, Scan, ScanPhoto, ScanState, ScoreRow, WorkerProcess
from webapp.services import claims, leases, scans, scoring
from webapp.settings import Settings


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


class DyingScanner(PlainScanner):
    """Dies at the picture after the first `pictures`."""

    pictures = 2

    def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
        for number, scanned in enumerate(super().scan(photos, known)):
            if number == self.pictures:
                raise Killed
            yield scanned


def many(scene: Scene, count: int, prefix: str = "many") -> None:
    """`count` listings of one picture each, of other pixels each."""
    scene.listings = [
        Listing(f"{SITE}/{prefix}{n}", f"Thing {n}", photo_urls=(f"{SITE}/{prefix}{n}.jpg",)) for n in range(count)
    ]
    scene.site.answers |= {
        f"{SITE}/{prefix}{n}.jpg": f"elephant 0.{1 + n:03}{ord(prefix[0]):03}".encode() for n in range(count)
    }


def test_pictures_wait_until_a_scan_worker_takes_them(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    calls: list[int] = []
    scene.crawl_only(session, scan.id, settings, announce=lambda: calls.append(1))
    scans.progress(session, scan.id)
    assert (scan.state, scan.photos_scored, scan.finished_at) == (ScanState.SCORING, 0, None)
    assert calls, "scan workers were told"
    assert scan.crawled_at is not None
    scene.score(session, settings)
    assert scans.progress(session, scan.id).state is ScanState.DONE


def test_pictures_of_several_scans_fill_one_batch(session: Session, settings: Settings, scene: Scene) -> None:
    both = []
    for prefix in ("m", "n"):
        many(scene, 3, prefix)
        one = scans.create(session, make_source(session).id, "ann")
        session.commit()
        scene.crawl_only(session, one.id, settings)
        both.append(one.id)
    scene.score(session, settings)
    assert scene.scanner is not None
    assert len(scene.scanner.scored) == 6, "one scanner saw them all"
    assert [scans.progress(session, one).state for one in both] == [ScanState.DONE] * 2
    assert [scans.progress(session, one).photos_scored for one in both] == [3, 3]


def test_what_a_killed_scan_worker_had_is_scored_by_the_next_and_nothing_twice(
    session: Session,
    engine: Engine,
    settings: Settings,
    scan: Scan,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many(scene, 5)
    monkeypatch.setattr(scoring, "BATCH_PHOTOS", 1)
    monkeypatch.setattr(leases.Heartbeat, "_beat", lambda _: None)
    monkeypatch.setattr(claims, "give_back", lambda *_: None)
    scene.crawl_only(session, scan.id, settings)
    scene.scanner_of = DyingScanner
    with session_factory(engine)() as dying, pytest.raises(Killed):
        scene.score(dying, settings, "dead")
    monkeypatch.undo()
    assert count(session, ScanPhoto.state == PictureState.SCORED) == 2
    assert count(session, ScanPhoto.lease_owner == "dead") == 3
    assert not claims.is_any_free(session, settings.lease_s), "its lease has not passed"

    session.execute(update(ScanPhoto).where(ScanPhoto.lease_owner == "dead").values(lease_until=now()))
    session.commit()
    scene.scanner_of = PlainScanner
    scene.score(session, settings, "next")
    scans.progress(session, scan.id)
    assert (scan.state, scan.photos_scored, scan.photos_failed) == (ScanState.DONE, 5, 0)
    assert session.scalar(select(func.count()).select_from(ScoreRow)) == 5


def test_a_worker_whose_lease_passed_writes_nothing_of_what_another_has(
    session: Session, engine: Engine, settings: Settings, scan: Scan, scene: Scene
) -> None:
    many(scene, 3)
    scene.crawl_only(session, scan.id, settings)

    class RobbedScanner(PlainScanner):
        def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
            for scanned in super().scan(photos, known):
                with session_factory(engine)() as other:
                    other.execute(update(ScanPhoto).values(lease_owner="thief"))
                    other.commit()
                yield scanned

    scene.scanner_of = RobbedScanner
    scene.score(session, settings, "slow")
    assert session.scalar(select(func.count()).select_from(ScoreRow)) == 0
    assert scans.progress(session, scan.id).photos_scored == 0


def test_two_workers_at_once_get_different_pictures(
    session: Session, engine: Engine, settings: Settings, scan: Scan, scene: Scene
) -> None:
    many(scene, 6)
    scene.crawl_only(session, scan.id, settings)
    first = {row.id for row in claims.claim(session, "first", 60, 4)}
    with session_factory(engine)() as other:
        second = {row.id for row in claims.claim(other, "second", 60, 4)}
    assert (len(first), len(second), first & second) == (4, 2, set())


def test_renewing_waits_for_no_row_that_is_just_being_ended(
    session: Session, engine: Engine, settings: Settings, scan: Scan, scene: Scene
) -> None:
    many(scene, 3)
    scene.crawl_only(session, scan.id, settings)
    first, *others = claims.claim(session, "worker", 5, 3)
    if engine.dialect.name == "postgresql":
        session.execute(select(ScanPhoto.id).where(ScanPhoto.id == first.id).with_for_update())
    with session_factory(engine)() as heart:
        claims.renew(heart, "worker", 600)
        heart.commit()
    session.rollback()
    renewed = session.scalars(select(ScanPhoto.id).where(ScanPhoto.lease_until > now() + timedelta(seconds=60)))
    assert {row.id for row in others} <= set(renewed)


def test_a_picture_that_kills_its_workers_is_a_failure_at_the_fourth_try(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    many(scene, 2)
    scene.crawl_only(session, scan.id, settings)
    first = session.scalars(select(ScanPhoto).order_by(ScanPhoto.id)).first()
    assert first is not None
    first.attempts = claims.MOST_ATTEMPTS
    session.commit()
    scene.score(session, settings)
    [failed] = scans.failures(session, scan.id, 10)
    assert (failed.id, failed.failure) == (first.id, "its scan worker died 3 times at it")
    assert scans.progress(session, scan.id).state is ScanState.DONE


def test_what_a_dead_worker_had_is_tried_one_by_one_behind_the_rest(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    many(scene, 4)
    scene.crawl_only(session, scan.id, settings)
    lot = [row.id for row in claims.claim(session, "dead", 60, 2)]
    session.execute(update(ScanPhoto).values(lease_owner=None, lease_until=None))
    session.commit()
    sizes = [len(claims.claim(session, "next", 60, 10)) for _ in range(4)]
    assert sizes == [2, 1, 1, 0]
    assert set(session.scalars(select(ScanPhoto.id).where(ScanPhoto.attempts == 2))) == set(lot)


def test_an_orderly_end_gives_pictures_back_and_counts_no_attempt(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    many(scene, 4)
    scene.crawl_only(session, scan.id, settings)
    asked = Counter[str]()

    def stops_soon() -> bool:
        asked["times"] += 1
        return asked["times"] > 4

    scene.score(session, settings, is_stopping=stops_soon)
    left = session.scalars(select(ScanPhoto).where(ScanPhoto.state == PictureState.PENDING)).all()
    assert left
    assert {(one.lease_owner, one.attempts) for one in left} == {(None, 0)}
    scene.score(session, settings)
    assert scans.progress(session, scan.id).photos_scored == 4


def test_a_model_that_can_not_be_used_fails_what_waits_at_once_and_says_why(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    class BrokenScanner(PlainScanner):
        def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
            raise ModelError("the weights are damaged")
            yield from super().scan(photos, known)

    scene.scanner_of = BrokenScanner
    scene.scan(session, scan.id, settings)
    scans.progress(session, scan.id)
    assert scan.state is ScanState.FAILED
    assert scan.note == "None of the 5 pictures could be scored. the weights are damaged"


def test_what_this_worker_can_not_score_is_left_to_another_that_lives(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    scene.crawl_only(session, scan.id, settings)
    session.add(WorkerProcess(name="other", kind="worker", host="elsewhere", pid=1, queues=["scan"]))
    session.commit()
    scoring.run(session, settings, "without a model")
    assert count(session, ScanPhoto.state == PictureState.PENDING) == 4
    session.execute(update(ScanPhoto).values(seen_at=now() - scoring.OTHERS_HAVE))
    session.commit()
    scoring.run(session, settings, "without a model")
    assert scans.progress(session, scan.id).state is ScanState.FAILED, "nobody could score them for ten minutes"


def test_known_pictures_need_no_scanner(session: Session, scan: Scan, run: Run, scene: Scene) -> None:
    many(scene, 3)
    run(scan)
    seen: list[str] = []

    class WatchingScanner(PlainScanner):
        def scan(self, photos: Iterable[Photo], known: KnownScores | None = None) -> Iterator[ScannedPhoto]:
            for photo in photos:
                seen.append(photo.location)
                yield self.scan_one(photo, known)

    scene.scanner_of = WatchingScanner
    again = run(scans.create(session, scan.source_id, "ann"))
    assert (again.state, again.photos_seen, again.photos_scored, seen) == (ScanState.DONE, 3, 0, [])


def test_a_listing_is_judged_once_its_last_picture_is_scored(
    session: Session, settings: Settings, scan: Scan, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words alone are a finding only where no picture of the listing meets the same rule better."""
    monkeypatch.setattr(scoring, "CLAIMED_AT_ONCE", 1)
    monkeypatch.setattr(scoring, "BATCH_PHOTOS", 1)
    scene.crawl_only(session, scan.id, settings)
    scene.score(session, settings)
    assert session.scalar(select(func.count()).select_from(FindingRow)) == 3
    assert scans.progress(session, scan.id).findings_opened == 3


def count(session: Session, *where: object) -> int:
    session.expire_all()
    return session.scalar(select(func.count()).select_from(ScanPhoto).where(*where)) or 0  # type: ignore[arg-type]
