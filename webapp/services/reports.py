"""Reports: what was found and decided in a period, frozen with all that it rests on."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, object_session, selectinload

from webapp.db import now
from webapp.echoes import say_again
from webapp.exporters.content import Content, Finding
from webapp.language import say
from webapp.models import Purge, Report, ReportFile, User
from webapp.services import audit, freezing, users, webhooks
from webapp.services.errors import NotFound, Refused
from webapp.services.freezing import Wanted
from webapp.settings import Settings
from webapp.storage import Store, open_store


class ReportError(OSError):
    """What is stored is missing or is not what it was."""


class ReportGone(ReportError):  # an answer, as in HTTP
    """Retention removed it; the row with its digest stays."""


def build(
    session: Session,
    settings: Settings,
    wanted: Wanted,
    actor: User | None,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
    reading: Session | None = None,
) -> Report:
    """Freeze what is wanted. Raises Refused where the period is empty, or a correction does not say what was wrong.

    The content is written under its SHA-256 before the row that names it is committed. tell: as in freezing.freeze.
    reading: what the content is read with, such as webapp.db.one_moment; the session itself unless given.
    """
    check(wanted)
    who = users.name_of(actor)
    with TemporaryDirectory(prefix="tuskline-report-") as folder:
        at = now()
        frozen = freezing.freeze(reading or session, settings, wanted, who, at, Path(folder), tell)
        open_store(settings).put_file(name_of(frozen.sha256), frozen.path)
    report = Report(
        title=wanted.title,
        from_at=wanted.from_at,
        to_at=wanted.to_at,
        filters=dict(wanted.filters),
        filters_name=wanted.filters_name,
        sha256=frozen.sha256,
        size_bytes=frozen.size_bytes,
        findings_count=frozen.findings_count,
        built_at=at,
        user=actor,
        corrects_id=wanted.corrects.id if wanted.corrects else None,
        correction=wanted.correction,
    )
    session.add(report)
    session.flush()
    note_built(session, who, report)
    return report


def check(wanted: Wanted) -> None:
    """Raises Refused."""
    if wanted.from_at >= wanted.to_at:
        raise Refused(say("The end of the period must lie after its beginning."))
    if wanted.corrects and not wanted.correction.strip():
        raise Refused(say("Say what was wrong with the report that this one corrects."))


def note_built(session: Session, who: str, report: Report) -> None:
    facts = {"sha256": report.sha256, "findings": report.findings_count}
    if report.corrects_id:
        facts |= {"corrects": report.corrects_id}
    audit.record(session, who, "report.build", f"report:{report.id}", **facts)
    webhooks.publish(session, webhooks.Event.REPORT_BUILT, report_id=report.id, **facts)


def name_of(sha256: str) -> str:
    """Where the content lies in the store."""
    return f"reports/{sha256}.jsonl"


def old_name_of(sha256: str) -> str:
    """Where the content of a report of format 1 lies, which was one JSON document."""
    return f"reports/{sha256}.json"


def read(settings: Settings, report: Report) -> Content:
    """The content, its digest checked.

    Raises ReportError where it is missing or was changed, ReportGone where retention removed it, and StoreAwayError.
    """
    place = open_store(settings)
    name = find_name(place, report)
    check_digest(place, name, report)
    return read_old(place, name) if name.endswith(".json") else Content(read_head(place, name), lines_of(place, name))


def find_name(place: Store, report: Report) -> str:
    if report.purged_at:
        raise gone(report, report.purged_at, (name_of(report.sha256), old_name_of(report.sha256)))
    for name in (name_of(report.sha256), old_name_of(report.sha256)):
        if place.has(name):
            return name
    name = name_of(report.sha256)
    raise ReportError(
        say(
            "The content of report %(id)s is missing: bring back %(name)s in %(place)s from a backup.",
            id=report.id,
            name=name,
            place=place,
        )
    )


def gone(row: Report | ReportFile, purged_at: datetime, names: Sequence[str]) -> ReportGone:
    """names: where it may have lain in the store. The reason is the one that was noted when it was removed."""
    session = object_session(row)
    noted = select(Purge.reason).where(Purge.name.in_(names)).order_by(Purge.id.desc()).limit(1)
    reason = session.scalar(noted) if session else None
    day = purged_at.date().isoformat()
    if not reason:
        return ReportGone(say("It was removed on %(day)s, as retention asks; its digest stays.", day=day))
    return ReportGone(say("It was removed on %(day)s: %(reason)s", day=day, reason=say_again(reason)))


def check_digest(place: Store, name: str, report: Report) -> None:
    if place.digest(name) != report.sha256:
        raise ReportError(
            say(
                "The content of report %(id)s was changed: bring back %(name)s from a backup.",
                id=report.id,
                name=name,
            )
        )


def read_head(place: Store, name: str) -> dict[str, Any]:
    with closing(place.open(name)) as body:
        head: dict[str, Any] = json.loads(body.readline())
    return head


def lines_of(place: Store, name: str) -> Callable[[], Iterator[Finding]]:
    def findings() -> Iterator[Finding]:
        with closing(place.open(name)) as body:
            body.readline()
            for line in body:
                yield json.loads(line)

    return findings


def read_old(place: Store, name: str) -> Content:
    """Of format 1; what later formats say beside it is not there."""
    whole: dict[str, Any] = json.loads(place.read(name))
    findings = whole.pop("findings")
    return Content(whole, lambda: iter(findings))


def list_reports(session: Session, limit: int | None = None, before_id: int | None = None) -> list[Report]:
    """The newest first, with their files and corrections. before_id: only those older than that report."""
    beside = (joinedload(Report.user), selectinload(Report.files), selectinload(Report.corrections))
    query = select(Report).options(*beside).order_by(Report.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(Report.id < before_id)
    return list(session.scalars(query))


def find(session: Session, report_id: int) -> Report:
    """Raises NotFound."""
    report = session.get(Report, report_id)
    if report is None:
        raise NotFound(say("There is no report %(number)s.", number=report_id))
    return report
