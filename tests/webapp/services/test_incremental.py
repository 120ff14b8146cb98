"""A second crawl: nothing known is fetched or scored again, and what changed, vanished or came back is noted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from scanner.fetch import Fetched, FetchError
from scanner.markets.base import Context
from scanner.records import Listing
from tests.factories import make_finding, make_listing, make_scan, make_source, make_user
from tests.webapp.services.conftest import Run
from tests.webapp.services.scene import SITE, Scene
from webapp.db import now
from webapp.models import (
    Appearance,
    CrawledPage,
    FindingState,
    ListingEvent,
    ListingEventKind,
    ListingRow,
    Scan,
    ScanState,
    Verdict,
)
from webapp.services import decisions, listings, memory, pictures, removals, scans
from webapp.services.decisions import Choice
from webapp.services.memory import CrawlMemory


def again(session: Session, scan: Scan, run: Run) -> Scan:
    return run(scans.create(session, scan.source_id, "ann"))


def test_pictures_of_an_unchanged_listing_are_not_asked_for(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    scene.site.asked.clear()
    second = again(session, scan, run)
    assert scene.site.asked == [f"{SITE}/gone.jpg"], "only what could not be had"
    assert (second.photos_seen, second.photos_scored) == (5, 0)


def test_pictures_of_a_changed_listing_are_asked_for_with_what_is_known_of_them(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    scene.site.has_etags = True
    run(scan)
    scene.listings[0] = replace(scene.listings[0], title="Bronze figure, reduced")
    scene.site.asked.clear()
    scene.site.answers[f"{SITE}/1b.jpg"] = b"elephant 0.8"
    second = again(session, scan, run)
    assert sorted(scene.site.asked) == [f"{SITE}/1a.jpg", f"{SITE}/1b.jpg", f"{SITE}/gone.jpg"]
    assert second.photos_scored == 1, "the other one answered that it is the same"


def test_after_a_month_a_picture_is_asked_for_once_more(session: Session, scan: Scan, run: Run, scene: Scene) -> None:
    run(scan)
    session.execute(update(Appearance).values(checked_at=now() - pictures.ASK_AGAIN - timedelta(days=1)))
    scene.site.asked.clear()
    again(session, scan, run)
    assert len(scene.site.asked) == 5


def test_what_a_listing_said_before_stays(session: Session, scan: Scan, run: Run, scene: Scene) -> None:
    run(scan)
    scene.listings[0] = replace(scene.listings[0], title="Reworded")
    again(session, scan, run)
    row = session.scalars(select(ListingRow).where(ListingRow.url == f"{SITE}/1")).one()
    versions = listings.versions(session, row.id)
    assert [version.fields["title"] for version in versions] == ["Reworded", "Bronze figure"]
    assert row.title == "Reworded"
    assert len({version.content_sha256 for version in versions}) == 2


def test_a_listing_that_vanished_is_noted_with_the_time_since_it_was_flagged(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    scene.listings = [one for one in scene.listings if not one.url.endswith("/3")]
    assert again(session, scan, run).state is ScanState.DONE
    [event] = session.scalars(select(ListingEvent)).all()
    assert (event.kind, event.listing.url) == (ListingEventKind.REMOVED, f"{SITE}/3")
    assert event.facts["reason"] == "The server answered 404."
    assert event.takedown_s is not None and 0 <= event.takedown_s < 600
    assert event.listing.removed_at == event.at
    assert removals.takedowns(session, now() - timedelta(days=1)) == [event.takedown_s]


def test_a_listing_that_is_only_missing_from_the_list_stands(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    gone, scene.listings = scene.listings[2], scene.listings[:2]
    scene.site.answers[gone.url] = b"still there"
    scene.site.answers[f"{SITE}/4"] = FetchError("The server did not answer in time.")
    again(session, scan, run)
    assert session.scalars(select(ListingEvent)).all() == []


def test_a_page_that_offers_nothing_any_more_is_a_removal(session: Session, scan: Scan, run: Run, scene: Scene) -> None:
    run(scan)
    scene.listings = scene.listings[:3]
    scene.site.answers[f"{SITE}/4"] = b""
    again(session, scan, run)
    [event] = session.scalars(select(ListingEvent)).all()
    assert event.facts["reason"] == "The page offers nothing any more."


def test_a_crawl_that_was_cut_short_says_nothing_of_what_it_did_not_meet(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    scene.listings = scene.listings[:1]
    scene.before_each = lambda context, _number: context.end_early("The budget of 1 pages is used up.")
    assert again(session, scan, run).state is ScanState.PARTIAL
    assert session.scalars(select(ListingEvent)).all() == []


def test_missing_listings_have_their_turn_also_behind_some_that_can_not_be_read(
    session: Session, scan: Scan, run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.before_each = lambda context, number: context.memory.keep(
        scene.listings[number].url, answer(), listing_url=scene.listings[number].url
    )
    run(scan)
    scene.listings = scene.listings[:2]
    scene.site.answers[f"{SITE}/3"] = FetchError("The server did not answer in time.")
    monkeypatch.setattr(removals, "MOST_LOOKED_AT", 1)
    for _ in range(2):
        again(session, scan, run)
    assert [event.listing.url for event in session.scalars(select(ListingEvent))] == [f"{SITE}/4"]


def test_a_listing_of_before_scans_were_noted_can_vanish_too(session: Session, scan: Scan, run: Run) -> None:
    old = make_listing(session, scan.source, url=f"{SITE}/old")
    run(scan)
    assert [event.listing_id for event in session.scalars(select(ListingEvent))] == [old.id]


def test_a_listing_that_comes_back_is_noted(session: Session, scan: Scan, run: Run, scene: Scene) -> None:
    run(scan)
    every = list(scene.listings)
    scene.listings = every[:3]
    again(session, scan, run)
    scene.listings = every
    again(session, scan, run)
    kinds = [event.kind for event in session.scalars(select(ListingEvent).order_by(ListingEvent.id))]
    assert kinds == [ListingEventKind.REMOVED, ListingEventKind.RETURNED]
    row = session.scalars(select(ListingRow).where(ListingRow.url == f"{SITE}/4")).one()
    assert row.removed_at is None


def test_dismissed_findings_make_no_takedown(session: Session, row: ListingRow) -> None:
    finding = make_finding(session, row)
    assert removals.first_flagged(session, row.id) == finding.found_at
    decisions.decide(session, make_user(session), finding.id, Choice(Verdict.DISMISS))
    assert removals.first_flagged(session, row.id) is None


@pytest.mark.parametrize("bytes_of", [b"elephant 0.9", b"elephant 0.9,recompressed"])
def test_a_known_picture_in_another_listing_is_a_relisting(
    session: Session, scan: Scan, run: Run, scene: Scene, bytes_of: bytes
) -> None:
    run(scan)
    scene.listings.append(Listing(f"{SITE}/9", "Again", seller="another", photo_urls=(f"{SITE}/9.jpg",)))
    scene.site.answers[f"{SITE}/9.jpg"] = bytes_of
    again(session, scan, run)
    again(session, scan, run)
    [event] = session.scalars(select(ListingEvent)).all()
    first = session.scalars(select(ListingRow).where(ListingRow.url == f"{SITE}/1")).one()
    assert (event.kind, event.listing.url) == (ListingEventKind.RELISTED, f"{SITE}/9")
    assert event.facts["earlier_listing_id"] == first.id
    assert event.facts["other_seller"] is True


# What a crawl recalls of a page.


def answer(status: int = 200, **headers: str) -> Fetched:
    return Fetched(f"{SITE}/1", f"{SITE}/1", status, headers, b"", now())


@pytest.fixture
def row(session: Session) -> ListingRow:
    return make_listing(session, make_source(session), url=f"{SITE}/1", content_sha256="c" * 64)


def remember(session: Session, row: ListingRow, is_patient: bool = True, **facts: object) -> CrawlMemory:
    """One visit of the listing's page that found it unchanged, in a scan of its own."""
    former = CrawlMemory(session, make_scan(session, row.source), is_patient)
    given = {"answer": answer(etag='"1"'), "links": (f"{SITE}/2",), "listing_url": row.url, **facts}
    former.keep(row.url, **given)  # type: ignore[arg-type]
    former.write([row.url], [])
    session.flush()
    return CrawlMemory(session, make_scan(session, row.source), is_patient)


