"""Listings as rows, and back as the scanner's records."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from scanner.markets.values import keepable
from scanner.records import Listing
from webapp.db import chunks, insert_all_new, insert_new_rows, insert_rows, now
from webapp.models import FindingRow, ListingRow, ListingText, ListingVersion, Scan
from webapp.services import search, tongues

URL_LETTERS = 2000
SELLER_LETTERS = 300
MOST_PHOTOS = 100
PRICE_BELOW = Decimal(10) ** 16


def clean(listing: Listing) -> Listing:
    """The listing as the tables can hold it, so that a rule reads the same words now and years later.

    Strangers write these fields: zero bytes and halves of letters are taken out, and what can't be a price,
    a currency or a country is dropped.
    """
    return replace(
        listing,
        url=keepable(listing.url),
        title=keepable(listing.title),
        description=keepable(listing.description),
        price=clean_price(listing.price),
        currency=clean_code(listing.currency, 3),
        country=clean_code(listing.country, 2),
        seller=keepable(listing.seller)[:SELLER_LETTERS] if listing.seller else None,
        seller_url=clean_url(listing.seller_url),
        photo_urls=tuple(dict.fromkeys(keepable(url) for url in listing.photo_urls))[:MOST_PHOTOS],
    )


def is_short(url: str) -> bool:
    """Whether the address can stand in an index, which counts bytes."""
    return len(url.encode()) <= URL_LETTERS


def clean_url(url: str | None) -> str | None:
    return keepable(url) if url and len(url) <= URL_LETTERS else None


def clean_code(code: str | None, letters: int) -> str | None:
    return code.upper() if code and len(code) == letters and code.isascii() and code.isalpha() else None


def clean_price(price: Decimal | None) -> Decimal | None:
    if price is None or not price.is_finite() or abs(price) >= PRICE_BELOW:
        return None
    return price.quantize(Decimal("0.01"))


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Seen:
    """A listing's row, and how it differs from what was known. is_first: the scan had not seen it before."""

    row: ListingRow
    change: Change
    is_first: bool


def see(session: Session, scan: Scan, listing: Listing) -> Seen:
    """The row of a cleaned listing, made or brought up to date; what it said before stays as a version."""
    return see_all(session, scan, [listing])[0]


def see_all(session: Session, scan: Scan, found: Sequence[Listing]) -> list[Seen]:
    """As `see`, for several whose addresses differ; in their order."""
    rows = find_all(session, scan.source_id, [one.url for one in found])
    missing = [one for one in found if one.url not in rows]
    new = add_all(session, scan, missing)
    rows |= find_all(session, scan.source_id, [one.url for one in missing])
    seen = [see_row(session, scan, one, rows[one.url], is_new=one.url in new) for one in found]
    changed = [(one.row, listing) for one, listing in zip(seen, found, strict=True) if one.change is not Change.SAME]
    keep_versions(session, scan, changed)
    return seen


def add_all(session: Session, scan: Scan, new: Sequence[Listing]) -> set[str]:
    """The addresses of those that were added; another crawl may have been faster."""
    told = {"source_id": scan.source_id, "last_scan_id": scan.id}
    rows = [
        {**told, "url": one.url, "content_sha256": digest_of(one), "language": language_of(one), **fields_of(one)}
        for one in new
    ]
    return {url for (url,) in insert_new_rows(session, ListingRow, rows, ListingRow.url)}


def see_row(session: Session, scan: Scan, listing: Listing, row: ListingRow, *, is_new: bool) -> Seen:
    if is_new:
        return Seen(row, Change.NEW, is_first=True)
    is_first, digest = row.last_scan_id != scan.id, digest_of(listing)
    row.last_seen_at, row.last_scan_id = now(), scan.id
    if row.content_sha256 == digest:
        return Seen(row, Change.SAME, is_first)
    for name, value in fields_of(listing).items():
        setattr(row, name, value)
    row.content_sha256 = digest
    follow_words(session, row)
    return Seen(row, Change.CHANGED, is_first)


def keep_versions(session: Session, scan: Scan, changed: Sequence[tuple[ListingRow, Listing]]) -> None:
    """What they say now, as a version and for the search."""
    versions = [
        {"listing_id": row.id, "scan_id": scan.id, "content_sha256": row.content_sha256, "fields": content_of(listing)}
        for row, listing in changed
    ]
    insert_rows(session, ListingVersion, versions)
    texts = [{"listing_id": row.id, "body": search.body_of(row)} for row, _ in changed]
    insert_all_new(session, ListingText, texts)


def find_all(session: Session, source_id: int, urls: Iterable[str]) -> dict[str, ListingRow]:
    """The stored listings of those addresses, as they stand in the database."""
    found: dict[str, ListingRow] = {}
    for some in chunks(urls):
        query = select(ListingRow).where(ListingRow.source_id == source_id, ListingRow.url.in_(some))
        rows = session.scalars(query, execution_options={"populate_existing": True})
        found |= {row.url: row for row in rows}
    return found


def follow_words(session: Session, row: ListingRow) -> None:
    """Bring up to date what is kept because of a listing's words: its language, the search, its findings' columns."""
    row.language = language_of(row)
    search.keep(session, row)
    of_listing = update(FindingRow).where(FindingRow.listing_id == row.id)
    session.execute(of_listing.values(seller=row.seller, language=row.language))


def language_of(listing: Listing | ListingRow) -> str | None:
    return tongues.tell(f"{listing.title}\n{listing.description}")


def find(session: Session, source_id: int, url: str) -> ListingRow | None:
    """The stored listing of that address, as it stands in the database."""
    query = select(ListingRow).where(ListingRow.source_id == source_id, ListingRow.url == url)
    return session.scalar(query)


def content_of(listing: Listing) -> dict[str, Any]:
    """What a listing says and shows, as JSON values: where this is the same, the listing is."""
    values = fields_of(listing)
    price, posted_at = values["price"], values["posted_at"]
    return values | {
        "price": None if price is None else str(price),
        "posted_at": posted_at.isoformat() if posted_at else None,
        "photo_urls": list(listing.photo_urls),
    }


def digest_of(listing: Listing) -> str:
    """SHA-256 (hex) of `content_of`."""
    return sha256(json.dumps(content_of(listing), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def versions(session: Session, listing_id: int) -> list[ListingVersion]:
    """What the listing said over time, the newest first."""
    query = select(ListingVersion).where(ListingVersion.listing_id == listing_id).order_by(ListingVersion.id.desc())
    return list(session.scalars(query))


def newest_version(session: Session, listing_id: int) -> ListingVersion | None:
    newest = select(ListingVersion).where(ListingVersion.listing_id == listing_id).order_by(ListingVersion.id.desc())
    return session.scalar(newest.limit(1))


def fields_of(listing: Listing) -> dict[str, Any]:
    posted_at = listing.posted_at
    if posted_at is not None and posted_at.tzinfo is None:
        posted_at = posted_at.replace(tzinfo=UTC)
    names = ("title", "description", "price", "currency", "seller", "seller_url", "country")
    return {name: getattr(listing, name) for name in names} | {"posted_at": posted_at}


def to_record(row: ListingRow) -> Listing:
    """What rules may look at of a stored listing."""
    return Listing(row.url, row.title, row.description, row.price, row.currency, row.seller, country=row.country)
