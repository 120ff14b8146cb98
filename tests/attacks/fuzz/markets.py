"""Pages, feeds, tables and the answers of marketplaces' interfaces."""

# ruff: noqa: E501 - one target or seed a line

import gzip
import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from scanner.fetch import FetchError
from scanner.markets import csv_file, ebay, etsy, feed, jsonl_file, merchant, shop, shopify, warc_file
from scanner.markets.api import message_of, plain_text
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.files import LocalPhotos, location_of
from scanner.markets.jsonld import has_oversized_block, parse_block, read_things
from scanner.markets.microdata import read_items
from scanner.markets.options import check_options
from scanner.markets.pages import MOST_URL, Page, absolute, decode, site_of
from scanner.markets.pictures import is_decoration, shown_pictures, tagged_pictures
from scanner.markets.products import find_links, read_listing, read_page
from scanner.markets.registry import BUILT_IN
from scanner.markets.sitemaps import SitemapError, parse_sitemap, unpack
from scanner.markets.traps import Lookalike, is_challenge, is_login, says_missing
from scanner.markets.values import MOST, parse_amount, parse_country, parse_currency, parse_price, parse_time
from scanner.markets.walking import Walk, is_endless, is_file, plain_address, template_of
from tests.attacks.fuzz.target import BASE, Target, as_json, check_listing, fetched, folder, put, read_value, values
from tests.scanner.markets.fakes import Call, FakeFetcher, context_on

SECRET = "env:TUSKLINE_FUZZ"
os.environ.setdefault("TUSKLINE_FUZZ", "a:b")
SCHEMA_KEYS = (
    "@type", "@graph", "@id", "name", "url", "image", "offers", "price", "priceCurrency", "priceSpecification", "seller",
    "address", "addressCountry", "hasVariant", "isVariantOf", "mainEntity", "mainEntityOfPage", "itemOffered",
    "description", "datePosted", "contentUrl", "lowPrice", "availableAtOrFrom", "offeredBy", "@value",
)  # fmt: skip

# Pages ---------------------------------------------------------------------------------------------------------------


def feed_page(data: bytes) -> None:
    """The first byte says what the header declares."""
    kinds = (
        "text/html",
        "text/html; charset=utf-16",
        "text/html; charset=gb18030",
        "application/xhtml+xml",
        "",
        "a;b=",
    )
    page = Page(BASE, data[1:], kinds[data[0] % len(kinds)] if data else "")
    listing = read_page(page, is_listing=True)
    check_listing(listing)
    for link in page.links():
        assert link.startswith(("http://", "https://")) and len(link) <= MOST_URL
    is_challenge(page, {}, is_offer=False)
    is_login(page, "https://shop.example/", is_offer=False)
    says_missing(page)
    Lookalike.of(page).is_like(page, BASE)
    has_oversized_block(page)


def page_seeds() -> list[bytes]:
    ld = json.dumps({"@type": "Product", "name": "Box", "offers": {"price": "5", "priceCurrency": "EUR"}})
    texts = [
        f"<script type='application/ld+json'>{ld}</script><h1>Box</h1>",
        "<div itemscope itemtype='http://schema.org/Product'><b itemprop=name>Box</b><img itemprop=image src=a.jpg>"
        "<div itemprop=offers itemscope><meta itemprop=price content=5></div></div>",
        "<base href='//cdn.example/'><link rel=canonical href='/x'><meta property='og:type' content='product'>"
        "<meta property='og:image' content='/a.jpg'><meta property='product:price:amount' content='1.234,50'>",
        "<title>Sign in</title><form><input type=password></form><a href='?a=1&b=2'>x</a>",
        "<div class='product-gallery'><img srcset='a.jpg 1x, b.jpg 2x,c.jpg 300w' data-src='d.jpg' "
        "style=\"background:url('e.jpg')\"></div><form action='cart/add'></form><h1>x</h1>",
    ]
    return [b"\0" + text.encode() for text in texts] + [b"\1" + texts[0].encode("utf-16"), b"\2\x84\x31\xa4\x37"]


