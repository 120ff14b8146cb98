"""Scans: asking for one, holding it, ending it, and taking over what a dead worker left.

A scan's crawl is services.crawling; its pictures are scored by services.scoring; whoever does the last step settles it.
"""

from datetime import timedelta

import httpx2
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from scanner.markets.base import MarketError
from scanner.markets.registry import find_market
from webapp.db import now
from webapp.language import say
from webapp.models import PictureState, Scan, ScanPhoto, ScanState, Source
from webapp.services import audit, claims, leases, webhooks
from webapp.services.errors import NotFound
from webapp.settings import Settings

# A queue message that was not followed up after this long is taken for lost, and sent again.
HINT_S = 60
WARNINGS_SHOWN = 5
STARTABLE_LOOKED_AT = 100
UNFINISHED = (ScanState.QUEUED, ScanState.RUNNING, ScanState.SCORING, ScanState.PAUSED)
# Of the same source one crawl at a time: a paused one holds nobody up.
AT_WORK = (ScanState.QUEUED, ScanState.RUNNING, ScanState.SCORING)


def create(session: Session, source_id: int, actor: str) -> Scan:
    """Add a scan that waits; the caller commits, then queues it. Raises NotFound."""
    if session.get(Source, source_id) is None:
        raise NotFound(say("There is no source %(source_id)s.", source_id=source_id))
    hint_until = now() + timedelta(seconds=HINT_S)
    scan = Scan(source_id=source_id, state=ScanState.QUEUED, lease_until=hint_until, requested_by=actor)
    session.add(scan)
    session.flush()
    audit.record(session, actor, "scan.create", f"scan:{scan.id}", source=source_id)
    return scan


def cancel(session: Session, scan_id: int, actor: str, reason: str = "") -> bool:
    """End it now, in the caller's transaction: what was scored stays, what waits is skipped. False: it was over.

    Its worker notices at its next commit.
    """
    note = f"Cancelled by {actor}." + (f" {reason}" if reason else "")
    values = {"state": ScanState.CANCELLED, "finished_at": now(), "lease_owner": None, "lease_until": None}
    if not leases.change(session, (Scan.id == scan_id, Scan.state.in_(UNFINISHED)), Scan, **values, note=note):
        return False
    waiting = (ScanPhoto.scan_id == scan_id, ScanPhoto.state == PictureState.PENDING)
    session.execute(update(ScanPhoto).where(*waiting).values(state=PictureState.SKIPPED, lease_owner=None))
    audit.record(session, actor, "scan.cancel", f"scan:{scan_id}", reason=reason)
    return True


def pause(session: Session, scan_id: int, actor: str) -> bool:
    """Hold it where it is, in the caller's transaction; False: it does not run."""
    values = {"state": ScanState.PAUSED, "lease_owner": None, "lease_until": None}
    if not leases.change(session, (Scan.id == scan_id, Scan.state.in_(AT_WORK)), Scan, **values):
        return False
    audit.record(session, actor, "scan.pause", f"scan:{scan_id}")
    return True


def resume(session: Session, scan_id: int, actor: str) -> bool:
    """Let a paused scan go on; the caller commits, then queues it. False: it is not paused."""
    paused = (Scan.id == scan_id, Scan.state == ScanState.PAUSED)
    due = {"lease_until": now() + timedelta(seconds=HINT_S)}
    is_on = leases.change(session, (*paused, Scan.crawled_at.is_(None)), Scan, state=ScanState.QUEUED, **due)
    is_on = is_on or leases.change(session, paused, Scan, state=ScanState.SCORING)
    if is_on:
        audit.record(session, actor, "scan.resume", f"scan:{scan_id}")
    return is_on


def settle(session: Session, scan_id: int) -> bool:
    """End a scan of which nothing is left to do, in the caller's transaction; False while something is.

    Asked after the crawl and after every batch of scores; one of them comes last, and the reconcile tick asks too.
    """
    scan = session.get(Scan, scan_id, populate_existing=True)
    if scan is None or scan.state is not ScanState.SCORING or claims.is_any_pending(session, scan_id):
        return False
    state, note = ending_of(scan)
    scoring = (Scan.id == scan_id, Scan.state == ScanState.SCORING)
    ended = leases.change(session, scoring, Scan, state=state, note=note, finished_at=now())
    if ended:
        webhooks.publish(
            session,
            webhooks.Event.SCAN_ENDED,
            scan_id=scan_id,
            source_id=scan.source_id,
            state=state.value,
            note=note,
            findings_opened=scan.findings_opened,
        )
    return ended


def ending_of(scan: Scan) -> tuple[ScanState, str | None]:
    """How a scan ends of which all is done, and why so."""
    warnings = list(dict.fromkeys(scan.warnings))
    if scan.crawl_error:
        return ScanState.FAILED, sentences([scan.crawl_error, *warnings])
    if scan.photos_seen and scan.photos_failed >= scan.photos_seen:
        return ScanState.FAILED, sentences([f"None of the {scan.photos_seen} pictures could be scored.", *warnings])
    return (ScanState.PARTIAL, sentences(warnings)) if warnings else (ScanState.DONE, None)


