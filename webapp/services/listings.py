"""Listings as rows, and back as the scanner's records."""

from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.records import Listing
from webapp.db import insert_new, now
from webapp.models import ListingRow

URL_LETTERS = 2000
SELLER_LETTERS = 300
PRICE_BELOW = Decimal(10) ** 16


def clean(listing: Listing) -> Listing:
    """The listing as the tables can hold it, so that a rule reads the same words now and years later.

    Strangers write these fields: zero bytes and halves of letters are taken out, and what can't be a price,
    a currency or a country is dropped.
    """
    return replace(
        listing,
        url=clean_text(listing.url),
        title=clean_text(listing.title),
        description=clean_text(listing.description),
        price=clean_price(listing.price),
        currency=clean_code(listing.currency, 3),
        country=clean_code(listing.country, 2),
        seller=clean_text(listing.seller)[:SELLER_LETTERS] if listing.seller else None,
        seller_url=clean_url(listing.seller_url),
        photo_urls=tuple(dict.fromkeys(clean_text(url) for url in listing.photo_urls)),
    )


def clean_text(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def clean_url(url: str | None) -> str | None:
    return clean_text(url) if url and len(url) <= URL_LETTERS else None


def clean_code(code: str | None, letters: int) -> str | None:
    return code.upper() if code and len(code) == letters and code.isascii() and code.isalpha() else None


def clean_price(price: Decimal | None) -> Decimal | None:
    if price is None or not price.is_finite() or abs(price) >= PRICE_BELOW:
        return None
    return price.quantize(Decimal("0.01"))


def upsert(session: Session, source_id: int, listing: Listing) -> ListingRow:
    """The row of a cleaned listing, made or brought up to date."""
    fields = fields_of(listing)
    insert_new(session, ListingRow, source_id=source_id, url=listing.url, **fields)
    known = select(ListingRow).where(ListingRow.source_id == source_id, ListingRow.url == listing.url)
    row = session.scalars(known).one()
    for name, value in fields.items():
        setattr(row, name, value)
    row.last_seen_at = now()
    return row


def fields_of(listing: Listing) -> dict[str, Any]:
    posted_at = listing.posted_at
    if posted_at is not None and posted_at.tzinfo is None:
        posted_at = posted_at.replace(tzinfo=UTC)
    names = ("title", "description", "price", "currency", "seller", "seller_url", "country")
    return {name: getattr(listing, name) for name in names} | {"posted_at": posted_at}


def to_record(row: ListingRow) -> Listing:
    """What rules may look at of a stored listing."""
    return Listing(row.url, row.title, row.description, row.price, row.currency, row.seller, country=row.country)
