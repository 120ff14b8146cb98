from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from scanner.fetch import FetchError
from scanner.markets.base import Context, MarketError
from scanner.records import Listing
from tests.factories import make_scan, make_user
from tests.webapp.services.conftest import Run
from tests.webapp.services.scene import PICTURES, SITE, Scene
from webapp.db import now, session_factory
from webapp.models import (
    Appearance,
    FindingRow,
    FindingState,
    FindingTerm,
    ListingRow,
    PhotoRow,
    Scan,
    ScanState,
    ScoreRow,
    Verdict,
)
from webapp.services import decisions, leases, priority, scans, scoring
from webapp.services.decisions import Choice
from webapp.services.errors import NotFound
from webapp.services.priority import NO_HISTORY
from webapp.settings import Settings

TABLES = (ListingRow, PhotoRow, Appearance, ScoreRow, FindingRow)


def test_a_scan_writes_listings_pictures_scores_and_findings(session: Session, scan: Scan, run: Run) -> None:
    run(scan)
    assert (scan.state, scan.note, scan.lease_owner) == (ScanState.DONE, None, None)
    assert (scan.listings_expected, scan.listings_seen) == (4, 4)
    assert (scan.photos_seen, scan.photos_failed, scan.photos_scored, scan.findings_opened) == (5, 2, 3, 3)
    assert (scan.primary_absent, [model["name"] for model in scan.models]) == (True, ["small_model"])
    assert scan.finished_at is not None
    assert tally(session) == {"listings": 4, "photos": 4, "appearances": 4, "scores": 3, "findings": 3}


def test_a_finding_names_its_rule_score_model_and_reasons(session: Session, scan: Scan, run: Run) -> None:
    run(scan)
    finding = session.scalars(select(FindingRow).where(FindingRow.rule == "elephant_seen")).one()
    assert (finding.score, finding.threshold, finding.rule_version) == (0.9, 0.5, 1)
    assert (finding.model, finding.model_digest, finding.primary_absent) == ("small_model", "d" * 64, True)
    assert finding.priority == priority.of_row(finding, NO_HISTORY)
    assert (finding.source_id, finding.seller) == (finding.listing.source_id, finding.listing.seller)
    assert finding.reasons["kind"] == "score"
    assert finding.pack_digest == scan.pack_digest


def test_words_flag_a_listing_once_with_a_picture_or_without(session: Session, scan: Scan, run: Run) -> None:
    run(scan)
    findings = session.scalars(select(FindingRow).where(FindingRow.rule == "ivory_words")).all()
    assert sorted(finding.listing.url for finding in findings) == [f"{SITE}/3", f"{SITE}/4"]
    assert {(one.photo_id, one.score, one.model) for one in findings} == {(None, None, None)}
    terms = session.scalars(select(FindingTerm).where(FindingTerm.finding_id.in_([one.id for one in findings])))
    assert [(one.language, one.term) for one in terms] == [("en", "ivory")] * 2


def test_failures_of_pictures_are_kept_with_their_reason(session: Session, scan: Scan, run: Run) -> None:
    run(scan)
    failed = scans.failures(session, scan.id, 10)
    assert [(one.location, one.failure) for one in failed] == [
        (f"{SITE}/2a.jpg", "broken picture"),
        (f"{SITE}/gone.jpg", "The server answered 404 (Not Found)."),
    ]


def test_a_scan_of_which_no_picture_could_be_scored_has_failed(scan: Scan, run: Run, scene: Scene) -> None:
    for url in PICTURES:
        scene.site.answers[url] = b"broken"
    run(scan)
    assert scan.state is ScanState.FAILED
    assert scan.note == "None of the 5 pictures could be scored."


def test_what_a_resumed_scan_reads_takes_the_place_of_an_earlier_failure(
    session: Session, settings: Settings, scan: Scan, run: Run, scene: Scene
) -> None:
    lost = scene.site.answers[f"{SITE}/1a.jpg"]
    scene.site.answers[f"{SITE}/1a.jpg"] = FetchError("The server is asleep.")
    scene.crawl_only(session, scan.id, settings, is_stopping=lambda: True)
    assert [one.failure for one in scans.failures(session, scan.id, 10)] == ["The server is asleep."]
    scene.site.answers[f"{SITE}/1a.jpg"] = lost
    run(scan)
    assert scan.photos_failed == len(scans.failures(session, scan.id, 10)) == 2


