"""A listing out of a page: schema.org data first, og: tags next, then what the page shows."""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from extruct.jsonld import JsonLdExtractor
from selectolax.lexbor import LexborHTMLParser

from scanner.markets.values import parse_country, parse_currency, parse_price, parse_time
from scanner.records import Listing

MOST_PHOTOS = 20
MOST_TITLE = 500
MOST_DESCRIPTION = 20_000
MOST_URL = 2000
PRODUCT_TYPES = {"Product", "IndividualProduct", "ProductModel", "ProductGroup", "Vehicle", "Car"}
_SCRIPT = 'script[type="application/ld+json"]'
_SHOWN = "h1"
_PRICE = '[itemprop="price"]'

Thing = Mapping[str, Any]


def read_listing(url: str, body: bytes, is_listing: bool = False) -> Listing | None:
    """The listing on the page at `url`, None where the page offers nothing (or several things at once).

    is_listing: take the page as a listing even if nothing on it says so.
    """
    page = LexborHTMLParser(body)
    products = [thing for thing in _things(page) if _types(thing) & PRODUCT_TYPES]
    if len(products) == 1:
        return _from_product(url, products[0], page)
    if not products and (is_listing or _says_product(page)):
        return _from_page(url, page)
    return None


def find_links(url: str, body: bytes) -> list[str]:
    """Addresses that the page links to, absolute, without fragment, each once, in their order."""
    page = LexborHTMLParser(body)
    base = _base(url, page)
    hrefs = (node.attributes.get("href") or "" for node in page.css("a[href]") if not _is_nofollow(node.attributes))
    return list(dict.fromkeys(filter(None, (_absolute(base, href) for href in hrefs))))


def _is_nofollow(attributes: Mapping[str, str | None]) -> bool:
    return "nofollow" in (attributes.get("rel") or "").lower()


def _things(page: LexborHTMLParser) -> Iterator[Thing]:
    """What the page's JSON-LD speaks of at its top; a broken block is left out, the others count."""
    for script in page.css(_SCRIPT):
        for item in _parse_block(script.text()):
            yield from _unfold(item)


def _parse_block(text: str) -> list[Any]:
    try:
        return list(JsonLdExtractor().extract(f'<script type="application/ld+json">{text}</script>'))
    except (ValueError, RecursionError):
        return []


def _unfold(item: Any) -> Iterator[Thing]:
    if not isinstance(item, dict):
        return
    yield item
    for key in ("@graph", "mainEntity"):
        for inner in _as_list(item.get(key)):
            if isinstance(inner, dict):
                yield inner


def _types(thing: Thing) -> set[str]:
    return {str(name).rsplit("/", 1)[-1] for name in _as_list(thing.get("@type"))}


def _from_product(url: str, product: Thing, page: LexborHTMLParser) -> Listing:
    offer = _first_thing(product.get("offers"))
    seller = _first_thing(offer.get("seller")) or _first_thing(product.get("seller"))
    price = _first_thing(offer.get("priceSpecification"))
    base = _base(url, page)
    photos = [_absolute(base, text) for text in _image_texts(product.get("image"))]
    return Listing(
        url=url,
        title=_text(product.get("name"), MOST_TITLE) or _shown_title(page),
        description=_text(product.get("description"), MOST_DESCRIPTION) or _shown_description(page),
        price=_first(parse_price, offer.get("price"), offer.get("lowPrice"), price.get("price")),
        currency=_first(parse_currency, offer.get("priceCurrency"), price.get("priceCurrency")),
        seller=_text(seller.get("name"), 300) or None,
        seller_url=_absolute(base, str(seller.get("url") or "")),
        country=_first(parse_country, *_countries(offer, seller)),
        posted_at=_first(
            parse_time,
            *(product.get(key) for key in ("datePosted", "datePublished", "releaseDate")),
            *(offer.get(key) for key in ("availabilityStarts", "validFrom")),
        ),
        photo_urls=_distinct(photos) or _shown_photos(base, page),
    )


