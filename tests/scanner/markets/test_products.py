import json
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

import pytest

from scanner.markets.products import MOST_PHOTOS, find_links, read_listing
from scanner.records import Listing

URL = "https://shop.example/items/7"


def page_of(*blocks: Any, rest: str = "") -> bytes:
    scripts = (block if isinstance(block, str) else json.dumps(block) for block in blocks)
    tags = "".join(f'<script type="application/ld+json">{script}</script>' for script in scripts)
    return f"<html><head>{tags}</head><body>{rest}</body></html>".encode()


PRODUCT = {
    "@context": "https://schema.org",
    "@type": "Product",
    "name": "Vase",
    "description": "Blue &amp; tall",
    "image": "/vase.jpg",
    "offers": {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR", "seller": {"name": "Ann"}},
}


def test_a_product_gives_every_field() -> None:
    offer = {
        "@type": "Offer",
        "price": 12.5,
        "priceCurrency": "EUR",
        "availabilityStarts": "2026-10-01T08:00:00Z",
        "seller": {"name": "Ann", "url": "/ann", "address": {"addressCountry": {"name": "NL"}}},
    }
    listing = read_listing(URL, page_of({**PRODUCT, "offers": [offer]}))
    assert listing is not None
    assert (listing.url, listing.title, listing.description) == (URL, "Vase", "Blue & tall")
    assert (listing.price, listing.currency, listing.country) == (Decimal("12.5"), "EUR", "NL")
    assert (listing.seller, listing.seller_url) == ("Ann", "https://shop.example/ann")
    assert listing.posted_at is not None
    assert listing.photo_urls == ("https://shop.example/vase.jpg",)


@pytest.mark.parametrize(
    "wrapped",
    [
        [PRODUCT],
        {"@context": "https://schema.org", "@graph": [{"@type": "WebSite"}, PRODUCT]},
        {"@type": "ItemPage", "mainEntity": PRODUCT},
        {**PRODUCT, "@type": ["Product", "Thing"]},
        {**PRODUCT, "@type": "http://schema.org/Product"},
        json.dumps(PRODUCT)[:-1] + ",}",
        "// what search engines read\n" + json.dumps(PRODUCT),
    ],
)
def test_the_product_is_found_however_it_is_wrapped(wrapped: Any) -> None:
    listing = read_listing(URL, page_of(wrapped))
    assert listing is not None
    assert (listing.title, listing.price) == ("Vase", Decimal("12.50"))


@pytest.mark.parametrize("broken", ["{", "not json", "[[[", "[" * 100_000, '{"@type": "Product", "name": '])
def test_one_broken_block_does_not_lose_the_page(broken: str) -> None:
    listing = read_listing(URL, page_of(broken, PRODUCT))
    assert listing is not None
    assert listing.title == "Vase"


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, [None, 5, [[]]], {"@type": 5}])
def test_odd_values_in_a_product_are_left_out(odd: Any) -> None:
    fields = ("description", "image", "offers", "seller", "datePosted")
    listing = read_listing(URL, page_of({**PRODUCT, **dict.fromkeys(fields, odd)}))
    assert listing is not None
    assert listing.title == "Vase"
    assert listing.price is None


def test_a_page_of_several_products_is_no_listing() -> None:
    assert read_listing(URL, page_of(PRODUCT, {**PRODUCT, "name": "Jug"})) is None


def test_pictures_are_absolute_distinct_and_twenty_at_most() -> None:
    images = ["a.jpg", {"url": "b.jpg"}, {"contentUrl": ["//cdn.example/c.jpg"]}, "a.jpg#x", "data:image/png;base64,AA"]
    listing = read_listing(URL, page_of({**PRODUCT, "image": images}))
    assert listing is not None
    assert listing.photo_urls == (
        "https://shop.example/items/a.jpg",
        "https://shop.example/items/b.jpg",
        "https://cdn.example/c.jpg",
    )
    many = read_listing(URL, page_of({**PRODUCT, "image": [f"{n}.jpg" for n in range(99)]}))
    assert many is not None
    assert len(many.photo_urls) == MOST_PHOTOS


