"""One run over one source, and which pictures it saw."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import Source


class ScanState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (ScanState.DONE, ScanState.PARTIAL, ScanState.FAILED)


class Scan(Base):
    """A scan is owned by the worker whose lease runs; when `lease_until` passes, another takes it over.

    models: for each model that spoke, {name, digest, role, source}; primary_absent: the primary had no weights.
    note: why the scan is partial or failed, in a sentence.
    """

    __tablename__ = "scans"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), index=True)
    state: Mapped[ScanState] = mapped_column(
        Enum(ScanState, native_enum=False, length=16, values_callable=list), default=ScanState.QUEUED, index=True
    )
    queued_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
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
    note: Mapped[str | None]

    source: Mapped[Source] = relationship()


class ScanPhoto(Base):
    """One picture address that one scan saw: scored, known already, or failed with its reason."""

    __tablename__ = "scan_photos"
    __table_args__ = (UniqueConstraint("scan_id", "listing_id", "location"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    location: Mapped[str] = mapped_column(String(2000))
    failure: Mapped[str | None]
    seen_at: Mapped[datetime] = mapped_column(default=now)
