from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_listing, make_scan, make_source
from webapp.db import now
from webapp.models import (
    FindingState,
    ListingEvent,
    ListingEventKind,
    PictureState,
    Scan,
    ScanPhoto,
    ScanState,
    Schedule,
)
from webapp.services import claims, figures


def wait(session: Session, scan: Scan, state: PictureState, age_s: float) -> None:
    listing = make_listing(session, scan.source)
    seen_at = now() - timedelta(seconds=age_s)
    fields = {"scan_id": scan.id, "listing_id": listing.id, "location": "x", "state": state, "seen_at": seen_at}
    add(session, ScanPhoto(**fields))


def test_what_scans_counted_is_summed(session: Session) -> None:
    source = make_source(session)
    make_scan(session, source, photos_scored=5, photos_failed=1, fetched_pages=7, fetched_bytes=3_000_000_000)
    make_scan(session, source, photos_scored=2, fetched_pages=3, state=ScanState.PARTIAL, crawl_error="cut off")
    make_scan(session, source, state=ScanState.QUEUED)
    counted = figures.count_scans(session)
    assert counted.by_state == {ScanState.DONE: 1, ScanState.PARTIAL: 1, ScanState.QUEUED: 1}
    assert (counted.photos_scored, counted.photos_failed, counted.crawl_errors) == (7, 1, 1)
    assert (counted.fetched_pages, counted.fetched_bytes) == (10, 3_000_000_000)


def test_an_empty_database_counts_nothing(session: Session) -> None:
    assert figures.count_scans(session) == figures.ScanFigures({}, 0, 0, 0, 0, 0)
    assert figures.count_waiting(session).oldest_s == 0
    assert figures.count_findings(session) == {} and figures.count_removals(session) == 0
    assert figures.read_ticks(session) == figures.Ticks(None, None, 0)


def test_what_waits_is_counted_and_how_long_the_oldest_does(session: Session) -> None:
    scan = make_scan(session, state=ScanState.SCORING)
    for state, age_s in ((PictureState.PENDING, 10), (PictureState.PENDING, 300), (PictureState.SCORED, 9000)):
        wait(session, scan, state, age_s)
    waiting = figures.count_waiting(session)
    assert waiting.pictures == 2
    assert waiting.oldest_s == pytest.approx(300, abs=60)


def test_counting_what_waits_takes_the_index_of_what_waits(session: Session) -> None:
    """Without it, each scrape would read every picture of every scan there ever was."""
    counted = select(func.count(), func.min(ScanPhoto.seen_at)).where(claims.PENDING)
    query = str(counted.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
    if session.get_bind().dialect.name == "sqlite":
        plan = session.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    else:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(text(f"EXPLAIN {query}")).all()
    assert "ix_scan_photos_pending" in str(plan)


def test_findings_and_removals_are_counted(session: Session) -> None:
    listing = make_finding(session).listing
    make_finding(session, state=FindingState.CONFIRMED)
    for kind in (ListingEventKind.REMOVED, ListingEventKind.REMOVED, ListingEventKind.RETURNED):
        add(session, ListingEvent(listing_id=listing.id, kind=kind))
    assert figures.count_findings(session) == {FindingState.OPEN: 1, FindingState.CONFIRMED: 1}
    assert figures.count_removals(session) == 2


def test_a_schedule_that_should_have_fired_is_late_unless_it_is_paused(session: Session) -> None:
    source, at = make_source(session), now()
    for seconds, is_paused in ((-300, False), (-300, True), (-60, False), (600, False)):
        fires_at = at + timedelta(seconds=seconds)
        add(session, Schedule(source_id=source.id, cron="0 3 * * *", is_paused=is_paused, fires_at=fires_at))
    add(session, Schedule(source_id=source.id, cron="0 3 * * *", last_fired_at=at - timedelta(hours=3)))
    ticks = figures.read_ticks(session)
    assert ticks == figures.Ticks(at - timedelta(hours=3), at - timedelta(seconds=300), 1)