def test_without_schema_data_the_og_tags_are_read() -> None:
    tags = {"og:type": "product", "og:title": "Jug", "og:image": "/jug.png", "product:price:amount": "7,50"}
    tags |= {"product:price:currency": "EUR", "og:description": "Small"}
    rest = "".join(f'<meta property="{name}" content="{value}">' for name, value in tags.items())
    listing = read_listing(URL, page_of(rest=rest))
    assert listing is not None
    assert (listing.title, listing.price, listing.currency) == ("Jug", Decimal("7.50"), "EUR")
    assert listing.photo_urls == ("https://shop.example/jug.png",)


def test_a_plain_page_is_read_from_what_it_shows() -> None:
    rest = (
        '<main><h1> Old  bowl </h1><b itemprop="price">9.00</b>'
        '<img src="s.gif" data-src="/lazy.jpg">'
        '<img srcset="/w_1,h_2/small.jpg 300w, /w_3,h_4/large.jpg 900w" src="s.gif"><img src="data:x"></main>'
    )
    listing = read_listing(URL, page_of(rest=rest))
    assert listing is not None
    assert (listing.title, listing.price) == ("Old bowl", Decimal("9.00"))
    assert listing.photo_urls == ("https://shop.example/lazy.jpg", "https://shop.example/w_3,h_4/large.jpg")


@pytest.mark.parametrize("body", [b"", b"<p>About us</p>", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"<h1>News</h1>" * 9])
def test_a_page_that_offers_nothing_is_no_listing(body: bytes) -> None:
    assert read_listing(URL, body) is None


def test_a_page_may_be_declared_a_listing() -> None:
    listing = read_listing(URL, b"<h1>Plate</h1>", is_listing=True)
    assert listing is not None
    assert listing.title == "Plate"


def test_links_are_absolute_and_distinct_and_leave_out_what_is_no_page() -> None:
    hrefs = ("/a", "b?page=2", "/a#top", "mailto:x@y.z", "javascript:void(0)", "http://[broken")
    rest = "".join(f'<a href="{href}">x</a>' for href in hrefs) + '<a rel="nofollow" href="/hidden">x</a>'
    assert find_links(URL, page_of(rest=rest)) == ["https://shop.example/a", "https://shop.example/items/b?page=2"]


def read(**product: Any) -> Listing:
    listing = read_listing(URL, page_of({**PRODUCT, **product}))
    assert listing is not None
    return listing


BROKEN = {
    "trailing commas": '{"@type": "Product", "name": "Vase", "image": ["a.jpg",],}',
    "comments": '{/* what */ "@type": "Product", // is\n "name": "Vase"}',
    "a comment around it": '<!-- {"@type": "Product", "name": "Vase"} -->',
    "control characters": '{"@type": "Product", "name": "Vase", "description": "a\tb\nc\x01"}',
    "CDATA": '/*<![CDATA[*/ {"@type": "Product", "name": "Vase"} /*]]>*/',
    "entities": "{&quot;@type&quot;:&quot;Product&quot;,&#34;name&#34;:&quot;Vase&quot;}",
    "a semicolon": '{"@type": "Product", "name": "Vase"} ;',
    "two values": '{"@type": "WebPage"}\n{"@type": "Product", "name": "Vase"}',
    "a byte order mark": '\ufeff{"@type": "Product", "name": "Vase"}',
}


@pytest.mark.parametrize("fault", BROKEN)
def test_json_that_is_not_quite_json_is_read(fault: str) -> None:
    listing = read_listing(URL, page_of(BROKEN[fault]))
    assert listing is not None and (listing.title, listing.read_by) == ("Vase", "json-ld")


VARIANTS = [
    {"@type": "Product", "name": "Vase, red", "image": "red.jpg", "offers": {"price": 30, "priceCurrency": "EUR"}},
    {"@type": "Product", "name": "Vase, blue", "image": "blue.jpg", "offers": {"price": 20, "priceCurrency": "EUR"}},
]


