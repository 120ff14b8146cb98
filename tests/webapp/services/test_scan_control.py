"""Cancelling, pausing, letting go on; one crawl of a source at a time."""

import errno
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from scanner.fetch import BudgetError
from scanner.markets.base import Context
from scanner.records import Listing
from tests.factories import make_source
from tests.webapp.services.conftest import Run
from tests.webapp.services.scene import SITE, Scene
from webapp.db import now
from webapp.models import AuditEntry, FindingRow, PictureState, Scan, ScanPhoto, ScanState
from webapp.services import crawling, recording, scans
from webapp.settings import Settings
from webapp.storage import FolderStore


def test_a_cancelled_scan_keeps_what_was_scored_and_skips_the_rest(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    scene.crawl_only(session, scan.id, settings)
    assert scans.cancel(session, scan.id, "ann", "The wrong shop.")
    session.commit()
    scene.score(session, settings)
    scans.progress(session, scan.id)
    assert (scan.state, scan.note) == (ScanState.CANCELLED, "Cancelled by ann. The wrong shop.")
    assert scan.photos_scored == 0
    states = set(session.scalars(select(ScanPhoto.state)))
    assert states == {PictureState.SKIPPED, PictureState.FAILED}
    assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()[-1] == "scan.cancel"


def test_a_crawl_that_is_cancelled_meanwhile_ends_and_says_nothing_more(
    session: Session, settings: Settings, scan: Scan, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "BATCH_PHOTOS", 1)

    def cancel(_context: Context, number: int) -> None:
        if number == 1:
            scans.cancel(session, scan.id, "ann")
            session.commit()

    scene.before_each = cancel
    scene.crawl_only(session, scan.id, settings)
    assert scans.progress(session, scan.id).state is ScanState.CANCELLED
    assert (scan.crawled_at, scan.lease_owner) == (None, None)


def test_what_is_over_can_not_be_cancelled_or_paused(session: Session, scan: Scan, run: Run) -> None:
    run(scan)
    assert not scans.cancel(session, scan.id, "ann")
    assert not scans.pause(session, scan.id, "ann")
    assert not scans.resume(session, scan.id, "ann")
    assert scans.progress(session, scan.id).state is ScanState.DONE


def test_a_paused_scan_s_pictures_wait_and_go_on(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    scene.crawl_only(session, scan.id, settings)
    assert scans.pause(session, scan.id, "ann")
    session.commit()
    scene.score(session, settings)
    scans.reconcile(session, settings)
    assert scans.progress(session, scan.id).state is ScanState.PAUSED
    assert scan.photos_scored == 0
    assert scans.resume(session, scan.id, "ann")
    session.commit()
    scene.score(session, settings)
    assert scans.progress(session, scan.id).state is ScanState.DONE


def test_a_scan_that_was_paused_before_its_crawl_waits_in_the_queue_again(session: Session, scan: Scan) -> None:
    assert scans.pause(session, scan.id, "ann")
    assert scans.resume(session, scan.id, "ann")
    session.commit()
    assert scans.progress(session, scan.id).state is ScanState.QUEUED


def test_of_one_source_there_is_one_crawl_at_a_time(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    second = scans.create(session, scan.source_id, "ann")
    session.commit()
    scene.crawl_only(session, second.id, settings)
    assert scans.progress(session, second.id).state is ScanState.QUEUED
    assert scene.site.asked == []
    scene.scan(session, scan.id, settings)
    scene.scan(session, second.id, settings)
    assert scans.progress(session, second.id).state is ScanState.DONE


def test_a_full_disk_is_no_failure_of_the_scan(
    session: Session, settings: Settings, scan: Scan, run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: FolderStore, _name: str, _body: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderStore, "put", full)
    scene.crawl_only(session, scan.id, settings)
    scans.progress(session, scan.id)
    assert (scan.state, scan.photos_failed) == (ScanState.QUEUED, 0)
    assert scan.note == "It waits, since there is no room on the disk; it goes on by itself."
    assert scan.lease_until is not None and scan.lease_until > now()
    monkeypatch.undo()
    assert run(scan).state is ScanState.DONE
    assert scan.note is None


def test_a_database_that_is_away_is_no_failure_of_the_scan(
    session: Session, settings: Settings, scan: Scan, run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_recorder: recording.Recorder) -> None:
        raise OperationalError("INSERT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(recording.Recorder, "write", away)
    scene.crawl_only(session, scan.id, settings)
    assert scans.progress(session, scan.id).state is ScanState.QUEUED
    monkeypatch.undo()
    assert run(scan).state is ScanState.DONE


def test_a_scan_goes_to_its_end_by_the_tick_where_its_last_worker_died_before_saying_so(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    scene.crawl_only(session, scan.id, settings)
    for row in session.scalars(select(ScanPhoto)):
        row.state = PictureState.SCORED
    session.commit()
    assert scans.reconcile(session, settings) == []
    session.commit()
    assert scans.progress(session, scan.id).state is ScanState.DONE


def test_machine_trouble_is_named_in_words(scan: Scan) -> None:
    ending = crawling.trouble(scan.id, OperationalError("INSERT", {}, Exception("away")), 60)
    assert ending.note == "It waits, since the database could not be written; it goes on by itself."


def test_a_budget_that_ends_at_the_pictures_makes_the_scan_partial(scan: Scan, run: Run, scene: Scene) -> None:
    scene.site.answers[f"{SITE}/1b.jpg"] = BudgetError("The budget of 3 pages is used up.")
    run(scan)
    assert scan.state is ScanState.PARTIAL
    assert scan.note == "Some pictures were not fetched. The budget of 3 pages is used up."


def test_a_scan_that_goes_on_has_what_is_left_of_its_budget(session: Session, settings: Settings, scan: Scan) -> None:
    settings.crawl_pages, settings.crawl_megabytes, settings.crawl_hours = 10, 1, 2
    scan.fetched_pages, scan.fetched_bytes = 9, 999_999
    scan.started_at = now() - timedelta(hours=1)
    session.flush()
    budget = crawling.budget_of(scan, settings)
    budget.take_page()
    with pytest.raises(BudgetError, match="pages"):
        budget.take_page()
    budget.check(wait_s=3000)
    with pytest.raises(BudgetError, match=r"hours|seconds"):
        budget.check(wait_s=3700)


def test_of_one_host_there_is_one_crawl_at_a_time(session: Session) -> None:
    first = scans.create(session, make_source(session, start_url="https://shop.example/bags").id, "ann")
    second = scans.create(session, make_source(session, start_url="https://SHOP.example/art").id, "ann")
    other = scans.create(session, make_source(session, start_url="https://other.example/").id, "ann")
    assert [scans.is_behind_another(session, one) for one in (first, second, other)] == [False, True, False]
    first.state = ScanState.SCORING
    session.flush()
    assert not scans.is_behind_another(session, second), "only its pictures are left"


def test_sources_that_are_files_do_not_wait_for_each_other(session: Session) -> None:
    for number in range(2):
        scan = scans.create(session, make_source(session, kind="csv", path=f"{number}.csv").id, "ann")
    assert not scans.is_behind_another(session, scan)
    of_api = [scans.create(session, make_source(session, kind="ebay", words="ivory").id, "ann") for _ in range(2)]
    assert scans.is_behind_another(session, of_api[1])


def test_what_waited_for_a_crawl_is_named_once_it_is_over(session: Session) -> None:
    first = scans.create(session, make_source(session, start_url="https://shop.example/bags").id, "ann")
    second = scans.create(session, make_source(session, start_url="https://shop.example/art").id, "ann")
    troubled = scans.create(session, make_source(session, start_url="https://other.example/").id, "ann")
    troubled.note = "It waits, since there is no room on the disk; it goes on by itself."
    first.state = ScanState.RUNNING
    session.flush()
    assert scans.startable(session) == []
    first.state = ScanState.DONE
    session.flush()
    assert scans.startable(session) == [second.id]


def test_very_many_warnings_are_cut(scan: Scan, run: Run, scene: Scene) -> None:
    scene.before_each = lambda context, number: [context.warn(f"{number}, {n} is wrong.") for n in range(300)]
    run(scan)
    assert len(scan.warnings) == crawling.WARNINGS_KEPT + 1
    assert scan.warnings[-1] == "And 1000 more of the same kinds."


def test_trouble_of_the_machine_that_comes_up_inside_the_market_is_no_failure_of_the_site(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    def break_off(_context: Context, _number: int) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    scene.before_each = break_off
    scene.crawl_only(session, scan.id, settings)
    scans.progress(session, scan.id)
    assert (scan.state, scan.crawl_error) == (ScanState.QUEUED, None)
    assert scan.note == "It waits, since the database could not be written; it goes on by itself."


def test_words_that_changed_before_a_crawl_went_on_are_judged(
    session: Session, settings: Settings, scan: Scan, run: Run, scene: Scene
) -> None:
    scene.listings = scene.listings[:1]
    scene.crawl_only(session, scan.id, settings, is_stopping=lambda: True)
    scene.score(session, settings)
    scene.listings[0] = replace(scene.listings[0], title="Genuine ivory figure")
    run(scan)
    assert scan.state is ScanState.DONE
    assert "ivory_words" in session.scalars(select(FindingRow.rule)).all()


def test_an_address_of_many_letters_that_are_longer_as_bytes_is_left_out(scan: Scan, run: Run, scene: Scene) -> None:
    scene.listings = [Listing(f"{SITE}/1", "Vase", photo_urls=(f"{SITE}/{'象' * 1900}.jpg",))]
    run(scan)
    assert scan.state is ScanState.FAILED
    assert scan.photos_failed == 1


def test_a_paused_scan_waits_for_a_newer_one_that_is_crawled(session: Session, scan: Scan) -> None:
    newer = scans.create(session, scan.source_id, "ann")
    newer.state = ScanState.RUNNING
    session.flush()
    assert scans.is_behind_another(session, scan)
