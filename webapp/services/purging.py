"""Removing files that may go, so that a hold always wins and whatever is gone has a row that says so.

A batch of files is noted first, with digests and sizes (PendingPurge), and committed. Then, under the lock that whoever
places a hold takes too, each is judged again; the bytes of those that still may go are deleted, and their Purge rows,
`purged_at` and an audit entry are committed. Whatever is killed in between, the next run reads what was noted: bytes
that are gone get their row, and those that are there are judged anew. docs/decisions/0019 says more.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from webapp.db import chunks, insert_new, now
from webapp.language import say
from webapp.models import (
    CaseFile,
    FindingRow,
    Job,
    JobKind,
    JobState,
    Kept,
    ListingRow,
    PendingPurge,
    PhotoRow,
    Purge,
    Report,
    ReportFile,
    Scan,
    TeamSetting,
)
from webapp.services import audit, due, holds, photos, retention
from webapp.services.due import Docket, DueFile
from webapp.services.errors import Refused
from webapp.services.retention import Terms
from webapp.settings import Settings
from webapp.storage import Store, StoreError, open_store

logger = logging.getLogger(__name__)

BATCH = 25  # files: whoever places a hold, or writes to SQLite, waits for no more than these
RAN_AT = "retention.ran_at"  # of TeamSetting: when the daily purge began
EVERY = timedelta(hours=23)
MADE_WITHIN = timedelta(hours=2)  # a case file
PREVIEWED = 10_000  # files that a preview counts
PURGED = "retention.purge"
# Work that reads files which might go: nothing is removed beside it.
READING = (JobKind.TRAIN, JobKind.REPORT, JobKind.WRITE, JobKind.CASE)

IsStopping = Callable[[], bool]


@dataclass(slots=True)
class Removed:
    """What a purge did. kept: files that were due when it began and no longer when their turn came."""

    files: int = 0
    size_bytes: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """So many files of one sort (a folder of the store) under one policy."""

    policy: Kept
    sort: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a purge would remove. is_cut: there is more than was counted."""

    lines: Sequence[Line] = ()
    is_cut: bool = False
    files: int = field(init=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", sum(line.files for line in self.lines))
        object.__setattr__(self, "size_bytes", sum(line.size_bytes for line in self.lines))


def preview(session: Session, settings: Settings, terms: Terms, limit: int = PREVIEWED) -> Preview:
    """What a purge under these periods would remove now, without removing anything. Raises StoreAwayError."""
    found = list(islice(docket_of(session, settings, terms).files(), limit + 1))
    counts: Counter[tuple[Kept, str]] = Counter()
    sizes: Counter[tuple[Kept, str]] = Counter()
    for file in found[:limit]:
        counts[key := (file.policy, sort_of(file.name))] += 1
        sizes[key] += file.size_bytes
    lines = [Line(*key, counts[key], sizes[key]) for key in sorted(counts, key=lambda one: list(Kept).index(one[0]))]
    return Preview(lines, len(found) > limit)


def docket_of(session: Session, settings: Settings, terms: Terms) -> Docket:
    return Docket(session, settings, open_store(settings), terms, holds.read(session, settings))


def sort_of(name: str) -> str:
    """The folder of the store: photos, archives, crawls, reports, report_files, cases."""
    return name.partition("/")[0]


def purge_due(session: Session, settings: Settings, is_stopping: IsStopping = lambda: False) -> Removed:
    """Once a day, what its policy says; at every call, what an earlier one began and could not finish."""
    removed = finish_begun(session, settings)
    if is_reading(session) or not begin_day(session):
        return removed
    return purge(session, settings, audit.SYSTEM, is_stopping)


def begin_day(session: Session) -> bool:
    """Whether this call is the one of the day; commits."""
    at = now()
    row = session.get(TeamSetting, RAN_AT, populate_existing=True)
    if row is not None and datetime.fromisoformat(row.value) > at - EVERY:
        session.rollback()
        return False
    said = {"value": at.isoformat(), "changed_at": at}
    if not insert_new(session, TeamSetting, name=RAN_AT, **said):
        session.execute(update(TeamSetting).where(TeamSetting.name == RAN_AT).values(**said))
    session.commit()
    return True


def is_reading(session: Session) -> bool:
    """Whether a training, a report or a case file is under way."""
    jobs = exists().where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)), Job.kind.in_(READING))
    # From a terminal no job makes them; what broke off long ago is no longer waited for.
    cases = exists().where(CaseFile.sha256 == "", CaseFile.made_at > now() - MADE_WITHIN)
    return bool(session.scalar(select(or_(jobs, cases))))


