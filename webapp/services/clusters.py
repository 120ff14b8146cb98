"""What goes with a finding: the rest of its listing, the same picture elsewhere, and pictures that look alike."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Appearance, FindingRow, ListingRow, NearPhoto, PhotoRow, User
from webapp.services import desk, queue
from webapp.services.decisions import WAITING

MOST_MEMBERS = 100
MOST_NEAR = 24


class Bond(StrEnum):
    """`listing`: another finding of the same listing; `exact`: the same pixels elsewhere; `near`: they look alike."""

    LISTING = "listing"
    EXACT = "exact"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Member:
    """A finding that may be decided together with another. distance: of a near one, in bits. held: by someone else.

    is_alike: it is decided along unless a person unticks it. Near ones and other concepts have to be ticked.
    """

    finding: FindingRow
    bond: Bond
    distance: int | None = None
    held: desk.Held | None = None
    is_alike: bool = False

    @property
    def is_free(self) -> bool:
        return self.held is None and self.finding.state in WAITING


@dataclass(frozen=True, slots=True)
class NearMatch:
    """A picture that looks alike, and the listings that show it."""

    photo: PhotoRow
    distance: int
    listings: list[ListingRow]


@dataclass(frozen=True, slots=True)
class Cluster:
    """members: other findings. exact, near: where else the picture is shown, whether anything was flagged or not."""

    members: list[Member] = field(default_factory=list)
    exact: list[ListingRow] = field(default_factory=list)
    near: list[NearMatch] = field(default_factory=list)
    findings: dict[int, FindingRow] = field(default_factory=dict)

    @property
    def siblings(self) -> list[FindingRow]:
        return [one.finding for one in self.members if one.bond is Bond.LISTING]

    @property
    def free(self) -> list[Member]:
        return [one for one in self.members if one.is_free]


def around(session: Session, user: User, finding: FindingRow) -> Cluster:
    """All that goes with the finding; findings: by listing id, the most pressing one of each duplicate."""
    same_ids = same_pixels(session, finding.photo)
    exact = listings_with(session, same_ids, finding.listing_id)
    near = near_matches(session, finding.photo, same_ids, finding.listing_id)
    distances = {one.photo.id: one.distance for one in near}
    rows = members(session, finding, same_ids, distances)
    held = desk.held_by_others(session, user, {row.listing_id for row in rows})
    shown = [*exact, *(listing for one in near for listing in one.listings)]
    return Cluster(
        [bind(finding, row, same_ids, distances, held) for row in rows],
        exact,
        near,
        pressing(session, {listing.id for listing in shown}),
    )


def members(
    session: Session, finding: FindingRow, same_ids: Collection[int], near_ids: Iterable[int]
) -> list[FindingRow]:
    """In the queue's order, those of the listing first."""
    on_alike = FindingRow.photo_id.in_([*same_ids, *near_ids])
    others = select(FindingRow).where(or_(FindingRow.listing_id == finding.listing_id, on_alike))
    others = others.where(FindingRow.id != finding.id).options(
        joinedload(FindingRow.listing), joinedload(FindingRow.photo)
    )
    rows = list(session.scalars(queue.in_order(others).limit(MOST_MEMBERS)))
    return sorted(rows, key=lambda row: row.listing_id != finding.listing_id)


def bind(
    finding: FindingRow,
    row: FindingRow,
    same_ids: Collection[int],
    distances: dict[int, int],
    held: dict[int, desk.Held],
) -> Member:
    owner = held.get(row.listing_id)
    if row.listing_id == finding.listing_id:
        return Member(row, Bond.LISTING, held=owner, is_alike=True)
    if row.photo_id in same_ids:
        return Member(row, Bond.EXACT, held=owner, is_alike=row.concept == finding.concept)
    return Member(row, Bond.NEAR, distances.get(row.photo_id or 0), owner)


def same_pixels(session: Session, photo: PhotoRow | None) -> set[int]:
    """The picture's own id, and of other bytes that decode to the same."""
    if photo is None:
        return set()
    if not photo.pixel_hash:
        return {photo.id}
    return {photo.id, *session.scalars(select(PhotoRow.id).where(PhotoRow.pixel_hash == photo.pixel_hash))}


def near_matches(
    session: Session, photo: PhotoRow | None, same_ids: Collection[int], listing_id: int
) -> list[NearMatch]:
    """The closest first; pictures of the same pixels and those of the listing itself are left out."""
    if photo is None:
        return []
    pairs = select(NearPhoto).where(NearPhoto.photo_id == photo.id, NearPhoto.other_id.not_in(same_ids))
    found = session.scalars(pairs.order_by(NearPhoto.distance, NearPhoto.other_id).limit(MOST_NEAR)).all()
    photos = {
        row.id: row for row in session.scalars(select(PhotoRow).where(PhotoRow.id.in_([p.other_id for p in found])))
    }
    matches = [
        NearMatch(photos[pair.other_id], pair.distance, listings_with(session, [pair.other_id], listing_id))
        for pair in found
    ]
    return [match for match in matches if match.listings]


def listings_with(session: Session, photo_ids: Collection[int], but_id: int) -> list[ListingRow]:
    """The listings that show one of the pictures, the first seen first."""
    shown = select(Appearance.listing_id).where(Appearance.photo_id.in_(list(photo_ids)))
    others = select(ListingRow).where(ListingRow.id.in_(shown), ListingRow.id != but_id)
    ordered = others.options(joinedload(ListingRow.source)).order_by(ListingRow.first_seen_at, ListingRow.id)
    return list(session.scalars(ordered.limit(MOST_MEMBERS)))


def pressing(session: Session, listing_ids: Collection[int]) -> dict[int, FindingRow]:
    """The most pressing finding of each listing, by its id."""
    rows = select(FindingRow).where(FindingRow.listing_id.in_(list(listing_ids))).order_by(FindingRow.priority)
    return {row.listing_id: row for row in session.scalars(rows)}
