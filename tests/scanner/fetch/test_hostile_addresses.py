"""Every hostile form, wherever a site can put it: none is ever connected to."""

import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import Any

import httpcore2
import pytest

from scanner.fetch import AddressError, Fetcher, FetchError, LogEntry
from scanner.markets.base import Context, MarketError
from scanner.markets.shop import crawl
from tests.scanner.fetch.hostile_addresses import HOSTILE_ADDRESSES
from tests.scanner.fetch.site import Site, answer


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """(address, port) of every connection that is really made."""
    made: list[tuple[str, int]] = []
    connect = httpcore2.SyncBackend.connect_tcp

    def note(self: httpcore2.SyncBackend, host: str, port: int, *rest: Any) -> httpcore2.NetworkStream:
        made.append((host, port))
        return connect(self, host, port, *rest)

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", note)
    return made


@pytest.fixture(scope="module")
def trust() -> ssl.SSLContext:
    return ssl.create_default_context()  # made once, for it takes its time


@pytest.fixture
def log() -> list[LogEntry]:
    return []


@pytest.fixture
def open_fetcher(site: Site, log: list[LogEntry], trust: ssl.SSLContext) -> Callable[[], Fetcher]:
    """Every name is on this machine, as a hostile name server would have it."""

    def resolve(host: str, _: int) -> list[str]:
        return [host] if host == "127.0.0.1" else ["127.0.0.1"]

    return lambda: Fetcher(
        allowed_addresses=[site.origin], resolver=resolve, sleep=lambda _: None, log=log.append, verify=trust
    )


@pytest.fixture
def fetcher(open_fetcher: Callable[[], Fetcher]) -> Iterator[Fetcher]:
    with open_fetcher() as fetcher:
        yield fetcher


@pytest.fixture
def only_the_site(site: Site, connections: list[tuple[str, int]]) -> Iterator[None]:
    yield
    assert set(connections) <= {("127.0.0.1", site.port)}


def refusal(ask: Callable[[], object]) -> str:
    """The sentence with which it was refused, or what happened instead."""
    try:
        ask()
    except AddressError as error:
        return "" if str(error).endswith(".") and "\n" not in str(error) else f"odd sentence: {error}"
    except FetchError as error:
        return f"not refused as an address: {error}"
    return "fetched"


def not_refused(ask: Callable[[str], object], forms: Iterable[str] = HOSTILE_ADDRESSES) -> dict[str, str]:
    said = {form: refusal(lambda form=form: ask(form)) for form in forms}
    return {form: sentence for form, sentence in said.items() if sentence}


def test_as_addresses_they_are_refused(
    fetcher: Fetcher, connections: list[tuple[str, int]], log: list[LogEntry]
) -> None:
    assert not_refused(fetcher.get) == {}
    assert connections == []
    assert [entry.url for entry in log if entry.robots == "not asked" and entry.failure], "refusals are logged"


def test_as_addresses_of_forms_they_are_refused(fetcher: Fetcher, connections: list[tuple[str, int]]) -> None:
    assert not_refused(lambda form: fetcher.post_form(form, {"grant_type": "client_credentials"})) == {}
    assert connections == []


@pytest.mark.usefixtures("only_the_site")
def test_as_redirects_they_are_refused(site: Site, fetcher: Fetcher) -> None:
    def go(form: str) -> object:
        site.answers["/go"] = answer(302, Location=on_the_wire(form))
        return fetcher.get(site.url("/go"))

    assert not_refused(go, WHOLE_LINES) == {}
    assert set(site.paths()) == {"/go"}
    assert not_refused(go, BROKEN_LINES).keys() <= set(BROKEN_LINES), "what is no header ends elsewhere, on the site"


@pytest.mark.usefixtures("only_the_site")
def test_as_places_of_robots_txt_they_are_refused(site: Site, open_fetcher: Callable[[], Fetcher]) -> None:
    def go(form: str) -> object:
        site.answers["/robots.txt"] = answer(302, Location=on_the_wire(form))
        with open_fetcher() as fetcher:
            return fetcher.get(site.url("/page"))

    assert not_refused(go, WHOLE_LINES) == {}
    assert site.paths() == []


@pytest.mark.usefixtures("only_the_site")
def test_as_sitemaps_that_robots_txt_names_they_are_refused(site: Site, fetcher: Fetcher) -> None:
    lines = "".join(f"Sitemap: {form}\n" for form in WHOLE_LINES)
    site.answers["/robots.txt"] = answer(body=lines.encode())
    named = fetcher.sitemaps(site.url("/"))
    assert len(named) > 150
    assert not_refused(fetcher.get, named) == {}


@pytest.mark.usefixtures("only_the_site")
def test_as_entries_of_a_sitemap_they_are_left_out(site: Site, fetcher: Fetcher) -> None:
    entries = [f"<url><loc>{in_xml(form)}</loc></url>" for form in HOSTILE_ADDRESSES]
    entries.append(f"<url><loc>{site.url('/good')}</loc></url>")
    site.answers["/sitemap.xml"] = answer(body=f"<urlset>{''.join(entries)}</urlset>".encode())
    site.answers["/good"] = answer(body=offer([]))
    site.answers["/"] = answer(body=b"<html>")
    assert len(list(crawl(Context({"start_url": site.url("/")}, fetcher)))) == 1


@pytest.mark.usefixtures("only_the_site")
def test_as_sitemaps_of_an_index_they_are_left_out(site: Site, fetcher: Fetcher) -> None:
    entries = "".join(f"<sitemap><loc>{in_xml(form)}</loc></sitemap>" for form in HOSTILE_ADDRESSES)
    site.answers["/sitemap.xml"] = answer(body=f"<sitemapindex>{entries}</sitemapindex>".encode())
    with pytest.raises(MarketError):
        list(crawl(Context({"start_url": site.url("/")}, fetcher)))


@pytest.mark.usefixtures("only_the_site")
def test_as_pictures_of_a_listing_they_are_refused(site: Site, fetcher: Fetcher) -> None:
    site.answers["/sitemap.xml"] = answer(body=f"<urlset><url><loc>{site.url('/1')}</loc></url></urlset>".encode())
    site.answers["/1"] = answer(body=offer(HOSTILE_ADDRESSES))
    (listing,) = crawl(Context({"start_url": site.url("/")}, fetcher))
    elsewhere = [url for url in listing.photo_urls if not url.startswith(site.url("/"))]
    assert elsewhere
    assert not_refused(fetcher.get, elsewhere) == {}


BROKEN_LINES = [form for form in HOSTILE_ADDRESSES if {"\r", "\n", "\x00"} & set(form)]
WHOLE_LINES = [form for form in HOSTILE_ADDRESSES if form not in BROKEN_LINES]


def in_xml(text: str) -> str:
    return escape(text.replace("\x00", ""))


def offer(pictures: list[str]) -> bytes:
    told = {"@context": "https://schema.org", "@type": "Product", "name": "Carving", "image": pictures}
    told["offers"] = {"@type": "Offer", "price": "10", "priceCurrency": "EUR"}
    return f'<script type="application/ld+json">{json.dumps(told)}</script>'.encode()


def on_the_wire(text: str) -> str:
    """As a server would send it: UTF-8, which the test's server writes as if it were Latin-1."""
    return text.encode().decode("latin-1")
