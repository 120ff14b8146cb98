"""Case files: signed bundles that hold the evidence on some findings and can be checked without Tuskline.

docs/case_files.md tells what is in one and how it is checked.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.db import chunks, now
from webapp.exporters.bundle import MOST_BYTES, MOST_ENTRIES
from webapp.language import ENGLISH, say, say_many, speaking
from webapp.models import (
    AuditEntry,
    Capture,
    CaseFile,
    FindingRow,
    Job,
    JobKind,
    JobState,
    Source,
    User,
)
from webapp.services import archives, audit, jobs, signing, users
from webapp.services.casework.bundles import Made, pack
from webapp.services.casework.evidence import count_bytes, scope_of
from webapp.services.casework.parts import CaseFacts, Tell, too_large
from webapp.services.errors import NotFound, Refused
from webapp.services.jobs import JobError, Task
from webapp.services.narrowing import QueueFilters, narrow
from webapp.services.signing import PublicKey
from webapp.settings import Settings
from webapp.storage import StoreError, open_store

MOST_FINDINGS = 5_000
TITLE_LETTERS = 200
SPARE_BYTES = 64 * 1024**2  # for all that is no picture, when the size is guessed beforehand
SPARE_ENTRIES = 1_000
LEFT_S = 2 * 24 * 3600  # after so long a folder of a worker that died is in nobody's way but the disk's
LISTED = 100
FAILURES_LISTED, FAILURES_DAYS = 5, 7
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
EXPORTED, MADE = "case.export", "case.made"


class CaseFileError(OSError):
    """A bundle that is missing or was changed; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which findings: these, or all of a seller in a source, or those under the queue's filters.

    selection: as CaseFile keeps it. title: what people call the case; made of the selection where it is empty.
    """

    selection: Mapping[str, Any]
    title: str = ""
    language: str = ENGLISH

    @classmethod
    def of_findings(cls, finding_ids: Sequence[int], title: str = "", language: str = ENGLISH) -> "Asked":
        return cls({"findings": sorted(set(finding_ids))}, title, language)

    @classmethod
    def of_seller(cls, seller: str, source_id: int, title: str = "", language: str = ENGLISH) -> "Asked":
        return cls({"seller": seller, "source_id": source_id}, title, language)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a case would hold. title: the one that it gets where nobody gives another."""

    asked: Asked
    finding_ids: Sequence[int]
    title: str
    listings: int
    pictures: int
    picture_bytes: int


def filtered_ids(session: Session, filters: QueueFilters) -> list[int]:
    """At most one more than a case may have."""
    query = narrow(session, filters).query.with_only_columns(FindingRow.id)
    return sorted(session.scalars(query.limit(MOST_FINDINGS + 1)))


def look_ahead(session: Session, asked: Asked) -> Prospect:
    """What would be in it. Raises Refused where there is nothing, or more than one bundle holds; NotFound."""
    ids = resolve(session, asked.selection)
    scope = scope_of(session, ids)
    size = count_bytes(session, scope.photo_ids)
    check_room(len(scope.photo_ids) + count_captures(session, scope.listing_ids), size)
    title = one_line(asked.title) or one_line(name_case(session, asked.selection, ids))
    return Prospect(asked, ids, title[:TITLE_LETTERS], len(scope.listing_ids), len(scope.photo_ids), size)


def one_line(text: str) -> str:
    """Sellers' names stand in it: none is to write lines of its own into the README, or to steer a terminal."""
    return " ".join(CONTROLS.sub(" ", text).split())


def resolve(session: Session, selection: Mapping[str, Any]) -> list[int]:
    """The findings' ids in order. Raises Refused, NotFound."""
    ids = ids_of_seller(session, selection) if "seller" in selection else known_ids(session, selection["findings"])
    if not ids:
        raise Refused(say("There is no finding to make a case file of: select at least one."))
    if len(ids) > MOST_FINDINGS:
        raise Refused(say("A case file holds %(most)s findings at most: choose fewer.", most=MOST_FINDINGS))
    return ids


def ids_of_seller(session: Session, selection: Mapping[str, Any]) -> list[int]:
    theirs = FindingRow.source_id == selection["source_id"], FindingRow.seller == selection["seller"]
    query = select(FindingRow.id).where(*theirs).order_by(FindingRow.id)
    return list(session.scalars(query.limit(MOST_FINDINGS + 1)))


