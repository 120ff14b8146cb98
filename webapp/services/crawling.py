"""One crawl from end to end: market, fetcher, memory, archive, rows that scan workers take up."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from rules.load import PackError
from rules.model import Pack
from scanner.fetch import Budget, Fetcher, FetchError, LogEntry, shared_pacer
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.registry import find_market
from scanner.markets.shape import Shape
from scanner.markets.values import keepable
from scanner.warc import ArchiveError
from webapp.db import now
from webapp.migrations import mismatch
from webapp.models import Scan, ScanState
from webapp.services import leases, scans
from webapp.services.archiving import Archive
from webapp.services.hosts import StopList
from webapp.services.memory import CrawlMemory
from webapp.services.pictures import Gatherer
from webapp.services.quotas import StoredQuota
from webapp.services.recording import Recorder
from webapp.services.removals import Missing
from webapp.services.rules import current_pack
from webapp.services.stages import CrawlClock
from webapp.settings import Settings
from webapp.storage import StoreAwayError, StoreError, StoreFullError, open_store
from webapp.storage.base import FULL

logger = logging.getLogger(__name__)

# The exceptions whose message is a sentence for people.
FAILURES = (MarketError, PackError, FetchError, StoreError)
TROUBLE = (StoreFullError, StoreAwayError, ArchiveError, OperationalError)
SHAPES_LOOKED_AT = 10
WARNINGS_KEPT = 200

Announce = Callable[[], None]


class Stopped(Exception):  # no error: the worker was asked to end
    """The worker ends; the scan is to go on elsewhere or later."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a crawl is put together of; a test gives its own market and fetcher."""

    market: Market
    pack: Pack
    fetcher: AbstractContextManager[Fetcher]
    archive: AbstractContextManager[Archive]
    budget: Budget = field(default_factory=Budget)
    clock: CrawlClock = field(default_factory=CrawlClock)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a crawl ended. error: why it broke off. waits_s: it did not end, and begins again after so many seconds."""

    error: str | None = None
    waits_s: int | None = None
    note: str | None = None


IsStopping = Callable[[], bool]
OpenParts = Callable[[Session, Scan, Settings, IsStopping], Parts]


def open_parts(session: Session, scan: Scan, settings: Settings, is_stopping: IsStopping) -> Parts:
    """The real parts, as settings and source say. Raises one of FAILURES."""
    market = find_market(scan.source.kind)
    pack = current_pack(session, settings.pack)
    budget = budget_of(scan, settings)
    archive = Archive.of_scan(scan, settings)
    clock = CrawlClock()

    def log(entry: LogEntry) -> None:
        archive.log(entry)
        clock.log(entry)

    fetcher = Fetcher(
        contact=settings.contact,
        allowed_addresses=settings.allowed_addresses,
        pacer=shared_pacer(),
        pace_s=float(scan.source.options.get("pace_s") or settings.crawl_pace_s),
        budget=budget,
        is_stopped=StopList(session.get_bind().engine),
        is_stopping=is_stopping,
        sleep=lambda seconds: doze(seconds, is_stopping),
        log=log,
        keep_exchanges=True,
    )
    return Parts(market, pack, fetcher, archive, budget, clock)


def budget_of(scan: Scan, settings: Settings) -> Budget:
    """What the source's own options allow, and never more than the settings; less what the scan has used already.

    A source's pages are counted where its market asks for them.
    """
    options = scan.source.options
    megabytes = min(options.get("megabytes") or settings.crawl_megabytes, settings.crawl_megabytes)
    hours = min(options.get("hours") or settings.crawl_hours, settings.crawl_hours)
    used_s = (now() - scan.started_at).total_seconds() if scan.started_at else 0.0
    return Budget(
        pages=max(0, settings.crawl_pages - scan.fetched_pages),
        bytes=max(0, megabytes * 10**6 - scan.fetched_bytes),
        seconds=max(0.0, hours * 3600 - used_s),
    )


def doze(seconds: float, is_stopping: IsStopping, sleep: Callable[[float], object] = time.sleep) -> None:
    """Wait politely, and yet end within half a second of being asked to."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not is_stopping():
        sleep(min(left, 0.5))