def _from_page(url: str, page: LexborHTMLParser) -> Listing:
    amount = _meta(page, "product:price:amount") or _meta(page, "og:price:amount") or _shown_price(page)
    currency = _meta(page, "product:price:currency") or _meta(page, "og:price:currency")
    return Listing(
        url=url,
        title=_shown_title(page),
        description=_shown_description(page),
        price=parse_price(amount),
        currency=parse_currency(currency),
        photo_urls=_shown_photos(_base(url, page), page),
    )


def _says_product(page: LexborHTMLParser) -> bool:
    return (
        "product" in _meta(page, "og:type").lower()
        or bool(_meta(page, "product:price:amount") or _meta(page, "og:price:amount"))
        or len(page.css(_PRICE)) == 1
    )


def _shown_title(page: LexborHTMLParser) -> str:
    heading = page.css_first(_SHOWN)
    return _text(_meta(page, "og:title") or (heading.text() if heading else ""), MOST_TITLE)


def _shown_description(page: LexborHTMLParser) -> str:
    return _text(_meta(page, "og:description") or _meta(page, "description"), MOST_DESCRIPTION)


def _shown_price(page: LexborHTMLParser) -> str:
    node = page.css_first(_PRICE)
    return (node.attributes.get("content") or node.text()) if node else ""


def _shown_photos(base: str, page: LexborHTMLParser) -> tuple[str, ...]:
    """og: pictures, or else those in the page's main part; lazy and responsive ones in their largest size."""
    tagged = [node.attributes.get("content") or "" for node in page.css('meta[property="og:image"]')]
    shown = [_largest(node.attributes) for node in page.css("main img, article img")] if not any(tagged) else []
    return _distinct(_absolute(base, text) for text in tagged + shown)


def _largest(attributes: Mapping[str, str | None]) -> str:
    for name in ("data-srcset", "srcset"):
        candidates = re.split(r",\s+", attributes.get(name) or "")  # an address may itself hold commas
        sized = [(_width(candidate), candidate.split()[0]) for candidate in candidates if candidate.strip()]
        if sized:
            return max(sized)[1]
    return attributes.get("data-src") or attributes.get("src") or ""


def _width(candidate: str) -> float:
    found = re.search(r"\s([\d.]+)[wx]$", candidate.strip())
    return float(found.group(1)) if found and found.group(1).count(".") < 2 else 1.0


def _meta(page: LexborHTMLParser, name: str) -> str:
    node = page.css_first(f'meta[property="{name}"], meta[name="{name}"]')
    return (node.attributes.get("content") or "").strip() if node else ""


def _countries(offer: Thing, seller: Thing) -> Iterator[Any]:
    for place in (seller, _first_thing(offer.get("availableAtOrFrom")), _first_thing(offer.get("offeredBy"))):
        country = _first_thing(place.get("address")).get("addressCountry")
        yield country.get("name") if isinstance(country, dict) else country


def _image_texts(value: Any) -> Iterator[str]:
    for image in _as_list(value):
        if isinstance(image, dict):
            image = next(filter(None, (image.get(key) for key in ("contentUrl", "url", "@id"))), "")
        yield from (text for text in _as_list(image) if isinstance(text, str))


def _first_thing(value: Any) -> Thing:
    if isinstance(value, str):
        return {"name": value}
    return next((thing for thing in _as_list(value) if isinstance(thing, dict)), {})


def _first(parse: Any, *values: Any) -> Any:
    return next((parsed for parsed in map(parse, values) if parsed is not None), None)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any, most: int) -> str:
    return " ".join(unescape(str(value)).split())[:most] if isinstance(value, str | int | float) else ""


def _base(url: str, page: LexborHTMLParser) -> str:
    node = page.css_first("base[href]")
    return _absolute(url, (node.attributes.get("href") or "") if node else "") or url


def _absolute(base: str, text: str) -> str | None:
    """The http address that `text` means on that page, None for data:, javascript: and what can't be read."""
    try:
        address = urljoin(base, text.strip()).split("#")[0] if text.strip() else ""
        is_web = urlsplit(address).scheme in ("http", "https") and bool(urlsplit(address).hostname)
    except ValueError:
        return None
    return address if is_web and len(address) <= MOST_URL else None


def _distinct(addresses: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, addresses)))[:MOST_PHOTOS]
