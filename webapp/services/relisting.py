"""A picture that another listing showed before: the seller's second try, or somebody else's copy."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp.models import Appearance, ListingEvent, ListingEventKind, ListingRow, PhotoRow


def note_same_bytes(session: Session, scan_id: int, row: ListingRow, photo_id: int) -> None:
    """For a picture that this listing did not show before; the caller commits."""
    earlier = select(ListingRow).join(Appearance, Appearance.listing_id == ListingRow.id)
    earlier = earlier.where(Appearance.photo_id == photo_id, Appearance.listing_id != row.id)
    _note(session, scan_id, row, photo_id, session.scalar(earlier.order_by(Appearance.id).limit(1)))


def note_same_pixels(session: Session, scan_id: int, row: ListingRow, photo: PhotoRow) -> None:
    """For new bytes, once it is known what they decode to: the same picture, saved anew."""
    mine = select(Appearance.id).where(Appearance.listing_id == row.id, Appearance.photo_id == photo.id)
    earlier = select(ListingRow).join(Appearance, Appearance.listing_id == ListingRow.id).join(Appearance.photo)
    earlier = earlier.where(
        PhotoRow.pixel_hash == photo.pixel_hash,
        PhotoRow.id != photo.id,
        Appearance.listing_id != row.id,
        Appearance.id < mine.limit(1).scalar_subquery(),
    )
    _note(session, scan_id, row, photo.id, session.scalar(earlier.order_by(Appearance.id).limit(1)))


def _note(session: Session, scan_id: int, row: ListingRow, photo_id: int, earlier: ListingRow | None) -> None:
    if earlier is None or _is_noted(session, row.id, earlier.id):
        return
    facts = {
        "photo_id": photo_id,
        "earlier_listing_id": earlier.id,
        "other_seller": earlier.seller != row.seller or earlier.source_id != row.source_id,
    }
    session.add(ListingEvent(listing_id=row.id, scan_id=scan_id, kind=ListingEventKind.RELISTED, facts=facts))
    session.flush()


def _is_noted(session: Session, listing_id: int, earlier_id: int) -> bool:
    """Ten pictures of one listing that show again are one re-listing."""
    of_listing = ListingEvent.listing_id == listing_id, ListingEvent.kind == ListingEventKind.RELISTED
    known = exists().where(*of_listing, ListingEvent.facts["earlier_listing_id"].as_integer() == earlier_id)
    return bool(session.scalar(select(known)))