def known_ids(session: Session, asked: Sequence[int]) -> list[int]:
    wanted = sorted(set(asked))
    known = set[int]()
    for ids in chunks(wanted[: MOST_FINDINGS + 1]):
        known |= set(session.scalars(select(FindingRow.id).where(FindingRow.id.in_(ids))))
    if missing := [number for number in wanted[: MOST_FINDINGS + 1] if number not in known]:
        raise NotFound(say("There is no finding %(finding_id)s.", finding_id=missing[0]))
    return wanted


def count_captures(session: Session, listing_ids: Sequence[int]) -> int:
    counted = (
        select(func.count()).select_from(Capture).where(Capture.listing_id.in_(ids)) for ids in chunks(listing_ids)
    )
    return sum(session.scalar(query) or 0 for query in counted)


def check_room(entries: int, size_bytes: int) -> None:
    """Raises Refused where a bundle could not hold so much."""
    if entries > MOST_ENTRIES - SPARE_ENTRIES or size_bytes > MOST_BYTES - SPARE_BYTES:
        raise Refused(too_large())


def name_case(session: Session, selection: Mapping[str, Any], ids: Sequence[int]) -> str:
    if "seller" in selection:
        source = session.get(Source, selection["source_id"])
        name = say("%(seller)s in %(source)s", seller=selection["seller"], source=source.name if source else "?")
    elif len(ids) == 1:
        name = say("Finding %(number)s", number=ids[0])
    else:
        name = say_many("%(num)s finding", "%(num)s findings", len(ids))
    return name[:TITLE_LETTERS]


def ask(session: Session, asked: Asked, actor: User) -> Job:
    """Have a worker make it; the caller commits, then queues it. Raises Refused, NotFound.

    What is being made already for the same selection is given again.
    """
    prospect = look_ahead(session, asked)
    options: dict[str, Any] = {"selection": dict(asked.selection), "title": prospect.title, "language": asked.language}
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()
    job, _ = jobs.ensure(
        session, JobKind.CASE, actor.name, holds=f"case:{digest}", **options, user_id=actor.id, role=actor.role.value
    )
    return job


def work(task: Task) -> dict[str, Any]:
    """Make the bundle that the job asks for; its id. Raises JobError."""
    options, notes = task.job.options, set[str]()
    asked = Asked(options["selection"], options["title"], options["language"])

    def tell(note: str, done: int, total: int | None) -> None:
        if note not in notes:
            notes.add(note)
            task.report.tell_step(note)
        if total:
            task.report.tell_bytes(done, total)

    with speaking(asked.language):
        try:
            row = export(task.session, task.settings, asked, task.session.get(User, options["user_id"]), tell, task.job)
        except (Refused, NotFound, StoreError) as error:
            raise JobError(str(error)) from None
    return {"case": row.id, "digest": row.sha256}


def export(
    session: Session,
    settings: Settings,
    asked: Asked,
    actor: User | None,
    tell: Tell = lambda _note, _done, _total: None,
    job: Job | None = None,
) -> CaseFile:
    """Make a case file, in the language of `asked`, which is in force; commits.

    The row and its audit entry come first, so that the bundle holds the entry that tells of it; the row gets its
    digest once the bundle is in the store. Raises Refused, NotFound, StoreError.
    """
    prospect = look_ahead(session, asked)
    row = begin(session, prospect, actor)
    case = facts_of(row, prospect.finding_ids, actor)
    with own_folder(settings) as folder:
        made = pack(session, settings, case, folder, tell, [f"job:{job.id}"] if job else [])
        tell("putting it into the store", 0, None)
        open_store(settings).put_file(name_of(made.sha256), made.path)
    finish(session, row, made, signing.signing_key(settings.home))
    return row


def begin(session: Session, prospect: Prospect, actor: User | None) -> CaseFile:
    """A row without a digest: a case that is being made, or never was done. Commits."""
    row = CaseFile(
        title=prospect.title,
        selection=dict(prospect.asked.selection),
        language=prospect.asked.language,
        findings_count=len(prospect.finding_ids),
        sha256="",
        manifest_sha256="",
        size_bytes=0,
        made_at=now(),
        user=actor,
    )
    session.add(row)
    session.flush()
    said = {"title": row.title, "selection": row.selection, "findings": list(prospect.finding_ids)}
    audit.record(session, users.name_of(actor), EXPORTED, f"case:{row.id}", **said)
    session.commit()
    return row


def facts_of(row: CaseFile, finding_ids: Sequence[int], actor: User | None) -> CaseFacts:
    name, role = (actor.name, actor.role.value) if actor else (audit.SYSTEM, None)
    made_at = row.made_at.replace(microsecond=0)
    return CaseFacts(row.id, row.title, made_at, name, role, row.language, row.selection, finding_ids)


