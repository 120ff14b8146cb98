"""One scan's archive: what was fetched for its listings, kept byte for byte, and a line for every request."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.fetch import Fetched, LogEntry
from scanner.warc import ArchiveWriter, Record, salvage
from webapp.db import insert_rows
from webapp.models import Capture, ListingRow, Scan
from webapp.services import archives
from webapp.services.crawl_logs import CrawlLog, publish_left_logs
from webapp.services.listings import URL_LETTERS
from webapp.settings import Settings
from webapp.storage import Store, StoreError, open_store

logger = logging.getLogger(__name__)

MEGABYTE = 10**6


class Archive:
    """A context manager; what it finished, or a dead worker of this machine left, moves into the store."""

    def __init__(self, place: Store, spool: Path, writer: ArchiveWriter, log: CrawlLog, facts: Mapping[str, Any]):
        self._place = place
        self._spool = spool
        self._writer = writer
        self._log = log
        self._facts = dict(facts)
        self._stack = ExitStack()
        self._recent: deque[tuple[Fetched, Sequence[Record]]] = deque(maxlen=2)

    @classmethod
    def of_scan(cls, scan: Scan, settings: Settings) -> Self:
        place, spool = open_store(settings), archives.archives_dir(settings)
        prefix = f"tuskline-scan-{scan.id}"
        writer = ArchiveWriter(spool, prefix, settings.archive_megabytes * MEGABYTE, contact=settings.contact)
        facts = {"scan": scan.id, "source": scan.source.name, "kind": scan.source.kind}
        return cls(place, spool, writer, CrawlLog(place, spool, scan.id), facts)

    def __enter__(self) -> Self:
        salvage(self._spool)
        self._try_to_publish(publish_left_logs, self._place, self._spool)
        self._stack.enter_context(self._log)
        self._stack.callback(self.publish)
        self._stack.enter_context(self._writer)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def log(self, entry: LogEntry) -> None:
        """Keep a line on a request; may be called from threads."""
        self._log.write(entry)

    def keep(self, session: Session, row: ListingRow, answers: Iterable[Fetched]) -> None:
        """Archive the answers, and note under the listing where they lie; the caller commits. Raises ArchiveError."""
        self.keep_all(session, [(row, answers)])

    def keep_all(self, session: Session, given: Iterable[tuple[ListingRow, Iterable[Fetched]]]) -> None:
        """As `keep`, for several listings."""
        shown = [(row, answer) for row, answers in given for answer in answers]
        insert_rows(
            session,
            Capture,
            [self._capture_of(row, record) for row, answer in shown for record in self._records_of(answer, row)],
        )

    def _records_of(self, answer: Fetched, row: ListingRow) -> Sequence[Record]:
        """The answer's records; those of one that offers many listings (an API's page, a feed) are written once."""
        for known, records in self._recent:
            if known is answer:
                return records
        records = self._writer.add(answer, self._facts | {"listing": row.url})
        self._recent.append((answer, records))
        return records

    def publish(self) -> None:
        """Move archives that are finished into the store; where that can't be now, they stay for a later time."""
        self._try_to_publish(archives.publish_left, self._place, self._spool)

    def _capture_of(self, row: ListingRow, record: Record) -> dict[str, Any]:
        return {
            "listing_id": row.id,
            "scan_id": self._facts["scan"],
            "url": record.url[:URL_LETTERS],
            "archive": record.archive,
            "record_id": record.record_id,
            "sha256": record.sha256,
            "captured_at": record.captured_at,
        }

    def _try_to_publish(self, publish: Callable[[Store, Path], object], *where: Any) -> None:
        try:
            publish(*where)
        except StoreError as error:
            logger.warning("archives stay in %s for now: %s", self._spool, error)


def captures_of(session: Session, listing_id: int) -> list[Capture]:
    """What is archived of the listing, the newest first."""
    query = select(Capture).where(Capture.listing_id == listing_id).order_by(Capture.id.desc())
    return list(session.scalars(query))
