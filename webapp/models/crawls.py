"""What crawls remember: pages, how listings changed, where the evidence lies, which hosts are left alone."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import ListingRow


class CrawledPage(Base):
    """A page as it was last fetched.

    etag, last_modified: as the server wrote them, to ask whether it changed. changed_at: the sitemap's word on that.
    links: addresses on the page that the crawl followed. unchanged_count: visits in a row that found nothing new.
    due_at: when it is worth a visit again.
    """

    __tablename__ = "crawled_pages"
    __table_args__ = (UniqueConstraint("source_id", "url"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    url: Mapped[str] = mapped_column(String(2000))
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"), index=True)
    etag: Mapped[str | None] = mapped_column(String(300))
    last_modified: Mapped[str | None] = mapped_column(String(60))
    changed_at: Mapped[datetime | None]
    links: Mapped[list[Any]] = mapped_column(default=list)
    visited_at: Mapped[datetime] = mapped_column(default=now)
    visited_scan_id: Mapped[int | None]
    unchanged_count: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]


class ListingVersion(Base):
    """What a listing said from `seen_at` until its next version. fields: columns of the listing and `photo_urls`."""

    __tablename__ = "listing_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    scan_id: Mapped[int | None] = mapped_column(ForeignKey("scans.id"))
    content_sha256: Mapped[str] = mapped_column(String(64))
    fields: Mapped[dict[str, Any]]
    seen_at: Mapped[datetime] = mapped_column(default=now)


class ListingEventKind(StrEnum):
    """`relisted`: it shows a picture that another listing showed before it."""

    REMOVED = "removed"
    RETURNED = "returned"
    RELISTED = "relisted"


class ListingEvent(Base):
    """facts: of a removal `reason`, `last_seen_at`; of a re-listing `photo_id`, `earlier_listing_id`, `other_seller`.

    takedown_s: of a removal, the seconds from the listing's first finding to the moment at which its absence was
    noticed; None where nothing of it was flagged.
    """

    __tablename__ = "listing_events"
    __table_args__ = (Index("ix_listing_events_kind_at", "kind", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    scan_id: Mapped[int | None] = mapped_column(ForeignKey("scans.id"))
    kind: Mapped[ListingEventKind] = mapped_column(
        Enum(ListingEventKind, native_enum=False, length=16, values_callable=list)
    )
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    takedown_s: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(default=now)

    listing: Mapped[ListingRow] = relationship()


class Capture(Base):
    """One record of an archive (WARC): what was fetched for a listing, byte for byte.

    archive: the file's name in the store's archives; record_id: the record's WARC-Record-ID; sha256: of the body.
    """

    __tablename__ = "captures"

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    scan_id: Mapped[int | None] = mapped_column(ForeignKey("scans.id"))
    url: Mapped[str] = mapped_column(String(2000))
    archive: Mapped[str] = mapped_column(String(200), index=True)
    record_id: Mapped[str] = mapped_column(String(60))
    sha256: Mapped[str] = mapped_column(String(64))
    captured_at: Mapped[datetime]


class StoppedHost(Base):
    """A host that no crawl asks, until somebody lets it again."""

    __tablename__ = "stopped_hosts"

    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(String(253), unique=True)
    reason: Mapped[str]
    actor: Mapped[str] = mapped_column(String(80))
    stopped_at: Mapped[datetime] = mapped_column(default=now)


class QuotaUse(Base):
    """Calls of one day (UTC, as 2026-11-26) to an API whose owner counts them."""

    __tablename__ = "quota_uses"
    __table_args__ = (UniqueConstraint("name", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    day: Mapped[str] = mapped_column(String(10))
    used: Mapped[int] = mapped_column(default=0)
