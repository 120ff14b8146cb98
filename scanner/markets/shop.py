"""An ordinary web shop: its sitemaps, or else its links, and on each page what search engines are told."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from scanner.fetch import (
    AddressError,
    BudgetError,
    Fetched,
    FetchError,
    HostStoppedError,
    RefusedError,
    RobotsError,
)
from scanner.markets import sitemaps
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind, Remembered
from scanner.markets.jsonld import has_oversized_block
from scanner.markets.options import COMMON_OPTIONS, WEB_OPTIONS, read_options
from scanner.markets.pages import Page, site_of
from scanner.markets.products import read_page
from scanner.markets.tallies import Tally
from scanner.markets.traps import Probe, Trap, is_challenge, is_challenge_error, is_login, says_missing
from scanner.markets.walking import Walk
from scanner.records import Listing

PAGE_BUDGET = 20_000
PAGE_MAX_BYTES = 5 * 1024**2
FAILURES_IN_A_ROW = 10
GONE = (404, 410)
TOO_MANY = 429
FORBIDDEN = "forbidden"  # as RobotsError calls it
SURE_WAYS = ("json-ld", "microdata")  # nobody writes a price for search engines onto a page that is not there

OPTIONS = (
    Option("start_url", "Address of the shop", OptionKind.URL, "Its first page, or a category.", is_required=True),
    Option(
        "more_pages",
        "Further start pages",
        help="Addresses of categories to begin from as well, parted by spaces; links are followed from all of them.",
    ),
    Option(
        "listing_pattern",
        "Pattern of listings",
        OptionKind.PATTERN,
        "A regular expression that is found in the address of every listing; empty where pages tell by themselves.",
    ),
    Option(
        "way",
        "Way through the shop",
        OptionKind.CHOICE,
        "By the shop's sitemap, by its links, or by the sitemap where there is one.",
        default="auto",
        choices=("auto", "sitemap", "links"),
    ),
    replace(WEB_OPTIONS[0], help="How many pages a crawl may read, pictures not counted.", default=PAGE_BUDGET),
    *WEB_OPTIONS[1:],
    *COMMON_OPTIONS,
)


def crawl(context: Context) -> Iterator[Listing]:
    """Every listing of the shop, each page once. Raises MarketError."""
    tour = _Tour(context, read_options(MARKET, context))
    try:
        yield from tour.listings()
    finally:
        tour.tell()
    tour.judge()


@dataclass(frozen=True, slots=True)
class _Visit:
    """What became of a page: its listing, where it leads to, and whether it was read."""

    listing: Listing | None = None
    links: tuple[str, ...] = ()
    final_url: str = ""


class _Tour:
    """One walk over one site, with what went wrong on the way."""

    def __init__(self, context: Context, options: dict[str, Any]) -> None:
        self.start_url: str = options["start_url"]
        self._context = context
        self._more: list[str] = (options["more_pages"] or "").split()
        self._pattern = re.compile(options["listing_pattern"]) if options["listing_pattern"] else None
        self._way: str = options["way"]
        self._budget: int = options["pages"]
        self._sites = {site_of(url) for url in (self.start_url, *self._more)}
        self._tally = Tally()
        self._probe = Probe(self.start_url, lambda url: context.fetcher.get(url, PAGE_MAX_BYTES))
        self._titles: dict[str, str] = {}  # by canonical address
        self._finals: set[str] = set()
        self._ways_on: list[str] = []  # where pages of the sitemap lead to that offer nothing themselves
        self._fetched = 0
        self._failures = self._read = self._forbidden = self._elsewhere = self._found = 0
        self._hurdles: dict[Trap, int] = {}
        self._walk: Walk | None = None

    def listings(self) -> Iterator[Listing]:
        for listing in self._all():
            self._found += 1
            yield listing

    def look_again(self, url: str) -> Listing | None:
        """See revisit."""
        fetched = self._context.fetcher.get(url, PAGE_MAX_BYTES)
        page = Page.of(fetched)
        listing = read_page(page, self._pattern is not None and bool(self._pattern.search(page.url)))
        trap = self._trap(page, url, fetched, listing)
        if trap in (Trap.CHALLENGE, Trap.LOGIN):
            raise FetchError(f"{url} {trap}.")
        return listing if trap is None else None

    def tell(self) -> None:
        """Say what was left out."""
        self._tally.tell(self._context)
        if self._forbidden:
            self._context.warn(f"{self._forbidden} pages were left out because the site's robots.txt asks for it.")
        if self._elsewhere:
            self._context.warn(f"{self._elsewhere} pages of the sitemap are on other sites and were left out.")
        if self._walk:
            self._tell_of_walk(self._walk)

    def judge(self) -> None:
        """Raises MarketError where the site let us see nothing at all."""
        for trap in (Trap.CHALLENGE, Trap.LOGIN):
            count = self._hurdles.get(trap, 0)
            if count and not self._found and count >= self._read:
                raise MarketError(
                    f"{self.start_url} can't be crawled: every page {trap}. "
                    "Ask the site for access, or upload a file of its listings."
                )

    def _tell_of_walk(self, walk: Walk) -> None:
        for url, count in walk.left_out():
            self._context.warn(
                f"Addresses like {url} were followed no further ({count} are left): none of many such pages led to a "
                "listing."
            )
        if walk.endless_count:
            self._context.warn(f"{walk.endless_count} addresses that only repeat themselves were not read.")
        if walk.overflow_count:
            self._context.warn(f"{walk.overflow_count} addresses were left out: the site has more than can be noted.")

    def _all(self) -> Iterator[Listing]:
        pages = self._sitemap_pages() if self._way != "links" else []
        if pages or self._way == "sitemap":
            yield from self._from_sitemap(pages)
        if self._way == "links" or (self._way == "auto" and (self._more or not self._found)):
            yield from self._from_links()

    def _sitemap_pages(self) -> list[sitemaps.Page]:
        try:
            found = sitemaps.find_pages(self._context, self.start_url)
        except AddressError as error:
            raise MarketError(f"{self.start_url} can't be crawled. {error}") from error
        return [page for page in found if self._is_wanted(page.url)]

    def _from_sitemap(self, pages: list[sitemaps.Page]) -> Iterator[Listing]:
        """The pages that changed last come first; what is remembered and not due costs nothing of the budget."""
        if len(pages) > self._budget:
            pages = sorted(pages, key=lambda page: page.changed_at.timestamp() if page.changed_at else 0, reverse=True)
        expected = len(pages)
        left_out = 0
        self._context.expect(expected)
        for page in pages:
            if self._fetched >= self._budget and not self._is_free(page):
                left_out += 1
                continue
            visit = self._visit(page.url, self._pattern is not None, page)
            if visit.listing is not None:
                yield visit.listing
            else:
                self._ways_on += visit.links
                expected -= 1
                self._context.expect(expected)
        if left_out:
            self._context.end_early(
                f"The sitemap names {len(pages)} pages, of which {left_out} were not read; they have their turn next."
            )

    def _is_free(self, page: sitemaps.Page) -> bool:
        known = self._context.memory.recall(page.url, page.changed_at)
        return known is not None and known.listing is not None and not known.is_due

    def _from_links(self) -> Iterator[Listing]:
        """Breadth first from the start pages: categories and their pages lead to listings."""
        walk = self._walk = Walk([self.start_url, *self._more, *filter(self._is_here, self._ways_on)])
        while self._fetched < self._budget:
            url = walk.next()
            if url is None:
                return
            visit = self._visit(url, self._pattern is not None and bool(self._pattern.search(url)))
            if visit.listing is not None:
                walk.credit(url)
                yield visit.listing
            for link in visit.links:
                if self._is_here(link):
                    walk.add(link, url)
        if len(walk):
            self._context.end_early(f"The page budget is used up; at least {len(walk)} pages were not read.")

    def _visit(self, url: str, is_listing: bool, page: sitemaps.Page | None = None) -> _Visit:
        """What the page offers and leads to, from memory where nothing changed. Raises MarketError, RefusedError."""
        changed_at = page.changed_at if page else None
        known = self._context.memory.recall(url, changed_at)
        has_use = known is not None and (known.listing is not None or bool(known.links))
        if known and has_use and not known.is_due:
            return self._remembered(url, known, None, changed_at)
        fetched = self._fetch(url, known if has_use else None)
        if fetched is None:
            return _Visit()
        if fetched.is_unchanged and known:
            return self._remembered(url, known, fetched, changed_at)
        visit = self._look(url, fetched, is_listing)
        links = visit.links if page is None else ()
        listing_url = visit.listing.url if visit.listing else None
        self._context.memory.keep(url, fetched, links=links, listing_url=listing_url, changed_at=changed_at)
        return visit

    def _remembered(self, url: str, known: Remembered, fetched: Fetched | None, changed_at: Any) -> _Visit:
        listing = known.listing
        listing_url = listing.url if listing else None
        self._context.memory.keep(url, fetched, links=known.links, listing_url=listing_url, changed_at=changed_at)
        if listing is not None:
            listing = replace(listing, is_unchanged=True, answers=(fetched,) if fetched else ())
            self._titles.setdefault(listing.url, listing.title)
        return _Visit(listing, known.links)

    def _look(self, url: str, fetched: Fetched, is_listing: bool) -> _Visit:
        """Read the fetched page, unless it is a trap."""
        self._read += 1
        page = Page.of(fetched)
        if not self._is_new_place(url, page):
            return _Visit()
        listing = read_page(page, is_listing)
        trap = self._trap(page, url, fetched, listing)
        if trap is not None:
            self._meet(trap, url)
            return _Visit()
        for found, what in ((page.is_tangled, Trap.TANGLED), (has_oversized_block(page), Trap.OVERSIZED)):
            if found:
                self._tally.add_trap(url, what)
        return _Visit(self._named(page, listing, fetched), tuple(page.links()))

    def _is_new_place(self, url: str, page: Page) -> bool:
        """Whether the page is on our site and none that another address led to."""
        if url == self.start_url:
            self._sites.add(site_of(page.url))
        elif site_of(page.url) not in self._sites:
            self._tally.add_trap(url, Trap.ELSEWHERE)
            return False
        is_new = page.url not in self._finals
        self._finals.add(page.url)
        return is_new

    def _trap(self, page: Page, url: str, fetched: Fetched, listing: Listing | None) -> Trap | None:
        is_sure = listing is not None and listing.read_by in SURE_WAYS
        if is_challenge(page, fetched.headers, is_sure):
            return Trap.CHALLENGE
        if is_login(page, url, is_sure):
            return Trap.LOGIN
        is_suspect = not is_sure and (listing is not None or says_missing(page)) and url != self.start_url
        if is_suspect and (says_missing(page) or self._probe.is_missing(page, url)):
            return Trap.MISSING
        return None

    def _meet(self, trap: Trap, url: str) -> None:
        self._tally.add_trap(url, trap)
        self._hurdles[trap] = self._hurdles.get(trap, 0) + 1

    def _named(self, page: Page, listing: Listing | None, fetched: Fetched) -> Listing | None:
        """The listing under the page's own name, None where that was met; some shops name all pages alike."""
        if listing is None:
            return None
        name = page.canonical or page.url
        if name == self.start_url or self._titles.get(name, listing.title) != listing.title:
            name = page.url
        is_known = name in self._titles
        self._titles[name] = listing.title
        return None if is_known else replace(listing, url=name, answers=(fetched,))

    def _fetch(self, url: str, known: Remembered | None) -> Fetched | None:
        """The page, or None with a warning. Raises MarketError when the site seems to be gone."""
        self._fetched += 1
        try:
            fetched = self._context.fetcher.get(
                url,
                PAGE_MAX_BYTES,
                etag=known.etag if known else None,
                last_modified=known.last_modified if known else None,
            )
        except RobotsError as error:
            if url == self.start_url:
                raise MarketError(f"{url} can't be crawled. {error}") from error
            if error.words == FORBIDDEN:
                self._forbidden += 1
            else:  # the page led to another site, whose wishes are not known
                self._tally.add_failure(url, str(error))
            return None
        except AddressError as error:
            self._count_failure(url, error)
            return None
        except HostStoppedError as error:
            if error.host in {site.partition(":")[0] for site in self._sites}:
                raise
            self._tally.add_failure(url, str(error))  # one link that leads to it is no end of the crawl
            return None
        except RefusedError:
            raise
        except FetchError as error:
            self._count_failure(url, error)
            return None
        self._failures = 0
        return fetched

    def _count_failure(self, url: str, error: FetchError) -> None:
        if is_challenge_error(error):
            self._read += 1
            self._meet(Trap.CHALLENGE, url)
        elif url == self.start_url:
            raise MarketError(f"{url} could not be read. {error}") from error
        else:
            self._tally.add_failure(url, str(error))
        if error.status in GONE:
            return  # what was taken down is no sign of a site that fails
        if error.status == TOO_MANY and self._read:
            raise BudgetError(str(error)) from error
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self.judge()
            raise MarketError(
                f"{self._failures} pages in a row could not be read, the last was {url}. {error}"
            ) from error

    def _is_wanted(self, url: str) -> bool:
        if not self._is_here(url):
            self._elsewhere += 1
            return False
        return self._pattern is None or bool(self._pattern.search(url))

    def _is_here(self, url: str) -> bool:
        return site_of(url) in self._sites


def revisit(context: Context, url: str) -> Listing | None:
    """The listing at `url` as it stands now; None where its page offers nothing any more.

    Raises FetchError where that can't be known: a page behind a sign-in or a challenge says nothing of the listing.
    """
    return _Tour(context, read_options(MARKET, context)).look_again(url)


MARKET = Market(
    "shop",
    "Web shop",
    crawl,
    OPTIONS,
    counts_pages=True,
    revisit=revisit,
    help="Any shop on the web; its pages are found by its sitemap or its links, its listings by what search engines "
    "are told.",
)
