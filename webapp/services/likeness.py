"""Pictures that look alike: found once, when a picture's look is first known, and kept as pairs.

Exact duplicates (the same bytes or pixels) are no pairs: they are found by their names.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from scanner.decoding import DecodedPhoto, DecodePool, outcome
from scanner.fingerprints import NEAR_BITS, look_distance
from scanner.looks import Pictures
from scanner.predicting import count_workers
from webapp.db import chunks, insert_all_new, insert_rows
from webapp.models import Appearance, ListingRow, NearPhoto, PhotoLook, PhotoRow
from webapp.services import photos
from webapp.services.look_index import LookIndex
from webapp.storage import Store, StoreAwayError, StoreError

MOST_NEAR = 100  # pairs that a picture begins with, the nearest: a picture shown ten thousand times is no ten thousand
MOST_LISTINGS = 50
PAIRING_LOCK = 0x7455_5054  # of PostgreSQL's advisory locks; any number that nothing else here takes
BATCH = 32


@dataclass(frozen=True, slots=True)
class Near:
    """A picture that looks alike; distance: bits apart, 0 to NEAR_BITS. listings: that show it, newest first."""

    photo: PhotoRow
    distance: int
    listings: tuple[ListingRow, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """exact: listings that show the same bytes or pixels, newest first. near: other pictures, the nearest first."""

    exact: tuple[ListingRow, ...] = ()
    near: tuple[Near, ...] = ()


def note_look(photo: PhotoRow, look: str | None) -> bool:
    """Keep what the picture looks like; whether that is news, and `pair` is due in the same transaction."""
    if look is None or photo.look_hash is not None:
        return False
    photo.look_hash = look
    return True


def pair(session: Session, new: Iterable[PhotoRow], index: LookIndex) -> None:
    """Number pictures whose look is new, and write down which look alike. The caller commits, soon.

    Done again, it changes nothing. One worker at a time pairs, until its commit: two that write pictures alike at the
    same moment would otherwise not see one another's. So call it last in a transaction: who waits for the lock holds
    nothing that its holder still wants.
    """
    looked = sorted((photo for photo in new if photo.look_hash is not None), key=lambda photo: photo.id)
    if not looked:
        return
    session.flush()
    _lock(session)
    index.follow(session)
    fresh = _number(session, looked, index.last)
    beside = Pictures.of([(photo.id, photo.look_hash or "", photo.pixel_hash) for photo in fresh])
    rows = [row for photo in looked for row in _pair_rows(session, photo, index, beside)]
    insert_all_new(session, NearPhoto, rows)


def _lock(session: Session) -> None:
    """Of SQLite the only writer is who has begun to write, were it nothing."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(PAIRING_LOCK)))
    else:
        session.execute(update(PhotoLook).where(PhotoLook.number < 0).values(photo_id=0))


def _number(session: Session, looked: Sequence[PhotoRow], last: int) -> list[PhotoRow]:
    """Give numbers to those that have none; which they are."""
    known: set[int] = set()
    for ids in chunks(photo.id for photo in looked):
        known.update(session.scalars(select(PhotoLook.photo_id).where(PhotoLook.photo_id.in_(ids))))
    fresh = [photo for photo in looked if photo.id not in known]
    rows = [{"number": number, "photo_id": photo.id} for number, photo in enumerate(fresh, last + 1)]
    insert_rows(session, PhotoLook, rows)
    return fresh


def _pair_rows(session: Session, photo: PhotoRow, index: LookIndex, beside: Pictures) -> Iterator[dict[str, int]]:
    for distance, other_id in _nearest(session, photo, index, beside):
        yield {"photo_id": photo.id, "other_id": other_id, "distance": distance}
        yield {"photo_id": other_id, "other_id": photo.id, "distance": distance}


def _nearest(session: Session, photo: PhotoRow, index: LookIndex, beside: Pictures) -> list[tuple[int, int]]:
    """(distance, id) of the pictures that look alike and have other pixels, the nearest first.

    What the index found is looked up, since the database has the last word.
    """
    ids = [other_id for _, other_id in index.near(photo, MOST_NEAR, beside)]
    if not ids:
        return []
    look = photo.look_hash or ""
    found = select(PhotoRow.id, PhotoRow.look_hash).where(PhotoRow.id.in_(ids), _has_other_pixels(photo))
    distances = ((look_distance(look, other or ""), other_id) for other_id, other in session.execute(found))
    return sorted(one for one in distances if one[0] <= NEAR_BITS)


def _has_other_pixels(photo: PhotoRow) -> ColumnElement[bool]:
    return PhotoRow.pixel_hash.is_distinct_from(photo.pixel_hash)


