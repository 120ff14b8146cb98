"""The pictures of a batch of listings as rows: their bytes, where they are shown, and what waits to be scored.

Each kind of row in one statement for all: a statement a row costs more than what it writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.db import chunks, insert_all_new, insert_new_rows, now
from webapp.models import Appearance, ListingRow, PhotoRow, PictureState, Scan, ScanPhoto
from webapp.services import audit, photos, relisting
from webapp.services.pictures import Picture, validators_of
from webapp.storage import Store


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of a listing, which names it at `position`."""

    row: ListingRow
    position: int
    picture: Picture

    @property
    def state(self) -> PictureState:
        return PictureState.FAILED if self.picture.failure else PictureState.PENDING


def ensure_photos(session: Session, scan_id: int, place: Store, pictures: Sequence[Picture]) -> dict[str, int]:
    """The ids of the rows of the pictures' bytes, by their names."""
    sizes = {one.sha256: one.size_bytes for one in pictures if one.sha256 is not None}
    names = sorted(sizes)  # in one order everywhere, so that no two crawls wait for each other
    insert_all_new(session, PhotoRow, [{"sha256": name, "size_bytes": sizes[name]} for name in names])
    bodies = {one.sha256: one.answer.body for one in pictures if one.answer is not None and one.answer.body}
    ids: dict[str, int] = {}
    for some in chunks(names):
        known = select(PhotoRow.id, PhotoRow.sha256, PhotoRow.purged_at).where(PhotoRow.sha256.in_(some))
        # Whoever is just removing the bytes is waited for, and nobody removes them until the commit.
        locked = known.order_by(PhotoRow.sha256).with_for_update(read=True, key_share=True)
        for number, sha256, purged_at in session.execute(locked).all():
            ids[sha256] = number
            if purged_at is not None and sha256 in bodies:
                bring_back(session, scan_id, place, number, sha256, bodies[sha256])
    return ids


def bring_back(session: Session, scan_id: int, place: Store, photo_id: int, sha256: str, body: bytes) -> None:
    """Bytes that retention had removed came again with this crawl."""
    photos.store(place, body)
    session.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(purged_at=None))
    audit.record(session, audit.SYSTEM, "evidence.return", f"photo:{sha256}", scan=scan_id)


def place_all(session: Session, scan_id: int, shown: Sequence[Shown], ids: dict[str, int]) -> None:
    """Note which listing shows which picture; the first time, whether another listing showed it before."""
    first: dict[tuple[int, int], Shown] = {}
    again: list[tuple[tuple[int, int], Shown]] = []
    for one in shown:
        if one.picture.sha256 is not None:
            key = one.row.id, ids[one.picture.sha256]
            if first.setdefault(key, one) is not one:
                again.append((key, one))
    rows = [appearance_of(key, one) | validators_of(one.picture.answer) for key, one in first.items()]
    columns = (Appearance.listing_id, Appearance.photo_id, Appearance.id)
    new = {(listing, photo): number for listing, photo, number in insert_new_rows(session, Appearance, rows, *columns)}
    for key, one in [*((key, one) for key, one in first.items() if key not in new), *again]:
        if one.picture.is_asked:
            follow(session, key, one)
    relisting.note_same_bytes(session, scan_id, sorted(new.values()))


def appearance_of(key: tuple[int, int], one: Shown) -> dict[str, Any]:
    return {"listing_id": key[0], "photo_id": key[1], "url": one.picture.url, "position": one.position}


def follow(session: Session, key: tuple[int, int], one: Shown) -> None:
    """The server was asked for a picture whose place is known."""
    asked = {"url": one.picture.url, "position": one.position, "checked_at": now()}
    asked |= validators_of(one.picture.answer) if one.picture.answer else {}
    mine = Appearance.listing_id == key[0], Appearance.photo_id == key[1]
    session.execute(update(Appearance).where(*mine).values(**asked))


def note_seen(session: Session, scan: Scan, shown: Sequence[Shown], ids: dict[str, int]) -> list[Shown]:
    """Those that the scan saw for the first time; what failed for an earlier worker is tried again."""
    first: dict[tuple[int, str], Shown] = {}
    again: list[Shown] = []
    for one in shown:
        if first.setdefault((one.row.id, one.picture.url), one) is not one:
            again.append(one)
    rows = [key_of(scan, one) | said_of(one, ids) for one in first.values()]
    new = {
        (row[0], row[1]) for row in insert_new_rows(session, ScanPhoto, rows, ScanPhoto.listing_id, ScanPhoto.location)
    }
    for one in [*(one for key, one in first.items() if key not in new), *again]:
        if one.state is PictureState.PENDING:
            try_again(session, scan, one, ids)
    return [one for key, one in first.items() if key in new]


def key_of(scan: Scan, one: Shown) -> dict[str, Any]:
    return {"scan_id": scan.id, "listing_id": one.row.id, "location": one.picture.url}


def said_of(one: Shown, ids: dict[str, int]) -> dict[str, Any]:
    picture = one.picture
    told = {"failure": picture.failure, "failure_kind": picture.failure_kind, "state": one.state}
    return told | {"photo_id": ids[picture.sha256] if picture.sha256 is not None else None}


def try_again(session: Session, scan: Scan, one: Shown, ids: dict[str, int]) -> None:
    failed_before = ScanPhoto.state == PictureState.FAILED, ScanPhoto.photo_id.is_(None)
    again = update(ScanPhoto).filter_by(**key_of(scan, one)).where(*failed_before).values(**said_of(one, ids))
    if session.scalar(again.returning(ScanPhoto.id)) is not None:
        fewer = {"photos_failed": Scan.photos_failed - 1}
        session.execute(update(Scan).where(Scan.id == scan.id).values(**fewer))
