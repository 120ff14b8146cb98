"""What goes with a finding: the rest of its listing, the same picture elsewhere, and pictures that look alike."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import FindingRow, PhotoRow, User
from webapp.services import desk, queue
from webapp.services.decisions import WAITING
from webapp.services.likeness import Duplicates, duplicates

MOST_MEMBERS = 100


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
class Cluster:
    """members: other findings. shown: where else the picture or one like it is shown, flagged or not.

    findings: by listing id, the most pressing one of each duplicate.
    """

    members: list[Member] = field(default_factory=list)
    shown: Duplicates = field(default_factory=Duplicates)
    findings: dict[int, FindingRow] = field(default_factory=dict)

    @property
    def siblings(self) -> list[FindingRow]:
        return [one.finding for one in self.members if one.bond is Bond.LISTING]

    @property
    def free(self) -> list[Member]:
        return [one for one in self.members if one.is_free]


def around(session: Session, user: User, finding: FindingRow) -> Cluster:
    """All that goes with the finding."""
    shown = duplicates(session, finding.photo, finding.listing_id) if finding.photo else Duplicates()
    same_ids = same_pixels(session, finding.photo)
    distances = {one.photo.id: one.distance for one in shown.near}
    rows = members(session, finding, same_ids, distances)
    held = desk.held_by_others(session, user, {row.listing_id for row in rows})
    listings = {row.id for row in (*shown.exact, *(row for one in shown.near for row in one.listings))}
    return Cluster([bind(finding, row, same_ids, distances, held) for row in rows], shown, pressing(session, listings))


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


def pressing(session: Session, listing_ids: Collection[int]) -> dict[int, FindingRow]:
    """The most pressing finding of each listing, by its id."""
    rows = select(FindingRow).where(FindingRow.listing_id.in_(list(listing_ids))).order_by(FindingRow.priority)
    return {row.listing_id: row for row in session.scalars(rows)}
