import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.feed import MARKET
from scanner.records import Listing
from tests.scanner.fetch.site import Site, answer

Make = Callable[..., Context]

RSS = """<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Shop</title>
<item><title>Figure &amp; box</title><link>/1?x=1</link><author>ann@shop.example (Ann)</author>
<pubDate>Sat, 31 Oct 2026 12:00:00 +0100</pubDate>
<description>&lt;p&gt;Old &lt;b&gt;bone&lt;/b&gt; &lt;img src="/in.jpg"&gt;&lt;/p&gt;</description>
<enclosure url="/e.jpg" type="image/jpeg" length="1"/><enclosure url="/e.mp3" type="audio/mpeg" length="1"/>
<media:content url="https://cdn.example/m.jpg" medium="image"/><media:content url="/v.mp4" medium="video"/></item>
<item><title>No address</title></item></channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link rel="next" href="?page={next}"/>
<entry><title>Entry {number}</title><link href="/{number}"/><published>2026-10-31T12:00:00Z</published>
<author><name>Ann</name></author><content type="html">&lt;img src="p.jpg"&gt; words</content></entry></feed>"""

MERCHANT = """<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><item>
<title>Feed title</title><g:title>Ring</g:title><g:link>https://shop.example/ring</g:link>
<g:description>Of &lt;i&gt;bone&lt;/i&gt;</g:description><g:price>1,250.00 USD</g:price>
<g:image_link>https://shop.example/a.jpg</g:image_link>
<g:additional_image_link>https://shop.example/b.jpg</g:additional_image_link>
<g:additional_image_link>/c.jpg</g:additional_image_link></item></channel></rss>"""

TABLE = (
    "id\ttitle\tdescription\tlink\timage_link\tadditional_image_link\tprice\n"
    '1\tRing\tOf bone\thttps://shop.example/ring\thttps://shop.example/a.jpg\t"/b.jpg,/c.jpg"\t12.50 EUR\n'
    "2\tNo link\t\t\t\t\t\n"
    "3\tBox\t\t/box\t\t\tEUR 7\n"
)


@pytest.fixture
def read(site: Site, context_for: Make) -> Callable[..., tuple[list[Listing], Context]]:
    def read(body: str | bytes) -> tuple[list[Listing], Context]:
        site.answers["/feed"] = answer(body=body if isinstance(body, bytes) else body.encode())
        context = context_for(feed_url=site.url("/feed"))
        return list(crawl(MARKET, context)), context

    return read


Read = Callable[..., tuple[list[Listing], Context]]


def test_an_entry_of_rss_gives_every_field(read: Read, site: Site) -> None:
    (listing,), context = read(RSS)
    assert (listing.url, listing.title) == (site.url("/1?x=1"), "Figure & box")
    assert (listing.description, listing.seller) == ("Old bone", "Ann")
    assert listing.posted_at == datetime(2026, 10, 31, 11, tzinfo=UTC)
    assert listing.photo_urls == (site.url("/e.jpg"), "https://cdn.example/m.jpg", site.url("/in.jpg"))
    assert (listing.read_by, len(listing.answers)) == ("feed", 1)
    assert context.warnings == [f"1 entries of {site.url('/feed')} name no address and were left out."]


def test_an_atom_feed_is_read_over_all_its_pages(site: Site, context_for: Make) -> None:
    for number in range(1, 4):
        path = "/feed" if number == 1 else f"/feed?page={number}"
        site.answers[path] = answer(body=ATOM.format(number=number, next=number % 3 + 1).encode())
    site.answers["/feed?page=1"] = answer(body=ATOM.format(number=1, next=2).encode())
    listings = list(crawl(MARKET, context_for(feed_url=site.url("/feed"))))
    assert [listing.title for listing in listings] == ["Entry 1", "Entry 2", "Entry 3"]
    assert listings[0].photo_urls == (site.url("/p.jpg"),)
    assert len(site.paths()) == 4


