"""A second crawl of the same shop: what is remembered is not fetched, or asked for only if it changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest

from scanner.fetch import Fetched, Fetcher
from scanner.markets.base import Context, Remembered
from scanner.markets.crawling import crawl
from scanner.markets.shop import MARKET
from scanner.records import Listing
from tests.scanner.fetch.site import Answer, Site, answer


@dataclass
class Notebook:
    """Remembers as a database would. due: addresses that are worth a visit; None for all."""

    pages: dict[str, Remembered] = field(default_factory=dict)
    kept: list[tuple[str, int | None]] = field(default_factory=list)
    listings: dict[str, Listing] = field(default_factory=dict)
    due: set[str] | None = None

    def recall(self, url: str, changed_at: datetime | None = None) -> Remembered | None:
        known = self.pages.get(url)
        if known is None:
            return None
        is_same = changed_at is not None and known.changed_at == changed_at
        return replace(known, is_due=not is_same and (self.due is None or url in self.due))

    def keep(
        self,
        url: str,
        answer: Fetched | None,
        *,
        links: tuple[str, ...] = (),
        listing_url: str | None = None,
        changed_at: datetime | None = None,
    ) -> None:
        self.kept.append((url, answer.status if answer else None))
        before = self.pages.get(url, Remembered())
        fresh = answer.headers if answer is not None and answer.status == 200 else {}
        listing = self.listings.get(listing_url) if listing_url else None
        self.pages[url] = Remembered(
            fresh.get("etag", before.etag), fresh.get("last-modified", before.last_modified), changed_at, links, listing
        )

    def note(self, listings: list[Listing]) -> None:
        """What the caller of a crawl does with what it found."""
        for listing in listings:
            self.listings[listing.url] = replace(listing, answers=())
        for url, known in self.pages.items():
            self.pages[url] = replace(known, listing=self.listings.get(url, known.listing))


def tagged(body: str, etag: str = '"1"') -> Answer:
    """A page that is sent again only to whoever does not have it."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        is_known = handler.headers.get("If-None-Match") == etag
        answer(304 if is_known else 200, b"" if is_known else body.encode(), ETag=etag)(handler)

    return write


def offer(name: str, *links: str) -> str:
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    return f'<script type="application/ld+json">{{"@type": "Product", "name": "{name}"}}</script>{anchors}'


@pytest.fixture
def visit(site: Site) -> Iterator[Callable[..., tuple[list[Listing], Context]]]:
    notebook = Notebook()
    with Fetcher(allowed_addresses=[site.origin], sleep=lambda _: None) as fetcher:

        def visit(due: set[str] | None = None, **options: object) -> tuple[list[Listing], Context]:
            site.asked.clear()
            notebook.due, notebook.kept = due, []
            context = Context({"start_url": site.url("/"), **options}, fetcher, memory=notebook)
            found = list(crawl(MARKET, context))
            notebook.note(found)
            return found, context

        visit.notebook = notebook  # type: ignore[attr-defined]
        yield visit


@pytest.fixture
def linked(site: Site) -> Site:
    site.answers["/"] = tagged('<a href="/c">x</a>')
    site.answers["/c"] = tagged('<a href="/1">x</a><a href="/2">x</a>')
    site.answers.update({"/1": tagged(offer("One", "/")), "/2": tagged(offer("Two"))})
    return site


Visit = Callable[..., tuple[list[Listing], Context]]


@pytest.mark.usefixtures("linked")
def test_of_an_unchanged_shop_every_listing_is_known_and_no_page_is_sent_again(visit: Visit) -> None:
    first, _ = visit()
    again, context = visit()
    assert [listing.title for listing in again] == [listing.title for listing in first] == ["One", "Two"]
    assert all(listing.is_unchanged and listing.answers[0].status == 304 for listing in again)
    assert {status for _, status in visit.notebook.kept} == {304}  # type: ignore[attr-defined]
    assert context.warnings == []


def test_a_page_that_changed_is_read_anew(linked: Site, visit: Visit) -> None:
    visit()
    linked.answers["/2"] = tagged(offer("Two, cheaper"), '"2"')
    again, _ = visit()
    assert [(listing.title, listing.is_unchanged) for listing in again] == [("One", True), ("Two, cheaper", False)]


def test_a_page_that_is_not_due_is_not_asked_and_its_links_are_followed_from_memory(linked: Site, visit: Visit) -> None:
    visit()
    again, _ = visit(due={linked.url("/2")})
    assert [listing.title for listing in again] == ["One", "Two"]
    assert [path for path in linked.paths() if path != "/sitemap.xml"] == ["/2"]
    assert [listing.answers == () for listing in again] == [True, False]
    assert [status for _, status in visit.notebook.kept] == [None, None, None, 304]  # type: ignore[attr-defined]


def sitemap(site: Site, **days: int) -> Answer:
    entries = (f"<url><loc>{site.url(f'/{n}')}</loc><lastmod>2026-10-{day}</lastmod></url>" for n, day in days.items())
    return answer(body=f"<urlset>{''.join(entries)}</urlset>".encode())


def test_the_sitemaps_word_saves_a_visit(site: Site, visit: Visit) -> None:
    site.answers["/sitemap.xml"] = sitemap(site, a=10, b=11)
    site.answers.update({"/a": tagged(offer("A")), "/b": tagged(offer("B"))})
    visit()
    assert visit.notebook.pages[site.url("/a")].changed_at == datetime(2026, 10, 10, tzinfo=UTC)  # type: ignore[attr-defined]
    site.answers["/sitemap.xml"] = sitemap(site, a=10, b=30)
    again, context = visit()
    assert [listing.is_unchanged for listing in again] == [True, True]
    assert site.paths() == ["/sitemap.xml", "/b"]
    assert context.listings_expected == 2


def test_a_page_of_which_nothing_is_remembered_but_its_tag_is_fetched_whole(site: Site, visit: Visit) -> None:
    site.answers["/"] = tagged(offer("Alone"))
    visit.notebook.pages[site.url("/")] = Remembered(etag='"1"')  # type: ignore[attr-defined]
    assert [listing.is_unchanged for listing in visit()[0]] == [False]


def test_pages_beyond_the_budget_have_their_turn_in_the_next_crawl(site: Site) -> None:
    days = (f"<lastmod>2026-10-{n + 10}</lastmod>" for n in range(6))
    entries = "".join(f"<url><loc>{site.url(f'/{n}')}</loc>{day}</url>" for n, day in enumerate(days))
    site.answers["/sitemap.xml"] = answer(body=f"<urlset>{entries}</urlset>".encode())
    offer = '<meta property="og:type" content="product"><h1>Thing {}</h1>'
    site.answers.update({f"/{n}": answer(body=offer.format(n).encode()) for n in range(6)})
    memory = Notebook()
    for _ in range(3):
        with Fetcher(allowed_addresses=[site.origin], sleep=lambda _: None) as fetcher:
            context = Context({"start_url": site.url("/"), "pages": 2}, fetcher, memory)
            memory.note(list(crawl(MARKET, context)))
    assert len(memory.listings) == 6
    assert context.cut_short is None, "in the last crawl nothing was left out"
