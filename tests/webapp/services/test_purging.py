"""What goes under which policy, what stays, and that whatever is killed on the way nothing is half gone."""

import hashlib
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from tests.factories import add, make_job, make_user, place_photo
from tests.webapp.services.shelves import Shelves, days_ago
from webapp.db import now, session_factory
from webapp.models import (
    AuditEntry,
    Decision,
    FindingRow,
    FindingState,
    HoldScope,
    JobKind,
    JobState,
    Kept,
    ListingRow,
    ListingVersion,
    PendingPurge,
    PhotoRow,
    Purge,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckKind,
    Report,
    ReportDelivery,
    ReportSchedule,
    RetentionPolicy,
    Role,
    ScanPhoto,
    Span,
    Verdict,
)
from webapp.services import due, holds, photos, purging, report_files, retention
from webapp.services.errors import Refused
from webapp.services.report_files import Style
from webapp.services.retention import Terms
from webapp.settings import Settings
from webapp.storage import FolderStore, StoreAwayError

OPEN, ESCALATED, CONFIRMED = FindingState.OPEN, FindingState.ESCALATED, FindingState.CONFIRMED
DISMISSED, WITHDRAWN = FindingState.DISMISSED, FindingState.WITHDRAWN
ALL = {"unflagged": 10, "dismissed": 40, "confirmed": 400, "reports": 50, "cases": 500}


@pytest.fixture
def shelves(session: Session, settings: Settings) -> Shelves:
    return Shelves(session, settings)


def purge(shelves: Shelves) -> list[str]:
    """The names of what went, in the order of their rows."""
    shelves.session.commit()
    before = shelves.session.query(Purge).count()
    purging.purge(shelves.session, shelves.settings)
    shelves.session.expire_all()
    return [row.name for row in shelves.session.query(Purge).order_by(Purge.id).offset(before)]


def names(*rows: PhotoRow) -> list[str]:
    return sorted(photos.name_of(row.sha256) for row in rows)


def test_without_a_policy_nothing_goes(shelves: Shelves) -> None:
    photo = shelves.photo(shelves.listing(5000))
    shelves.report(5000), shelves.case(5000, findings=[])
    assert purge(shelves) == []
    assert shelves.place.has(photos.name_of(photo.sha256))
    assert purging.preview(shelves.session, shelves.settings, Terms()).files == 0