def feed_markup(data: bytes) -> None:
    """Microdata without what surrounds it."""
    page = Page(BASE, b"<p>schema.org" + data)
    for thing in read_items(page):
        json.dumps(thing)
    check_listing(read_page(page))


def markup_seeds() -> list[bytes]:
    return [
        b"<div itemscope itemtype='http://schema.org/Product' itemref='a b'><b itemprop='name url'>x</b></div><p id=a>",
        b"<div itemscope itemid=x itemprop=offers><time itemprop=a datetime=2026><data value=1 itemprop=price>",
    ]


def feed_json_ld(data: bytes) -> None:
    body = b"<script type=application/ld+json>" + data.replace(b"</", b"< ") + b"</script><h1>Box</h1>"
    check_listing(read_listing(BASE, body))
    read_things(Page(BASE, body))
    for value in parse_block(data.decode("utf-8", "replace")):
        assert isinstance(value, dict | list | str | int | float | None)


def json_ld_seeds() -> list[bytes]:
    product = {"@type": ["Product", "x"], "name": {"@value": "a"}, "image": [{"contentUrl": "a.jpg"}], "offers": [{}]}
    group = {"@graph": [{"@type": "ProductGroup", "@id": "#g", "hasVariant": [product]}, {"isVariantOf": "#g"}]}
    return [
        json.dumps(product).encode(), json.dumps(group).encode(),
        b'//<![CDATA[\n{"a": [1,2,], // x\n "b": "c\td"};{}\n//]]>', b"/*<!--*/{&quot;@type&quot;:&quot;Product&quot;}",
    ]  # fmt: skip


