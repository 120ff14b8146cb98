"""Whether the store holds what the rows say: every file read, its digest compared, what is purged told apart."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import AuditEntry, Capture, CaseFile, PhotoRow, Purge, Report, ReportFile
from webapp.services import archives, due, photos, purging, reports
from webapp.settings import Settings
from webapp.storage import Store, open_store

PAGE = 500

Tell = Callable[[int, int], object]


class FaultKind(StrEnum):
    """`missing`: no bytes and no purge; `changed`: other bytes; `left`: purged, and the bytes are there; `unknown`: no
    row names it; `rewritten`: rows of purges that are not what the audit log says."""

    MISSING = "missing"
    CHANGED = "changed"
    LEFT = "left"
    UNKNOWN = "unknown"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Fault:
    """name: in the store, or of the row."""

    kind: FaultKind
    name: str


@dataclass(slots=True)
class Stock:
    """whole: files that are what they were; purged: files that retention removed."""

    whole: int = 0
    purged: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """names: where it may lie. sha256: None where no row says it. is_purged: it must not be there."""

    names: tuple[str, ...]
    sha256: str | None
    is_purged: bool


def take(session: Session, settings: Settings, tell: Tell = lambda _done, _total: None) -> Stock:
    """Read the whole store; tell: called with the files done and those to do. Raises StoreAwayError."""
    place, stock, known = open_store(settings), Stock(), set[str]()
    total = count(session)
    for number, one in enumerate(expected(session), 1):
        known.update(one.names)
        look(place, settings, one, stock)
        tell(number, total)
    for folder in ("photos", "reports", "report_files", "cases"):
        stock.faults += [Fault(FaultKind.UNKNOWN, name) for name in place.list(folder) if name not in known]
    stock.faults += list(rewritten(session))
    return stock


def count(session: Session) -> int:
    rows = sum(session.scalar(select(func.count(table.id))) or 0 for table in (PhotoRow, Report, ReportFile, CaseFile))
    return rows + (session.scalar(select(func.count(Capture.archive.distinct()))) or 0)


def expected(session: Session) -> Iterator[Expected]:
    for photo in each(session, PhotoRow):
        yield Expected((photos.name_of(photo.sha256),), photo.sha256, photo.purged_at is not None)
    for report in each(session, Report):
        names = reports.name_of(report.sha256), reports.old_name_of(report.sha256)
        yield Expected(names, report.sha256, report.purged_at is not None)
    for file in each(session, ReportFile):
        yield Expected((due.name_of_file(file),), file.sha256, file.purged_at is not None)
    for case in each(session, CaseFile):
        if case.sha256:
            yield Expected((due.name_of_case(case),), case.sha256, case.purged_at is not None)
    gone = set(session.scalars(select(Purge.name).where(Purge.name.startswith(archives.name_of("")))))
    for archive in session.scalars(select(Capture.archive).distinct().order_by(Capture.archive)):
        name = archives.name_of(archive)
        yield Expected((name,), None, name in gone)


def each(session: Session, table: type[Any]) -> Iterator[Any]:
    """Page by page, so that memory holds one."""
    last_id = 0
    while rows := session.scalars(select(table).where(table.id > last_id).order_by(table.id).limit(PAGE)).all():
        yield from rows
        last_id = rows[-1].id


def look(place: Store, settings: Settings, one: Expected, stock: Stock) -> None:
    name = next((name for name in one.names if place.has(name)), None)
    if name is None and not one.is_purged and is_waiting(settings, one.names[0]):
        stock.whole += 1
    elif name is None and one.is_purged:
        stock.purged += 1
    elif name is None:
        stock.faults.append(Fault(FaultKind.MISSING, one.names[0]))
    elif one.is_purged:
        stock.faults.append(Fault(FaultKind.LEFT, name))
    elif one.sha256 is not None and place.digest(name) != one.sha256:
        stock.faults.append(Fault(FaultKind.CHANGED, name))
    else:
        stock.whole += 1


def is_waiting(settings: Settings, name: str) -> bool:
    """Whether an archive still lies on this machine, to be moved into the store later."""
    folder, _, archive = name.partition("/")
    return folder == "archives" and (archives.archives_dir(settings) / archive).is_file()


def rewritten(session: Session) -> Iterator[Fault]:
    """Rows of purges that the audit log, which is sealed and signed, knows otherwise or not at all."""
    told: set[int] = set()
    for entry in session.scalars(select(AuditEntry).where(AuditEntry.action == purging.PURGED).order_by(AuditEntry.id)):
        ids = entry.facts["ids"]
        told.update(ids)
        rows = list(session.scalars(select(Purge).where(Purge.id.in_(ids)).order_by(Purge.id)))
        if purging.digest_of_rows(rows) != entry.facts["sha256"]:
            yield Fault(FaultKind.REWRITTEN, f"purges {ids[0]} to {ids[-1]}, audit entry {entry.id}")
    for number in session.scalars(select(Purge.id).order_by(Purge.id)):
        if number not in told:
            yield Fault(FaultKind.REWRITTEN, f"purge {number}, of which the audit log says nothing")
