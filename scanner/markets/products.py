"""A listing out of a page: schema.org data first, og: tags next, then what the page shows."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from html import unescape
from typing import Any

from scanner.markets.jsonld import Thing, read_things
from scanner.markets.microdata import read_items
from scanner.markets.pages import Page, absolute, attribute
from scanner.markets.pictures import (
    MOST_PHOTOS,
    distinct,
    gallery_pictures,
    marked_pictures,
    shown_pictures,
    tagged_pictures,
)
from scanner.markets.values import parse_amount, parse_country, parse_currency, parse_time
from scanner.records import Listing

__all__ = ["MOST_PHOTOS", "find_links", "read_listing", "read_page"]

MOST_TITLE = 500
MOST_DESCRIPTION = 20_000
MOST_SELLER = 300
MOST_OFFERS = 500
GROUP_TYPE = "ProductGroup"
PRODUCT_TYPES = {"Product", "IndividualProduct", "ProductModel", GROUP_TYPE, "SomeProducts", "Vehicle", "Car"}
_PRICE = '[itemprop="price"]'
_PRICE_CLASS = "main .price, article .price, .product-price, #price"
_BASKET = 'form[action*="cart/add"], form[class*="add-to-cart"], button[name="add-to-cart"], [id="add-to-cart"]'


def read_listing(url: str, body: bytes, is_listing: bool = False, content_type: str = "") -> Listing | None:
    """The listing on the page at `url`, None where the page offers nothing (or several things at once).

    is_listing: take the page as a listing even if nothing on it says so.
    """
    return read_page(Page(url, body, content_type), is_listing)


def find_links(url: str, body: bytes) -> list[str]:
    """Addresses that the page links to, absolute, without fragment, each once, in their order."""
    return Page(url, body).links()


def read_page(page: Page, is_listing: bool = False) -> Listing | None:
    """As read_listing; `read_by` of the listing says what it was read from."""
    for way, things in (("json-ld", read_things), ("microdata", read_items)):
        products = [thing for thing in things(page) if types_of(thing) & PRODUCT_TYPES]
        product = _choose(products, page, way)
        if product is not None:
            return replace(_from_product(page, product, way == "microdata"), read_by=way)
        if products and "product" not in page.meta("og:type").lower():
            return None
    if _says_product(page):
        return replace(_from_tags(page), read_by="open-graph" if page.meta("og:title") else "html")
    return replace(_from_tags(page), read_by="html") if is_listing else None


def types_of(thing: Thing) -> set[str]:
    names = (str(name) for name in as_list(thing.get("@type")))
    return {name.rsplit("/", 1)[-1].rsplit(":", 1)[-1].rsplit("#", 1)[-1] for name in names}


def _choose(products: list[Thing], page: Page, way: str) -> Thing | None:
    """What the page is about, where it speaks of several things: the group, or the one that is named like the page."""
    groups = [product for product in products if GROUP_TYPE in types_of(product)]
    if len(groups) == 1:
        return _joined(groups[0], [product for product in products if _is_variant(product, groups[0])])
    own = {page.url, page.canonical}
    named = [product for product in products if own & {absolute(page.base, text) for text in _names(product)}]
    titled = [product for product in products if _title_of(product) in _headings(page)]
    return next((one for some in (products, named, titled) if (one := _only(some, way))), None)


def _only(products: list[Thing], way: str) -> Thing | None:
    """The one product, also where two programs of the shop describe it in a block each (markup is one program's)."""
    if len(products) == 1:
        return products[0]
    is_one = way == "json-ld" and len({_title_of(product) for product in products}) == 1
    return _joined(products[0], products[1:]) if is_one else None


def _title_of(product: Thing) -> str:
    return text_of(product.get("name"), MOST_TITLE).casefold()


def _headings(page: Page) -> set[str]:
    heading = page.tree.css_first("h1")
    texts = (page.meta("og:title"), heading.text() if heading else "")
    return {text_of(text, MOST_TITLE).casefold() for text in texts if text}


def _names(product: Thing) -> Iterator[str]:
    yield from (
        text for key in ("url", "@id", "mainEntityOfPage") for text in as_list(product.get(key)) if _is_text(text)
    )


def _is_variant(product: Thing, group: Thing) -> bool:
    ids = {str(group[key]) for key in ("@id", "productGroupID", "url") if group.get(key)}
    pointers = [product.get("inProductGroupWithID"), first_thing(product.get("isVariantOf")).get("@id")]
    pointers += [first_thing(product.get("isVariantOf")).get("productGroupID"), product.get("isVariantOf")]
    return any(isinstance(pointer, str) and pointer in ids for pointer in pointers)


def _joined(group: Thing, others: list[Thing]) -> Thing:
    """The group with the pictures and the offers of its variants."""
    variants = [thing for thing in as_list(group.get("hasVariant")) if isinstance(thing, dict)] + others
    first = variants[0] if variants else {}
    together = {
        key: [value for thing in (group, *variants) for value in as_list(thing.get(key))] for key in ("image", "offers")
    }
    return {**first, **{key: value for key, value in group.items() if value}, **together}


def _from_product(page: Page, product: Thing, is_markup: bool) -> Listing:
    offers = list(_offers(product.get("offers")))
    price, currency = _cheapest(offers)
    seller = _seller(product, offers)
    return Listing(
        url=page.url,
        title=text_of(product.get("name"), MOST_TITLE) or _shown_title(page),
        description=text_of(product.get("description"), MOST_DESCRIPTION) or _shown_description(page),
        price=price if price is not None else parse_amount(_tagged_price(page)),
        currency=currency or parse_currency(_tagged_currency(page)),
        seller=text_of(seller.get("name"), MOST_SELLER) or None,
        seller_url=absolute(page.base, str(seller.get("url") or "")),
        country=_first(parse_country, *_countries(offers, seller)),
        posted_at=_first(
            parse_time,
            *(product.get(key) for key in ("datePosted", "datePublished", "releaseDate")),
            *(offer.get(key) for offer in offers for key in ("availabilityStarts", "validFrom")),
        ),
        photo_urls=_photos(page, product, is_markup),
    )


def _photos(page: Page, product: Thing, is_markup: bool) -> tuple[str, ...]:
    named = distinct(absolute(page.base, text) for text in _image_texts(product.get("image")))
    marked = marked_pictures(page) if is_markup else ()
    if len(named) > 1 or len(marked) > 1:
        return marked or named
    more = gallery_pictures(page)
    found = distinct([*(marked or named), *more])
    return found or tagged_pictures(page) or shown_pictures(page)


def _offers(value: Any, depth: int = 0) -> Iterator[Thing]:
    """Each single offer; one that sums up others comes after those."""
    for offer in as_list(value)[:MOST_OFFERS]:
        if isinstance(offer, dict):
            if depth < 3:
                yield from _offers(offer.get("offers"), depth + 1)
            yield offer


def _cheapest(offers: list[Thing]) -> tuple[Decimal | None, str | None]:
    """The lowest price in the currency of the first price."""
    priced = [(price, currency) for price, currency in map(_priced, offers) if price is not None]
    if not priced:
        return None, next((currency for _, currency in map(_priced, offers) if currency), None)
    currency = priced[0][1]
    return min(price for price, other in priced if other == currency), currency


def _priced(offer: Thing) -> tuple[Decimal | None, str | None]:
    detail = first_thing(offer.get("priceSpecification"))
    amounts = (offer.get("price"), offer.get("lowPrice"), detail.get("price"), detail.get("minPrice"))
    currencies = (offer.get("priceCurrency"), detail.get("priceCurrency"))
    return _first(parse_amount, *amounts), _first(parse_currency, *currencies)


def _seller(product: Thing, offers: list[Thing]) -> Thing:
    candidates = [offer.get(key) for offer in offers for key in ("seller", "offeredBy")]
    return next(filter(None, map(first_thing, [*candidates, product.get("seller")])), {})


def _countries(offers: list[Thing], seller: Thing) -> Iterator[Any]:
    places = [seller, *(first_thing(offer.get(key)) for offer in offers for key in ("availableAtOrFrom", "offeredBy"))]
    for place in places:
        country = first_thing(place.get("address")).get("addressCountry")
        yield country.get("name") if isinstance(country, dict) else country


def _from_tags(page: Page) -> Listing:
    return Listing(
        url=page.url,
        title=_shown_title(page),
        description=_shown_description(page),
        price=parse_amount(_tagged_price(page) or _shown_price(page)),
        currency=parse_currency(_tagged_currency(page)),
        photo_urls=tagged_pictures(page) or marked_pictures(page) or shown_pictures(page),
    )


def _says_product(page: Page) -> bool:
    if "product" in page.meta("og:type").lower() or _tagged_price(page) or len(page.tree.css(_PRICE)) == 1:
        return True
    return len(page.tree.css("h1")) == 1 and len(page.tree.css(_BASKET)) == 1


def _tagged_price(page: Page) -> str:
    return page.meta("product:price:amount") or page.meta("og:price:amount")


def _tagged_currency(page: Page) -> str:
    return page.meta("product:price:currency") or page.meta("og:price:currency") or _shown_currency(page)


def _shown_currency(page: Page) -> str:
    node = page.tree.css_first('[itemprop="priceCurrency"]')
    return attribute(node, "content") or (node.text() if node else "")


def _shown_title(page: Page) -> str:
    heading = page.tree.css_first("h1") or page.tree.css_first("title")
    return text_of(page.meta("og:title") or (heading.text() if heading else ""), MOST_TITLE)


def _shown_description(page: Page) -> str:
    node = page.tree.css_first('[itemprop="description"]')
    told = page.meta("og:description") or (node.text(separator=" ") if node else "") or page.meta("description")
    return text_of(told, MOST_DESCRIPTION)


def _shown_price(page: Page) -> str:
    node = page.tree.css_first(_PRICE) or page.tree.css_first(_PRICE_CLASS)
    return (attribute(node, "content") or node.text()) if node else ""


def _image_texts(value: Any, depth: int = 0) -> Iterator[str]:
    for image in as_list(value)[:MOST_OFFERS]:
        if isinstance(image, dict) and depth < 3:
            told = {str(key).lower(): value for key, value in image.items()}
            named = next(filter(None, (told.get(key) for key in ("contenturl", "url", "@id", "src", "image"))), "")
            yield from _image_texts(named, depth + 1)
        elif isinstance(image, list) and depth < 3:
            yield from _image_texts(image, depth + 1)
        elif isinstance(image, str):
            yield image


def first_thing(value: Any) -> Thing:
    if isinstance(value, str):
        return {"name": value}
    return next((thing for thing in as_list(value) if isinstance(thing, dict)), {})


def _first(parse: Any, *values: Any) -> Any:
    flat: Iterable[Any] = (inner for value in values for inner in as_list(value))
    return next((parsed for parsed in map(parse, flat) if parsed is not None), None)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def text_of(value: Any, most: int) -> str:
    """The words in a value of JSON, of a list its first; spaces made one, half letters left out."""
    value = value[0] if isinstance(value, list) and value else value
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    words = " ".join(unescape(str(value)[: 4 * most]).split())
    return words.encode("utf-8", "ignore").decode().replace("\0", "")[:most]