def test_a_page_is_recalled_with_its_links_its_listing_and_its_etag(session: Session, row: ListingRow) -> None:
    recalled = remember(session, row).recall(row.url)
    assert recalled is not None
    assert (recalled.etag, recalled.links, recalled.is_due) == ('"1"', (f"{SITE}/2",), True)
    assert recalled.listing is not None and recalled.listing.url == row.url
    assert remember(session, row).recall(f"{SITE}/unknown") is None


def test_a_page_that_does_not_change_is_visited_ever_more_rarely(session: Session, row: ListingRow) -> None:
    remember(session, row)
    patient = remember(session, row, answer=answer(304))
    recalled = patient.recall(row.url)
    assert recalled is not None and not recalled.is_due
    assert recalled.etag == '"1"', "304 leaves what is known"
    page = session.scalars(select(CrawledPage)).one()
    assert page.due_at is not None and timedelta(hours=5) < page.due_at - now() <= timedelta(hours=6)
    pauses = [memory.pause_after(count).total_seconds() / 3600 for count in (0, 1, 2, 3, 20)]
    assert pauses == [0, 6, 12, 24, 14 * 24]


def test_who_asks_for_a_scan_sees_every_page_visited(session: Session, row: ListingRow) -> None:
    remember(session, row)
    recalled = remember(session, row, is_patient=False, answer=answer(304)).recall(row.url)
    assert recalled is not None and recalled.is_due


