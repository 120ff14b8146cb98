"""Etsy, through its Open API v3: https://developers.etsy.com/documentation/reference"""

from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import Any

from scanner.fetch import Fetched, FetchError
from scanner.markets.api import Api, dig, from_epoch, objects, read_object, refuse, text
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.options import COMMON_OPTIONS, WEB_OPTIONS, read_options, read_secret
from scanner.markets.values import MOST, parse_country, parse_currency
from scanner.records import Listing

NAME = "Etsy"
API_URL = "https://openapi.etsy.com"
PAGE_SIZE = 100
MOST_OFFSET = 12_000  # the API pages no further
INCLUDES = "Images,Shop"
_USED = """
listing_id title description url price images shop creation_timestamp original_creation_timestamp
created_timestamp
"""
_PASSED_OVER = """
user_id shop_id state ending_timestamp last_modified_timestamp updated_timestamp state_timestamp quantity
shop_section_id featured_rank num_favorers non_taxable is_taxable is_customizable is_personalizable
personalization_is_required personalization_char_count_max personalization_instructions listing_type tags
materials shipping_profile_id return_policy_id processing_min processing_max who_made when_made is_supply
item_weight item_weight_unit item_length item_width item_height item_dimensions_unit is_private style
file_data has_variations should_auto_renew language taxonomy_id readiness_state_id suggested_title views skus
videos inventory production_partners translations shipping_profile user buyer_price
"""
KNOWN = frozenset((_USED + _PASSED_OVER).split())

OPTIONS = (
    Option("words", "Words to search", help="Several searches are parted by semicolons.", is_required=True),
    Option(
        "api_key",
        "API key",
        OptionKind.SECRET,
        "The variable that holds what Etsy wants in x-api-key (keystring, or keystring:secret), as env:NAME.",
        is_required=True,
    ),
    Option("calls_a_day", "Calls a day", OptionKind.NUMBER, "How many calls Etsy grants your key.", default=5000),
    Option(
        "calls_a_second",
        "Calls a second",
        OptionKind.NUMBER,
        "How many calls Etsy grants your key a second.",
        default=5,
    ),
    Option("api_url", "Address of the API", OptionKind.URL, default=API_URL),
    *WEB_OPTIONS,
    *COMMON_OPTIONS,
)


def crawl(context: Context) -> Iterator[Listing]:
    """Every active listing that the searches find. Raises MarketError; BudgetError where the calls are used up."""
    options = read_options(MARKET, context)
    search = _Search(context, options)
    for words in filter(None, map(str.strip, options["words"].split(";"))):
        yield from search.find(words)


class _Search:
    def __init__(self, context: Context, options: dict[str, Any]) -> None:
        self._context = context
        self._base = f"{options['api_url'].rstrip('/')}/v3/application/listings"
        self._key = read_secret(options["api_key"])
        account = f"etsy {self._key.partition(':')[0]}"
        self._api = Api(context, NAME, account, options["calls_a_day"], options["calls_a_second"])
        self._expected = 0

    def find(self, words: str) -> Iterator[Listing]:
        offset, total = 0, 1
        while offset < min(total, MOST_OFFSET):
            params = {"keywords": words, "limit": PAGE_SIZE, "offset": offset, "includes": INCLUDES}
            fetched = self._get("/active", params)
            answer = read_object(fetched, NAME)
            total = self._total(answer, words, offset)
            found = objects(answer.get("results"))
            if not found:
                return
            yield from self._listings(found, fetched)
            offset += PAGE_SIZE

    def _total(self, answer: dict[str, Any], words: str, offset: int) -> int:
        total = answer.get("count")
        if not isinstance(total, int):
            raise MarketError(
                "Etsy answered in a shape that we do not know: it did not say how many listings there are."
            )
        if offset == 0:
            self._expected += min(total, MOST_OFFSET)
            self._context.expect(self._expected)
            if total > MOST_OFFSET:
                self._context.end_early(
                    f"Etsy finds {total} listings for “{words}” and shows {MOST_OFFSET}; search in narrower words."
                )
        return total

    def _listings(self, found: list[dict[str, Any]], fetched: Fetched) -> Iterator[Listing]:
        detailed = found
        answers: tuple[Fetched, ...] = (fetched,)
        if not any("images" in item for item in found):
            batch = self._get("/batch", {"listing_ids": _ids(found), "includes": INCLUDES})
            more = {_id(item): item for item in objects(read_object(batch, NAME).get("results"))}
            detailed, answers = [{**item, **more.get(_id(item), {})} for item in found], (fetched, batch)
        for item in detailed:
            self._context.audit("listing", item, KNOWN)
            listing = read_item(item, answers)
            if listing is not None:
                yield listing

    def _get(self, path: str, params: dict[str, Any]) -> Fetched:
        try:
            return self._api.get(self._base + path, params, {"x-api-key": self._key, "Accept": "application/json"})
        except FetchError as error:
            raise refuse(error, NAME, ("error_description",), ("error",)) from error


def _ids(found: list[dict[str, Any]]) -> str:
    return ",".join(str(number) for item in found if (number := _id(item)) is not None)


def _id(item: dict[str, Any]) -> int | None:
    number = item.get("listing_id")
    return number if isinstance(number, int) else None


def read_item(item: dict[str, Any], answers: tuple[Fetched, ...]) -> Listing | None:
    """The listing in a result of the API; None where it has no address. Etsy writes & and the like as in HTML."""
    url = text(item.get("url"), 2000).partition("?")[0]
    if not url.startswith(("http://", "https://")):
        return None
    shop = item.get("shop")
    created = item.get("original_creation_timestamp") or item.get("created_timestamp") or item.get("creation_timestamp")
    return Listing(
        url=url,
        title=unescape(text(item.get("title"), 500)),
        description=unescape(text(item.get("description"))),
        price=_price(item.get("price")),
        currency=parse_currency(dig(item, "price", "currency_code")),
        seller=text(dig(shop, "shop_name"), 300) or None,
        seller_url=text(dig(shop, "url"), 2000).partition("?")[0] or None,
        country=parse_country(dig(shop, "shop_location_country_iso") or dig(shop, "shipping_from_country_iso")),
        posted_at=from_epoch(created),
        photo_urls=_photos(item),
        read_by="api",
        answers=answers,
    )


def _price(price: Any) -> Decimal | None:
    amount, divisor = dig(price, "amount"), dig(price, "divisor")
    if not isinstance(amount, int) or not isinstance(divisor, int) or divisor <= 0 or not 0 <= amount < MOST:
        return None
    return Decimal(amount) / divisor


def _photos(item: dict[str, Any]) -> tuple[str, ...]:
    images = sorted(objects(item.get("images")), key=lambda image: _rank(image.get("rank")))
    found = (image.get("url_fullxfull") or image.get("url_570xN") for image in images)
    return tuple(dict.fromkeys(url for url in found if isinstance(url, str) and url.startswith("http")))


def _rank(value: Any) -> int:
    return value if isinstance(value, int) else 0


MARKET = Market("etsy", "Etsy", crawl, OPTIONS, help="Searches of Etsy through its Open API, with a key of your own.")