def test_a_second_scan_of_the_source_scores_and_adds_nothing(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    before = tally(session)
    again = run(scans.create(session, scan.source_id, "ann"))
    assert scene.scanner is not None
    assert scene.scanner.scored == []
    assert (again.state, again.photos_seen, again.photos_scored, again.findings_opened) == (ScanState.DONE, 5, 0, 0)
    assert tally(session) == before


def test_running_a_scan_that_is_over_does_nothing(scan: Scan, run: Run, scene: Scene) -> None:
    finished_at = run(scan).finished_at
    scene.scanner = None
    assert run(scan).finished_at == finished_at
    assert scene.scanner is None


def test_other_bytes_of_the_same_pixels_are_not_scored_again(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    scene.listings.append(Listing(f"{SITE}/5", "The same again", photo_urls=(f"{SITE}/5.jpg",)))
    scene.site.answers[f"{SITE}/5.jpg"] = b"elephant 0.9,recompressed"
    again = run(scans.create(session, scan.source_id, "ann"))
    assert (again.photos_scored, again.findings_opened) == (0, 1)
    assert tally(session)["scores"] == 4


def test_another_model_scores_again_and_the_open_finding_follows_it(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    run(scan)
    scene.model = type(scene.model)(name="better_model", digest="e" * 64)
    again = run(scans.create(session, scan.source_id, "ann"))
    finding = session.scalars(select(FindingRow).where(FindingRow.rule == "elephant_seen")).one()
    session.refresh(finding)
    assert (again.photos_scored, again.findings_opened, finding.model) == (3, 0, "better_model")


def test_what_a_person_decided_stays_as_it_was(session: Session, scan: Scan, run: Run, scene: Scene) -> None:
    run(scan)
    finding = session.scalars(select(FindingRow).where(FindingRow.rule == "elephant_seen")).one()
    decisions.decide(session, make_user(session), finding.id, Choice(Verdict.DISMISS, "a toy"))
    session.commit()
    scene.model = type(scene.model)(name="better_model", digest="e" * 64)
    run(scans.create(session, scan.source_id, "ann"))
    session.refresh(finding)
    assert (finding.state, finding.model) == (FindingState.DISMISSED, "small_model")


def test_a_killed_crawl_goes_on_where_it_was(
    session: Session,
    engine: Engine,
    settings: Settings,
    scan: Scan,
    run: Run,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.services.recording.BATCH_PHOTOS", 1)
    monkeypatch.setattr("webapp.services.pictures.LISTINGS_AHEAD", 0)
    monkeypatch.setattr(leases.Heartbeat, "_beat", lambda _: None)
    settings.lease_s = -1  # the dead worker's lease has passed when it dies
    scene.before_each = die_at(3)
    with session_factory(engine)() as dying, pytest.raises(Killed):
        scene.crawl_only(dying, scan.id, settings, "dead")
    settings.lease_s = 60
    assert tally(session)["listings"] == 3

    assert scans.reconcile(session, settings) == [scan.id]
    assert scans.reconcile(session, settings) == [], "it was named once; its message is on the way"
    session.commit()
    scene.before_each = lambda _context, _number: None
    scene.site.asked.clear()
    run(scan)
    assert scan.state is ScanState.DONE
    assert scene.site.asked == [f"{SITE}/gone.jpg"], "what the dead worker had fetched is not fetched again"
    assert (scan.listings_seen, scan.photos_seen, scan.photos_failed) == (4, 5, 2)
    assert (scan.photos_scored, scan.findings_opened) == (3, 3)


def test_a_scan_that_another_worker_has_is_left_alone(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    assert leases.take(session, scan.id, "first", 60)
    assert not leases.take(session, scan.id, "second", 60)
    scene.crawl_only(session, scan.id, settings, "second")
    assert scans.progress(session, scan.id).lease_owner == "first"
    assert scene.site.asked == []


def test_a_worker_that_lost_its_lease_writes_nothing_more(
    session: Session, engine: Engine, scan: Scan, run: Run, scene: Scene
) -> None:
    def steal(_context: Context, number: int) -> None:
        if number == 2:
            with session_factory(engine)() as other:
                other.get_one(Scan, scan.id).lease_owner = "thief"
                other.commit()

    scene.before_each = steal
    run(scan)
    assert (scan.state, scan.lease_owner) == (ScanState.RUNNING, "thief")
    assert tally(session) == dict.fromkeys(("listings", "photos", "appearances", "scores", "findings"), 0)


def test_a_worker_that_is_asked_to_end_gives_the_scan_back(
    session: Session, settings: Settings, scan: Scan, run: Run, scene: Scene
) -> None:
    scene.crawl_only(session, scan.id, settings, is_stopping=lambda: True)
    session.refresh(scan)
    assert (scan.state, scan.lease_owner, scan.finished_at) == (ScanState.QUEUED, None, None)
    assert run(scan).state is ScanState.DONE
    assert tally(session)["findings"] == 3


def test_warnings_of_the_market_make_the_scan_partial_and_say_why(scan: Scan, run: Run, scene: Scene) -> None:
    scene.before_each = lambda context, number: context.warn(f"Page {number} could not be read.")
    assert run(scan).state is ScanState.PARTIAL
    assert scan.note is not None
    assert scan.note.startswith("Page 0 could not be read. Page 1 could")


def test_a_market_that_gives_up_fails_the_scan_with_its_sentence_and_keeps_what_was_seen(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    def give_up(_context: Context, number: int) -> None:
        if number == 2:
            raise MarketError("The shop is closed.")

    scene.before_each = give_up
    run(scan)
    assert (scan.state, scan.note) == (ScanState.FAILED, "The shop is closed.")
    assert tally(session)["listings"] == 2


def test_a_market_that_goes_down_with_the_worker_does_not_fail_the_scan(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    def go_down(_context: Context, _number: int) -> None:
        raise MarketError("The shop is gone.")

    scene.before_each = go_down
    scene.crawl_only(session, scan.id, settings, is_stopping=lambda: True)
    session.refresh(scan)
    assert (scan.state, scan.note, scan.lease_owner) == (ScanState.QUEUED, None, None)


def test_an_unexpected_error_fails_the_scan_and_is_logged(
    scan: Scan, run: Run, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.site.answers.clear()
    run(scan)
    assert scan.state is ScanState.FAILED
    assert "KeyError" in caplog.text


def test_without_a_model_the_scan_fails_and_says_what_to_do(
    session: Session, settings: Settings, scan: Scan, scene: Scene
) -> None:
    scene.crawl_only(session, scan.id, settings)
    scoring.run(session, settings, "worker")
    session.refresh(scan)
    assert (scan.state, scan.photos_failed) == (ScanState.FAILED, 5)
    assert scan.note is not None
    assert "None of the 5 pictures could be scored." in scan.note
    assert "tuskline models install" in scan.note


def test_what_strangers_write_is_cut_to_what_the_tables_hold(
    session: Session, scan: Scan, run: Run, scene: Scene
) -> None:
    scene.listings = [
        Listing(f"{SITE}/6", "zero\0byte \ud800", seller="s" * 500, currency="dollars", country="Xanadu"),
        Listing(f"{SITE}/{'7' * 2500}", "An address without end"),
    ]
    run(scan)
    [row] = session.scalars(select(ListingRow)).all()
    assert (row.title, row.currency, row.country) == ("zerobyte ?", None, None)
    assert len(row.seller or "") == 300
    assert scan.state is ScanState.PARTIAL


def test_reconcile_names_scans_whose_message_was_lost(session: Session, settings: Settings) -> None:
    lost = make_scan(session, state=ScanState.QUEUED, lease_until=now() - timedelta(seconds=1))
    make_scan(session, state=ScanState.QUEUED, lease_until=now() + timedelta(seconds=30))
    make_scan(session, state=ScanState.RUNNING, lease_until=now() + timedelta(seconds=30))
    make_scan(session, state=ScanState.DONE)
    assert scans.reconcile(session, settings) == [lost.id]


def test_where_no_worker_of_a_machine_is_alive_what_it_left_is_named_at_once(session: Session) -> None:
    until = now() + timedelta(seconds=30)
    running = make_scan(session, state=ScanState.RUNNING, lease_until=until, lease_owner="here:1:a")
    elsewhere = make_scan(session, state=ScanState.RUNNING, lease_until=until, lease_owner="there:1:a")
    waiting = make_scan(session, state=ScanState.QUEUED, lease_until=until)
    make_scan(session, state=ScanState.FAILED)
    assert scans.requeue_all(session, "here") == [running.id, waiting.id]
    for scan in (running, elsewhere):
        session.refresh(scan)
    assert (running.state, running.lease_owner) == (ScanState.QUEUED, None)
    assert (elsewhere.state, elsewhere.lease_owner) == (ScanState.RUNNING, "there:1:a")


def test_a_scan_of_no_source_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        scans.create(session, 99, "ann")


def test_the_heartbeat_keeps_a_lease_while_its_owner_waits(session: Session, engine: Engine, scan: Scan) -> None:
    assert leases.take(session, scan.id, "worker", 1)
    before = scans.progress(session, scan.id).lease_until
    session.commit()
    heart = leases.Heartbeat(engine, scan.id, "worker", 60)
    heart._pause_s = 0.01
    with heart:
        until = now() + timedelta(seconds=5)
        while now() < until and scans.progress(session, scan.id).lease_until == before:
            session.commit()
    assert scans.progress(session, scan.id).lease_until > before  # type: ignore[operator]


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


def die_at(number: int) -> Callable[[Context, int], None]:
    def die(_context: Context, reached: int) -> None:
        if reached == number:
            raise Killed

    return die


def tally(session: Session) -> dict[str, int]:
    session.expire_all()
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}


@pytest.mark.parametrize("ends_in_error", [False, True])
def test_what_no_database_can_hold_ends_no_scan(
    scan: Scan, run: Run, scene: Scene, ends_in_error: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A seller's price of half a letter, told in a warning, which becomes the scan's note."""
    odd = "the price \ud800\0 can't be read"

    def tell(context: Context, _number: int) -> None:
        context.warn(odd)
        if ends_in_error:
            raise MarketError(odd)

    scene.before_each = tell
    run(scan)
    assert scan.state is (ScanState.FAILED if ends_in_error else ScanState.PARTIAL)
    assert "the price ? can't be read" in (scan.note or "")
    caplog.text.encode()  # raises where the log holds half a letter
