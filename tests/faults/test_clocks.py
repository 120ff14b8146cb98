"""Clocks that jump, forwards and backwards: leases, schedules, sign-ins, the audit log, and the ticks themselves."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, make_job, make_listing, make_scan, make_source, make_user
from tests.faults import clock
from tests.faults.test_fleet import check_all
from tests.faults.test_fleet_steps import variables_of
from tests.functional.fleet import Fleet, running_fleet
from tests.webapp.views.conftest import post
from webapp import create_app, db
from webapp.models import AuditEntry, JobState, Role, Scan, ScanPhoto, ScanState, Schedule
from webapp.services import (
    audit,
    chain,
    claims,
    firing,
    jobs,
    moments,
    report_firing,
    report_schedules,
    scans,
    signing,
    verifying,
)
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings
from webapp.tasks import options, steady_now
from webapp.views import access

DAY = timedelta(days=1)
LISTINGS = 60
PutClock = Callable[[timedelta], None]


@pytest.fixture
def put_clock(monkeypatch: pytest.MonkeyPatch) -> PutClock:
    """Put what the services read as the time so far ahead, or back."""
    true = db.now

    def put(ahead: timedelta) -> None:
        for module in (audit, chain, verifying, access):
            monkeypatch.setattr(module, "now", lambda: true() + ahead)

    return put


def test_a_dead_workers_leases_pass_after_the_clock_was_put_back(session: Session, settings: Settings) -> None:
    """They end in a future that the clock takes a day to reach again."""
    theirs = {"lease_owner": "host:1:dead", "lease_until": db.now() + DAY}
    scan = make_scan(session, state=ScanState.RUNNING, finished_at=None, **theirs)
    job = make_job(session, state=JobState.RUNNING, **theirs)
    listing = make_listing(session, scan.source)
    session.add(ScanPhoto(scan_id=scan.id, listing_id=listing.id, location="http://a/1.jpg", attempts=1, **theirs))
    session.commit()
    assert claims.is_any_free(session, settings.lease_s)
    assert scans.reconcile(session, settings) == [scan.id]
    assert [number for number, _ in jobs.reconcile(session, settings)] == [job.id]
    assert len(claims.claim(session, "host:2:living", settings.lease_s, 10)) == 1


def test_a_living_workers_leases_hold(session: Session, settings: Settings) -> None:
    theirs = {"lease_owner": "host:1:living", "lease_until": db.now() + timedelta(seconds=settings.lease_s)}
    make_scan(session, state=ScanState.RUNNING, finished_at=None, **theirs)
    session.commit()
    assert scans.reconcile(session, settings) == []


def test_the_audit_log_stays_whole_and_says_that_the_clock_was_put_back(
    session: Session, settings: Settings, put_clock: PutClock
) -> None:
    key = signing.signing_key(settings.home)
    for ahead, action in ((DAY, "a.ahead"), (timedelta(0), "b.right"), (-DAY, "c.behind"), (timedelta(0), "d.right")):
        put_clock(ahead)
        audit.record(session, "ann", action, "user:1")
        session.commit()
        chain.seal_all(session, settings.home, key)
    result = verifying.verify_home(session, settings.home)
    assert [fault.words for fault in result.faults] == []
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["a.ahead", "clock.back", "b.right", "clock.back", "c.behind", "d.right"]


def test_an_entry_that_was_put_in_later_is_still_found(session: Session, settings: Settings) -> None:
    audit.record(session, "ann", "a.now", "user:1")
    at = db.now() - DAY
    content = chain.content_sha256(at, "eve", "b.before", "user:1", {})
    session.add(AuditEntry(at=at, actor="eve", action="b.before", subject="user:1", facts={}, content_sha256=content))
    session.commit()
    result = verifying.verify_home(session, settings.home)
    assert [fault.kind for fault in result.faults] == [verifying.FaultKind.MISDATED]


def test_a_schedule_runs_once_whichever_way_the_clock_jumps(session: Session) -> None:
    """A day behind, a year ahead and back again: its next run is that of the right clock."""
    at = datetime.fromisoformat("2026-03-10T03:00Z")
    session.add(Schedule(source_id=make_source(session).id, cron="0 3 * * *", due_at=at, fires_at=at))
    session.commit()
    for jump in (timedelta(0), -DAY, timedelta(0), 365 * DAY, timedelta(hours=1), DAY):
        firing.fire_due(session, at + timedelta(minutes=1) + jump)
        session.execute(update(Scan).values(state=ScanState.DONE))
        session.commit()
    dues = session.scalars(select(Scan.due_at).order_by(Scan.id)).all()
    assert sorted(dues) == [at, at + DAY] and session.scalars(select(Schedule.due_at)).one() == at + 2 * DAY


def test_a_scheduled_report_does_not_wait_for_a_year_that_a_clock_was_ahead(session: Session) -> None:
    schedule = report_schedules.create(session, ReportPlan("Weekly", "0 6 * * 1"), None)
    schedule.due_at = db.now() + 365 * DAY
    session.commit()
    report_firing.fire_due(session)
    session.refresh(schedule)
    assert schedule.due_at is not None and schedule.due_at < db.now() + 8 * DAY
    assert schedule.note == moments.CLOCK_WORDS


@pytest.mark.parametrize(("jump", "answer"), [(timedelta(0), 200), (DAY, 302), (-DAY, 302)])
def test_a_sign_in_ends_where_the_clock_jumps(
    jump: timedelta, answer: int, session: Session, settings: Settings, put_clock: PutClock
) -> None:
    app = create_app(settings)
    make_user(session, "mirela", Role.REVIEWER)
    session.commit()
    client = app.test_client()
    post(client, "/sign-in", name="mirela", password=PASSWORD)
    put_clock(jump)
    assert client.get("/queue").status_code == answer
    app.extensions["tuskline"].engine.dispose()


def test_ticks_keep_their_pace_by_a_clock_that_nobody_sets(settings: Settings) -> None:
    entries = options(settings)["beat_schedule"].values()
    assert all(entry["schedule"].nowfun is steady_now for entry in entries)
    assert all(entry["options"]["expires"] >= 3600 for entry in entries), "a worker's clock may be another"


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    clock.put(tmp_path / "clock", timedelta(0))
    return tmp_path / "clock"


@pytest.fixture
def fleet(home: Path, pictures: Path, clock_file: Path) -> Iterator[Fleet]:
    """All of its processes read the time that the file says."""
    with running_fleet(Settings(home=home, database_url=None, broker_url=None), pictures, LISTINGS) as fleet:
        fleet.more = variables_of(home / "deaths") | {clock.FILE: str(clock_file)}
        yield fleet


@pytest.mark.full
@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(days=2)], ids=["back", "forward"])
def test_a_scan_goes_on_when_the_clock_of_the_machine_jumps(jump: timedelta, fleet: Fleet, clock_file: Path) -> None:
    """In the middle of a crawl, with a scan worker that dies of it and leaves its leases."""
    fleet.start("crawler", "scanner", "beat")
    scan_id = fleet.begin_scan()
    fleet.wait(scan_id, lambda scan: scan.photos_scored > 0)
    fleet.kill("scanner")
    clock.put(clock_file, jump)
    fleet.start("scanner")
    check_all(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over), LISTINGS)


@pytest.mark.full
def test_a_worker_whose_clock_is_another_takes_what_is_due(fleet: Fleet, clock_file: Path) -> None:
    """Twenty minutes ahead of the beat that sends it."""
    of_workers, fleet.more = fleet.more, {}
    fleet.start("beat")
    fleet.more = of_workers
    clock.put(clock_file, timedelta(minutes=20))
    fleet.start("crawler", "scanner")
    scan_id = fleet.begin_scan(is_told=False)
    check_all(fleet, fleet.wait(scan_id, lambda scan: scan.state.is_over), LISTINGS)