def purge(
    session: Session, settings: Settings, actor: str = audit.SYSTEM, is_stopping: IsStopping = lambda: False
) -> Removed:
    """Remove what may go under the periods in force; commits batch by batch, and may be killed at any point.

    Raises Refused while something reads such files, StoreError where the store does not answer: then the rest stays.
    """
    removed = finish_begun(session, settings)
    docket = docket_of(session, settings, retention.terms(session))
    due_files = docket.files()
    while batch := list(islice(due_files, BATCH)):
        if is_reading(session):
            raise Refused(
                say("A training, a report or a case file is being made: nothing is removed until that is done.")
            )
        if is_stopping():
            break
        begin(session, docket.place, batch, actor)
        add(removed, finish(session, settings))
    session.rollback()
    return removed


def finish_begun(session: Session, settings: Settings) -> Removed:
    """Bring to an end what was noted by whoever died at it."""
    removed = Removed()
    while session.scalar(select(PendingPurge.name).limit(1)) is not None:
        add(removed, finish(session, settings))
    session.rollback()
    return removed


def add(total: Removed, more: Removed) -> None:
    total.files += more.files
    total.size_bytes += more.size_bytes
    total.kept += more.kept


def begin(session: Session, place: Store, files: Collection[DueFile], actor: str) -> None:
    """Note what is about to go; commits. What is not in the store is left out: it was not we who removed it."""
    for file in files:
        try:
            sha256 = file.sha256 or place.digest(file.name)
            if not place.has(file.name):
                continue
        except FileNotFoundError:
            continue
        facts = {"size_bytes": file.size_bytes, "policy": file.policy, "reason": file.reason}
        insert_new(session, PendingPurge, name=file.name, sha256=sha256, actor=actor, **facts)
    session.commit()


def finish(session: Session, settings: Settings) -> Removed:
    """Judge again what was noted, and remove what still may go; one batch, commits.

    Raises StoreError where the store does not answer; what is gone by then is committed, the rest stays noted.
    """
    holds.read(session, settings)  # reads contents of reports, for which nobody should wait
    session.rollback()
    holds.lock(session)
    session.expire_all()
    docket = docket_of(session, settings, retention.terms(session))
    done: list[PendingPurge] = []
    kept, trouble = 0, None
    for pending in next_noted(session):
        try:
            if docket.place.has(pending.name) and not may_go(docket, pending.name):
                session.delete(pending)
                kept += 1
                continue
            remove(docket.place, pending.name)
        except StoreError as error:
            trouble = error
            break
        done.append(pending)
    record(session, done)
    session.commit()
    if trouble is not None:
        raise trouble
    return Removed(len(done), sum(one.size_bytes for one in done), kept)


def next_noted(session: Session) -> list[PendingPurge]:
    """Of one person's, so that one audit entry can stand for them."""
    actor = session.scalar(select(func.min(PendingPurge.actor)))
    theirs = select(PendingPurge).where(PendingPurge.actor == actor).order_by(PendingPurge.name).limit(BATCH)
    return list(session.scalars(theirs))


def remove(place: Store, name: str) -> None:
    if sort_of(name) == "photos":
        photos.remove(place, name.rpartition("/")[2])
    else:
        place.remove(name)


def record(session: Session, done: Sequence[PendingPurge]) -> None:
    """Turn what was noted into rows that stay."""
    if not done:
        return
    at = now()
    same = ("name", "sha256", "size_bytes", "policy", "reason", "actor")
    rows = [Purge(purged_at=at, **{name: getattr(one, name) for name in same}) for one in done]
    session.add_all(rows)
    for one in done:
        mark(session, one, at)
        session.delete(one)
    session.flush()
    audit.record(session, done[0].actor, PURGED, f"purge:{rows[0].id}", **facts_of(rows))


