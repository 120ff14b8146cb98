"""A batch is written as its listings one by one would be: what comes twice, what failed, what shows again."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from scanner.records import Listing
from tests.factories import make_listing, make_scan, make_source
from webapp.models import (
    Appearance,
    ListingEvent,
    ListingEventKind,
    ListingRow,
    ListingVersion,
    PhotoRow,
    PictureState,
    Scan,
    ScanPhoto,
    ScanState,
)
from webapp.services import listings, placing
from webapp.services.listings import Change
from webapp.services.pictures import Gathered, Picture
from webapp.services.placing import Shown
from webapp.services.recording import parted
from webapp.settings import Settings
from webapp.storage import open_store


def picture(name: str, sha256: str | None = "a" * 64, **more: Any) -> Picture:
    return Picture(f"http://a/{name}.jpg", sha256, 7, **more)


def write(session: Session, settings: Settings, scan: Scan, shown: list[Shown]) -> list[Shown]:
    ids = placing.ensure_photos(session, scan.id, open_store(settings), [one.picture for one in shown])
    placing.place_all(session, scan.id, shown, ids)
    new = placing.note_seen(session, scan, shown, ids)
    session.flush()
    return new


def count(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_an_address_that_comes_twice_has_two_says() -> None:
    one, other, again = (Gathered(Listing(url, title), ()) for url, title in (("1", "a"), ("2", "b"), ("1", "c")))
    assert [[part.listing.title for part in held] for held in parted([one, other, again])] == [["a", "b"], ["c"]]
    assert list(parted([])) == []


def test_new_changed_and_same_listings_of_a_batch_are_told_apart(session: Session) -> None:
    scan = make_scan(session, state=ScanState.RUNNING)
    first = [Listing(f"http://a/{number}", "Bronze figure") for number in range(3)]
    assert [one.change for one in listings.see_all(session, scan, first)] == [Change.NEW] * 3
    later = make_scan(session, scan.source)
    second = [first[0], Listing("http://a/1", "Ivory figure"), Listing("http://a/9", "Vase")]
    seen = listings.see_all(session, later, second)
    assert [one.change for one in seen] == [Change.SAME, Change.CHANGED, Change.NEW]
    assert [one.row.title for one in seen] == ["Bronze figure", "Ivory figure", "Vase"]
    assert all(one.is_first for one in seen)
    assert not any(one.is_first for one in listings.see_all(session, later, second))
    assert (count(session, ListingVersion), count(session, ListingRow)) == (5, 4)


def test_the_same_bytes_at_two_places_are_one_picture(session: Session, settings: Settings) -> None:
    scan = make_scan(session, state=ScanState.RUNNING)
    row = make_listing(session, scan.source)
    shown = [Shown(row, 0, picture("1", is_asked=True)), Shown(row, 1, picture("2", is_asked=True))]
    assert write(session, settings, scan, shown) == shown
    assert (count(session, PhotoRow), count(session, ScanPhoto)) == (1, 2)
    assert session.execute(select(Appearance.url, Appearance.position)).all() == [("http://a/2.jpg", 1)]


def test_a_batch_that_is_written_again_adds_nothing(session: Session, settings: Settings) -> None:
    scan = make_scan(session, state=ScanState.RUNNING)
    shown = [Shown(make_listing(session, scan.source), 0, picture("1"))]
    assert write(session, settings, scan, shown) == shown
    assert write(session, settings, scan, shown) == []
    assert (count(session, PhotoRow), count(session, Appearance), count(session, ScanPhoto)) == (1, 1, 1)


def test_listings_of_one_batch_that_show_the_same_are_a_relisting(session: Session, settings: Settings) -> None:
    scan = make_scan(session, state=ScanState.RUNNING)
    source = make_source(session)
    rows = [make_listing(session, source, seller=f"s{number}") for number in range(2)]
    write(session, settings, scan, [Shown(row, 0, picture(str(row.id))) for row in rows])
    (event,) = session.scalars(select(ListingEvent).where(ListingEvent.kind == ListingEventKind.RELISTED))
    assert (event.listing_id, event.facts["earlier_listing_id"]) == (rows[1].id, rows[0].id)
    assert event.facts["other_seller"] is True


def test_what_failed_for_an_earlier_worker_waits_again(session: Session, settings: Settings) -> None:
    scan = make_scan(session, state=ScanState.RUNNING, photos_failed=1)
    row = make_listing(session, scan.source)
    write(session, settings, scan, [Shown(row, 0, picture("1", None, failure="The server answered 503."))])
    assert session.scalar(select(ScanPhoto.state)) is PictureState.FAILED
    assert write(session, settings, scan, [Shown(row, 0, picture("1"))]) == []
    assert session.execute(select(ScanPhoto.state, ScanPhoto.failure)).one() == (PictureState.PENDING, None)
    assert session.scalar(select(Scan.photos_failed).where(Scan.id == scan.id)) == 0
