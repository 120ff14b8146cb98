"""What a crawl found, written batch by batch: listings, their history, their pictures as work for scan workers.

Listings, pages, captures and the scan's progress of one batch are one transaction, together with the renewed lease.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from rules.model import Pack
from scanner.fetch import Budget, Fetched
from scanner.markets.base import Context
from scanner.stages import StageName, StageTime
from webapp.models import ListingEvent, ListingEventKind, ListingRow, PictureState, Scan
from webapp.services import claims, leases, listings, opening, placing, stages
from webapp.services.archiving import Archive
from webapp.services.listings import Change, Seen
from webapp.services.memory import CrawlMemory
from webapp.services.pictures import Gathered
from webapp.services.placing import Shown
from webapp.services.stages import CrawlClock
from webapp.storage import Store

BATCH_PHOTOS = 256  # fewer cost more a row: each commit has its price, and so has each statement
BATCH_BYTES = 64 * 1024**2
BATCH_S = 2.0


@dataclass(slots=True)
class Written:
    """What one batch added to the scan's counters. pending: pictures that scan workers are to take."""

    listings: int = 0
    photos: int = 0
    failed: int = 0
    pending: int = 0
    changed: set[str] = field(default_factory=set)
    to_judge: list[int] = field(default_factory=list)


class Recorder:
    """Collects gathered listings, and writes them when there are enough or it is time.

    Nothing is written between two batches: SQLite has one writer, and a decision must not wait for a slow shop.
    announce: called after a commit that left work for scan workers.
    """

    def __init__(
        self,
        session: Session,
        scan: Scan,
        lease: tuple[int, str, int],
        pack: Pack,
        context: Context,
        memory: CrawlMemory,
        archive: Archive,
        budget: Budget,
        announce: Callable[[], None],
        place: Store,
        clock: CrawlClock,
    ) -> None:
        self._session = session
        self._scan = scan
        self._lease = lease
        self._pack = pack
        self._context = context
        self._memory = memory
        self._archive = archive
        self._budget = budget
        self._taken = (scan.fetched_pages, scan.fetched_bytes)  # by earlier workers of the same scan
        self._noted = (0, 0)  # pages and bytes whose stage times are written
        self._clock = clock
        self._announce = announce
        self._place_of_bytes = place
        self._held: list[Gathered] = []
        self._written_at = time.monotonic()

    def add(self, gathered: Gathered) -> None:
        """Take the next listing; commits where a batch is full. Raises LostLeaseError."""
        self._held.append(gathered)
        held = sum(max(len(one.pictures), 1) for one in self._held)
        held_bytes = sum(picture.size_bytes for one in self._held for picture in one.pictures if picture.answer)
        if held >= BATCH_PHOTOS or held_bytes >= BATCH_BYTES or time.monotonic() - self._written_at >= BATCH_S:
            self.write()

    def write(self) -> None:
        """Commit what is held, with the renewed lease. Raises LostLeaseError: then nothing of it was written."""
        fetching, writing = self._clock.take()
        # First the lease: a worker that lost the scan must not write beside the one that has it.
        leases.renew(self._session, *self._lease)
        written = Written()
        for part in parted(self._held):
            self._write_listings(part, written)
        self._memory.write([one.listing.url for one in self._held], written.changed)
        self._session.flush()
        opened = opening.judge_listings(self._session, self._scan, self._pack, written.to_judge)
        leases.renew(
            self._session,
            *self._lease,
            listings_expected=self._context.listings_expected,
            listings_seen=Scan.listings_seen + written.listings,
            photos_seen=Scan.photos_seen + written.photos,
            photos_failed=Scan.photos_failed + written.failed,
            findings_opened=Scan.findings_opened + opened,
            fetched_pages=self._taken[0] + self._budget.pages_used,
            fetched_bytes=self._taken[1] + self._budget.bytes_used,
        )
        self._note_times(replace(fetching, pictures=written.photos), writing)
        self._session.commit()
        self._clock.wrote()
        self._archive.publish()
        self._held = []
        self._written_at = time.monotonic()
        if written.pending:
            self._announce()

    def end(self) -> None:
        """Note the times of the last commit; the caller commits."""
        self._note_times(*self._clock.take())

    def _note_times(self, fetching: StageTime, writing: StageTime) -> None:
        (pages, size), (noted_pages, noted_bytes) = (self._budget.pages_used, self._budget.bytes_used), self._noted
        self._noted = (pages, size)
        taken = {"pages": pages - noted_pages, "fetched_bytes": size - noted_bytes}
        stages.add(self._session, self._scan.id, StageName.FETCH, fetching, **taken)
        stages.add(self._session, self._scan.id, StageName.WRITE, writing)

    def _write_listings(self, held: Sequence[Gathered], written: Written) -> None:
        """All of them together; each address is there once."""
        rows = listings.see_all(self._session, self._scan, [one.listing for one in held])
        both = list(zip(held, rows, strict=True))
        for gathered, seen in both:
            self._note_listing(gathered, seen, written)
        self._archive.keep_all(self._session, [(seen.row, answers_of(gathered, seen)) for gathered, seen in both])
        shown = [
            Shown(seen.row, position, picture)
            for gathered, seen in both
            for position, picture in enumerate(gathered.pictures)
        ]
        self._write_pictures(shown, written)
        waiting = claims.waiting_listings(self._session, self._scan.id, [seen.row.id for seen in rows])
        # Also where its pictures were scored before its words changed.
        written.to_judge += [seen.row.id for seen in rows if seen.row.id not in waiting]

    def _note_listing(self, gathered: Gathered, seen: Seen, written: Written) -> None:
        written.listings += seen.is_first
        if seen.change is not Change.SAME:
            written.changed.add(gathered.listing.url)
        if seen.row.removed_at is not None:
            self._note_return(seen.row)

    def _write_pictures(self, shown: Sequence[Shown], written: Written) -> None:
        session, scan = self._session, self._scan
        ids = placing.ensure_photos(session, scan.id, self._place_of_bytes, [one.picture for one in shown])
        placing.place_all(session, scan.id, shown, ids)
        for one in placing.note_seen(session, scan, shown, ids):
            written.photos += 1
            written.failed += one.state is PictureState.FAILED
            written.pending += one.state is PictureState.PENDING

    def _note_return(self, row: ListingRow) -> None:
        facts = {"removed_at": row.removed_at.isoformat()} if row.removed_at else {}
        row.removed_at = None
        self._session.add(
            ListingEvent(listing_id=row.id, scan_id=self._scan.id, kind=ListingEventKind.RETURNED, facts=facts)
        )


def answers_of(gathered: Gathered, seen: Seen) -> list[Fetched]:
    """What is to be kept of it: the page where it says something new, and each picture that was fetched."""
    page = gathered.listing.answers if seen.change is not Change.SAME else ()
    return [*page, *(picture.answer for picture in gathered.pictures if picture.answer is not None)]


def parted(held: Iterable[Gathered]) -> Iterator[list[Gathered]]:
    """In their order, each address once a part: a listing that a crawl met twice has two says."""
    part: dict[str, Gathered] = {}
    for one in held:
        if one.listing.url in part:
            yield list(part.values())
            part = {}
        part[one.listing.url] = one
    if part:
        yield list(part.values())
