"""What must hold whatever failed, once everything is over: nothing lost, nothing twice, the audit chain whole."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from scanner.warc import read_archive
from webapp.models import (
    Appearance,
    AuditEntry,
    Capture,
    Decision,
    DecisionUndo,
    DeliveryState,
    FindingRow,
    FindingState,
    Job,
    JobState,
    ListingRow,
    PhotoRow,
    PictureState,
    Report,
    ReportDelivery,
    Scan,
    ScanPhoto,
    ScoreRow,
    WebhookDelivery,
)
from webapp.services import archives, chain, signing, stocktaking, verifying, webhooks
from webapp.settings import Settings
from webapp.storage import open_store


def check_whole(session: Session, settings: Settings, spared: frozenset[str] = frozenset()) -> None:
    """Everything that was begun is over, and all that is stored fits together; raises AssertionError with every fault.

    spared: kinds of faults of the store that the test itself brought about.
    """
    session.rollback()
    session.expire_all()
    found = [*of_scans(session), *of_pictures(session), *of_findings(session), *of_decisions(session)]
    found += [
        *of_messages(session),
        *of_work(session),
        *of_store(session, settings, spared),
        *of_audit(session, settings),
    ]
    assert not found, "\n".join(found)


def count(session: Session, *where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*where)) or 0


def of_scans(session: Session) -> Iterator[str]:
    """What a scan counted is what there is."""
    for scan in session.scalars(select(Scan).order_by(Scan.id)):
        mine = ScanPhoto.scan_id == scan.id
        if not scan.state.is_over or scan.lease_owner or not scan.finished_at:
            yield f"scan {scan.id} is {scan.state} and {scan.lease_owner}'s"
        counted = {
            "photos_seen": count(session, mine),
            "photos_failed": count(session, mine, ScanPhoto.state == PictureState.FAILED),
            "listings_seen": count(session, ListingRow.last_scan_id == scan.id),
        }
        for name, number in counted.items():
            if name != "listings_seen" or is_newest(session, scan):
                yield from differing(f"{name} of scan {scan.id}", getattr(scan, name), number)
        if waiting := count(session, mine, ScanPhoto.state == PictureState.PENDING):
            yield f"{waiting} pictures of scan {scan.id} wait, and it is over"
        yield from differing(
            f"messages on the end of scan {scan.id}", ends_told(session, scan), number_of_hooks(session)
        )


def is_newest(session: Session, scan: Scan) -> bool:
    return not count(session, Scan.source_id == scan.source_id, Scan.id > scan.id)


def number_of_hooks(session: Session) -> int:
    return sum(webhooks.Event.SCAN_ENDED.value in hook.events for hook in webhooks.list_webhooks(session))


def ends_told(session: Session, scan: Scan) -> int:
    told = select(WebhookDelivery.payload).where(WebhookDelivery.event == webhooks.Event.SCAN_ENDED.value)
    return sum(payload["data"]["scan_id"] == scan.id for payload in session.scalars(told))


def of_pictures(session: Session) -> Iterator[str]:
    """Each picture that could be read was scored, by each model once, and counted as scored once."""
    shown = select(ScanPhoto.photo_id).where(ScanPhoto.state == PictureState.SCORED)
    unscored = select(PhotoRow.id).where(PhotoRow.id.in_(shown), PhotoRow.failure.is_(None), ~PhotoRow.scores.any())
    yield from (f"picture {one} was never scored" for one in session.scalars(unscored))
    made = session.execute(select(PhotoRow.pixel_hash, ScoreRow.model_digest).join(ScoreRow.photo).distinct()).all()
    firsts = len({row.pixel_hash for row in made})
    yield from differing(
        "pictures counted as newly scored", session.scalar(select(func.sum(Scan.photos_scored))), firsts
    )
    lost = select(ScanPhoto.id).where(
        ScanPhoto.photo_id.is_not(None),
        ~select(Appearance.id)
        .where(Appearance.listing_id == ScanPhoto.listing_id, Appearance.photo_id == ScanPhoto.photo_id)
        .exists(),
    )
    yield from (f"picture {one} of a scan appears in no listing" for one in session.scalars(lost))


def of_findings(session: Session) -> Iterator[str]:
    keys = Counter(tuple(row) for row in session.execute(select(FindingRow.appearance_key, FindingRow.rule)))
    yield from (f"the finding {key} is there {times} times" for key, times in keys.items() if times > 1)
    opened = session.scalar(select(func.sum(Scan.findings_opened))) or 0
    yield from differing("findings counted as opened", opened, keys.total())


def of_decisions(session: Session) -> Iterator[str]:
    """A finding that is decided has one decision that stands, and each decision one entry in the audit log."""
    standing = select(Decision.finding_id).where(~Decision.id.in_(select(DecisionUndo.decision_id)))
    by_finding = Counter(session.scalars(standing))
    for row in session.scalars(select(FindingRow)):
        is_decided = row.state in (FindingState.CONFIRMED, FindingState.DISMISSED, FindingState.ESCALATED)
        yield from differing(f"decisions on finding {row.id}", by_finding[row.id], int(is_decided))
    entries = session.scalars(select(AuditEntry.facts).where(AuditEntry.action.startswith("decision.")))
    told = Counter(facts["decision"] for facts in entries if "decision" in facts)
    for number in session.scalars(select(Decision.id)):
        yield from differing(f"audit entries on decision {number}", told[number], 1)


def of_messages(session: Session) -> Iterator[str]:
    for table in (WebhookDelivery, ReportDelivery):
        for row in session.scalars(select(table).where(table.state != DeliveryState.DELIVERED)):
            yield f"{table.__name__} {row.id} is {row.state}: {row.failure}"


def of_work(session: Session) -> Iterator[str]:
    """Jobs ended well, and each run of a schedule made one report or one scan."""
    for job in session.scalars(select(Job).where(Job.state != JobState.DONE)):
        yield f"job {job.id} is {job.state}: {job.note}"
    for table in (Scan, Report):
        runs = select(table.schedule_id, table.due_at).where(table.schedule_id.is_not(None))
        times = Counter(tuple(row) for row in session.execute(runs))
        yield from (f"the run {run} made {number} of {table.__name__}" for run, number in times.items() if number > 1)
    built = session.scalar(select(func.count(Report.id))) or 0
    entries = count(session, AuditEntry.action == "report.build")
    yield from differing("audit entries on reports", entries, built)


def of_store(session: Session, settings: Settings, spared: frozenset[str]) -> Iterator[str]:
    """Every file that a row names is there and is what it was; a file that no row names is a file too many.

    But for a report's content: one that was frozen by a worker that died before it could say so stays, and harms not.
    """
    for fault in stocktaking.take(session, settings).faults:
        is_left = fault.kind is stocktaking.FaultKind.UNKNOWN and fault.name.startswith(("reports/", "photos/"))
        if not is_left and fault.kind not in spared:
            yield f"{fault.name} in the store is {fault.kind}"
    for archive in session.scalars(select(Capture.archive).distinct()):
        yield from of_archive(session, settings, archive)


def of_archive(session: Session, settings: Settings, name: str) -> Iterator[str]:
    """Whatever a listing is said to have answered can be read."""
    own = archives.archives_dir(settings) / name
    with closing(own.open("rb") if own.is_file() else archives.open_archive(open_store(settings), name)) as file:
        kept = {answer.record_id: answer.url for answer in read_archive(file)}
    for capture in session.scalars(select(Capture).where(Capture.archive == name)):
        yield from differing(f"the address in capture {capture.id}", kept.get(capture.record_id), capture.url)


def of_audit(session: Session, settings: Settings) -> Iterator[str]:
    """After the last seal, which a tick would make within a minute."""
    chain.seal_all(session, settings.home, signing.signing_key(settings.home))
    result = verifying.verify_home(session, settings.home)
    session.rollback()
    yield from (fault.words for fault in result.faults)
    yield from differing("entries without a seal", result.unsealed, 0)


def differing(what: str, found: object, wanted: object) -> Iterator[str]:
    if (found or 0) != (wanted or 0):
        yield f"{what}: {found}, and {wanted} were expected"