def duplicates(session: Session, photo: PhotoRow, besides: int | None = None) -> Duplicates:
    """Who else shows this picture, or one that looks alike.

    besides: a listing's id that is left out everywhere: the one that is looked at. At most MOST_LISTINGS listings a
    picture, and MOST_NEAR pictures. A near picture that no listing shows any more is left out.
    """
    same = PhotoRow.id == photo.id
    if photo.pixel_hash is not None:
        same = or_(same, PhotoRow.pixel_hash == photo.pixel_hash)
    found = _near(session, photo)
    by_photo = _listings_by_photo(session, [other.id for other, _ in found], besides)
    near = (Near(other, distance, tuple(by_photo[other.id])) for other, distance in found if other.id in by_photo)
    return Duplicates(_listings_of(session, same, besides), tuple(near))


def _near(session: Session, photo: PhotoRow) -> list[tuple[PhotoRow, int]]:
    found = select(PhotoRow, NearPhoto.distance).join(NearPhoto, NearPhoto.other_id == PhotoRow.id)
    found = found.where(NearPhoto.photo_id == photo.id, _has_other_pixels(photo))
    found = found.order_by(NearPhoto.distance, NearPhoto.other_id).limit(MOST_NEAR)
    return [(other, distance) for other, distance in session.execute(found)]


def _listings_of(session: Session, which: ColumnElement[bool], besides: int | None) -> tuple[ListingRow, ...]:
    shown = select(Appearance.listing_id).join(Appearance.photo).where(which)
    found = select(ListingRow).where(ListingRow.id.in_(shown), ListingRow.id != (besides or 0))
    return tuple(session.scalars(found.order_by(ListingRow.id.desc()).limit(MOST_LISTINGS)))


def _listings_by_photo(session: Session, ids: Sequence[int], besides: int | None) -> dict[int, list[ListingRow]]:
    """The newest listings of each of these pictures; one that no listing shows is left out."""
    place = func.row_number().over(partition_by=Appearance.photo_id, order_by=Appearance.listing_id.desc())
    shown = select(Appearance.photo_id, Appearance.listing_id, place.label("place"))
    newest = shown.where(Appearance.photo_id.in_(ids), Appearance.listing_id != (besides or 0)).subquery()
    found = select(newest.c.photo_id, ListingRow).join(ListingRow, ListingRow.id == newest.c.listing_id)
    by_photo: dict[int, list[ListingRow]] = {}
    for photo_id, row in session.execute(found.where(newest.c.place <= MOST_LISTINGS).order_by(ListingRow.id.desc())):
        by_photo.setdefault(photo_id, []).append(row)
    return by_photo


@dataclass(frozen=True, slots=True)
class Likened:
    """How far `liken` is, in pictures: read: looked at; told: have a look now; failed: could not be read again."""

    total: int
    read: int = 0
    told: int = 0
    failed: int = 0


def count_unlikened(session: Session) -> int:
    return session.scalar(select(func.count(PhotoRow.id)).where(*_unlikened())) or 0


def _unlikened() -> tuple[ColumnElement[bool], ...]:
    """Pictures that could be decoded once and have no look: those of older versions, and those that say too little."""
    could_be_read = PhotoRow.pixel_hash.is_not(None), PhotoRow.failure.is_(None), PhotoRow.purged_at.is_(None)
    return PhotoRow.look_hash.is_(None), *could_be_read


def liken(session: Session, place: Store, index: LookIndex) -> Iterator[Likened]:
    """Read pictures that were scored before looks were kept, batch by batch; commits each. Safe to stop and repeat.

    A picture that is gone from the store is passed over. Raises StoreAwayError where the store does not answer.
    """
    so_far, last_id = Likened(count_unlikened(session)), 0
    index.settle(session, is_patient=True)
    with DecodePool(count_workers(), ()) as pool:
        while batch := _batch_after(session, last_id):
            read = [(photo, _submit(pool, place, photo)) for photo in batch]
            decoded = [(photo, outcome(future)) for photo, future in read if future is not None]
            new = [photo for photo, seen in decoded if note_look(photo, _look_of(photo, seen))]
            pair(session, new, index)
            session.commit()
            index.settle(session)
            failed = len(batch) - sum(seen.failure is None for _, seen in decoded)
            last_id = batch[-1].id
            so_far = Likened(so_far.total, so_far.read + len(batch), so_far.told + len(new), so_far.failed + failed)
            yield so_far


def _batch_after(session: Session, last_id: int) -> Sequence[PhotoRow]:
    wanted = select(PhotoRow).where(*_unlikened(), PhotoRow.id > last_id)
    found = session.scalars(wanted.order_by(PhotoRow.id).limit(BATCH)).all()
    session.commit()  # nothing is held while pictures are fetched and decoded
    return found


def _submit(pool: DecodePool, place: Store, photo: PhotoRow) -> "Future[DecodedPhoto] | None":
    try:
        return pool.submit(photos.path_of(place, photo.sha256))
    except StoreAwayError:
        raise
    except (FileNotFoundError, StoreError):
        return None


def _look_of(photo: PhotoRow, seen: DecodedPhoto) -> str | None:
    """The look, if the file still is what was scored."""
    return seen.look_hash if seen.sha256 == photo.sha256 else None
