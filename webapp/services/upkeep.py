"""Bringing rows of before an upgrade up to what is kept of them now."""

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from webapp.models import FindingRow, ListingRow, ListingText
from webapp.services import findings, priority, search, tongues

BATCH = 500


def catch_up(session: Session) -> int:
    """Give listings that the search does not know their language and words, and their findings what follows from them.

    Commits batch by batch, and may be run again at any point: what was done is not looked at again. How many listings
    were seen to.
    """
    done = 0
    while batch := unknown_listings(session):
        for row in batch:
            row.language = tongues.tell(f"{row.title}\n{row.description}")
            search.keep(session, row)
        fill_findings(session, batch)
        session.commit()
        session.expunge_all()
        done += len(batch)
    return done


def unknown_listings(session: Session) -> list[ListingRow]:
    known = select(ListingText.listing_id).where(ListingText.listing_id == ListingRow.id).exists()
    return list(session.scalars(select(ListingRow).where(~known).order_by(ListingRow.id).limit(BATCH)))


def fill_findings(session: Session, batch: list[ListingRow]) -> None:
    histories = priority.histories(session, ((row.source_id, row.seller) for row in batch))
    of_batch = select(FindingRow).where(FindingRow.listing_id.in_([row.id for row in batch]))
    details = of_batch.join(FindingRow.listing).options(contains_eager(FindingRow.listing))
    for finding in session.scalars(details):
        listing = finding.listing
        finding.seller, finding.language = listing.seller, listing.language
        history = histories.get((listing.source_id, listing.seller), priority.NO_HISTORY)
        finding.priority = priority.of_row(finding, history)
        findings.note_terms(session, finding.id, finding.reasons)