def test_a_suspected_listing_is_visited_every_time(session: Session, row: ListingRow) -> None:
    remember(session, row)
    finding = make_finding(session, row)
    recalled = remember(session, row, answer=answer(304)).recall(row.url)
    assert recalled is not None and recalled.is_due
    finding.state = FindingState.DISMISSED
    recalled = remember(session, row, answer=answer(304)).recall(row.url)
    assert recalled is not None and not recalled.is_due


def test_a_page_that_this_very_scan_visited_is_not_visited_again(session: Session, row: ListingRow) -> None:
    current = CrawlMemory(session, make_scan(session, row.source), is_patient=False)
    current.keep(row.url, answer(), listing_url=row.url)
    current.write([row.url], [row.url])
    recalled = current.recall(row.url)
    assert recalled is not None and not recalled.is_due


def test_a_page_is_remembered_once_its_listing_is_written(session: Session, row: ListingRow) -> None:
    current = CrawlMemory(session, make_scan(session, row.source), is_patient=False)
    current.keep(row.url, answer(), listing_url=row.url)
    current.keep(f"{SITE}/category", answer(), links=(row.url,))
    current.write([], [])
    assert current.recall(row.url) is None
    assert current.recall(f"{SITE}/category") is not None
    current.write([row.url], [])
    assert current.recall(row.url) is not None


def test_neither_a_suspected_nor_a_vanished_listing_is_left_to_the_sitemap_s_word(
    session: Session, row: ListingRow
) -> None:
    changed_at = now() - timedelta(days=3)
    current = remember(session, row, changed_at=changed_at)
    assert not current.recall(row.url, changed_at).is_due  # type: ignore[union-attr]
    row.removed_at = now()
    assert current.recall(row.url, changed_at).is_due  # type: ignore[union-attr]
    row.removed_at = None
    make_finding(session, row)
    assert current.recall(row.url, changed_at).is_due  # type: ignore[union-attr]


def test_the_sitemap_s_word_that_nothing_changed_counts_for_a_week(session: Session, row: ListingRow) -> None:
    changed_at = now() - timedelta(days=3)
    current = remember(session, row, is_patient=False, changed_at=changed_at)
    same, newer = current.recall(row.url, changed_at), current.recall(row.url, now())
    assert same is not None and not same.is_due
    assert newer is not None and newer.is_due
    session.execute(update(CrawledPage).values(visited_at=now() - timedelta(days=8)))
    late = current.recall(row.url, changed_at)
    assert late is not None and late.is_due


def test_a_market_that_is_told_that_nothing_changed_yields_what_was_remembered(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    """The remembered listing is the same listing: its pictures are known, and nothing of it is new."""
    run(scan)

    def recall(context: Context, number: int) -> None:
        current = scene.listings[number]
        context.memory.keep(current.url, answer(), listing_url=current.url)

    scene.before_each = recall
    again(session, scan, run)
    third = scans.create(session, scan.source_id, "ann")
    session.commit()
    recalled = CrawlMemory(session, third, is_patient=False).recall(f"{SITE}/2")
    assert recalled is not None and recalled.listing is not None
    assert listings.digest_of(recalled.listing) == session.scalar(
        select(ListingRow.content_sha256).where(ListingRow.url == f"{SITE}/2")
    )
