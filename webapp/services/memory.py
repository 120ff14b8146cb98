"""What earlier crawls knew of a source's pages, so that what did not change is not fetched again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from scanner.fetch import Fetched
from scanner.markets.base import Remembered
from scanner.records import Listing
from webapp.db import chunks, insert_all_new, now
from webapp.models import CrawledPage, ListingRow, Scan
from webapp.services import listings
from webapp.services.listings import is_short
from webapp.services.pictures import validators_of
from webapp.services.removals import first_flagged

# A page that did not change is visited after 6 h, then 12 h ... and at the latest after two weeks.
FIRST_PAUSE = timedelta(hours=6)
LONGEST_PAUSE = timedelta(days=14)
MOST_DOUBLINGS = 6
# However often a sitemap says that nothing changed, a page is looked at once a week.
SITEMAP_TRUSTED = timedelta(days=7)
MOST_LINKS = 2000


@dataclass(frozen=True, slots=True)
class Visit:
    """What is to be remembered of a page, its body not; validators None: it was not visited, since none was due."""

    url: str
    validators: Mapping[str, str | None] | None
    is_unchanged: bool = False
    links: tuple[str, ...] = ()
    listing_url: str | None = None
    changed_at: datetime | None = None


class CrawlMemory:
    """The pages of one scan's source (scanner.markets.base.Memory); `write` puts what is new into the database.

    is_patient: pages that rarely change are visited more rarely. A person who asks for a scan wants to see what is.
    """

    def __init__(self, session: Session, scan: Scan, is_patient: bool) -> None:
        self._session = session
        self._scan_id = scan.id
        self._source_id = scan.source_id
        self._is_patient = is_patient
        self._visits: dict[str, Visit] = {}
        self._written: set[str] = set()

    def recall(self, url: str, changed_at: datetime | None = None) -> Remembered | None:
        if not is_short(url):
            return None
        page = self._find(url)
        if page is None:
            return None
        row = self._session.get(ListingRow, page.listing_id) if page.listing_id else None
        return Remembered(
            etag=page.etag,
            last_modified=page.last_modified,
            changed_at=page.changed_at,
            links=tuple(page.links),
            listing=self._to_listing(row) if row else None,
            is_due=self._is_due(page, row, changed_at),
        )

    def keep(self, url: str, answer: Fetched | None, **facts: Any) -> None:
        if is_short(url):
            validators = validators_of(answer) if answer else None
            self._visits[url] = Visit(url, validators, answer is not None and answer.is_unchanged, **facts)

    def write(self, written: Collection[str], changed: Collection[str]) -> None:
        """Write visits, in the caller's transaction: those of listings once these are written too.

        A page that is known as visited while its listing is not would be passed over by the next worker. written,
        changed: addresses of the listings of this transaction.
        """
        self._written.update(written)
        due = [one for one in self._visits.values() if one.listing_url is None or one.listing_url in self._written]
        pages = self._ensure_pages([visit.url for visit in due])
        rows = listings.find_all(self._session, self._source_id, {one.listing_url for one in due if one.listing_url})
        for visit in due:
            self._write_one(pages[visit.url], visit, rows, changed)
            del self._visits[visit.url]

    def _find(self, url: str) -> CrawledPage | None:
        known = select(CrawledPage).where(CrawledPage.source_id == self._source_id, CrawledPage.url == url)
        return self._session.scalar(known)

    def _to_listing(self, row: ListingRow) -> Listing:
        """The listing as it was last seen, with all the addresses of pictures that it named."""
        version = listings.newest_version(self._session, row.id)
        addresses = tuple(version.fields["photo_urls"]) if version else ()
        record = listings.to_record(row)
        return replace(record, seller_url=row.seller_url, posted_at=row.posted_at, photo_urls=addresses)

    def _is_due(self, page: CrawledPage, row: ListingRow | None, changed_at: datetime | None) -> bool:
        if page.visited_scan_id == self._scan_id:
            return False  # this very scan was there, before its worker died
        if row is not None and (row.content_sha256 is None or row.removed_at or self._is_suspected(row)):
            return True  # also one that was gone: that a sitemap still names it does not bring it back
        if changed_at and page.changed_at and changed_at <= page.changed_at:
            return now() - page.visited_at > SITEMAP_TRUSTED
        return not self._is_patient or page.due_at is None or page.due_at <= now()

    def _is_suspected(self, row: ListingRow) -> bool:
        """A listing under suspicion is visited every time, so that its end is seen on the day."""
        return first_flagged(self._session, row.id) is not None

    def _ensure_pages(self, urls: Sequence[str]) -> dict[str, CrawledPage]:
        empty = {"source_id": self._source_id, "links": [], "unchanged_count": 0}
        insert_all_new(self._session, CrawledPage, [empty | {"url": url} for url in urls])
        pages: dict[str, CrawledPage] = {}
        for some in chunks(urls):
            known = select(CrawledPage).where(CrawledPage.source_id == self._source_id, CrawledPage.url.in_(some))
            pages |= {page.url: page for page in self._session.scalars(known)}
        return pages

    def _write_one(
        self, page: CrawledPage, visit: Visit, rows: Mapping[str, ListingRow], changed: Collection[str]
    ) -> None:
        page.visited_scan_id = self._scan_id
        if visit.changed_at:
            page.changed_at = visit.changed_at
        if visit.validators is None:
            return
        page.visited_at = now()
        is_same = visit.is_unchanged or self._says_the_same(page, visit, changed)
        page.unchanged_count = page.unchanged_count + 1 if is_same else 0
        page.due_at = now() + pause_after(page.unchanged_count) if page.listing_id else None
        if not visit.is_unchanged:
            page.etag, page.last_modified = visit.validators["etag"], visit.validators["last_modified"]
            page.links = list(visit.links[:MOST_LINKS])
            row = rows.get(visit.listing_url) if visit.listing_url else None
            page.listing_id = row.id if row else None

    def _says_the_same(self, page: CrawledPage, visit: Visit, changed: Collection[str]) -> bool:
        return page.listing_id is not None and visit.listing_url is not None and visit.listing_url not in changed


def pause_after(unchanged_count: int) -> timedelta:
    """How long a page may be left alone that did not change so often in a row."""
    if unchanged_count == 0:
        return timedelta(0)
    doublings = min(unchanged_count - 1, MOST_DOUBLINGS)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
