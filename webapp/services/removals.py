"""Listings that a crawl no longer met: whether they are gone, since when, and how long they stood under suspicion."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from scanner.fetch import AddressError, FetchError, RefusedError, StoppedError
from scanner.markets.base import Context, Market
from webapp.db import now
from webapp.models import CrawledPage, FindingRow, FindingState, ListingEvent, ListingEventKind, ListingRow, Scan
from webapp.services import leases, webhooks
from webapp.services.archiving import Archive

MOST_LOOKED_AT = 500  # a scan: the rest has its turn at the next one
GONE = (404, 410)
NOT_SUSPECTED = (FindingState.DISMISSED, FindingState.WITHDRAWN)


class Missing:
    """The listings of a source that a whole crawl did not meet; each is visited before it is called gone.

    Absence from a list proves little: a shop may have turned a page. Where the market can't visit one listing, or is
    none of web pages, nothing is said.
    """

    def __init__(
        self,
        session: Session,
        scan: Scan,
        lease: tuple[int, str, int],
        market: Market,
        context: Context,
        archive: Archive,
    ) -> None:
        self._session = session
        self._scan = scan
        self._lease = lease
        self._market = market
        self._context = context
        self._archive = archive

    def look(self) -> int:
        """Visit them and note those that are gone; commits. How many are. Raises LostLeaseError."""
        if self._market.revisit is None:
            return 0
        gone = 0
        for row in self._candidates():
            try:
                reason = self._reason(row)
            except StoppedError:
                raise
            except RefusedError as error:
                self._context.end_early(f"Not every listing that is missing was visited. {error}")
                break
            leases.renew(self._session, *self._lease)
            self._note_visit(row)
            if reason is not None:
                note_removal(self._session, row, self._scan.id, reason)
                gone += 1
            self._session.commit()
        return gone

    def _candidates(self) -> list[ListingRow]:
        """Those whose page was visited longest ago come first: one that can't be read must not stand in the way."""
        missed = select(ListingRow).where(ListingRow.source_id == self._scan.source_id)
        missed = missed.where(ListingRow.removed_at.is_(None), ListingRow.last_scan_id.is_distinct_from(self._scan.id))
        missed = missed.outerjoin(CrawledPage, CrawledPage.listing_id == ListingRow.id).distinct()
        visited_at = func.coalesce(CrawledPage.visited_at, ListingRow.first_seen_at)
        ordered = missed.add_columns(visited_at.label("visited")).order_by("visited", ListingRow.id)
        return [row for row, _ in self._session.execute(ordered.limit(MOST_LOOKED_AT))]

    def _note_visit(self, row: ListingRow) -> None:
        self._session.execute(update(CrawledPage).where(CrawledPage.listing_id == row.id).values(visited_at=now()))

    def _reason(self, row: ListingRow) -> str | None:
        """Why the listing is gone; None where it stands, or where that can't be known now."""
        if self._market.revisit is None:
            return None
        try:
            found = self._market.revisit(self._context, row.url)
        except AddressError:
            return None
        except RefusedError:
            raise
        except FetchError as error:
            if error.status not in GONE:
                return None
            self._archive.keep(self._session, row, [error.answer] if error.answer else [])
            return f"The server answered {error.status}."
        if found is None:
            return "The page offers nothing any more."
        row.last_seen_at = now()
        return None


def note_removal(session: Session, row: ListingRow, scan_id: int, reason: str) -> ListingEvent:
    """The caller commits."""
    at = now()
    flagged_at = first_flagged(session, row.id)
    event = ListingEvent(
        listing_id=row.id,
        scan_id=scan_id,
        kind=ListingEventKind.REMOVED,
        facts={"reason": reason, "last_seen_at": row.last_seen_at.isoformat()},
        takedown_s=int((at - flagged_at).total_seconds()) if flagged_at else None,
        at=at,
    )
    row.removed_at = at
    session.add(event)
    webhooks.publish(
        session,
        webhooks.Event.LISTING_GONE,
        listing_id=row.id,
        url=row.url,
        reason=reason,
        takedown_seconds=event.takedown_s,
    )
    return event


def first_flagged(session: Session, listing_id: int) -> datetime | None:
    """When the listing was first suspected, findings left out that people dismissed."""
    suspected = FindingRow.listing_id == listing_id, FindingRow.state.not_in(NOT_SUSPECTED)
    return session.scalar(select(func.min(FindingRow.found_at)).where(*suspected))


def events_of(session: Session, listing_id: int) -> list[ListingEvent]:
    """What happened to the listing, the newest first."""
    query = select(ListingEvent).where(ListingEvent.listing_id == listing_id).order_by(ListingEvent.id.desc())
    return list(session.scalars(query))


def events_by_listing(session: Session, listing_ids: Iterable[int]) -> dict[int, list[ListingEvent]]:
    """What happened to each of the listings, in the order in which it did."""
    events: dict[int, list[ListingEvent]] = {}
    query = select(ListingEvent).where(ListingEvent.listing_id.in_(list(listing_ids))).order_by(ListingEvent.id)
    for event in session.scalars(query):
        events.setdefault(event.listing_id, []).append(event)
    return events


def newest(session: Session, kind: ListingEventKind, limit: int) -> list[ListingEvent]:
    """With their listings and sources, the newest first."""
    query = select(ListingEvent).where(ListingEvent.kind == kind).order_by(ListingEvent.id.desc()).limit(limit)
    details = joinedload(ListingEvent.listing).joinedload(ListingRow.source)
    return list(session.scalars(query.options(details)))


def takedowns(session: Session, since: datetime) -> list[int]:
    """Seconds from the first finding to the noticed removal, of suspected listings that vanished since then."""
    removed = ListingEvent.kind == ListingEventKind.REMOVED, ListingEvent.at >= since
    query = select(ListingEvent.takedown_s).where(*removed, ListingEvent.takedown_s.is_not(None))
    return [seconds for seconds in session.scalars(query) if seconds is not None]