def test_a_group_is_one_listing_with_the_pictures_and_the_lowest_price_of_its_variants() -> None:
    group = {"@type": "ProductGroup", "name": "Vase", "image": "vase.jpg", "productGroupID": "v1"}
    apart = [{**variant, "inProductGroupWithID": "v1"} for variant in VARIANTS]
    for page in (page_of({**group, "hasVariant": VARIANTS}), page_of(group, *apart)):
        listing = read_listing(URL, page)
        assert listing is not None
        assert (listing.title, listing.price, listing.currency) == ("Vase", Decimal(20), "EUR")
        assert [url.rsplit("/", 1)[1] for url in listing.photo_urls] == ["vase.jpg", "red.jpg", "blue.jpg"]


OFFERS: list[tuple[Any, str | None, str | None]] = [
    ({"price": "5", "priceCurrency": "EUR"}, "5", "EUR"),
    ([{"price": 9, "priceCurrency": "EUR"}, {"price": 7, "priceCurrency": "EUR"}], "7", "EUR"),
    ([{"price": 9, "priceCurrency": "EUR"}, {"price": 7, "priceCurrency": "USD"}], "9", "EUR"),
    ({"@type": "AggregateOffer", "lowPrice": "3.50", "highPrice": 9, "priceCurrency": "GBP"}, "3.50", "GBP"),
    ({"@type": "AggregateOffer", "offers": [{"price": 4, "priceCurrency": "GBP"}]}, "4", "GBP"),
    ({"priceSpecification": {"price": "8", "priceCurrency": "NOK"}}, "8", "NOK"),
    ({"priceSpecification": [{"minPrice": "8", "priceCurrency": "NOK"}]}, "8", "NOK"),
    ({"priceCurrency": "NOK"}, None, "NOK"),
]


@pytest.mark.parametrize(("offers", "price", "currency"), OFFERS)
def test_offers_are_read_one_or_many(offers: Any, price: str | None, currency: str | None) -> None:
    listing = read(offers=offers)
    assert (listing.price, listing.currency) == (Decimal(price) if price else None, currency)


def test_an_offer_that_names_what_it_offers_is_a_listing() -> None:
    offer = {"@type": "Offer", "price": 5, "priceCurrency": "EUR", "itemOffered": {"@type": "Product", "name": "Vase"}}
    listing = read_listing(URL, page_of(offer))
    assert listing is not None and (listing.title, listing.price) == ("Vase", Decimal(5))


def test_of_several_products_the_one_that_is_named_like_the_page_counts() -> None:
    listing = read_listing(URL, page_of({**PRODUCT, "name": "Jug", "url": "/items/8"}, {**PRODUCT, "url": URL}))
    assert listing is not None and listing.title == "Vase"


def test_data_that_is_too_large_is_passed_over_and_the_page_is_read() -> None:
    huge = {**PRODUCT, "description": "x" * (1024**2 + 1)}
    listing = read_listing(URL, page_of(huge, rest='<meta property="og:type" content="product"><h1>Shown</h1>'))
    assert listing is not None and (listing.title, listing.read_by) == ("Shown", "html")


MICRODATA = """
<div itemscope itemtype="https://schema.org/Product">
  <h2 itemprop="name">Bowl</h2><p itemprop="description">Made of bone</p>
  <img itemprop="image" src="data:image/gif;base64,R0" data-src="/real.jpg">
  <div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
    <meta itemprop="priceCurrency" content="EUR"><span itemprop="price">12,50</span>
    <div itemprop="seller" itemscope itemtype="https://schema.org/Person"><b itemprop="name">Ann</b></div>
  </div>
</div>"""


def test_microdata_is_read() -> None:
    listing = read_listing(URL, page_of(rest=MICRODATA))
    assert listing is not None
    assert (listing.title, listing.description, listing.read_by) == ("Bowl", "Made of bone", "microdata")
    assert (listing.price, listing.currency, listing.seller) == (Decimal("12.50"), "EUR", "Ann")
    assert listing.photo_urls == ("https://shop.example/real.jpg",)