def test_a_next_page_that_fails_ends_the_crawl_early(read: Read) -> None:
    listings, context = read(ATOM.format(number=1, next=2))
    assert len(listings) == 1
    assert context.cut_short is not None and "could not be read" in context.cut_short


def test_a_merchant_feed_is_read(read: Read, site: Site) -> None:
    (listing,), _ = read(MERCHANT)
    assert (listing.url, listing.title, listing.description) == ("https://shop.example/ring", "Ring", "Of bone")
    assert (listing.price, listing.currency) == (Decimal(1250), "USD")
    assert listing.photo_urls == ("https://shop.example/a.jpg", "https://shop.example/b.jpg", site.url("/c.jpg"))


@pytest.mark.parametrize("body", [TABLE.encode(), b"\xef\xbb\xbf" + TABLE.encode(), gzip.compress(TABLE.encode())])
def test_a_merchant_table_is_read(body: bytes, read: Read, site: Site) -> None:
    (ring, box), context = read(body)
    assert (ring.title, ring.price, ring.currency) == ("Ring", Decimal("12.50"), "EUR")
    assert ring.photo_urls == ("https://shop.example/a.jpg", site.url("/b.jpg"), site.url("/c.jpg"))
    assert (box.url, box.price, box.currency) == (site.url("/box"), Decimal(7), "EUR")
    assert "1 entries" in context.warnings[0]


@pytest.mark.parametrize("body", [b"", b"<html><h1>Sign in</h1></html>", b"\x00\x01", b"words", b"\x1f\x8brubbish"])
def test_what_is_no_feed_is_said(body: bytes, read: Read) -> None:
    with pytest.raises(MarketError, match=r"is no feed|could not be read"):
        read(body)


def test_a_feed_cut_short_gives_what_came_before(read: Read) -> None:
    assert [listing.title for listing in read(RSS[: RSS.index("<item><title>No")])[0]] == ["Figure & box"]
    assert [listing.title for listing in read(MERCHANT[:-30])[0]] == ["Ring"]


def test_an_entity_that_grows_without_end_is_not_unfolded(read: Read) -> None:
    names = "abcdefgh"
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    kind = f'<!DOCTYPE r [<!ENTITY a "{"x" * 1000}">{entities}]>'
    body = f"{kind}<rss version='2.0'><channel><item><title>&h;</title><link>/1</link></item></channel></rss>"
    (listing,), _ = read(body)
    assert len(listing.title) < 100


def test_a_feed_leads_to_no_file_of_ours(read: Read, site: Site) -> None:
    kind = '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    body = f"{kind}<rss version='2.0'><channel><item><title>&f;</title><link>/1</link></item></channel></rss>"
    assert all("root:" not in listing.title for listing in read(body)[0])
    with pytest.raises(MarketError, match="is no feed"):
        read(site.url("/other"))  # text that looks like an address: nobody asks for it
    assert "/other" not in site.paths()


def test_a_feed_that_is_not_there_is_an_error(site: Site, context_for: Make) -> None:
    with pytest.raises(MarketError, match="404"):
        list(crawl(MARKET, context_for(feed_url=site.url("/none"))))


def test_names_that_no_element_may_have_lose_no_other_offer(read: Read) -> None:
    broken = "<item><g:<title>A</title><g:link>/broken</g:link></item></channel>"
    listings, _ = read(MERCHANT.replace("</channel>", broken))
    assert "Ring" in [listing.title for listing in listings]


def test_a_time_that_no_clock_shows_is_no_time(read: Read) -> None:
    (listing,), _ = read(RSS.replace("Sat, 31 Oct 2026", "Fri, 32 Foo 99999999"))
    assert listing.posted_at is None


def test_a_feed_whose_elements_have_attributes_without_end_is_not_read(read: Read) -> None:
    attributes = " ".join(f"a{number}=''" for number in range(3000))
    with pytest.raises(MarketError, match="more attributes in one place"):
        read(RSS.replace("<channel>", f"<channel {attributes}>"))
