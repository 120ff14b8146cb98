"""An ordinary web shop: its sitemaps, or else its links, and on each page what search engines are told."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from scanner.fetch import AddressError, Fetched, FetchError, RobotsError
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.products import find_links, read_listing
from scanner.markets.sitemaps import Page, find_pages
from scanner.records import Listing

PAGE_BUDGET = 5000
PAGE_MAX_BYTES = 5 * 1024**2
FAILURES_IN_A_ROW = 10


def crawl(context: Context) -> Iterator[Listing]:
    """Every listing of the shop, each page once.

    Options: start_url; listing_pattern, a regular expression that the address of every listing matches;
    page_budget, the pages that are fetched at most (5000); minimum_listings, fewer are an error (1).
    Raises MarketError.
    """
    tour = _Tour(context)
    count = 0
    for listing in tour.listings():
        count += 1
        yield listing
    tour.close()
    minimum = _whole_number(context.options, "minimum_listings", 1)
    if count < minimum:
        raise MarketError(
            f"Only {count} listings were found at {tour.start_url}, fewer than the {minimum} that are expected; "
            "has the site changed, or is start_url wrong?"
        )


class _Tour:
    """One walk over one site, with what went wrong on the way."""

    def __init__(self, context: Context) -> None:
        self.start_url = _text(context.options, "start_url")
        self._context = context
        self._pattern = _pattern(context.options)
        self._budget = _whole_number(context.options, "page_budget", PAGE_BUDGET)
        self._failures = 0
        self._forbidden = 0
        self._elsewhere = 0

    def listings(self) -> Iterator[Listing]:
        try:
            pages = [page for page in find_pages(self._context, self.start_url) if self._is_wanted(page.url)]
        except AddressError as error:
            raise MarketError(f"{self.start_url} can't be crawled. {error}") from error
        yield from self._from_sitemap(pages) if pages else self._from_links()

    def close(self) -> None:
        """Say what was left out."""
        if self._forbidden:
            self._context.warn(f"{self._forbidden} pages were left out because the site's robots.txt asks for it.")
        if self._elsewhere:
            self._context.warn(f"{self._elsewhere} pages of the sitemap are on other sites and were left out.")

    def _from_sitemap(self, pages: list[Page]) -> Iterator[Listing]:
        if len(pages) > self._budget:
            self._context.warn(f"The sitemap names {len(pages)} pages; the {self._budget} that changed last were read.")
            pages = sorted(pages, key=lambda page: page.changed_at.timestamp() if page.changed_at else 0, reverse=True)
            pages = pages[: self._budget]
        expected = len(pages)
        self._context.expect(expected)
        for page in pages:
            fetched = self._fetch(page.url)
            listing = read_listing(page.url, fetched.body, self._pattern is not None) if fetched else None
            if listing is not None:
                yield listing
            else:
                expected -= 1
                self._context.expect(expected)

    def _from_links(self) -> Iterator[Listing]:
        """Breadth first from the start page: categories and their pages lead to listings."""
        waiting, seen = deque([self.start_url]), {self.start_url}
        while waiting:
            if self._budget == 0:
                self._context.warn(f"The page budget is used up; at least {len(waiting)} pages were not read.")
                return
            self._budget -= 1
            url = waiting.popleft()
            fetched = self._fetch(url)
            if fetched is None:
                continue
            listing = read_listing(url, fetched.body, self._pattern is not None and bool(self._pattern.search(url)))
            if listing is not None:
                yield listing
            links = [link for link in find_links(fetched.final_url, fetched.body) if self._is_here(link)]
            waiting += [link for link in links if link not in seen]
            seen.update(links)

    def _fetch(self, url: str) -> Fetched | None:
        """The page, or None with a warning. Raises MarketError when the site seems to be gone."""
        try:
            fetched = self._context.fetcher.get(url, PAGE_MAX_BYTES)
        except RobotsError as error:
            if url == self.start_url:
                raise MarketError(f"{url} can't be crawled. {error}") from error
            self._forbidden += 1
            return None
        except FetchError as error:
            self._count_failure(url, error)
            return None
        self._failures = 0
        return fetched

    def _count_failure(self, url: str, error: FetchError) -> None:
        self._failures += 1
        if url == self.start_url:
            raise MarketError(f"{url} could not be read. {error}") from error
        if self._failures >= FAILURES_IN_A_ROW:
            raise MarketError(
                f"{self._failures} pages in a row could not be read, the last was {url}. {error}"
            ) from error
        self._context.warn(f"{url} could not be read. {error}")

    def _is_wanted(self, url: str) -> bool:
        if not self._is_here(url):
            self._elsewhere += 1
            return False
        return self._pattern is None or bool(self._pattern.search(url))

    def _is_here(self, url: str) -> bool:
        return _site_of(url) == _site_of(self.start_url)


def _site_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower().removeprefix("www.") if parts.scheme in ("http", "https") else ""


def _text(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    if not isinstance(value, str) or not value.strip():
        raise MarketError(f"A source of kind shop needs the option {name}.")
    return value.strip()


def _whole_number(options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MarketError(f"The option {name} must be a whole number, 0 or more.")
    return value


def _pattern(options: Mapping[str, Any]) -> re.Pattern[str] | None:
    value = options.get("listing_pattern")
    try:
        return None if value is None else re.compile(str(value))
    except re.error as error:
        raise MarketError(f"The option listing_pattern is no regular expression: {error}.") from error


def revisit(context: Context, url: str) -> Listing | None:
    """The listing at `url` as it stands now; None where the page offers nothing. Raises FetchError."""
    pattern = _pattern(context.options)
    return read_listing(url, context.fetcher.get(url, PAGE_MAX_BYTES).body, pattern is not None)


MARKET = Market("shop", "Web shop", crawl, revisit=revisit)