@pytest.mark.parametrize("rest", [MICRODATA * 2, "<div itemscope itemtype='http://schema.org/Product'>" * 5000])
def test_a_page_of_many_items_is_no_listing(rest: str) -> None:
    assert read_listing(URL, page_of(rest=rest)) is None


def test_a_bare_page_with_one_basket_is_a_listing() -> None:
    rest = '<h1>Old bowl</h1><p class="product-price">€ 9,00</p><form action="/cart/add"><button>Buy</button></form>'
    listing = read_listing(URL, page_of(rest=rest))
    assert listing is not None and (listing.title, listing.price, listing.read_by) == ("Old bowl", Decimal(9), "html")


PICTURES = {
    '<img src="a.jpg">': "a.jpg",
    '<img src="s.gif" data-src="/lazy.jpg">': "/lazy.jpg",
    '<img src="s.gif" data-zoom-image="/zoom.jpg" data-src="/lazy.jpg">': "/zoom.jpg",
    '<img src="s.jpg" srcset="m.jpg 1.5x, l.jpg 2x">': "l.jpg",
    '<img src="s.jpg" srcset="s.jpg 100w,m.jpg 900w,l.jpg 500w">': "m.jpg",
    '<img src="s.jpg" data-srcset="s.jpg 100w, m.jpg 900w">': "m.jpg",
    '<picture><source srcset="l.webp 1600w"><img src="s.jpg" srcset="m.jpg 800w"></picture>': "l.webp",
    '<noscript><img src="n.jpg"></noscript>': "n.jpg",
    '<a href="/full.jpg"><img src="thumb.jpg"></a>': "/full.jpg",
    '<img src="//cdn.example/c.jpg">': "https://cdn.example/c.jpg",
    '<img src="https://cdn.shopify.com/s/files/a_600x.jpg?v=1">': "https://cdn.shopify.com/s/files/a.jpg?v=1",
    '<img src="https://i.ebayimg.com/images/g/x/s-l300.jpg">': "https://i.ebayimg.com/images/g/x/s-l1600.jpg",
    '<div class="gallery"><span style="background-image: url(\'/b.jpg\')"></span></div>': "/b.jpg",
}


@pytest.mark.parametrize("markup", PICTURES)
def test_the_largest_of_a_pictures_sizes_is_found(markup: str) -> None:
    listing = read_listing(URL, f"<main><h1>Vase</h1>{markup}</main>".encode(), is_listing=True)
    assert listing is not None
    assert listing.photo_urls == (urljoin(URL, PICTURES[markup]),)


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="/logo.png">',
        '<img src="/t.gif" width="1" height="1">',
        '<img src="/drawing.svg">',
        '<img src="data:image/png;base64,AA">',
        '<img src="http://[broken">',
        "<img>",
        '<img srcset=", ,">',
    ],
)
def test_what_is_no_photo_is_left_out(markup: str) -> None:
    listing = read_listing(URL, f"<main><h1>Vase</h1>{markup}</main>".encode(), is_listing=True)
    assert listing is not None and listing.photo_urls == ()


def test_a_pages_base_counts_for_its_pictures() -> None:
    body = b'<head><base href="https://cdn.example/x/"></head><main><h1>V</h1><img src="a.jpg"></main>'
    listing = read_listing(URL, body, is_listing=True)
    assert listing is not None and listing.photo_urls == ("https://cdn.example/x/a.jpg",)


def test_a_gallery_adds_to_a_single_picture_and_other_offers_do_not() -> None:
    rest = (
        '<div class="product-gallery"><img src="/vase.jpg"><img src="/back.jpg"></div>'
        '<div class="related-products gallery"><img src="/other.jpg"></div>'
    )
    listing = read_listing(URL, page_of(PRODUCT, rest=rest))
    assert listing is not None
    assert listing.photo_urls == ("https://shop.example/vase.jpg", "https://shop.example/back.jpg")
