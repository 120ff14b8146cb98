"""A shop on Shopify: the list of products that each such shop offers to programs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from scanner.fetch import Fetched, FetchError, RefusedError
from scanner.markets.api import MAX_BYTES, ApiError, objects, plain_text, read_object, text
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.options import COMMON_OPTIONS, WEB_OPTIONS, read_options
from scanner.markets.pages import absolute
from scanner.markets.pictures import full_size
from scanner.markets.values import parse_amount, parse_country, parse_currency, parse_time, path_part
from scanner.records import Listing

PAGE_SIZE = 250
MOST_PAGES = 1000
NO_SHOPIFY = "if it is no Shopify shop, make it a source of kind shop."
_USED = """
title handle body_html published_at created_at vendor variants images
"""
_PASSED_OVER = """
id updated_at product_type tags options image template_suffix published_scope admin_graphql_api_id status
"""
KNOWN = frozenset((_USED + _PASSED_OVER).split())

OPTIONS = (
    Option("start_url", "Address of the shop", OptionKind.URL, "Any page of the shop.", is_required=True),
    Option(
        "collection",
        "Collection",
        help="Only this collection, by its name in the shop's addresses (/collections/NAME); empty for all products.",
    ),
    *WEB_OPTIONS,
    *COMMON_OPTIONS,
)


def crawl(context: Context) -> Iterator[Listing]:
    """Every product of the shop. Raises MarketError."""
    options = read_options(MARKET, context)
    start: str = options["start_url"]
    shop, seen = _about(context, start), set[str]()
    folder = f"/collections/{path_part(options['collection'])}" if options["collection"] else ""
    for number in range(1, MOST_PAGES + 1):
        address = urljoin(start, f"{folder}/products.json?limit={PAGE_SIZE}&page={number}")
        try:
            fetched = _fetch(context, address, is_first=number == 1)
        except MarketError as error:
            if number == 1:
                raise
            context.end_early(f"The crawl ended early. {error}")  # what the pages before offered is true
            return
        found = [item for item in _products(fetched, start) if _handle(item) not in seen]
        if not found:
            return
        seen.update(map(_handle, found))
        for item in found:
            context.audit("product", item, KNOWN)
            yield read_product(item, start, shop, fetched)


def _about(context: Context, start: str) -> dict[str, Any]:
    """What the shop says of itself: name, currency, country; nothing where it says nothing."""
    try:
        return read_object(context.fetcher.get(urljoin(start, "/meta.json"), MAX_BYTES), "The shop")
    except RefusedError:
        raise
    except FetchError:
        return {}


def _fetch(context: Context, address: str, is_first: bool) -> Fetched:
    try:
        return context.fetcher.get(address, MAX_BYTES)
    except RefusedError:
        raise
    except FetchError as error:
        hint = f"; {NO_SHOPIFY}" if is_first and error.status in (401, 403, 404) else "."
        raise MarketError(f"{address} could not be read: {str(error).rstrip('.')}{hint}") from error


def _products(fetched: Fetched, start: str) -> list[dict[str, Any]]:
    try:
        products = read_object(fetched, "The shop").get("products")
    except ApiError:
        products = None
    if not isinstance(products, list):
        raise MarketError(f"{start} does not answer as a Shopify shop does; {NO_SHOPIFY}")
    return [item for item in objects(products) if _handle(item)]


def _handle(item: dict[str, Any]) -> str:
    return text(item.get("handle"), 500)


def read_product(item: dict[str, Any], start: str, shop: dict[str, Any], fetched: Fetched) -> Listing:
    prices = [
        price
        for price in (parse_amount(each.get("price")) for each in objects(item.get("variants")))
        if price is not None
    ]
    lowest: Decimal | None = min(prices, default=None)
    return Listing(
        url=urljoin(start, f"/products/{path_part(_handle(item))}"),
        title=text(item.get("title"), 500),
        description=plain_text(item.get("body_html")),
        price=lowest,
        currency=parse_currency(shop.get("currency")),
        seller=text(shop.get("name"), 300) or text(item.get("vendor"), 300) or None,
        seller_url=urljoin(start, "/"),
        country=parse_country(shop.get("country")),
        posted_at=parse_time(item.get("published_at") or item.get("created_at")),
        photo_urls=_photos(item, start),
        read_by="api",
        answers=(fetched,),
    )


def _photos(item: dict[str, Any], start: str) -> tuple[str, ...]:
    named = (
        absolute(start, image["src"]) for image in objects(item.get("images")) if isinstance(image.get("src"), str)
    )
    return tuple(dict.fromkeys(full_size(address) for address in named if address))


MARKET = Market(
    "shopify",
    "Shopify shop",
    crawl,
    OPTIONS,
    help="A shop that runs on Shopify, read from the list of products that it offers to programs.",
)
