"""One crawl from end to end: market, fetcher, memory, archive, rows that scan workers take up."""

import errno
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from rules.load import PackError
from rules.model import Pack
from scanner.fetch import Fetcher, FetchError
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.registry import find_market
from webapp.db import now
from webapp.models import Scan, ScanState
from webapp.services import leases, photos, scans
from webapp.services.archiving import Archive, open_archive
from webapp.services.memory import CrawlMemory
from webapp.services.pictures import Gatherer
from webapp.services.recording import Recorder
from webapp.services.removals import Missing
from webapp.services.rules import current_pack
from webapp.settings import Settings

logger = logging.getLogger(__name__)

# The exceptions whose message is a sentence for people.
FAILURES = (MarketError, PackError, FetchError, photos.StoreError)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
WAIT_FOR_ROOM_S = 60

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


@dataclass(frozen=True, slots=True)
class Ending:
    """How a crawl ended. error: why it broke off. waits_s: it did not end, and begins again after so many seconds."""

    error: str | None = None
    waits_s: int | None = None
    note: str | None = None


OpenParts = Callable[[Session, Scan, Settings], Parts]


def open_parts(session: Session, scan: Scan, settings: Settings) -> Parts:
    """The real parts, as settings and source say. Raises one of FAILURES."""
    fetcher = Fetcher(contact=settings.contact, allowed_addresses=settings.allowed_addresses)
    return Parts(
        find_market(scan.source.kind),
        current_pack(session, settings.pack),
        fetcher,
        open_archive(scan, settings),
    )


def run(
    session: Session,
    scan_id: int,
    settings: Settings,
    worker: str,
    is_stopping: Callable[[], bool] = lambda: False,
    announce: Announce = lambda: None,
    parts: OpenParts = open_parts,
) -> None:
    """Crawl the scan's source and leave its pictures to scan workers; commits batch by batch.

    Does nothing where another worker has the scan, an older one of the same source is at work, or it is over, so that
    a message may come twice. Run again after a crash it goes on: pages that the scan has read and pictures that it has
    are not fetched again. is_stopping: asked after each listing; then the scan goes back to the queue. announce:
    called when there is work for scan workers. The end is a state of the scan, never an exception of the crawl's.
    """
    scan = scans.find(session, scan_id)
    if scan is None or scans.is_behind_another(session, scan):
        session.rollback()
        return
    if not leases.take(session, scan_id, worker, settings.lease_s):
        logger.info("scan %d is another worker's, or over", scan_id)
        return
    lease = (scan_id, worker, settings.lease_s)
    with leases.Heartbeat(session.get_bind().engine, *lease) as heartbeat:
        ending = attempt(session, lease, settings, lambda: is_stopping() or heartbeat.is_lost, announce, parts)
    if ending is not None:
        finish(session, scan_id, worker, ending)


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
    is_stopping: Callable[[], bool],
    announce: Announce,
    parts: OpenParts,
) -> Ending | None:
    """How the crawl ends; None where the lease was lost and nothing more is ours to say."""
    scan_id = lease[0]
    try:
        scan = session.get_one(Scan, scan_id, populate_existing=True)
        work(session, scan, lease, settings, is_stopping, announce, parts(session, scan, settings))
        return Ending()
    except Stopped:
        session.rollback()
        return Ending(waits_s=0)
    except leases.LostLeaseError as error:
        session.rollback()
        logger.warning("%s", error)
        return None
    except (photos.StoreFullError, OperationalError) as error:
        session.rollback()
        return trouble(scan_id, error)
    except FAILURES as error:
        session.rollback()
        return failure(scan_id, error, is_stopping)
    except OSError as error:
        session.rollback()
        return trouble(scan_id, error) if error.errno in NO_ROOM else unexpected(scan_id)
    except Exception:
        session.rollback()
        return unexpected(scan_id)


def trouble(scan_id: int, error: Exception) -> Ending:
    """The machine's fault and not the source's: the disk is full, the database is away. The scan begins again later."""
    logger.warning("scan %d waits: %s", scan_id, error)
    why = "the database could not be written" if isinstance(error, OperationalError) else "there is no room on the disk"
    return Ending(waits_s=WAIT_FOR_ROOM_S, note=f"It waits, since {why}; it goes on by itself.")


def failure(scan_id: int, error: Exception, is_stopping: Callable[[], bool]) -> Ending:
    if is_stopping():
        # The machine goes down, and what the crawl works with goes down around it: that says nothing of the source.
        return Ending(waits_s=0)
    logger.warning("the crawl of scan %d failed: %s", scan_id, error)
    return Ending(error=str(error))


def unexpected(scan_id: int) -> Ending:
    logger.exception("the crawl of scan %d failed", scan_id)
    return Ending(error=f"An unexpected error; the worker's log names it under {now():%Y-%m-%d %H:%M} UTC.")


def work(
    session: Session,
    scan: Scan,
    lease: tuple[int, str, int],
    settings: Settings,
    is_stopping: Callable[[], bool],
    announce: Announce,
    parts: Parts,
) -> None:
    """Do the crawl. Raises Stopped, LostLeaseError and those of FAILURES."""
    begin(session, scan, lease, parts)
    memory = CrawlMemory(session, scan, is_patient=scan.schedule_id is not None)
    with parts.fetcher as fetcher, parts.archive as archive:
        context = Context(scan.source.options, fetcher, memory, settings.inbox_dir, fetcher.get)
        recorder = Recorder(session, scan, lease, parts.pack, context, memory, archive, announce)
        with Gatherer(session, scan.source_id, settings.photos_dir, context.warn) as gatherer:
            try:
                found = parts.market.crawl(context)
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
        if not context.warnings:
            Missing(session, scan, lease, parts.market, context).look()
        keep_warnings(session, scan, context)


def begin(session: Session, scan: Scan, lease: tuple[int, str, int], parts: Parts) -> None:
    """Write down what the scan works with. Raises LostLeaseError."""
    started_at = scan.started_at or now()
    leases.renew(session, *lease, pack_digest=parts.pack.digest, started_at=started_at, note=None)
    session.commit()


def keep_warnings(session: Session, scan: Scan, context: Context) -> None:
    """Commits."""
    for sentence in context.warnings:
        scans.add_warning(scan, sentence)
    session.commit()
