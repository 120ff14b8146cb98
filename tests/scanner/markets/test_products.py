import json
from decimal import Decimal
from typing import Any

import pytest

from scanner.markets.products import MOST_PHOTOS, find_links, read_listing

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