def feed_srcset(data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace('"', "'")
    body = f'<div class="gallery"><img srcset="{text}" data-srcset="{text}" style="{text}" data-src="{text}"></div>'
    page = Page(BASE, body.encode())
    for address in (*shown_pictures(page), *tagged_pictures(page)):
        assert address.startswith(("http://", "https://")), address
        is_decoration(address)


def feed_address(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    address = absolute(BASE, text)
    for url in filter(None, (address, text)):
        site_of(url)
        plain_address(url)
    if address:
        walk = Walk([address])
        walk.credit(address)
        template_of(address), is_endless(address), is_file(address), walk.next()
    for link in find_links(BASE, f"<a href='{text}'>".encode()):
        assert len(link) <= MOST_URL


def feed_value(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (parse_price, parse_amount):
        amount = parse(text)
        assert amount is None or (amount.is_finite() and 0 <= amount < MOST), (text, amount)
    when = parse_time(text)
    assert when is None or when.tzinfo is not None
    for code, letters in ((parse_currency(text), 3), (parse_country(text), 2)):
        assert code is None or (len(code) == letters and code.isascii())
    price, _ = merchant.read_amount(text)
    assert price is None or 0 <= price < MOST


def feed_charset(data: bytes) -> None:
    """Before the first line's end stands what the header declares."""
    declared, _, body = data.partition(b"\n")
    header = declared.decode("latin-1")
    for content_type in (f"text/html; charset={header}", header):
        decode(body, content_type).encode("utf-8", "surrogatepass")
    plain_text(decode(body))


# Sitemaps and feeds --------------------------------------------------------------------------------------------------


def feed_sitemap(data: bytes) -> None:
    with suppress(SitemapError):
        pages, more = parse_sitemap(unpack(data), "https://shop.example/sitemap.xml")
        for page in pages:
            assert page.changed_at is None or page.changed_at.tzinfo is not None
        assert all(isinstance(url, str) for url in more)


def sitemap_seeds() -> list[bytes]:
    xml = b"<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>/a</loc>"
    whole = xml + b"<lastmod>2026-01-02</lastmod></url></urlset>"
    return [
        whole, gzip.compress(whole), b"<sitemapindex><sitemap><loc>http://[</loc></sitemap></sitemapindex>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY y '&x;&x;'>]><urlset><url><loc>&y;</loc></url>",
    ]  # fmt: skip


def feed_feed(data: bytes) -> None:
    fetcher = FakeFetcher(lambda call: data if call.path == "/feed" else FetchError("The server answered 404.", 404))
    crawl_through(feed.MARKET, fetcher, feed_url="https://shop.example/feed")


def feed_seeds() -> list[bytes]:
    rss = "<rss version='2.0' xmlns:g='http://base.google.com/ns/1.0' xmlns:media='http://search.yahoo.com/mrss/'>"
    item = "<item><title>a</title><link>/1</link><g:price>5 EUR</g:price><g:image_link>/a.jpg</g:image_link>"
    plain = (
        "<rss version='2.0'><channel><item><title>&lt;b&gt;</title><link>/1</link><pubDate>Mon, 99 Foo 9999</pubDate>"
    )
    return [
        f"{rss}<channel>{item}</item></channel></rss>".encode(),
        f"{plain}<enclosure url='/a.jpg' type='image/jpeg'/><author>a@b (c)</author></item></channel></rss>".encode(),
        b"<feed xmlns='http://www.w3.org/2005/Atom'><link rel='next' href='/feed'/><entry><id>/1</id><updated>x</updated>"
        b"<content type='xhtml'><div>&amp;</div></content></entry></feed>",
        b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><item><link>/1</link></item></rdf:RDF>",
    ]


def feed_merchant(data: bytes) -> None:
    items: list[Any] = [*merchant.read_xml(data)[0], *merchant.read_table(data)]
    merchant.is_merchant_xml(data), merchant.is_table(data)
    for item in items:
        check_listing(merchant.read_item(item, BASE))


def merchant_seeds() -> list[bytes]:
    return [
        feed_seeds()[0], b"id\ttitle\tlink\tprice\n1\ta\thttp://a/1\t5 EUR\n", b'"link","title"\n"/1","a ""b"" c"\n',
        b"link|title|additional_image_link\n/1|a|x,y\n", "\ufefflink;title\n/1;ä\n".encode("utf-16"),
    ]  # fmt: skip


class Shop(FakeFetcher):
    """One that names no sitemap in its robots.txt."""

    def sitemaps(self, _url: str) -> list[str]:
        return []


def feed_shop(data: bytes) -> None:
    """Parts between lines of === are the sitemap, the first page, and all others."""
    parts = [*data.split(b"\n===\n", 2), b"", b""]

    def answer(call: Call) -> bytes:
        return parts[0] if call.path == "/sitemap.xml" else parts[1] if call.path == "/" else parts[2]

    crawl_through(shop.MARKET, Shop(answer), start_url="https://shop.example/", pages=8)


def shop_seeds() -> list[bytes]:
    page = page_seeds()[0][1:] + b"<a href='/a'>a</a><a href='/b?c=1'>b</a>"
    return [sitemap_seeds()[0] + b"\n===\n" + page + b"\n===\n" + page, b"\n===\n" + page + b"\n===\n" + page]


# Interfaces ----------------------------------------------------------------------------------------------------------


def crawl_through(market: Market, fetcher: FakeFetcher, **options: Any) -> None:
    """Whatever ends the crawl is told in words; a market that broke is a fault of ours."""
    context = context_on(fetcher, minimum_listings=0, **options)
    run(market, context)


def run(market: Market, context: Context) -> None:
    try:
        for listing in crawl(market, context):
            check_listing(listing)
    except MarketError as error:
        if error.__cause__ is not None and "fault in its program" in str(error):
            raise AssertionError(str(error)) from error.__cause__
    except FetchError:
        pass
    for warning in context.warnings:
        assert "\0" not in warning or market.kind in ("csv", "jsonl")


def answer_from(value: Any) -> Callable[[Call], Any]:
    """The answers by the last part of the path; `data` may name one more for each."""

    def answer(call: Call) -> Any:
        part = value.get(call.path.rsplit("/", 1)[-1]) if isinstance(value, dict) else value
        return json.dumps(part).encode() if len(call.query.get("offset", "")) < 4 else b"{}"

    return answer


def feed_ebay(data: bytes) -> None:
    value = read_value(data)
    if isinstance(value, dict):
        value = {"token": {"access_token": "t", "expires_in": 7200}, **value}
        value["1"] = value.get("item")
        fetcher = FakeFetcher(answer_from(value))
        crawl_through(
            ebay.MARKET, fetcher, words="a", client_id=SECRET, client_secret=SECRET, details="yes", calls_a_day=9
        )


EBAY_ITEM = {
    "itemId": "1", "title": "a", "price": {"value": "5", "currency": "EUR"}, "seller": {"username": "b"},
    "itemWebUrl": "https://www.ebay.com/itm/1?var=2", "image": {"imageUrl": "https://i.ebayimg.com/a/s-l225.jpg"},
    "itemCreationDate": "2026-01-02T03:04:05.000Z", "itemLocation": {"country": "US"},
}  # fmt: skip


def ebay_seeds() -> list[bytes]:
    search = {"total": 1, "itemSummaries": [EBAY_ITEM]}
    return [json.dumps({"search": search, "item": {"description": "<p>x"}}).encode()]


def feed_etsy(data: bytes) -> None:
    value = read_value(data)
    if isinstance(value, dict):
        fetcher = FakeFetcher(answer_from(value))
        crawl_through(etsy.MARKET, fetcher, words="a", api_key=SECRET, calls_a_day=9, calls_a_second=0)


def etsy_seeds() -> list[bytes]:
    item = {
        "listing_id": 1, "url": "https://www.etsy.com/listing/1", "title": "a &amp; b", "images": [{"rank": 1}],
        "price": {"amount": 500, "divisor": 100, "currency_code": "EUR"}, "shop": {"shop_name": "b"},
        "creation_timestamp": 1700000000,
    }  # fmt: skip
    bare = {name: value for name, value in item.items() if name != "images"}
    return [
        json.dumps({"active": {"count": 1, "results": [item]}}).encode(),
        json.dumps({"active": {"count": 1, "results": [bare]}, "batch": {"results": [item]}}).encode(),
    ]


def feed_shopify(data: bytes) -> None:
    value = read_value(data)
    if isinstance(value, dict):
        crawl_through(shopify.MARKET, FakeFetcher(answer_from(value)), start_url="https://shop.example/")


def shopify_seeds() -> list[bytes]:
    product = {
        "handle": "a", "title": "A", "body_html": "<p>x", "variants": [{"price": "5.00"}], "vendor": "v",
        "images": [{"src": "//cdn.shopify.com/a_100x100.jpg"}], "published_at": "2026-01-02T03:04:05-05:00",
    }  # fmt: skip
    return [json.dumps({"products.json": {"products": [product]}, "meta.json": {"name": "s"}}).encode()]


def feed_refusal(data: bytes) -> None:
    """What an interface says of its own refusal."""
    failure = FetchError("The server answered 400.", 400, fetched(data))
    assert message_of(failure, *ebay.ERRORS, ("error",)).startswith("The server answered")


# Files ---------------------------------------------------------------------------------------------------------------


def feed_csv(data: bytes) -> None:
    read_file(csv_file.MARKET, "table.csv", data)


def feed_jsonl(data: bytes) -> None:
    read_file(jsonl_file.MARKET, "table.jsonl", data)


def feed_warc_market(data: bytes) -> None:
    read_file(warc_file.MARKET, "archive.warc.gz", data)


def read_file(market: Market, name: str, data: bytes) -> None:
    put(name, data)
    fetcher = FakeFetcher(lambda _call: FetchError("The server answered 404.", 404))
    context = context_on(fetcher, path=name, minimum_listings=0)
    context.inbox = folder()
    run(market, context)


def feed_place(data: bytes) -> None:
    """What a table calls a picture's file."""
    text = data.decode("utf-8", "surrogateescape" if data[:1] != b"\xed" else "replace")
    put("secret", b"in the folder above")
    inbox = folder() / "inbox"
    inbox.mkdir(exist_ok=True)
    with suppress(FetchError):
        read = LocalPhotos(inbox)(text, 1000)
        assert b"above" not in read.body, text
    with suppress(ValueError):
        assert location_of(inbox / text, inbox).startswith("file:///")


def feed_options(data: bytes) -> None:
    value = read_value(data)
    if isinstance(value, dict):
        for market in BUILT_IN.values():
            assert all(isinstance(fault, str) for fault in check_options(market, value, folder()))


def csv_seeds() -> list[bytes]:
    return [
        b"url,title,image_url,price,posted_at\nhttp://a/1,a,b.jpg|c d.jpg,\"1.234,50\",2026-01-02\n",
        "url;title;image_url;image_url_2\nhttp://a/2;ä;../../etc/passwd;file:///x\n".encode("utf-8-sig"),
        b'url\ttitle\timage_url\n"unclosed\tx\ty\n', b"url,title,image_url\n\x00,\xff\xfe,\r\n",
    ]  # fmt: skip


def jsonl_seeds() -> list[bytes]:
    return [
        b'{"url": "http://a/1", "title": "a", "image_urls": ["a.jpg", "\\ud800"], "price": 1e400}\n{}\n[]\nnull\n',
        b'\xef\xbb\xbf{"url": "http://a/1", "price": "12", "posted_at": "2026-01-02T00:00:00Z"}\n{"url": 1}\n',
    ]


def jsonl_inputs() -> st.SearchStrategy[bytes]:
    return st.lists(values(*jsonl_file.KNOWN), max_size=3).map(lambda rows: b"\n".join(map(as_json, rows)))


def objects_of(*keys: str) -> Callable[[], st.SearchStrategy[bytes]]:
    return lambda: values(*keys).map(as_json)


def answers_of(part: str, inner: str, *keys: str) -> Callable[[], st.SearchStrategy[bytes]]:
    """An answer in the right shape, with strange records in it."""

    def make() -> st.SearchStrategy[bytes]:
        found = st.lists(st.dictionaries(st.sampled_from(keys), values(*keys), max_size=8), max_size=3)
        return found.map(lambda some: as_json({part: {"total": 1, "count": 1, inner: some}}))

    return make


EBAY_KEYS = (*sorted(EBAY_ITEM), "value", "currency", "username", "imageUrl", "country", "additionalImages", "itemHref")
ETSY_KEYS = (
    "listing_id", "url", "title", "price", "amount", "divisor", "currency_code", "images", "rank", "url_fullxfull",
    "shop", "shop_name", "creation_timestamp",
)  # fmt: skip
SHOPIFY_KEYS = ("handle", "title", "body_html", "variants", "price", "images", "src", "vendor", "published_at")
HTML_WORDS = (
    b"<script type='application/ld+json'>", b"</script>", b"itemscope", b"itemprop=", b"itemtype='http://schema.org/",
    b"Product", b"offers", b"<meta property='og:", b"content='", b"<base href='", b"<img src='", b"srcset='", b"&#x",
    b"<!--", b"-->", b"<template>", b"<svg>", b"<table>", b"<select>", b"<a href='", b"charset=", b"schema.org",
)  # fmt: skip
XML_WORDS = (
    b"<?xml version='1.0' encoding='", b"<!DOCTYPE", b"<!ENTITY", b"<![CDATA[", b"<item>", b"<link>", b"<loc>", b"&#0;",
    b"<entry>", b"xmlns=", b"http://base.google.com/ns/1.0", b"<pubDate>", b"<media:content url=", b"utf-16", b"utf-7",
)  # fmt: skip
PAGES = ("scanner.markets.pages", "scanner.markets.products", "scanner.markets.traps", "scanner.markets.pictures")

TARGETS = (
    Target("pages", feed_page, PAGES, page_seeds, HTML_WORDS),
    Target("microdata", feed_markup, ("scanner.markets.microdata",), markup_seeds, HTML_WORDS),
    Target("json-ld", feed_json_ld, ("scanner.markets.jsonld",), json_ld_seeds, inputs=objects_of(*SCHEMA_KEYS)),
    Target(
        "srcset", feed_srcset, ("scanner.markets.pictures",), lambda: [b"a.jpg 1x, b.jpg 2x", b"url('a.jpg'),//[ 3w"]
    ),
    Target(
        "addresses",
        feed_address,
        ("scanner.markets.walking", "scanner.markets.pages"),
        lambda: [b"../a?b=c&phpsessid=1#d", b"//[::1]:99/", b"http://a/;jsessionid=1/x/x/x/x", b"https://\xc2\xad.x/"],
    ),
    Target(
        "prices",
        feed_value,
        ("scanner.markets.values",),
        lambda: [b"1.234,50 EUR", b"$1,234.5", b"EUR 5", b"2026-01-02T03:04:05+14:00", "\u0663\u066b\u0665 \u20ab".encode(), b"1e5", b"us"],
    ),
    Target("charsets", feed_charset, ("scanner.markets.pages",), lambda: [b"utf-7\n+ADw-", b"gb18030\n\x84", b"hz\n~{"]),
    Target("sitemaps", feed_sitemap, ("scanner.markets.sitemaps", "scanner.markets.elements"), sitemap_seeds, XML_WORDS),
    Target("feeds", feed_feed, ("scanner.markets.feed",), feed_seeds, XML_WORDS),
    Target("shops", feed_shop, ("scanner.markets.shop", "scanner.markets.crawling"), shop_seeds, HTML_WORDS),
    Target(
        "inbox",
        feed_place,
        ("scanner.markets.files",),
        lambda: [b"../secret", b"file:///../secret", b"/etc/passwd", b"a%2f..%2f../secret", b"\0", b"file://[/"],
    ),
    Target(
        "options",
        feed_options,
        ("scanner.markets.options",),
        lambda: [b'{"start_url": "http://a/", "pages": 3, "listing_pattern": "(a+)+$", "path": "../x"}'],
        inputs=objects_of("start_url", "pages", "listing_pattern", "path", "way", "words", "client_id", "marketplace"),
    ),
    Target("merchant", feed_merchant, ("scanner.markets.merchant",), merchant_seeds, XML_WORDS),
    Target(
        "ebay", feed_ebay, ("scanner.markets.ebay",), ebay_seeds,
        inputs=answers_of("search", "itemSummaries", *EBAY_KEYS),
    ),
    Target("etsy", feed_etsy, ("scanner.markets.etsy",), etsy_seeds, inputs=answers_of("active", "results", *ETSY_KEYS)),
    Target(
        "shopify", feed_shopify, ("scanner.markets.shopify",), shopify_seeds,
        inputs=answers_of("products.json", "products", *SHOPIFY_KEYS),
    ),
    Target(
        "refusals", feed_refusal, ("scanner.markets.api",),
        lambda: [b'{"errors": [{"longMessage": "a"}]}', b'{"error": "b"}'], inputs=objects_of("errors", "error", "message"),
    ),
    Target("csv", feed_csv, ("scanner.markets.csv_file", "scanner.markets.rows"), csv_seeds),
    Target("jsonl", feed_jsonl, ("scanner.markets.jsonl_file", "scanner.markets.rows"), jsonl_seeds, inputs=jsonl_inputs),
)  # fmt: skip