def run(
    session: Session,
    scan_id: int,
    settings: Settings,
    worker: str,
    is_stopping: IsStopping = lambda: False,
    announce: Announce = lambda: None,
    parts: OpenParts = open_parts,
) -> bool:
    """Crawl the scan's source and leave its pictures to scan workers; commits batch by batch. Whether it was ours.

    Does nothing where another worker has the scan, an older one of the same source is at work, or it is over, so that
    a message may come twice. Run again after a crash it goes on: pages that the scan has read and pictures that it has
    are not fetched again. is_stopping: asked after each listing; then the scan goes back to the queue. announce:
    called when there is work for scan workers. The end is a state of the scan, never an exception of the crawl's.
    """
    scan = scans.find(session, scan_id)
    if scan is None or scans.is_behind_another(session, scan):
        session.rollback()
        return False
    if not leases.take(session, scan_id, worker, settings.lease_s):
        logger.info("scan %d is another worker's, or over", scan_id)
        return False
    lease = (scan_id, worker, settings.lease_s)
    with leases.Heartbeat(session.get_bind().engine, *lease) as heartbeat:
        ending = attempt(session, lease, settings, lambda: is_stopping() or heartbeat.is_lost, announce, parts)
    if ending is not None:
        finish(session, scan_id, worker, ending)
    return True


def finish(session: Session, scan_id: int, worker: str, ending: Ending) -> None:
    """Give the scan back: to the queue, or to scan workers and its end. A database that is away leaves it leased."""
    try:
        if ending.waits_s is not None:
            due = {"note": ending.note, "lease_until": now() + timedelta(seconds=ending.waits_s)}
            leases.change(session, leases.owned(scan_id, worker), Scan, state=ScanState.QUEUED, lease_owner=None, **due)
        else:
            facts: dict[str, Any] = {"crawled_at": now(), "crawl_error": ending.error, "note": None}
            leases.release(session, scan_id, worker, ScanState.SCORING, **facts)
            scans.settle(session, scan_id)
        session.commit()
    except DBAPIError as error:
        session.rollback()
        logger.warning("scan %d could not be given back, its lease will pass: %s", scan_id, error)


def attempt(
    session: Session,
    lease: tuple[int, str, int],
    settings: Settings,
    is_stopping: IsStopping,
    announce: Announce,
    parts: OpenParts,
) -> Ending | None:
    """How the crawl ends; None where the lease was lost and nothing more is ours to say."""
    scan_id = lease[0]
    try:
        scan = session.get_one(Scan, scan_id, populate_existing=True)
        work(session, scan, lease, settings, is_stopping, announce, parts(session, scan, settings, is_stopping))
        return Ending()
    except Stopped:
        session.rollback()
        return Ending(waits_s=0)
    except leases.LostLeaseError as error:
        session.rollback()
        logger.warning("%s", error)
        return None
    except TROUBLE as error:
        session.rollback()
        return trouble(scan_id, error, settings.lease_s)
    except FAILURES as error:
        session.rollback()
        if behind := trouble_behind(error):
            return trouble(scan_id, behind, settings.lease_s)
        return failure(scan_id, error, is_stopping)
    except OSError as error:
        session.rollback()
        return trouble(scan_id, error, settings.lease_s) if is_trouble(error) else unexpected(scan_id)
    except DBAPIError as error:
        session.rollback()
        is_upgraded = mismatch(session.get_bind().engine) is not None
        return trouble(scan_id, error, settings.lease_s) if is_upgraded else unexpected(scan_id)
    except Exception:
        session.rollback()
        return unexpected(scan_id)


def trouble_behind(error: BaseException) -> Exception | None:
    """The machine's own trouble that came up inside a market, which tells of whatever breaks as its own fault."""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, Exception) and is_trouble(cause):
            return cause
        cause = cause.__cause__
    return None


def is_trouble(error: Exception) -> bool:
    return isinstance(error, TROUBLE) or (isinstance(error, OSError) and error.errno in FULL)


