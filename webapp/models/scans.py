"""One run over one source, and which pictures it saw."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import ListingRow, PhotoRow, Source


class ScanState(StrEnum):
    """`running`: its source is being crawled, and what came is scored meanwhile; `scoring`: only that is left."""

    QUEUED = "queued"
    RUNNING = "running"
    SCORING = "scoring"
    PAUSED = "paused"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in (ScanState.DONE, ScanState.PARTIAL, ScanState.FAILED, ScanState.CANCELLED)

    @property
    def is_at_rest(self) -> bool:
        """Whether its numbers stand still."""
        return self.is_over or self is ScanState.PAUSED


class PictureState(StrEnum):
    """`pending`: waits for a scan worker, or is with the one whose lease runs; `skipped`: its scan was cancelled."""

    PENDING = "pending"
    SCORED = "scored"
    FAILED = "failed"
    SKIPPED = "skipped"


class Scan(Base):
    """A scan's crawl is owned by the worker whose lease runs; when `lease_until` passes, another takes it over.

    due_at: the moment of the schedule that this run stands for; schedule_id, due_at: both or none, and each pair once.
    crawled_at: when the crawl was over; crawl_error: why it broke off, in a sentence. warnings: what was left out.
    shape: which fields the source's listings had (scanner.markets.shape); see there.
    fetched_pages, fetched_bytes: what the crawl took from the network.
    models: for each model that spoke, {name, digest, role, source}; primary_absent: the primary had no weights.
    note: why the scan is partial or failed, in a sentence.
    """

    __tablename__ = "scans"
    __table_args__ = (UniqueConstraint("schedule_id", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), index=True)
    state: Mapped[ScanState] = mapped_column(
        Enum(ScanState, native_enum=False, length=16, values_callable=list), default=ScanState.QUEUED, index=True
    )
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("schedules.id", ondelete="SET NULL"))
    due_at: Mapped[datetime | None]
    requested_by: Mapped[str] = mapped_column(String(80), default="system")
    queued_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    crawled_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    listings_expected: Mapped[int | None]
    listings_seen: Mapped[int] = mapped_column(default=0)
    photos_seen: Mapped[int] = mapped_column(default=0)
    photos_scored: Mapped[int] = mapped_column(default=0)
    photos_failed: Mapped[int] = mapped_column(default=0)
    findings_opened: Mapped[int] = mapped_column(default=0)
    models: Mapped[list[Any]] = mapped_column(default=list)
    primary_absent: Mapped[bool] = mapped_column(default=False)
    pack_digest: Mapped[str | None] = mapped_column(String(64))
    crawl_error: Mapped[str | None]
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    shape: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fetched_pages: Mapped[int] = mapped_column(default=0)
    fetched_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    note: Mapped[str | None]

    source: Mapped[Source] = relationship()


class ScanPhoto(Base):
    """One picture address that one scan saw: waiting to be scored, scored, known already, or failed with its reason.

    lease_owner, lease_until: the scan worker that has it and until when. attempts: how often one began it: a picture
    that kills its workers must not be begun for ever. failure_kind: a word for what `failure` says in a sentence.
    """

    __tablename__ = "scan_photos"
    __table_args__ = (
        UniqueConstraint("scan_id", "listing_id", "location"),
        Index("ix_scan_photos_scan_id_state", "scan_id", "state"),
        # What waits is few beside what is done: workers look for it all the time.
        Index(
            "ix_scan_photos_pending",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    location: Mapped[str] = mapped_column(String(2000))
    state: Mapped[PictureState] = mapped_column(
        Enum(PictureState, native_enum=False, length=16, values_callable=list), default=PictureState.PENDING
    )
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]
    failure_kind: Mapped[str | None] = mapped_column(String(40))
    seen_at: Mapped[datetime] = mapped_column(default=now)

    scan: Mapped[Scan] = relationship()
    listing: Mapped[ListingRow] = relationship()
    photo: Mapped[PhotoRow | None] = relationship()


class ScanStage(Base):
    """How long one stage of a scan worked on one machine, with one set-up; numbers only ever grow.

    stage: a word of scanner.stages.StageName. machine: the host. device, engine, precision, decoding: as
    scanner.stages.StageTimes has them, of decoders and predictors alike, so that their rates stand side by side; empty
    for other stages. pictures, busy_s, waited_s, blocked_s, workers: as scanner.stages.StageTime has them. pages,
    fetched_bytes: of `fetch` alone.
    """

    __tablename__ = "scan_stages"

    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), primary_key=True)
    machine: Mapped[str] = mapped_column(String(64), primary_key=True)
    stage: Mapped[str] = mapped_column(String(16), primary_key=True)
    device: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    engine: Mapped[str] = mapped_column(String(16), primary_key=True, default="")
    precision: Mapped[str] = mapped_column(String(16), primary_key=True, default="")
    decoding: Mapped[str] = mapped_column(String(16), primary_key=True, default="")
    pictures: Mapped[int] = mapped_column(BigInteger, default=0)
    busy_s: Mapped[float] = mapped_column(default=0.0)
    waited_s: Mapped[float] = mapped_column(default=0.0)
    blocked_s: Mapped[float] = mapped_column(default=0.0)
    workers: Mapped[int] = mapped_column(default=0)
    pages: Mapped[int] = mapped_column(BigInteger, default=0)
    fetched_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    updated_at: Mapped[datetime] = mapped_column(default=now, index=True)
