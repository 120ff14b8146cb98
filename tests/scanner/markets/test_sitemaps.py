import gzip
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from scanner.markets import sitemaps
from scanner.markets.base import Context
from scanner.markets.sitemaps import SitemapError, find_pages, parse_sitemap, unpack
from tests.scanner.fetch.site import Site, answer

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
IMAGES = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
Make = Callable[..., Context]


def urlset(*urls: str) -> bytes:
    return f"<urlset {NAMESPACE}>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>".encode()


def index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex {NAMESPACE}>{entries}</sitemapindex>".encode()


def test_pages_come_with_their_date_and_without_their_pictures() -> None:
    body = (
        f"<urlset {NAMESPACE} {IMAGES}><url><image:image><image:loc>http://a/x.jpg</image:loc></image:image>"
        "<loc> <![CDATA[http://a/1]]> </loc><lastmod>2026-10-31</lastmod></url><url><loc>/2</loc></url></urlset>"
    )
    pages, more = parse_sitemap(body.encode(), "http://a/sitemap.xml")
    assert [page.url for page in pages] == ["http://a/1", "http://a/2"]
    assert pages[0].changed_at == datetime(2026, 10, 31, tzinfo=UTC)
    assert more == []


def test_a_sitemap_cut_short_still_gives_its_first_pages() -> None:
    pages, _ = parse_sitemap(urlset("http://a/1", "http://a/2")[:-15], "http://a/sitemap.xml")
    assert [page.url for page in pages] == ["http://a/1", "http://a/2"]


@pytest.mark.parametrize("body", [b"", b"not xml", b"<html><body>Sign in</body></html>", b"\x00\x01"])
def test_what_is_no_sitemap_is_said(body: bytes) -> None:
    with pytest.raises(SitemapError):
        parse_sitemap(body, "http://a/sitemap.xml")


def test_entities_are_not_followed() -> None:
    kind = '<!DOCTYPE u [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    body = f"{kind}<urlset {NAMESPACE}><url><loc>http://a/&f;</loc></url></urlset>"
    pages, _ = parse_sitemap(body.encode(), "http://a/")
    assert all("root" not in page.url for page in pages)


def test_a_packed_sitemap_is_unpacked_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unpack(gzip.compress(b"<urlset/>")) == b"<urlset/>"
    monkeypatch.setattr(sitemaps, "MAX_BYTES", 1000)
    with pytest.raises(SitemapError, match="unpacks to more"):
        unpack(gzip.compress(b"x" * 100_000))
    with pytest.raises(SitemapError, match="broken"):
        unpack(b"\x1f\x8brubbish")


def test_an_index_named_in_robots_leads_to_every_page_once(site: Site, context_for: Make) -> None:
    site.answers["/robots.txt"] = answer(body=f"Sitemap: {site.url('/index.xml')}".encode())
    site.answers["/index.xml"] = answer(body=index(site.url("/1.xml"), site.url("/2.xml.gz"), site.url("/index.xml")))
    site.answers["/1.xml"] = answer(body=urlset(site.url("/a"), site.url("/b")))
    site.answers["/2.xml.gz"] = answer(body=gzip.compress(urlset(site.url("/b"), site.url("/c"))))
    context = context_for()
    found = [page.url for page in find_pages(context, site.url("/"))]
    assert found == [site.url(path) for path in ("/a", "/b", "/c")]
    assert context.warnings == []


def test_one_sitemap_that_fails_is_a_warning(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = answer(body=index(site.url("/gone.xml"), site.url("/bad.xml"), site.url("/ok.xml")))
    site.answers["/bad.xml"] = answer(body=b"<html></html>")
    site.answers["/ok.xml"] = answer(body=urlset(site.url("/a")))
    context = context_for()
    assert [page.url for page in find_pages(context, site.url("/"))] == [site.url("/a")]
    assert [warning.split(": ")[1] for warning in context.warnings] == [
        "The server answered 404 (Not Found).",
        "It is no sitemap.",
    ]


def test_a_site_without_a_sitemap_has_no_pages_and_no_warning(site: Site, context_for: Make) -> None:
    context = context_for()
    assert find_pages(context, site.url("/")) == []
    assert context.warnings == []


def test_sitemaps_without_end_are_left(site: Site, context_for: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MOST_SITEMAPS", 3)
    site.answers["/sitemap.xml"] = answer(body=index(*(site.url(f"/{n}.xml") for n in range(9))))
    context = context_for()
    assert find_pages(context, site.url("/")) == []
    assert "more than 3 sitemaps" in context.warnings[-1]


def test_names_that_no_element_may_have_are_passed_over() -> None:
    body = f"<urlset {NAMESPACE}><url><loc>/1</loc></url><odd:><loc>/2</loc></odd:></urlset>"
    pages, _ = parse_sitemap(body.encode(), "http://a/")
    assert "http://a/1" in [page.url for page in pages]