def sentences(warnings: list[str], shown: int = WARNINGS_SHOWN) -> str:
    more = len(warnings) - shown
    return " ".join([*warnings[:shown], *([f"And {more} more like these."] if more > 0 else [])])


def add_warning(scan: Scan, sentence: str) -> None:
    """Keep what was left out, each sentence once; the caller commits."""
    if sentence not in scan.warnings:
        scan.warnings = [*scan.warnings, sentence]


def find(session: Session, scan_id: int) -> Scan | None:
    return session.scalar(select(Scan).options(joinedload(Scan.source)).where(Scan.id == scan_id))


def progress(session: Session, scan_id: int) -> Scan:
    """The scan as it stands now in the database. Raises NotFound."""
    scan = session.get(Scan, scan_id, populate_existing=True)
    if scan is None:
        raise NotFound(say("There is no scan %(scan_id)s.", scan_id=scan_id))
    return scan


def failures(session: Session, scan_id: int, limit: int) -> list[ScanPhoto]:
    """The scan's pictures that could not be had or read, in the order in which they were met."""
    failed = select(ScanPhoto).where(ScanPhoto.scan_id == scan_id, ScanPhoto.state == PictureState.FAILED)
    return list(session.scalars(failed.order_by(ScanPhoto.id).limit(limit)))


def unfinished(session: Session, source_id: int) -> Scan | None:
    """The source's newest scan that is not over."""
    waiting = select(Scan).where(Scan.source_id == source_id, Scan.state.in_(UNFINISHED))
    return session.scalar(waiting.order_by(Scan.id.desc()).limit(1))


def is_behind_another(session: Session, scan: Scan) -> bool:
    """Whether an older scan of the same source is at work, or one that crawls the same host.

    Each keeps the pace that a site asks for; two at once would be twice as fast.
    """
    is_older = (Scan.id < scan.id) & Scan.state.in_(AT_WORK)
    is_crawled = (Scan.id != scan.id) & (Scan.state == ScanState.RUNNING)  # a newer one, while this was paused
    older = select(Scan).options(joinedload(Scan.source)).where(is_older | is_crawled)
    hosts = hosts_of(scan.source)
    return any(
        other.source_id == scan.source_id or (other.state is not ScanState.SCORING and hosts & hosts_of(other.source))
        for other in session.scalars(older)
    )


def hosts_of(source: Source) -> set[str]:
    """The hosts that the source's options name; of an API, which has its own, the kind stands for it; of files none."""
    values = (value for value in source.options.values() if isinstance(value, str))
    addresses = [word for value in values for word in value.split() if word.startswith(("http://", "https://"))]
    hosts = {httpx2.URL(address).host for address in addresses if is_readable(address)}
    return hosts or ({source.kind} if is_web(source.kind) else set())


def is_web(kind: str) -> bool:
    try:
        return find_market(kind).is_web
    except MarketError:
        return False


def startable(session: Session, limit: int = 8) -> list[int]:
    """Scans that wait and could begin now, the oldest first: what waited for one that has just made room.

    Those that wait because of trouble with the machine (they have a note) are left to their time.
    """
    waiting = select(Scan).options(joinedload(Scan.source)).where(Scan.state == ScanState.QUEUED, Scan.note.is_(None))
    rows = session.scalars(waiting.order_by(Scan.id).limit(STARTABLE_LOOKED_AT))
    return [scan.id for scan in rows if not is_behind_another(session, scan)][:limit]


def is_readable(address: str) -> bool:
    try:
        return bool(httpx2.URL(address).host)
    except (httpx2.InvalidURL, ValueError):
        return False


def reconcile(session: Session, settings: Settings) -> list[int]:
    """Ids of scans to queue again, by the caller and after its commit; ends those of which nothing is left to do.

    Those of silent workers go back to waiting; those that wait are named again once their message seems lost.
    """
    for scan_id in session.scalars(select(Scan.id).where(Scan.state == ScanState.SCORING).order_by(Scan.id)).all():
        settle(session, scan_id)
    is_overdue = leases.is_past(Scan.lease_until, settings.lease_s)
    overdue = select(Scan.id).where(Scan.state.in_((ScanState.QUEUED, ScanState.RUNNING)), is_overdue)
    return leases.remind(session, list(session.scalars(overdue.order_by(Scan.id))), settings.lease_s)


def requeue_all(session: Session, owner: str) -> list[int]:
    """As reconcile, at once, for all that waits and all that `owner` had, which lives no more.

    owner: what the names of its runs begin with: a machine (`host`) or one process of it (`host:pid`).
    """
    claims.free(session, owner)
    ours = or_(Scan.state == ScanState.QUEUED, Scan.lease_owner.startswith(f"{owner}:", autoescape=True))
    left = select(Scan.id).where(Scan.state.in_((ScanState.QUEUED, ScanState.RUNNING)), ours)
    ids = list(session.scalars(left.order_by(Scan.id)))
    session.execute(update(Scan).where(Scan.id.in_(ids)).values(lease_until=now() - timedelta(seconds=1)))
    return leases.remind(session, ids, HINT_S)
