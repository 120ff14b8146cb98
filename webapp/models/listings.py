"""What was found on marketplaces: sources, listings, pictures, and what models said of the pictures."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, Numeric, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now


class Source(Base):
    """A marketplace that scans crawl: `kind` names the market plug-in, `options` are its arguments."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ListingRow(Base):
    """A listing as it was last seen.

    content_sha256: of what it says and which pictures it names (services.listings.content_of). last_scan_id: the scan
    that saw it last. removed_at: when it was noticed that the listing is gone; None while it stands. language: ISO
    639-1 of its words (services.tongues), None where that can't be told.
    """

    __tablename__ = "listings"
    __table_args__ = (
        UniqueConstraint("source_id", "url"),
        # The newest listings of a seller, who may have a hundred thousand.
        Index("ix_listings_seller", "seller", "source_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    url: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    price: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    currency: Mapped[str | None] = mapped_column(String(3))
    seller: Mapped[str | None] = mapped_column(String(300))
    seller_url: Mapped[str | None] = mapped_column(String(2000))
    country: Mapped[str | None] = mapped_column(String(2))
    posted_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    last_scan_id: Mapped[int | None] = mapped_column(index=True)
    removed_at: Mapped[datetime | None] = mapped_column(index=True)
    language: Mapped[str | None] = mapped_column(String(8))

    source: Mapped[Source] = relationship()
    appearances: Mapped[list["Appearance"]] = relationship(back_populates="listing", order_by="Appearance.position")


class PhotoRow(Base):
    """A picture, once, under the SHA-256 of its bytes; the bytes lie in the photo store under the same name.

    look_hash: perceptual, 256 bits as hex (scanner.fingerprints); None where it was not read or says too little.
    purged_at: when retention removed the bytes; the digest and all that was said of them stay.
    """

    __tablename__ = "photos"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    pixel_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    media_type: Mapped[str | None] = mapped_column(String(40))
    size_bytes: Mapped[int]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    failure: Mapped[str | None]
    look_hash: Mapped[str | None] = mapped_column(String(64))
    first_seen_at: Mapped[datetime] = mapped_column(default=now)
    purged_at: Mapped[datetime | None]

    scores: Mapped[list["ScoreRow"]] = relationship(back_populates="photo", order_by="ScoreRow.id")


class Appearance(Base):
    """One picture in one listing; the same picture in several listings is a re-listing.

    etag, last_modified: what the server said of the bytes at `url`, as it wrote it; checked_at: when it was last asked.
    """

    __tablename__ = "appearances"
    __table_args__ = (UniqueConstraint("listing_id", "photo_id"), Index("ix_appearances_photo_id", "photo_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    url: Mapped[str] = mapped_column(String(2000))
    position: Mapped[int] = mapped_column(default=0)
    etag: Mapped[str | None] = mapped_column(String(300))
    last_modified: Mapped[str | None] = mapped_column(String(60))
    checked_at: Mapped[datetime] = mapped_column(default=now)

    listing: Mapped[ListingRow] = relationship(back_populates="appearances")
    photo: Mapped[PhotoRow] = relationship()


class ScoreRow(Base):
    """What one model said of one picture; once per picture and model digest. The columns are those of Scores."""

    __tablename__ = "scores"
    __table_args__ = (UniqueConstraint("photo_id", "model_digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    model: Mapped[str] = mapped_column(String(80))
    model_digest: Mapped[str] = mapped_column(String(64))
    by_concept: Mapped[dict[str, Any]]
    top_labels: Mapped[list[Any]]
    counters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    scored_at: Mapped[datetime] = mapped_column(default=now)

    photo: Mapped[PhotoRow] = relationship(back_populates="scores")


class PhotoLook(Base):
    """A picture whose look is known, with its number in the order in which that came: 1, 2, 3 without a gap.

    The index of looks is made of these rows in their order (services.look_index).
    """

    __tablename__ = "photo_looks"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), unique=True)

    photo: Mapped[PhotoRow] = relationship()


class NearPhoto(Base):
    """Two pictures that look alike, once in each direction; distance: bits in which their look_hash differs."""

    __tablename__ = "near_photos"
    __table_args__ = (Index("ix_near_photos_photo_id_distance", "photo_id", "distance", "other_id"),)

    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), primary_key=True)
    distance: Mapped[int] = mapped_column(SmallInteger)


class ListingText(Base):
    """A listing's words as the full-text search reads them (services.search); each database has its index on it."""

    __tablename__ = "listing_texts"

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    body: Mapped[str]
