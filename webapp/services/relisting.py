"""A picture that another listing showed before: the seller's second try, or somebody else's copy."""

from collections.abc import Collection, Iterable

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.orm import Session, aliased

from webapp.db import chunks
from webapp.models import Appearance, ListingEvent, ListingEventKind, ListingRow, PhotoRow

Earlier = aliased(Appearance)
EarlierPhoto = aliased(PhotoRow)


def note_same_bytes(session: Session, scan_id: int, new: Iterable[int]) -> None:
    """new: ids of appearances of pictures that their listings did not show before; the caller commits."""
    shown_before = and_(
        Earlier.photo_id == Appearance.photo_id,
        Earlier.listing_id != Appearance.listing_id,
        Earlier.id < Appearance.id,
    )
    for ids in chunks(new):
        again = select(Appearance).where(Appearance.id.in_(ids), exists().where(shown_before)).order_by(Appearance.id)
        for one in session.scalars(again).all():
            _note(session, scan_id, one, _listings(one).where(Earlier.photo_id == one.photo_id))


def note_same_pixels(session: Session, scan_id: int, new: Collection[tuple[int, int]]) -> None:
    """For new bytes, once it is known what they decode to: the same picture, saved anew.

    new: (listing id, photo id), of photos whose pixels are written.
    """
    photo_ids = {photo_id for _, photo_id in new}
    with_others: set[int] = set()
    same = and_(EarlierPhoto.pixel_hash == PhotoRow.pixel_hash, EarlierPhoto.id != PhotoRow.id)
    for ids in chunks(photo_ids):
        with_others.update(session.scalars(select(PhotoRow.id).where(PhotoRow.id.in_(ids), exists().where(same))))
    for listing_id, photo_id in new:
        if photo_id in with_others:
            _note_pixels(session, scan_id, listing_id, photo_id)


def _note_pixels(session: Session, scan_id: int, listing_id: int, photo_id: int) -> None:
    mine = select(Appearance).where(Appearance.listing_id == listing_id, Appearance.photo_id == photo_id)
    one = session.scalar(mine.limit(1))
    if one is None:
        return
    pixels = select(PhotoRow.pixel_hash).where(PhotoRow.id == photo_id).scalar_subquery()
    earlier = _listings(one).join(EarlierPhoto, EarlierPhoto.id == Earlier.photo_id)
    _note(session, scan_id, one, earlier.where(EarlierPhoto.pixel_hash == pixels, EarlierPhoto.id != photo_id))


def _listings(one: Appearance) -> Select[ListingRow]:
    """Other listings by what they showed before, the first first."""
    earlier = select(ListingRow).join(Earlier, Earlier.listing_id == ListingRow.id)
    return earlier.where(Earlier.listing_id != one.listing_id, Earlier.id < one.id).order_by(Earlier.id)


def _note(session: Session, scan_id: int, one: Appearance, listings: Select[ListingRow]) -> None:
    earlier, row = session.scalar(listings.limit(1)), session.get_one(ListingRow, one.listing_id)
    if earlier is None or _is_noted(session, row.id, earlier.id):
        return
    facts = {
        "photo_id": one.photo_id,
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
