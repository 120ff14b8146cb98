"""What a crawl found, written batch by batch: listings, their history, their pictures as work for scan workers.

Listings, pages, captures and the scan's progress of one batch are one transaction, together with the renewed lease.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rules.model import Pack
from scanner.fetch import Budget
from scanner.markets.base import Context
from scanner.stages import StageName, StageTime
from webapp.db import insert_new, now
from webapp.models import (
    Appearance,
    ListingEvent,
    ListingEventKind,
    ListingRow,
    PhotoRow,
    PictureState,
    Scan,
    ScanPhoto,
)
from webapp.services import audit, claims, leases, listings, opening, photos, relisting, stages
from webapp.services.archiving import Archive
from webapp.services.listings import Change, Seen
from webapp.services.memory import CrawlMemory
from webapp.services.pictures import Gathered, Picture, validators_of
from webapp.services.stages import CrawlClock
from webapp.storage import Store

BATCH_PHOTOS = 64
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
        for gathered in self._held:
            self._write_listing(gathered, written)
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

    def _write_listing(self, gathered: Gathered, written: Written) -> None:
        seen = listings.see(self._session, self._scan, gathered.listing)
        written.listings += seen.is_first
        if seen.change is not Change.SAME:
            written.changed.add(gathered.listing.url)
            self._archive.keep(self._session, seen.row, gathered.listing.answers)
        if seen.row.removed_at is not None:
            self._note_return(seen.row)
        for position, picture in enumerate(gathered.pictures):
            self._write_picture(seen, position, picture, written)
        if not claims.is_any_pending(self._session, self._scan.id, seen.row.id):
            written.to_judge.append(seen.row.id)  # also where its pictures were scored before its words changed

    def _note_return(self, row: ListingRow) -> None:
        facts = {"removed_at": row.removed_at.isoformat()} if row.removed_at else {}
        row.removed_at = None
        self._session.add(
            ListingEvent(listing_id=row.id, scan_id=self._scan.id, kind=ListingEventKind.RETURNED, facts=facts)
        )

    def _write_picture(self, seen: Seen, position: int, picture: Picture, written: Written) -> None:
        photo_id = self._ensure_photo(picture)
        if picture.answer is not None:
            self._archive.keep(self._session, seen.row, (picture.answer,))
        if photo_id is not None:
            self._place(seen.row, position, photo_id, picture)
        state = PictureState.FAILED if picture.failure else PictureState.PENDING
        if self._note_seen(seen.row, picture, photo_id, state):
            written.photos += 1
            written.failed += state is PictureState.FAILED
            written.pending += state is PictureState.PENDING

    def _ensure_photo(self, picture: Picture) -> int | None:
        """The id of the row of the picture's bytes; None where there are none."""
        if picture.sha256 is None:
            return None
        insert_new(self._session, PhotoRow, sha256=picture.sha256, size_bytes=picture.size_bytes)
        # Whoever is just removing the bytes is waited for, and nobody removes them until the commit.
        known = select(PhotoRow.id, PhotoRow.purged_at).where(PhotoRow.sha256 == picture.sha256)
        row = self._session.execute(known.with_for_update(read=True, key_share=True)).one()
        if row.purged_at is not None and picture.answer is not None and picture.answer.body:
            self._bring_back(row.id, picture.sha256, picture.answer.body)
        return int(row.id)

    def _bring_back(self, photo_id: int, sha256: str, body: bytes) -> None:
        """Bytes that retention had removed came again with this crawl."""
        photos.store(self._place_of_bytes, body)
        self._session.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(purged_at=None))
        audit.record(self._session, audit.SYSTEM, "evidence.return", f"photo:{sha256}", scan=self._scan.id)

    def _place(self, row: ListingRow, position: int, photo_id: int, picture: Picture) -> None:
        """Note that the listing shows the picture; the first time, whether another listing showed it before."""
        key = {"listing_id": row.id, "photo_id": photo_id}
        facts = {"url": picture.url, "position": position}
        if insert_new(self._session, Appearance, **key, **facts, **validators_of(picture.answer)):
            relisting.note_same_bytes(self._session, self._scan.id, row, photo_id)
        elif picture.is_asked:
            asked = facts | {"checked_at": now()} | (validators_of(picture.answer) if picture.answer else {})
            self._session.execute(update(Appearance).filter_by(**key).values(**asked))

    def _note_seen(self, row: ListingRow, picture: Picture, photo_id: int | None, state: PictureState) -> bool:
        """Whether the scan saw the address for the first time; what failed for an earlier worker is tried again."""
        key = {"scan_id": self._scan.id, "listing_id": row.id, "location": picture.url}
        said = {
            "photo_id": photo_id,
            "failure": picture.failure,
            "failure_kind": picture.failure_kind,
            "state": state,
        }
        if insert_new(self._session, ScanPhoto, **key, **said):
            return True
        failed_before = update(ScanPhoto).filter_by(**key).where(ScanPhoto.state == PictureState.FAILED)
        if state is PictureState.PENDING:
            again = self._session.scalar(
                failed_before.where(ScanPhoto.photo_id.is_(None)).values(**said).returning(ScanPhoto.id)
            )
            if again is not None:
                self._session.execute(
                    update(Scan).where(Scan.id == self._scan.id).values(photos_failed=Scan.photos_failed - 1)
                )
        return False
