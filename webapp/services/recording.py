"""What a scan saw, written batch by batch: pictures, scores, findings and the scan's progress in one transaction."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rules.engine import evaluate
from rules.model import Pack
from scanner.pipeline import evidence_of
from scanner.records import NO_PICTURE, Listing, ScannedPhoto, Scores
from webapp.db import insert_new
from webapp.models import Appearance, FindingRow, ListingRow, PhotoRow, Scan, ScanPhoto, ScoreRow
from webapp.services import findings, leases, listings

BATCH_PHOTOS = 32
BATCH_S = 2.0


@dataclass(slots=True)
class Progress:
    """The scan's counters. `photos_scored` and `findings_opened` go on where a dead worker left them."""

    listings_seen: int = 0
    photos_seen: int = 0
    photos_failed: int = 0
    photos_scored: int = 0
    findings_opened: int = 0

    def to_columns(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class Held:
    """A listing with those of its pictures that have come out of the scanner, and (once written) their rows."""

    listing: Listing
    scanned: list[ScannedPhoto] = field(default_factory=list)
    photos: list[PhotoRow | None] = field(default_factory=list)


class Recorder:
    """Collects scanned pictures, and writes whole listings when there are enough or it is time.

    Nothing is written between two batches: SQLite has one writer, and a decision must not wait for a slow shop.
    """

    def __init__(self, session: Session, scan: Scan, worker: str, lease_s: int, pack: Pack) -> None:
        self._session = session
        self._scan = scan
        self._lease = (scan.id, worker, lease_s)
        self._pack = pack
        self._held: list[Held] = []
        self._written_at = time.monotonic()
        self.progress = Progress(photos_scored=scan.photos_scored, findings_opened=scan.findings_opened)

    def add(self, scanned: ScannedPhoto, listings_expected: int | None) -> None:
        """Take the next picture; commits where a batch is full. Raises LostLeaseError."""
        listing = scanned.photo.listing
        if listing is None:
            raise ValueError(f"{scanned.photo.location} belongs to no listing")
        if not self._held or self._held[-1].listing is not listing:
            if self._is_due():
                self.write(listings_expected)
            self._held.append(Held(listing))
        self._held[-1].scanned.append(scanned)

    def _is_due(self) -> bool:
        held = sum(len(held.scanned) for held in self._held)
        return held >= BATCH_PHOTOS or time.monotonic() - self._written_at >= BATCH_S

    def write(self, listings_expected: int | None) -> None:
        """Commit what is held, with the renewed lease. Raises LostLeaseError: then nothing of it was written."""
        # First the lease: a worker that lost the scan must not write beside the one that has it.
        leases.renew(self._session, *self._lease)
        rows = [self._write_listing(held) for held in self._held]
        known = findings.known_findings(self._session, (row.id for row in rows))
        for held, row in zip(self._held, rows, strict=True):
            self._open_findings(held, row, known.get(row.id, {}))
        counters = self.progress.to_columns()
        leases.renew(self._session, *self._lease, listings_expected=listings_expected, **counters)
        self._session.commit()
        self._held = []
        self._written_at = time.monotonic()

    def _write_listing(self, held: Held) -> ListingRow:
        row = listings.upsert(self._session, self._scan.source_id, held.listing)
        self.progress.listings_seen += 1
        held.photos = [
            None if scanned.photo.failure == NO_PICTURE else self._write_photo(row, position, scanned)
            for position, scanned in enumerate(held.scanned)
        ]
        return row

    def _write_photo(self, row: ListingRow, position: int, scanned: ScannedPhoto) -> PhotoRow | None:
        photo = self._ensure_photo(scanned)
        self.progress.photos_seen += 1
        self.progress.photos_failed += scanned.failure is not None
        seen = {"listing_id": row.id, "photo_id": photo.id if photo else None}
        where = scanned.photo.location
        self._note_seen(row, where, photo, scanned.failure)
        if photo is not None:
            insert_new(self._session, Appearance, url=where, position=position, **seen)
            written = [self._write_scores(photo, said) for said in scanned.scores]
            self.progress.photos_scored += any(written)
        return photo

    def _note_seen(self, row: ListingRow, where: str, photo: PhotoRow | None, failure: str | None) -> None:
        """What this attempt saw takes the place of what an earlier attempt of the same scan saw."""
        key = {"scan_id": self._scan.id, "listing_id": row.id, "location": where}
        said = {"photo_id": photo.id if photo else None, "failure": failure}
        if not insert_new(self._session, ScanPhoto, **key, **said):
            self._session.execute(update(ScanPhoto).filter_by(**key).values(**said))

    def _ensure_photo(self, scanned: ScannedPhoto) -> PhotoRow | None:
        """The row of the picture's bytes; None where there are none."""
        path = scanned.photo.path
        if path is None:
            return None
        # The store names a file by its digest, also where the decoder died before it could tell.
        sha256 = scanned.sha256 or path.name
        insert_new(self._session, PhotoRow, sha256=sha256, size_bytes=path.stat().st_size)
        photo = self._session.scalars(select(PhotoRow).where(PhotoRow.sha256 == sha256)).one()
        if scanned.failure is None or photo.pixel_hash is None:
            photo.pixel_hash, photo.media_type = scanned.pixel_hash, scanned.media_type
            photo.width_px, photo.height_px = scanned.width_px, scanned.height_px
            photo.failure = scanned.failure
        return photo

    def _write_scores(self, photo: PhotoRow, said: Scores) -> bool:
        """Keep what a model said; whether it had never said it of these pixels."""
        is_copy = bool(find_scores(self._session, photo.sha256, photo.pixel_hash, [said.model_digest]))
        is_new = insert_new(
            self._session,
            ScoreRow,
            photo_id=photo.id,
            model=said.model,
            model_digest=said.model_digest,
            by_concept=dict(said.by_concept),
            top_labels=[list(label) for label in said.top_labels],
            counters=dict(said.counters),
        )
        return is_new and not is_copy

    def _open_findings(self, held: Held, row: ListingRow, known: dict[findings.Key, FindingRow]) -> None:
        words = evaluate(self._pack, evidence_of(self._pack.cascade, held.listing, ()))
        pictures = zip(held.scanned, held.photos, strict=True)
        seen = [findings.Seen(photo.id, one.scores, one.findings) for one, photo in pictures if photo and one.scores]
        met = findings.gather(words, seen)
        opened = findings.open_met(self._session, self._scan, row.id, self._pack.digest, met, known)
        self.progress.findings_opened += opened


def find_scores(session: Session, sha256: str, pixel_hash: str | None, digests: Sequence[str]) -> dict[str, ScoreRow]:
    """What those models said earlier, by digest, of the same bytes or of other bytes that decode to the same pixels."""
    said = select(ScoreRow).join(ScoreRow.photo).where(ScoreRow.model_digest.in_(digests))
    found = {row.model_digest: row for row in session.scalars(said.where(PhotoRow.sha256 == sha256))}
    if pixel_hash is None or len(found) == len(digests):
        return found
    same_pixels = session.scalars(said.where(PhotoRow.pixel_hash == pixel_hash).order_by(ScoreRow.id.desc()))
    return {row.model_digest: row for row in same_pixels} | found