def test_what_goes_leaves_digest_size_policy_and_reason_and_its_rows_stay(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    photo = shelves.photo(shelves.listing(11))
    assert purge(shelves) == names(photo)
    [row] = shelves.session.query(Purge)
    assert (row.sha256, row.size_bytes, row.policy, row.actor) == (
        photo.sha256,
        photo.size_bytes,
        "unflagged",
        "system",
    )
    assert row.reason == "Nothing was found on its listings, and they were last seen more than 10 days ago."
    assert not shelves.place.has(row.name)
    assert shelves.session.get_one(PhotoRow, photo.id).purged_at == row.purged_at
    entry = shelves.session.query(AuditEntry).filter_by(action="retention.purge").one()
    assert entry.facts["ids"] == [row.id] and entry.facts["bytes"] == photo.size_bytes
    assert entry.facts["sha256"] == purging.digest_of_rows([row])
    assert purge(shelves) == [], "once more does nothing"


@pytest.mark.parametrize(
    ("states", "seen", "decided", "goes"),
    [
        ((), 11, 0, "unflagged"),
        ((), 9, 0, None),
        ((DISMISSED,), 41, 41, "dismissed"),
        ((DISMISSED, WITHDRAWN), 41, 41, "dismissed"),
        ((DISMISSED,), 39, 100, None),
        ((DISMISSED,), 100, 39, None),
        ((CONFIRMED, DISMISSED), 41, 41, None),
        ((CONFIRMED, DISMISSED), 401, 401, "confirmed"),
        ((CONFIRMED,), 401, 399, None),
        ((CONFIRMED, OPEN), 5000, 5000, None),
        ((DISMISSED, ESCALATED), 5000, 5000, None),
        ((OPEN,), 5000, 5000, None),
    ],
)
def test_each_kind_of_listing_has_its_own_days(
    shelves: Shelves, states: tuple[FindingState, ...], seen: float, decided: float, goes: str | None
) -> None:
    shelves.policy(**ALL)
    user, listing = make_user(shelves.session), shelves.listing(seen)
    photo = shelves.photo(listing)
    for state in states:
        other = shelves.photo(listing)
        shelves.finding(listing, other, state, decided, user)
    gone = purge(shelves)
    assert (photos.name_of(photo.sha256) in gone) is (goes is not None)
    assert len(gone) == (1 + len(states) if goes else 0)
    assert {row.policy for row in shelves.session.query(Purge)} == ({Kept(goes)} if goes else set())


def test_a_picture_stays_while_one_listing_that_shows_it_does(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    old, fresh, wanted = shelves.listing(20), shelves.listing(1), shelves.listing(20)
    shared, alone, flagged = shelves.photo(old), shelves.photo(old), shelves.photo(old)
    place_photo(shelves.session, fresh, shared)
    shelves.finding(wanted, flagged, OPEN, 20)  # a listing that shows it no more, and has a finding on it
    assert purge(shelves) == names(alone)


def test_an_archive_goes_once_every_capture_in_it_may(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    old, older, fresh = shelves.listing(20), shelves.listing(30), shelves.listing(1)
    both, shared = shelves.archive(old, older), shelves.archive(old, fresh)
    assert purge(shelves) == [both]
    assert shelves.place.has(shared)
    [row] = shelves.session.query(Purge)
    assert (row.sha256, row.size_bytes) == (hashlib.sha256(b"a record").hexdigest(), 8)


def test_an_archive_that_is_not_in_the_store_yet_is_left_alone(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    name = shelves.archive(shelves.listing(20))
    shelves.place.remove(name)
    assert purge(shelves) == []
    assert shelves.session.query(PendingPurge).count() == 0


def test_a_crawl_log_goes_with_the_last_listing_that_its_scan_saw(shelves: Shelves) -> None:
    shelves.policy(unflagged=10)
    gone = shelves.log(shelves.listing(20), 20)
    wanted = shelves.listing(20)
    kept = shelves.log(wanted, 20)
    shelves.finding(wanted, None, OPEN, 20)
    still_running = shelves.log(shelves.listing(20), 1)
    assert purge(shelves) == [gone]
    assert shelves.place.has(kept) and shelves.place.has(still_running)


def wait_for_a_second_look(shelves: Shelves, finding: Any) -> None:
    first = add(
        shelves.session,
        Decision(finding=finding, user=make_user(shelves.session), verdict=Verdict.DISMISS, decided_at=days_ago(90)),
    )
    add(shelves.session, Recheck(finding=finding, kind=RecheckKind.SAMPLE, first_id=first.id))


def test_what_somebody_still_has_to_look_at_stays(shelves: Shelves) -> None:
    shelves.policy(**ALL)
    looked, drawn, free = shelves.listing(90), shelves.listing(90), shelves.listing(90)
    for listing in (looked, drawn, free):
        shelves.photo(listing)
    wait_for_a_second_look(shelves, shelves.finding(looked, looked.appearances[0].photo, DISMISSED, 90))
    audit = RecallAudit(from_at=days_ago(100), to_at=days_ago(80), strata=[], size=1, seed=1)
    item = add(shelves.session, RecallItem(audit=audit, listing=drawn, stratum="low"))
    assert purge(shelves) == names(free.appearances[0].photo)
    item.answer = "other"
    assert purge(shelves) == names(drawn.appearances[0].photo), "a settled look lets it go"


def test_a_picture_that_waits_for_the_scorer_stays(shelves: Shelves, session: Session) -> None:
    shelves.policy(unflagged=10)
    listing = shelves.listing(20)
    photo = shelves.photo(listing)
    shelves.log(listing, 20)
    waiting = add(session, ScanPhoto(scan_id=listing.last_scan_id, listing=listing, photo=photo, location="x"))
    assert purge(shelves) == []
    waiting.state = "scored"
    assert len(purge(shelves)) == 2


def test_a_report_goes_with_its_files_and_not_without_its_corrections(shelves: Shelves) -> None:
    shelves.policy(reports=50)
    alone, corrected = shelves.report(60), shelves.report(60)
    file = shelves.report_file(alone)
    fresh = shelves.report(10, corrects=corrected, correction="A finding was missing.")
    assert purge(shelves) == sorted([due.name_of_file(file), f"reports/{alone.sha256}.jsonl"])
    assert alone.purged_at is not None and file.purged_at is not None and corrected.purged_at is None
    fresh.built_at = days_ago(51)
    assert len(purge(shelves)) == 2


def test_the_same_bytes_of_two_reports_go_with_the_later_one(shelves: Shelves) -> None:
    shelves.policy(reports=50)
    old, fresh = shelves.report(60), shelves.report(10)
    shelves.report_file(old, b"the same"), shelves.report_file(fresh, b"the same")
    assert purge(shelves) == [f"reports/{old.sha256}.jsonl"]


def test_bytes_that_are_written_again_just_now_stay(shelves: Shelves, engine: Engine, tmp_path: Path) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer: nobody writes beside a purge")
    shelves.policy(reports=50)
    old, fresh = shelves.report(60), shelves.report(10)
    file = shelves.report_file(old, b"the same")
    shelves.session.commit()
    path = tmp_path / "file"
    path.write_bytes(b"the same")
    with session_factory(engine)() as other:
        report = other.get_one(Report, fresh.id)
        report_files.keep(other, shelves.settings, report, Style("csv"), None, path, [])
        assert due.name_of_file(file) not in purge(shelves)
        other.commit()
    assert shelves.place.has(due.name_of_file(file)) and purge(shelves) == []


def test_bytes_that_are_being_removed_are_there_for_whoever_writes_them_again(
    shelves: Shelves, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelves.policy(reports=50)
    old, fresh = shelves.report(60), shelves.report(10)
    file = shelves.report_file(old, b"the same")
    shelves.session.commit()
    path, is_begun = tmp_path / "file", threading.Event()
    path.write_bytes(b"the same")

    def write_again() -> None:
        with session_factory(engine)() as own:
            report = own.get_one(Report, fresh.id)
            is_begun.set()
            report_files.keep(own, shelves.settings, report, Style("csv"), None, path, [])
            own.commit()

    writing = threading.Thread(target=write_again)
    remove = FolderStore.remove

    def remove_and_let_write(place: FolderStore, name: str) -> None:
        if name == due.name_of_file(file) and not writing.ident:
            writing.start()
            assert is_begun.wait(20)
            writing.join(0.2)  # it waits for us: longer would change nothing
        remove(place, name)

    monkeypatch.setattr(FolderStore, "remove", remove_and_let_write)
    assert due.name_of_file(file) in purge(shelves)
    writing.join()
    assert shelves.place.has(due.name_of_file(file))


def test_a_schedule_may_keep_its_reports_for_a_time_of_its_own(shelves: Shelves, session: Session) -> None:
    shelves.policy(reports=50)
    values = {"cron": "0 3 * * *", "span": Span.DAY}
    brief = add(session, ReportSchedule(name="brief", keep_days=5, **values))
    long = add(session, ReportSchedule(name="long", keep_days=500, **values))
    kept = shelves.report(60, schedule_id=long.id, due_at=days_ago(60))
    gone = shelves.report(6, schedule_id=brief.id, due_at=days_ago(6))
    waiting = shelves.report(6, schedule_id=brief.id, due_at=days_ago(7))
    add(session, ReportDelivery(report=waiting, way="folder", target="x"))
    assert purge(shelves) == [f"reports/{gone.sha256}.jsonl"]
    assert kept.purged_at is None


def test_a_case_file_goes_after_its_days(shelves: Shelves) -> None:
    shelves.policy(cases=500)
    gone, _ = shelves.case(501, findings=[1]), shelves.case(499, findings=[1])
    assert purge(shelves) == [due.name_of_case(gone)]
    assert gone.purged_at is not None


def place(shelves: Shelves, scope: HoldScope, target_id: int, seller: str | None = None) -> int:
    user = make_user(shelves.session, role=Role.LEAD)
    return holds.place(shelves.session, user, scope, target_id, "The prosecutor asked.", seller).id


SCOPES = ["finding", "listing", "seller", "source", "report", "case", "case of seller"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_keeps_all_that_belongs_to_it_until_it_is_released(shelves: Shelves, scope: str) -> None:
    shelves.policy(**ALL)
    user = make_user(shelves.session)
    listing = shelves.listing(600, seller="ann")
    photo, beside = shelves.photo(listing), shelves.photo(listing)
    other = shelves.listing(600, seller="bob")
    place_photo(shelves.session, other, beside)
    finding = shelves.finding(listing, photo, DISMISSED, 600, user)
    archive, log = shelves.archive(listing, other), shelves.log(listing, 600)
    report, case = shelves.report(600, finding), shelves.case(600, findings=[finding.id])
    of_seller = shelves.case(600, seller="ann", source_id=listing.source_id)
    everything = {*names(photo, beside), archive, log, f"reports/{report.sha256}.jsonl"}
    everything |= {due.name_of_case(case), due.name_of_case(of_seller)}
    shelves.session.commit()
    target = {
        "finding": (HoldScope.FINDING, finding.id),
        "listing": (HoldScope.LISTING, listing.id),
        "seller": (HoldScope.SELLER, listing.source_id, "ann"),
        "source": (HoldScope.SOURCE, listing.source_id),
        "report": (HoldScope.REPORT, report.id),
        "case": (HoldScope.CASE, case.id),
        "case of seller": (HoldScope.CASE, of_seller.id),
    }[scope]
    hold_id = place(shelves, *target)
    assert purge(shelves) == []
    assert [hold.id for hold in holds.of_listing(shelves.session, shelves.settings, listing)] == [hold_id]
    assert holds.of_listing(shelves.session, shelves.settings, other) == []
    holds.release(shelves.session, user, hold_id, "The trial is over.")
    assert set(purge(shelves)) == everything


def test_a_seller_who_takes_another_name_leaves_no_hold(shelves: Shelves, session: Session) -> None:
    shelves.policy(unflagged=10)
    listing = shelves.listing(20, seller="ann")
    shelves.photo(listing)
    place(shelves, HoldScope.SELLER, listing.source_id, "ann")
    add(session, ListingVersion(listing_id=listing.id, content_sha256="0" * 64, fields={"seller": "ann"}))
    listing.seller = "a new name"
    assert purge(shelves) == []


def test_a_held_report_that_can_not_be_read_keeps_all_that_it_may_hold(shelves: Shelves) -> None:
    shelves.policy(dismissed=40)
    listing = shelves.listing(100)
    finding = shelves.finding(listing, shelves.photo(listing), DISMISSED, 100.5)
    report = shelves.report(100, finding)
    shelves.place.remove(f"reports/{report.sha256}.jsonl")
    place(shelves, HoldScope.REPORT, report.id)
    assert purge(shelves) == []


class Killed(BaseException):
    """As a process ends that is killed: nothing behind it runs."""


def killed(*_: object, **__: object) -> None:
    raise Killed


def due_picture(shelves: Shelves) -> PhotoRow:
    """Of the only listing."""
    shelves.policy(unflagged=10)
    photo = shelves.photo(shelves.listing(20))
    shelves.session.commit()
    return photo


def listing_of(shelves: Shelves) -> int:
    return shelves.session.query(ListingRow).one().id


@pytest.mark.parametrize(
    ("step", "has_bytes"),
    [("begin", True), ("finish", True), ("remove", True), ("record", False), ("audit.record", False)],
)
def test_a_purge_that_is_killed_is_brought_to_its_end(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch, step: str, has_bytes: bool
) -> None:
    photo = due_picture(shelves)
    with monkeypatch.context() as patch:
        patch.setattr(f"webapp.services.{step}" if "." in step else f"webapp.services.purging.{step}", killed)
        with pytest.raises(Killed):
            purging.purge(shelves.session, shelves.settings)
    shelves.session.rollback()
    assert shelves.place.has(photos.name_of(photo.sha256)) is has_bytes
    assert shelves.session.query(Purge).count() == 0
    noted = [row.sha256 for row in shelves.session.query(PendingPurge)]
    assert noted == ([] if step == "begin" else [photo.sha256]), "no bytes are gone without a row"
    purging.purge_due(shelves.session, shelves.settings)
    shelves.session.expire_all()
    assert [row.sha256 for row in shelves.session.query(Purge)] == [photo.sha256]
    assert shelves.session.get_one(PhotoRow, photo.id).purged_at is not None
    assert not shelves.place.has(photos.name_of(photo.sha256))
    assert shelves.session.query(PendingPurge).count() == 0


def test_a_hold_between_the_note_and_the_removal_wins(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = due_picture(shelves)
    with monkeypatch.context() as patch:
        patch.setattr(purging, "finish", killed)
        with pytest.raises(Killed):
            purging.purge(shelves.session, shelves.settings)
    shelves.session.rollback()
    place(shelves, HoldScope.LISTING, listing_of(shelves))
    assert purge(shelves) == []
    assert shelves.place.has(photos.name_of(photo.sha256))
    assert shelves.session.query(PendingPurge).count() == 0
    assert shelves.session.get_one(PhotoRow, photo.id).purged_at is None


def test_bytes_that_went_before_the_hold_came_are_owned_up_to(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = due_picture(shelves)
    with monkeypatch.context() as patch:
        patch.setattr(purging, "record", killed)
        with pytest.raises(Killed):
            purging.purge(shelves.session, shelves.settings)
    shelves.session.rollback()
    place(shelves, HoldScope.LISTING, listing_of(shelves))
    assert purge(shelves) == names(photo)


def test_a_hold_that_is_being_placed_is_waited_for(
    shelves: Shelves, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is noted, and the hold's row is there and not committed, when the purge comes to its turn."""
    photo = due_picture(shelves)
    docket = purging.docket_of(shelves.session, shelves.settings, retention.terms(shelves.session))
    purging.begin(shelves.session, shelves.place, list(docket.files()), "system")
    is_placed, at_the_lock, listing_id = threading.Event(), threading.Event(), listing_of(shelves)
    shelves.session.rollback()
    lock = holds.lock

    def tell_and_lock(session: Session) -> None:
        at_the_lock.set()
        lock(session)

    def place_slowly() -> None:
        with session_factory(engine)() as own:
            holds.place(own, None, HoldScope.LISTING, listing_id, "The prosecutor asked.")
            monkeypatch.setattr(holds, "lock", tell_and_lock)
            is_placed.set()
            assert at_the_lock.wait(20)
            own.commit()

    placing = threading.Thread(target=place_slowly)
    placing.start()
    assert is_placed.wait(20)
    removed = purging.finish(shelves.session, shelves.settings)
    placing.join()
    assert (removed.files, removed.kept) == (0, 1)
    assert shelves.place.has(photos.name_of(photo.sha256))


def test_a_hold_that_comes_while_files_are_removed_waits_and_keeps_the_rest(
    shelves: Shelves, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 1)
    shelves.policy(unflagged=10)
    listing = shelves.listing(20)
    first, second = shelves.photo(listing), shelves.photo(listing)
    shelves.session.commit()
    placed: list[threading.Thread] = []
    remove = FolderStore.remove

    def place_now() -> None:
        with session_factory(engine)() as own:
            holds.place(own, None, HoldScope.LISTING, listing.id, "The prosecutor asked.")
            own.commit()

    def remove_and_let_place(place: FolderStore, name: str) -> None:
        if not placed:
            placed.append(threading.Thread(target=place_now))
            placed[0].start()
        remove(place, name)

    monkeypatch.setattr(FolderStore, "remove", remove_and_let_place)
    finish = purging.finish

    def finish_then_wait(session: Session, settings: Settings) -> purging.Removed:
        removed = finish(session, settings)
        placed[0].join()  # it could not be placed before this batch was committed
        return removed

    monkeypatch.setattr(purging, "finish", finish_then_wait)
    removed = purging.purge(shelves.session, shelves.settings)
    kept = [shelves.place.has(photos.name_of(one.sha256)) for one in (first, second)]
    assert (removed.files, kept) == (1, [False, True])
    assert shelves.session.query(Purge).one().sha256 == first.sha256


def test_a_store_that_goes_away_loses_nothing(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    shelves.policy(unflagged=10)
    listing = shelves.listing(20)
    every = [shelves.photo(listing) for _ in range(3)]
    shelves.session.commit()
    remove, calls = purging.remove, []

    def remove_one(place: FolderStore, name: str) -> None:
        if calls:
            raise StoreAwayError("The store is away.")
        calls.append(name)
        remove(place, name)

    with monkeypatch.context() as patch:
        patch.setattr(purging, "remove", remove_one)
        with pytest.raises(StoreAwayError):
            purging.purge(shelves.session, shelves.settings)
    assert [row.name for row in shelves.session.query(Purge)] == calls
    assert len(purge(shelves)) == 2
    assert {row.name for row in shelves.session.query(Purge)} == set(names(*every))


def test_nothing_is_removed_beside_work_that_reads_it(shelves: Shelves) -> None:
    photo = due_picture(shelves)
    job = make_job(shelves.session, JobKind.CASE, None, state=JobState.RUNNING, holds="case:1")
    shelves.session.commit()
    assert purging.purge_due(shelves.session, shelves.settings).files == 0
    with pytest.raises(Refused, match="is being made"):
        purging.purge(shelves.session, shelves.settings)
    job.state = JobState.DONE
    assert purge(shelves) == names(photo)


def test_the_purge_of_the_day_runs_once_a_day(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    due_picture(shelves)
    assert purging.purge_due(shelves.session, shelves.settings).files == 1
    shelves.photo(shelves.listing(20))
    shelves.session.commit()
    assert purging.purge_due(shelves.session, shelves.settings).files == 0
    later = now() + timedelta(hours=24)
    monkeypatch.setattr(purging, "now", lambda: later)
    assert purging.purge_due(shelves.session, shelves.settings).files == 1


def test_a_policy_acts_a_day_after_it_was_set(shelves: Shelves, session: Session) -> None:
    user = make_user(session, role=Role.ADMIN)
    photo = shelves.photo(shelves.listing(20))
    retention.change(session, user, {Kept.UNFLAGGED: 10})
    assert purge(shelves) == []
    assert purging.preview(session, shelves.settings, retention.set_terms(session)).files == 1
    session.query(RetentionPolicy).update({"changed_at": days_ago(1.1)})
    assert purge(shelves) == names(photo)


def test_a_preview_counts_by_policy_and_sort_and_removes_nothing(shelves: Shelves) -> None:
    listing = shelves.listing(20)
    every = [shelves.photo(listing), shelves.photo(listing)]
    shelves.archive(listing)
    shelves.case(600, findings=[])
    found = purging.preview(shelves.session, shelves.settings, Terms({Kept.UNFLAGGED: 10, Kept.CASES: 500}))
    pictures = sum(one.size_bytes for one in every)
    assert [(one.policy.value, one.sort, one.files) for one in found.lines] == [
        ("unflagged", "photos", 2),
        ("unflagged", "archives", 1),
        ("cases", "cases", 1),
    ]
    assert found.lines[0].size_bytes == pictures and found.files == 4 and not found.is_cut
    assert purging.preview(shelves.session, shelves.settings, Terms({Kept.UNFLAGGED: 10}), limit=1).is_cut
    assert shelves.session.query(Purge).count() == 0 and all(shelves.place.has(name) for name in names(*every))


@pytest.mark.parametrize("table", [ListingRow, PhotoRow, FindingRow])
def test_what_somebody_writes_to_just_now_stays(shelves: Shelves, engine: Engine, table: type[Any]) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer: nobody writes beside a purge")
    shelves.policy(dismissed=40)
    listing = shelves.listing(50)
    photo = shelves.photo(listing)
    shelves.finding(listing, photo, DISMISSED, 50)
    shelves.session.commit()
    with session_factory(engine)() as other:
        other.execute(update(table).values(id=table.id))
        assert purge(shelves) == []
    assert purge(shelves) == names(photo)