def finish(session: Session, row: CaseFile, made: Made, key: PublicKey) -> None:
    """Commits."""
    row.sha256, row.size_bytes, row.manifest_sha256 = made.sha256, made.size_bytes, made.manifest_sha256
    row.timestamp_at, row.notices = made.timestamp_at, made.notices
    facts = {"sha256": made.sha256, "manifest_sha256": made.manifest_sha256, "bytes": made.size_bytes}
    facts["key"] = key.public
    who = row.user.name if row.user else audit.SYSTEM
    audit.record(session, who, MADE, f"case:{row.id}", **facts)
    session.commit()


@contextmanager
def own_folder(settings: Settings) -> Iterator[Path]:
    """Beside the archives that grow, so that a bundle moves into the home's store by a rename."""
    spool = archives.archives_dir(settings) / "cases"
    spool.mkdir(exist_ok=True)
    for left in spool.iterdir():
        with suppress(FileNotFoundError):  # another worker is done with its own
            if left.stat().st_mtime < time.time() - LEFT_S:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(dir=spool))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def name_of(sha256: str) -> str:
    """Where a bundle lies in the store."""
    return f"cases/{sha256}.zip"


def file_name(row: CaseFile) -> str:
    """What a download is called."""
    return f"tuskline-case-{row.id}.zip"


def list_cases(session: Session, limit: int = LISTED) -> list[CaseFile]:
    """Those that are done, the newest first."""
    done = select(CaseFile).where(CaseFile.sha256 != "").options(joinedload(CaseFile.user))
    return list(session.scalars(done.order_by(CaseFile.id.desc()).limit(limit)))


def unfinished_jobs(session: Session) -> list[Job]:
    waiting = select(Job).where(Job.kind == JobKind.CASE, Job.holds.is_not(None))
    return list(session.scalars(waiting.order_by(Job.id.desc())))


def failed_jobs(session: Session) -> list[Job]:
    """What came to nothing within a week, the newest first."""
    over = Job.state == JobState.FAILED, Job.finished_at > now() - timedelta(days=FAILURES_DAYS)
    failed = select(Job).where(Job.kind == JobKind.CASE, *over)
    return list(session.scalars(failed.order_by(Job.id.desc()).limit(FAILURES_LISTED)))


def findings_of(session: Session, row: CaseFile) -> list[int]:
    """The numbers of the findings that are in it, as the audit log has them."""
    made = AuditEntry.subject == f"case:{row.id}", AuditEntry.action == EXPORTED
    facts = session.scalar(select(AuditEntry.facts).where(*made).order_by(AuditEntry.id).limit(1))
    return list(facts["findings"]) if facts else []


def key_of(session: Session, row: CaseFile, home: Path) -> PublicKey:
    """The one that signed it, maybe an earlier or another machine's; this machine's where nobody noted it."""
    made = AuditEntry.subject == f"case:{row.id}", AuditEntry.action == MADE
    facts = session.scalar(select(AuditEntry.facts).where(*made).order_by(AuditEntry.id).limit(1)) or {}
    return PublicKey(facts["key"]) if "key" in facts else signing.signing_key(home)


def find(session: Session, case_id: int) -> CaseFile:
    """Raises NotFound, also for one that was never done."""
    row = session.get(CaseFile, case_id, options=[joinedload(CaseFile.user)])
    if row is None or not row.sha256:
        raise NotFound(say("There is no case file %(number)s.", number=case_id))
    return row


def open_bundle(settings: Settings, row: CaseFile) -> BinaryIO:
    """The bundle, its digest checked. Raises CaseFileError where it is gone or was changed, StoreAwayError."""
    if row.purged_at:
        day = row.purged_at.date().isoformat()
        raise CaseFileError(say("Case file %(id)s was removed on %(day)s, as its retention says.", id=row.id, day=day))
    place, name = open_store(settings), name_of(row.sha256)
    try:
        found = place.digest(name)
    except FileNotFoundError:
        raise CaseFileError(
            say("Case file %(id)s is missing: bring back %(name)s in %(place)s from a backup.",
                id=row.id, name=name, place=place)
        ) from None  # fmt: skip
    if found != row.sha256:
        raise CaseFileError(
            say("Case file %(id)s was changed: bring back %(name)s from a backup.", id=row.id, name=name)
        )
    return place.open(name)


def note_download(session: Session, actor: str, row: CaseFile, **facts: Any) -> None:
    """The caller commits."""
    audit.record(session, actor, "case.download", f"case:{row.id}", sha256=row.sha256, **facts)
