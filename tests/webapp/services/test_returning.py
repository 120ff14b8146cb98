"""Crawls and scores after evidence was removed: bytes come back by a new crawl alone, and nothing is scored twice."""

import hashlib

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from scanner.records import Listing
from tests.factories import add
from tests.webapp.services.conftest import Run
from tests.webapp.services.scene import SITE, Scene
from tests.webapp.services.shelves import days_ago
from webapp.db import now
from webapp.models import (
    AuditEntry,
    FindingRow,
    FindingState,
    Kept,
    ListingRow,
    PhotoRow,
    PictureState,
    Purge,
    RetentionPolicy,
    Scan,
    ScanPhoto,
)
from webapp.services import likeness, photos, purging, scans
from webapp.settings import Settings
from webapp.storage import open_store

SHA256 = hashlib.sha256(b"elephant 0.2").hexdigest()
NAME = photos.name_of(SHA256)


@pytest.fixture
def purged(session: Session, settings: Settings, scan: Scan, run: Run) -> Scan:
    """A scan whose evidence is gone: all of it is old, and nothing was ever found."""
    run(scan)
    session.execute(update(ListingRow).values(last_seen_at=days_ago(50)))
    session.execute(update(FindingRow).values(state=FindingState.DISMISSED, found_at=days_ago(50)))
    session.execute(update(Scan).values(finished_at=days_ago(50)))
    for kind in (Kept.UNFLAGGED, Kept.DISMISSED):
        add(session, RetentionPolicy(kind=kind, days=40, changed_at=days_ago(100)))
    session.commit()
    purging.purge(session, settings)
    session.expire_all()
    assert session.query(Purge).filter_by(sha256=SHA256).count() == 1
    return scan


def test_a_crawl_that_meets_the_listing_again_brings_the_bytes_back(
    session: Session, settings: Settings, purged: Scan, run: Run, scene: Scene
) -> None:
    place = open_store(settings)
    assert not place.has(NAME) and session.query(PhotoRow).filter_by(sha256=SHA256).one().purged_at is not None
    scene.site.asked.clear()
    second = run(scans.create(session, purged.source_id, "ann"))
    assert f"{SITE}/1b.jpg" in scene.site.asked, "it is asked for, though the listing is as it was"
    session.expire_all()
    assert session.query(PhotoRow).filter_by(sha256=SHA256).one().purged_at is None
    assert place.read(NAME) == b"elephant 0.2"
    assert second.photos_scored == 0, "what was said of the same bytes stands"
    entry = session.query(AuditEntry).filter_by(action="evidence.return", subject=f"photo:{SHA256}").one()
    assert entry.facts == {"scan": second.id}
    assert session.query(Purge).filter_by(sha256=SHA256).count() == 1, "that it was gone stays true"


def test_bytes_that_go_between_the_fetch_and_the_row_are_put_back(
    session: Session, settings: Settings, scan: Scan, run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fetcher found them in the store and put nothing; then they were removed; then the listing is written."""
    run(scan)
    scene.site.answers[f"{SITE}/new.jpg"] = b"elephant 0.2"
    scene.listings.append(Listing(f"{SITE}/5", "Another", photo_urls=(f"{SITE}/new.jpg",)))
    store = photos.store

    def store_then_lose(place: photos.Store, body: bytes) -> str:
        sha256 = store(place, body)
        if body == b"elephant 0.2":
            photos.remove(place, sha256)
        return sha256

    session.execute(update(PhotoRow).where(PhotoRow.sha256 == SHA256).values(purged_at=now()))
    session.commit()
    monkeypatch.setattr("webapp.services.pictures.photos", type("Lossy", (), {"store": staticmethod(store_then_lose)}))
    run(scans.create(session, scan.source_id, "ann"))
    session.expire_all()
    assert session.query(PhotoRow).filter_by(sha256=SHA256).one().purged_at is None
    assert open_store(settings).read(NAME) == b"elephant 0.2"


def test_a_removed_picture_that_waits_is_passed_over_by_the_scorer(
    session: Session, settings: Settings, purged: Scan, scene: Scene
) -> None:
    photo = session.query(PhotoRow).filter_by(sha256=SHA256).one()
    photo.pixel_hash = None
    waiting = session.query(ScanPhoto).filter_by(photo_id=photo.id).one()
    waiting.state, purged.state = PictureState.PENDING, "scoring"
    session.commit()
    scene.score(session, settings)
    session.expire_all()
    assert (waiting.state, waiting.failure) == (PictureState.SCORED, None)


@pytest.mark.usefixtures("purged")
def test_a_removed_picture_is_not_counted_among_those_to_liken(session: Session) -> None:
    session.execute(update(PhotoRow).values(look_hash=None, pixel_hash="0" * 64, failure=None))
    assert likeness.count_unlikened(session) == 0
