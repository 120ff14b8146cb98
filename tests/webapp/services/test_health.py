from collections import namedtuple
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import add, make_listing, make_scan, make_source
from tests.webapp.services.test_report_schedules import make_report
from webapp.db import now
from webapp.models import (
    AuditEntry,
    DeliveryState,
    DeliveryWay,
    Job,
    JobKind,
    JobState,
    PictureState,
    ReportDelivery,
    ScanPhoto,
    ScanState,
    Schedule,
    Webhook,
    WebhookDelivery,
)
from webapp.services import audit, health, processes, report_schedules
from webapp.services.health import Part
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings

Usage = namedtuple("Usage", "total used free")


def amiss(session: Session, settings: Settings, primary_absent: bool = False) -> dict[Part, str]:
    return {one.part: one.words for one in health.signs(session, settings.home, primary_absent) if not one.is_well}


@pytest.fixture
def running(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A house in which all is well, whatever the disk of this machine."""
    processes.beat_of(session, "w", processes.WORKER, processes.QUEUES)
    processes.beat_of(session, "b", processes.BEAT)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _path: Usage(1e12, 5e11, 5e11))


@pytest.mark.usefixtures("running")
def test_where_all_is_well_every_part_is_told(session: Session, settings: Settings) -> None:
    signs = health.signs(session, settings.home, primary_absent=False)
    assert {sign.part for sign in signs} == set(Part)
    assert all(sign.is_well for sign in signs)


def test_a_house_in_which_nothing_runs_says_so_first(session: Session, settings: Settings) -> None:
    signs = health.signs(session, settings.home, primary_absent=True)
    assert {signs[0].part, signs[1].part, signs[2].part} >= {Part.WORKERS, Part.BEAT}
    assert "`tuskline beat`" in amiss(session, settings)[Part.BEAT]
    assert Part.MODEL in amiss(session, settings, primary_absent=True)


@pytest.mark.usefixtures("running")
def test_a_queue_that_nobody_serves_is_named(session: Session, settings: Settings) -> None:
    processes.beat_of(session, "w", processes.WORKER, ["crawl", "upkeep"])
    assert amiss(session, settings)[Part.WORKERS] == "No worker takes work of this kind: scan, reports."


@pytest.mark.usefixtures("running")
def test_pictures_may_wait_but_not_for_long(session: Session, settings: Settings) -> None:
    scan = make_scan(session, state=ScanState.SCORING)
    listing = make_listing(session, scan.source)
    photo = add(session, ScanPhoto(scan=scan, listing=listing, location="x", state=PictureState.PENDING))
    assert amiss(session, settings) == {}
    photo.seen_at = now() - timedelta(hours=2)
    session.flush()
    assert amiss(session, settings)[Part.PICTURES] == "One picture waits to be scored, the oldest for 120 minutes."


@pytest.mark.usefixtures("running")
def test_what_failed_or_is_late_is_counted(session: Session, settings: Settings) -> None:
    source = make_source(session)
    make_scan(session, source, state=ScanState.FAILED)
    make_scan(session, source, state=ScanState.FAILED, finished_at=now() - timedelta(days=3))
    add(session, Schedule(source_id=source.id, cron="0 3 * * *", fires_at=now() - timedelta(hours=1)))
    hook = add(session, Webhook(name="a", url="https://a.example", secret="s", events=[]))
    add(session, WebhookDelivery(webhook_id=hook.id, key="k", event="e", payload={}, state=DeliveryState.FAILED))
    found = amiss(session, settings)
    assert found[Part.SCANS] == "One scan failed in the last 24 hours."
    assert found[Part.SCHEDULES] == "One schedule should have run and did not."
    assert "did not arrive" in found[Part.DELIVERIES]


@pytest.mark.usefixtures("running")
def test_a_disk_that_is_nearly_full_is_said(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _path: Usage(1e12, 0, 4e9))
    assert amiss(session, settings) == {Part.DISK: "The data folder's disk has 4.0 GB left."}


@pytest.mark.usefixtures("running")
def test_an_audit_log_that_is_not_sealed_or_not_whole_is_said(session: Session, settings: Settings) -> None:
    assert amiss(session, settings) == {}
    add(session, AuditEntry(actor="ann", action="x", subject="x", at=now() - timedelta(hours=2)))
    assert "not been sealed for an hour" in amiss(session, settings)[Part.AUDIT]
    audit.record(session, "ann", audit.VERIFIED, "audit:log", faults=2)
    assert "not what it was" in amiss(session, settings)[Part.AUDIT]


@pytest.mark.usefixtures("running")
def test_a_scheduled_report_that_is_not_built_late_or_lost_is_told(session: Session, settings: Settings) -> None:
    schedule = report_schedules.create(session, ReportPlan("Weekly", "0 6 * * 1"), None)
    options = {"schedule_id": schedule.id, "due_at": now().isoformat()}
    failed = add(session, Job(kind=JobKind.REPORT, actor="system", state=JobState.FAILED, options=options))
    assert amiss(session, settings)[Part.REPORTS] == "One scheduled report was not built."
    add(session, Job(kind=JobKind.REPORT, actor="system", state=JobState.DONE, options=failed.options))
    assert Part.REPORTS not in amiss(session, settings)
    due_at, schedule.due_at = schedule.due_at, now() - timedelta(minutes=3)
    assert "was not begun" in amiss(session, settings)[Part.REPORTS]
    schedule.due_at = due_at
    report = make_report(session, schedule)
    values = {"report": report, "way": DeliveryWay.FOLDER, "target": "a"}
    row = add(session, ReportDelivery(state=DeliveryState.FAILED, **values))
    assert "did not reach its target" in amiss(session, settings)[Part.REPORTS]
    row.due_at = now() - timedelta(hours=25)
    assert Part.REPORTS not in amiss(session, settings)