def trouble(scan_id: int, error: Exception, wait_s: int) -> Ending:
    """The machine's fault and not the source's: the disk is full, the database is away. The scan begins again later."""
    logger.warning("scan %d waits: %s", scan_id, error)
    known: dict[type[Exception], str] = {
        OperationalError: "the database could not be written",
        StoreAwayError: "the store does not answer",
    }
    upgraded = "the database was upgraded" if isinstance(error, DBAPIError) else "there is no room on the disk"
    why = known.get(type(error), upgraded)
    return Ending(waits_s=wait_s, note=f"It waits, since {why}; it goes on by itself.")


def failure(scan_id: int, error: Exception, is_stopping: IsStopping) -> Ending:
    if is_stopping():
        # The machine goes down, and what the crawl works with goes down around it: that says nothing of the source.
        return Ending(waits_s=0)
    why = keepable(str(error))  # a log is written as UTF-8, too
    logger.warning("the crawl of scan %d failed: %s", scan_id, why)
    return Ending(error=why)


def unexpected(scan_id: int) -> Ending:
    logger.exception("the crawl of scan %d failed", scan_id)
    return Ending(error=f"An unexpected error; the worker's log names it under {now():%Y-%m-%d %H:%M} UTC.")


def work(
    session: Session,
    scan: Scan,
    lease: tuple[int, str, int],
    settings: Settings,
    is_stopping: IsStopping,
    announce: Announce,
    parts: Parts,
) -> None:
    """Do the crawl. Raises Stopped, LostLeaseError and those of FAILURES."""
    begin(session, scan, lease, parts)
    memory = CrawlMemory(session, scan, is_patient=scan.schedule_id is not None)
    with parts.fetcher as fetcher, parts.archive as archive:
        context = Context(
            scan.source.options,
            fetcher,
            memory,
            settings.inbox_dir,
            fetcher.get,
            quota=StoredQuota(session.get_bind().engine),
            former_shape=former_shape(session, scan),
        )
        place = open_store(settings)
        recorder = Recorder(
            session, scan, lease, parts.pack, context, memory, archive, parts.budget, announce, place, parts.clock
        )
        with Gatherer(session, scan.source_id, place, context) as gatherer:
            try:
                found = crawl(parts.market, context)
                with closing(found):
                    for gathered in gatherer.gather(found, lambda: context.get_photo or fetcher.get):
                        recorder.add(gathered)
                        if is_stopping():
                            raise Stopped
            except (Stopped, *FAILURES):
                # The market gave up half way, say: what was seen until then is true.
                recorder.write()
                keep_warnings(session, scan, context)
                raise
        recorder.write()
        recorder.end()
        scan.shape = found.shape.to_json()
        keep_warnings(session, scan, context)
        if context.cut_short is None:
            Missing(session, scan, lease, parts.market, context, archive).look()


def begin(session: Session, scan: Scan, lease: tuple[int, str, int], parts: Parts) -> None:
    """Write down what the scan works with. Raises LostLeaseError."""
    started_at = scan.started_at or now()
    leases.renew(session, *lease, pack_digest=parts.pack.digest, started_at=started_at, note=None)
    session.commit()


def former_shape(session: Session, scan: Scan) -> Shape | None:
    """The shape of the source's listings in the last scan before this one that read them to the end."""
    whole = (
        Scan.source_id == scan.source_id,
        Scan.id < scan.id,
        Scan.crawled_at.is_not(None),
        Scan.crawl_error.is_(None),
    )
    earlier = session.scalars(select(Scan.shape).where(*whole).order_by(Scan.id.desc()).limit(SHAPES_LOOKED_AT))
    return next((Shape.from_json(shape) for shape in earlier if shape), None)


def keep_warnings(session: Session, scan: Scan, context: Context) -> None:
    """Commits. Of very many sentences the first are kept, and how many more there were."""
    session.refresh(scan, ["warnings"], with_for_update=True)  # scan workers add to them too
    told = list(dict.fromkeys([*scan.warnings, *context.warnings]))
    more = len(told) - WARNINGS_KEPT
    scan.warnings = told if more <= 0 else [*told[:WARNINGS_KEPT], f"And {more} more of the same kinds."]
    session.commit()
