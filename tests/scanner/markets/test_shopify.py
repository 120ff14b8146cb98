from decimal import Decimal
from typing import Any

import pytest

from scanner.markets import shopify
from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.records import Listing
from tests.scanner.markets.fakes import Answer, Call, FakeFetcher, context_on, refusal

START = "https://shop.example/pages/about"


def product(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "title": f"Box {number}",
        "handle": f"box-{number}",
        "body_html": "<p>Inlaid,&nbsp;<b>old</b></p>",
        "published_at": "2026-10-31T09:00:00+01:00",
        "vendor": "A maker",
        "variants": [{"price": "30.00"}, {"price": "25.50"}, {"price": None}],
        "images": [
            {"src": "https://cdn.shopify.com/s/files/1/a_300x300.jpg?v=1"},
            {"src": "//cdn.shopify.com/s/files/1/b.jpg"},
        ],
    }


class Shop:
    def __init__(self, count: int, page_size: int = 250, meta: Answer | None = None) -> None:
        self.count = count
        self.page_size = page_size
        self.meta: Answer = meta or refusal(404)

    def __call__(self, call: Call) -> Answer:
        if call.path == "/meta.json":
            return self.meta
        begin = (int(call.query["page"]) - 1) * self.page_size
        return {"products": [product(n) for n in range(begin, min(begin + self.page_size, self.count))]}


def context_of(answer: Any, **options: Any) -> tuple[Context, FakeFetcher]:
    fetcher = FakeFetcher(answer)
    return context_on(fetcher, start_url=START, **options), fetcher


def crawled(context: Context) -> list[Listing]:
    return list(crawl(shopify.MARKET, context))


def test_a_product_gives_every_field() -> None:
    context, _ = context_of(Shop(1, meta={"name": "Ann's", "currency": "EUR", "country": "NL"}))
    (listing,) = crawled(context)
    assert (listing.url, listing.title) == ("https://shop.example/products/box-0", "Box 0")
    assert (listing.description, listing.price, listing.currency) == ("Inlaid, old", Decimal("25.50"), "EUR")
    assert (listing.seller, listing.country, listing.read_by) == ("Ann's", "NL", "api")
    assert listing.posted_at is not None and listing.posted_at.hour == 8
    assert listing.photo_urls == (
        "https://cdn.shopify.com/s/files/1/a.jpg?v=1",
        "https://cdn.shopify.com/s/files/1/b.jpg",
    )
    assert context.unknown_keys == set()


@pytest.mark.parametrize("page_size", [250, 30])
def test_pages_are_asked_for_until_one_is_empty_whatever_size_the_shop_allows(page_size: int) -> None:
    context, fetcher = context_of(Shop(70, page_size))
    assert len(crawled(context)) == 70
    assert fetcher.calls[1].query == {"limit": "250", "page": "1"}


def test_a_shop_that_gives_the_same_page_for_ever_ends() -> None:
    context, fetcher = context_of(lambda _: {"products": [product(1)]})
    assert (len(crawled(context)), len(fetcher.calls)) == (1, 3)


def test_a_collection_is_read_alone() -> None:
    context, fetcher = context_of(Shop(1), collection="old things")
    crawled(context)
    assert fetcher.calls[1].path == "/collections/old%20things/products.json"


@pytest.mark.parametrize("answer", [b"<html>Not found", {"items": []}, [], refusal(404), refusal(403)])
def test_what_is_no_shopify_shop_is_said_with_what_to_do(answer: Answer) -> None:
    with pytest.raises(MarketError, match="if it is no Shopify shop, make it a source of kind shop"):
        crawled(context_of(lambda _: answer)[0])


def test_a_later_page_that_can_not_be_read_ends_the_crawl_as_partial() -> None:
    shop = Shop(300)
    context, _ = context_of(lambda call: refusal(400) if call.query.get("page") == "2" else shop(call))
    assert len(crawled(context)) == 250
    assert context.cut_short is not None
    assert "page=2 could not be read" in context.cut_short


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, [None, 5, [[]], {"src": 5, "price": []}]])
def test_odd_values_in_a_product_are_left_out(odd: Any) -> None:
    fields = ("title", "body_html", "variants", "images", "vendor", "published_at")
    item = {**product(1), **dict.fromkeys(fields, odd)}
    context, _ = context_of(lambda call: {"products": [item] if call.query.get("page") == "1" else []})
    (listing,) = crawled(context)
    assert (listing.price, listing.photo_urls) == (None, ())


def test_half_a_letter_in_an_address_costs_that_letter_alone() -> None:
    item = {**product(1), "handle": "box\ud800"}
    context, _ = context_of(lambda call: {"products": [item] if call.query.get("page") == "1" else []})
    (listing,) = crawled(context)
    assert listing.url == "https://shop.example/products/box%3F"
