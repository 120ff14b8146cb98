"""What is known of a listing's seller: what else they offer, and what people decided of it."""

from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Appearance, Decision, FindingRow, FindingState, ListingRow, PhotoRow
from webapp.services.decisions import effective, of_findings

LISTINGS_SHOWN = 8
DECISIONS_SHOWN = 8
COUNT_CAP = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """Another listing of the seller, its first picture, and the finding to look at (the most pressing one)."""

    listing: ListingRow
    photo: PhotoRow | None
    finding: FindingRow | None


@dataclass(frozen=True, slots=True)
class SellerFacts:
    """listings: how many others there are, at most `COUNT_CAP`. by_state: findings of all of the seller's listings."""

    name: str | None = None
    listings: int = 0
    offers: list[Offer] = field(default_factory=list)
    by_state: dict[FindingState, int] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def decided(self) -> int:
        return self.by_state.get(FindingState.CONFIRMED, 0) + self.by_state.get(FindingState.DISMISSED, 0)


def about(session: Session, listing: ListingRow) -> SellerFacts:
    """Of the seller by name in the same source: names of two marketplaces are two people."""
    if not listing.seller:
        return SellerFacts()
    others = select(ListingRow.id).where(
        ListingRow.seller == listing.seller, ListingRow.source_id == listing.source_id, ListingRow.id != listing.id
    )
    count = session.scalar(select(func.count()).select_from(others.limit(COUNT_CAP).subquery())) or 0
    newest = list(session.scalars(others.order_by(ListingRow.id.desc()).limit(LISTINGS_SHOWN)))
    return SellerFacts(
        listing.seller, count, offers(session, newest), by_state(session, listing), decided(session, listing)
    )


def offers(session: Session, ids: list[int]) -> list[Offer]:
    listings = session.scalars(select(ListingRow).where(ListingRow.id.in_(ids)).order_by(ListingRow.id.desc()))
    shown = select(Appearance).where(Appearance.listing_id.in_(ids)).order_by(Appearance.position.desc())
    photos = {one.listing_id: one.photo for one in session.scalars(shown.options(joinedload(Appearance.photo)))}
    rows = select(FindingRow).where(FindingRow.listing_id.in_(ids)).order_by(FindingRow.priority)
    findings = {row.listing_id: row for row in session.scalars(rows)}
    return [Offer(one, photos.get(one.id), findings.get(one.id)) for one in listings]


def by_state(session: Session, listing: ListingRow) -> dict[FindingState, int]:
    of_seller = FindingRow.seller == listing.seller, FindingRow.source_id == listing.source_id
    # With the states named, the index that begins with the state serves.
    mine = select(FindingRow.state, func.count()).where(FindingRow.state.in_(list(FindingState)), *of_seller)
    return dict(session.execute(mine.group_by(FindingRow.state)).all())


def decided(session: Session, listing: ListingRow) -> list[Decision]:
    """What stands of the findings on the seller's other listings, the newest first."""
    states = (FindingState.CONFIRMED, FindingState.DISMISSED, FindingState.ESCALATED)
    of_seller = FindingRow.seller == listing.seller, FindingRow.source_id == listing.source_id
    rows = select(FindingRow.id).where(FindingRow.state.in_(states), *of_seller, FindingRow.listing_id != listing.id)
    ids = list(session.scalars(rows.order_by(FindingRow.id.desc()).limit(5 * DECISIONS_SHOWN)))
    made = [one for found in of_findings(session, ids).values() if (one := effective(found)) is not None]
    return sorted(made, key=lambda one: one.id, reverse=True)[:DECISIONS_SHOWN]