def mark(session: Session, one: PendingPurge, at: datetime) -> None:
    """Say in the row of the picture, the report or the case file that its bytes are gone."""
    tables: dict[str, type[Any]] = {
        "photos": PhotoRow,
        "reports": Report,
        "report_files": ReportFile,
        "cases": CaseFile,
    }
    table = tables.get(sort_of(one.name))
    if table is not None:
        session.execute(update(table).where(table.sha256 == one.sha256).values(purged_at=at))


def facts_of(rows: Sequence[Purge]) -> dict[str, Any]:
    """For the audit log, which is sealed and signed: with it, no row of these can be changed unseen."""
    return {
        "ids": [row.id for row in rows],
        "files": len(rows),
        "bytes": sum(row.size_bytes for row in rows),
        "policies": dict(Counter(row.policy.value for row in rows if row.policy)),
        "sha256": digest_of_rows(rows),
    }


def digest_of_rows(rows: Sequence[Purge]) -> str:
    lines = (f"{row.id} {row.name} {row.sha256} {row.size_bytes} {row.policy} {row.reason}\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def may_go(docket: Docket, name: str) -> bool:
    """Whether it still may go. On PostgreSQL what it hangs on is locked; what somebody else is changing stays."""
    sort, last = sort_of(name), name.rpartition("/")[2]
    stem = last.partition(".")[0]
    session, terms = docket.session, docket.terms
    if sort == "photos":
        photo_id = session.scalar(select(PhotoRow.id).where(PhotoRow.sha256 == last).with_for_update(skip_locked=True))
        return photo_id is not None and are_due(docket, due.listings_by_photo(session, [photo_id])[photo_id])
    if sort == "archives":
        return are_due(docket, due.listings_of_archive(session, last))
    if sort == "crawls":
        scan_id = due.scan_of_log(name)
        is_due = Kept.UNFLAGGED in terms.days and session.scalar(due.due_scans(terms).where(Scan.id == scan_id))
        return bool(is_due) and are_due(docket, due.listings_of_scan(session, scan_id), may_be_none=True)
    if sort == "report_files":
        return lock_files(session, last) and docket.may_file_go(last)
    if sort == "cases":
        cases = session.scalars(select(CaseFile).where(CaseFile.sha256 == stem)).all()
        return all(docket.may_case_go(case) for case in cases)
    return all(docket.may_report_go(one) for one in session.scalars(select(Report).where(Report.sha256 == stem)).all())


def are_due(docket: Docket, listing_ids: set[int], *, may_be_none: bool = False) -> bool:
    """Whether the evidence of all these listings may go, and nobody is writing to them or their findings just now."""
    if not listing_ids:
        return may_be_none
    for ids in chunks(sorted(listing_ids)):
        if not lock_all(docket.session, ids):
            return False
        may = select(func.count(ListingRow.id)).where(ListingRow.id.in_(ids), due.listing_may_go(docket.terms))
        if docket.session.scalar(may) != len(ids):
            return False
    return not holds.held_among(docket.session, listing_ids, docket.held, by_name=False)


def lock_files(session: Session, sha256: str) -> bool:
    """Lock the rows of these bytes until the commit; False where somebody is writing the same ones just now."""
    mine = select(ReportFile.id).where(ReportFile.sha256 == sha256)
    locked = session.scalars(mine.with_for_update(skip_locked=True)).all()
    return len(locked) == len(session.scalars(mine).all())


def lock_all(session: Session, listing_ids: Sequence[int]) -> bool:
    """Lock the listings and their findings until the commit; False where somebody else has one. SQLite has no need."""
    mine = select(ListingRow.id).where(ListingRow.id.in_(listing_ids)).order_by(ListingRow.id)
    if len(session.scalars(mine.with_for_update(skip_locked=True)).all()) < len(listing_ids):
        return False
    theirs = select(FindingRow.id).where(FindingRow.listing_id.in_(listing_ids)).order_by(FindingRow.id)
    locked = session.scalars(theirs.with_for_update(skip_locked=True)).all()
    return len(locked) == len(session.scalars(theirs).all())
