"""Whether anything is stuck: each thing that can be, with a sentence that says how it stands."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say, say_many
from webapp.models import DeliveryState, Scan, ScanState, WebhookDelivery, WorkerProcess
from webapp.services import audit, chain, deliveries, figures, processes, report_firing

WAITS_LONG = timedelta(minutes=30)  # a picture: scan workers take the oldest first
UNSEALED_LONG = timedelta(hours=1)
RECENTLY = timedelta(days=1)
DISK_SHARE, DISK_BYTES = 0.05, 5e9  # free: below both it is tight


class Part(StrEnum):
    WORKERS = "workers"
    BEAT = "beat"
    PICTURES = "pictures"
    SCANS = "scans"
    SCHEDULES = "schedules"
    MODEL = "model"
    DELIVERIES = "deliveries"
    REPORTS = "reports"
    DISK = "disk"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Sign:
    """words: one sentence; is_well: nobody has to do anything."""

    part: Part
    is_well: bool
    words: str


def signs(session: Session, home: Path, primary_absent: bool) -> list[Sign]:
    """What is amiss first."""
    found = list(read_signs(session, home, primary_absent))
    return sorted(found, key=lambda sign: sign.is_well)


def read_signs(session: Session, home: Path, primary_absent: bool) -> Iterator[Sign]:
    known = processes.alive(session)
    yield of_workers(known)
    yield of_beat(known)
    yield of_pictures(session)
    yield of_scans(session)
    yield of_schedules(session)
    if primary_absent:
        yield Sign(Part.MODEL, False, say("The primary model is not installed: fallback models speak in its place."))
    else:
        yield Sign(Part.MODEL, True, say("The model that is meant to speak first does."))
    yield of_deliveries(session)
    yield of_reports(session)
    yield of_disk(home)
    yield of_audit(session)


def of_workers(known: Sequence[WorkerProcess]) -> Sign:
    workers = [one for one in known if one.kind == processes.WORKER]
    if unserved := processes.unserved(workers):
        names = ", ".join(unserved)
        return Sign(Part.WORKERS, False, say("No worker takes work of this kind: %(names)s.", names=names))
    words = say_many("One worker is at work.", "%(num)s workers are at work.", len(workers))
    return Sign(Part.WORKERS, True, words)


def of_beat(known: Sequence[WorkerProcess]) -> Sign:
    if any(one.kind == processes.BEAT for one in known):
        return Sign(Part.BEAT, True, say("The clock that begins what is due runs."))
    return Sign(Part.BEAT, False, say("No clock runs, so nothing that is due begins: start `tuskline beat`."))


def of_pictures(session: Session) -> Sign:
    waiting = figures.count_waiting(session)
    if not waiting.pictures:
        return Sign(Part.PICTURES, True, say("No picture waits to be scored."))
    words = say_many("One picture waits to be scored,", "%(num)s pictures wait to be scored,", waiting.pictures)
    minutes = say_many(
        "the oldest for a minute.", "the oldest for %(num)s minutes.", max(1, int(waiting.oldest_s // 60))
    )
    return Sign(Part.PICTURES, waiting.oldest_s < WAITS_LONG.total_seconds(), f"{words} {minutes}")


def of_scans(session: Session) -> Sign:
    failed = select(func.count()).where(Scan.state == ScanState.FAILED, Scan.finished_at >= now() - RECENTLY)
    if count := session.scalar(failed) or 0:
        words = say_many("One scan failed in the last 24 hours.", "%(num)s scans failed in the last 24 hours.", count)
        return Sign(Part.SCANS, False, words)
    return Sign(Part.SCANS, True, say("No scan failed in the last 24 hours."))


def of_schedules(session: Session) -> Sign:
    if late := figures.read_ticks(session).late:
        words = say_many(
            "One schedule should have run and did not.", "%(num)s schedules should have run and did not.", late
        )
        return Sign(Part.SCHEDULES, False, words)
    return Sign(Part.SCHEDULES, True, say("No schedule is late."))


def of_deliveries(session: Session) -> Sign:
    failed = WebhookDelivery.state == DeliveryState.FAILED, WebhookDelivery.created_at >= now() - RECENTLY
    if count := session.scalar(select(func.count()).where(*failed)) or 0:
        words = say_many(
            "One message to another system did not arrive in the last 24 hours.",
            "%(num)s messages to other systems did not arrive in the last 24 hours.",
            count,
        )
        return Sign(Part.DELIVERIES, False, words)
    return Sign(Part.DELIVERIES, True, say("No message to another system was lost in the last 24 hours."))


def of_reports(session: Session) -> Sign:
    """Scheduled ones: built, and handed over."""
    if count := len(report_firing.failures(session, now())):
        words = say_many("One scheduled report was not built.", "%(num)s scheduled reports were not built.", count)
        return Sign(Part.REPORTS, False, words)
    if late := report_firing.count_late(session, now()):
        words = say_many("One report is due and was not begun.", "%(num)s reports are due and were not begun.", late)
        return Sign(Part.REPORTS, False, words)
    if lost := deliveries.count_lost(session, now() - RECENTLY):
        words = say_many(
            "One scheduled report did not reach its target in the last 24 hours.",
            "%(num)s deliveries of scheduled reports were given up in the last 24 hours.",
            lost,
        )
        return Sign(Part.REPORTS, False, words)
    return Sign(Part.REPORTS, True, say("Scheduled reports are built, and none was lost in the last 24 hours."))


def of_disk(home: Path) -> Sign:
    usage = shutil.disk_usage(home)
    is_tight = usage.free < usage.total * DISK_SHARE and usage.free < DISK_BYTES
    free = f"{usage.free / 1e9:.1f}"
    words = say("The data folder's disk has %(free)s GB left.", free=free)
    return Sign(Part.DISK, not is_tight, words)


def of_audit(session: Session) -> Sign:
    last = audit.last_verification(session)
    if last is not None and last.facts.get("faults"):
        return Sign(Part.AUDIT, False, say("The audit log is not what it was: see what its verification names."))
    oldest = next(iter(chain.unsealed(session, 1)), None)
    if oldest is not None and oldest.at < now() - UNSEALED_LONG:
        return Sign(Part.AUDIT, False, say("The audit log has not been sealed for an hour: is a worker running?"))
    return Sign(Part.AUDIT, True, say("The audit log is sealed."))
