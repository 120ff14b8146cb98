"""What real shops write, and what nobody should have to wait for."""

import json
import time
from decimal import Decimal

import pytest

from scanner.markets.jsonld import parse_block
from scanner.markets.merchant import read_table
from scanner.markets.microdata import read_items
from scanner.markets.pages import Page, absolute
from scanner.markets.products import read_listing
from scanner.markets.values import parse_amount

URL = "http://shop.example/item/1"
PATIENCE_S = 10.0  # the same took hours


def block(*things: object) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(thing)}</script>' for thing in things)


def product(name: str = "Carved figure", **more: object) -> dict[str, object]:
    return {"@type": "Product", "name": name, **more}


def read(html: str):  # type: ignore[no-untyped-def]
    return read_listing(URL, html.encode())


@pytest.mark.parametrize("filler", ["\n", " ", "\t", "\r\n", "//", "-->", "]]>", "/*"])
def test_a_million_letters_between_braces_take_no_time(filler: str) -> None:
    began_at = time.monotonic()
    assert parse_block("{" + filler * (900_000 // len(filler)) + "x") == []
    assert time.monotonic() - began_at < PATIENCE_S


@pytest.mark.parametrize(
    "wrapped",
    ["//<![CDATA[\n{}\n//]]>", "/*<![CDATA[*/{}/*]]>*/", "<!--\n{}\n-->", "<![CDATA[{}]]>", "// <!--\n{}\n// -->"],
)
def test_what_once_hid_scripts_is_taken_off(wrapped: str) -> None:
    assert parse_block(wrapped.replace("{}", '{"name": "a"}')) == [{"name": "a"}]


def test_markup_that_refers_to_itself_a_thousand_times_is_passed_over() -> None:
    began_at = time.monotonic()
    properties = "".join('<b itemprop="name">a</b>' for _ in range(1000))
    html = f'<div itemscope itemtype="http://schema.org/Product" itemref="{"x " * 1000}"></div><div id="x">{properties}'
    refs = html + '<p itemref="x">' * 60
    assert read_items(Page(URL, refs.encode())) == []
    deep = '<div itemscope itemtype="http://schema.org/Product">' + '<div itemprop="a">' * 100 + "text " * 100_000
    assert read_items(Page(URL, deep.encode())) == []
    assert time.monotonic() - began_at < PATIENCE_S


def test_two_programs_of_a_shop_that_describe_one_product_are_one_listing() -> None:
    theme = product(image="/a.jpg", offers={"price": "5", "priceCurrency": "EUR"})
    reviews = product(aggregateRating={"ratingValue": 4}, description="What buyers say")
    listing = read(block(theme, reviews))
    assert (listing.title, listing.price, listing.description) == ("Carved figure", 5, "What buyers say")
    assert listing.photo_urls == ("http://shop.example/a.jpg",)


def test_of_several_products_the_one_of_the_heading_counts() -> None:
    listing = read(block(product("Vase"), product("Box")) + "<h1>Box</h1>")
    assert listing.title == "Box"


def test_of_several_products_without_a_name_of_the_page_nothing_is_taken_unless_the_tags_say_so() -> None:
    several = block(product("Vase"), product("Box"))
    assert read(several) is None
    tags = '<meta property="og:type" content="product"><meta property="og:title" content="A chair">'
    assert read(tags + several).title == "A chair"


@pytest.mark.parametrize(
    "text", ["/img/ivory carving 1.jpg", " /img/ivory carving 1.jpg\n", "/img/ivory\n carving\t 1.jpg"]
)
def test_addresses_are_read_as_browsers_do(text: str) -> None:
    assert absolute(URL, text) == "http://shop.example/img/ivory%20carving%201.jpg"


def test_keys_of_pictures_are_read_in_any_case() -> None:
    listing = read(block(product(image={"@type": "ImageObject", "contentURL": "/big.jpg"})))
    assert listing.photo_urls == ("http://shop.example/big.jpg",)


def test_the_theme_s_classes_of_the_body_hide_no_gallery() -> None:
    pictures = "".join(f'<div class="product-gallery__image"><img src="/{n}.jpg"></div>' for n in range(3))
    html = f'<body class="ast-header-break-point nav-dropdown-has-arrow">{block(product(image="/0.jpg"))}{pictures}'
    assert len(read(html).photo_urls) == 3


def test_pictures_of_the_site_s_header_are_left_out() -> None:
    header = '<div class="site-header"><div class="slider"><img src="/banner.jpg"></div></div>'
    html = header + block(product(image="/0.jpg"))
    assert read(html).photo_urls == ("http://shop.example/0.jpg",)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("19.000", "19"),
        ("12.500", "12.5"),
        ("1,234.50", "1234.5"),
        ("1.234,50 €", "1234.5"),
        (5, "5"),
        ("450.000 ₫", "450000"),
    ],
)
def test_numbers_for_programs_have_a_decimal_point(value: object, amount: str) -> None:
    assert parse_amount(value) == Decimal(amount)


def test_an_inch_mark_in_a_table_of_tabs_swallows_no_line() -> None:
    table = 'id\ttitle\tlink\n1\tTusk, 12" long\thttp://a/1\n2\t"A ""fine"" box"\thttp://a/2\n'
    rows = list(read_table(table.encode()))
    assert [row["title"] for row in rows] == [['Tusk, 12" long'], ['A "fine" box']]


def test_a_page_that_is_a_comment_alone_has_no_items() -> None:
    assert read_items(Page(URL, b"<!-- itemscope schema.org")) == []
