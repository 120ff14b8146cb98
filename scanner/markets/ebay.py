"""eBay, through its Browse API: https://developer.ebay.com/api-docs/buy/browse/overview.html"""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from scanner.fetch import Fetched, FetchError, RefusedError
from scanner.markets.api import Api, dig, objects, plain_text, read_object, refuse, text
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.options import COMMON_OPTIONS, WEB_OPTIONS, read_options, read_secret
from scanner.markets.pictures import full_size
from scanner.markets.tallies import Tally
from scanner.markets.values import parse_country, parse_currency, parse_price, parse_time, path_part
from scanner.records import Listing

NAME = "eBay"
API_URL = "https://api.ebay.com"
SCOPE = "https://api.ebay.com/oauth/api_scope"
PAGE_SIZE = 200
MOST_FOUND = 10_000  # the API pages no further
EARLY_S = 60  # a token is renewed so long before it runs out
LONGEST_S = 24 * 3600  # that a token is used, whatever is said of it
_COUNTRIES = "US GB DE AU CA FR IT ES NL BE AT CH IE PL HK SG MY PH TW TH VN IN"
MARKETPLACES = tuple(f"EBAY_{code}" for code in _COUNTRIES.split())
_USED = """
itemId title shortDescription description price currentBidPrice image additionalImages thumbnailImages seller
itemLocation itemWebUrl itemCreationDate itemOriginDate
"""
_PASSED_OVER = """
itemHref itemAffiliateWebUrl legacyItemId leafCategoryIds categories categoryId categoryIdPath categoryPath
condition conditionId conditionDescription conditionDescriptors buyingOptions bidCount watchCount itemEndDate
itemGroupHref itemGroupType shippingOptions shipToLocations pickupOptions marketingPrice unitPrice
unitPricingMeasure energyEfficiencyClass epid compatibilityMatch compatibilityProperties
distanceFromPickupLocation qualifiedPrograms adultOnly availableCoupons topRatedBuyingExperience
priorityListing listingMarketplaceId tyreLabelImageUrl priceDisplayCondition localizedAspects brand color
material pattern size mpn gtin estimatedAvailabilities returnTerms taxes product primaryProductReviewRating
primaryItemGroup quantityLimitPerBuyer sellerItemRevision immediatePay enabledForGuestCheckout
eligibleForInlineCheckout lotSize uniqueBidderCount minimumPriceToBid reservePriceMet addonServices
authenticityGuarantee authenticityVerification paymentMethods inferredEpid ageGroup gender sizeSystem sizeType
eekCategory repairScore hazardousMaterialsLabels warnings subtitle relatedItems tradeIn charityTerms
manufacturer productSafetyLabels responsiblePersons
"""
_OF_SELLERS = "username userId feedbackPercentage feedbackScore sellerAccountType sellerLegalInfo"
KNOWN_ITEM = frozenset((_USED + _PASSED_OVER).split())
KNOWN_SELLER = frozenset(_OF_SELLERS.split())

OPTIONS = (
    Option("words", "Words to search", help="Several searches are parted by semicolons.", is_required=True),
    Option(
        "client_id",
        "Client id",
        OptionKind.SECRET,
        "The variable that holds the id of your application with eBay, as env:NAME.",
        is_required=True,
    ),
    Option(
        "client_secret",
        "Client secret",
        OptionKind.SECRET,
        "The variable that holds its secret, as env:NAME.",
        is_required=True,
    ),
    Option("marketplace", "Marketplace", OptionKind.CHOICE, default="EBAY_US", choices=MARKETPLACES),
    Option("categories", "Categories", help="Numbers of eBay's categories, parted by commas; empty for all."),
    Option(
        "details",
        "Read each item",
        OptionKind.CHOICE,
        "Whether each item is asked for too: its whole description and further pictures, at one call each.",
        default="no",
        choices=("no", "yes"),
    ),
    Option(
        "calls_a_day", "Calls a day", OptionKind.NUMBER, "How many calls eBay grants your application.", default=5000
    ),
    Option("api_url", "Address of the API", OptionKind.URL, "Another for eBay's sandbox.", default=API_URL),
    *WEB_OPTIONS,
    *COMMON_OPTIONS,
)

ERRORS: tuple[tuple[str | int, ...], ...] = (
    ("errors", 0, "longMessage"),
    ("errors", 0, "message"),
    ("error_description",),
)


def crawl(context: Context) -> Iterator[Listing]:
    """Every item that the searches find. Raises MarketError; BudgetError where the day's calls are used up."""
    search = _Search(context, read_options(MARKET, context))
    try:
        for words in filter(None, map(str.strip, search.options["words"].split(";"))):
            yield from search.find(words)
    finally:
        search.tally.tell(context)


class Token:
    """The application's token (client credentials), asked for when it is first needed and when it ran out."""

    def __init__(
        self, context: Context, url: str, client: str, secret: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._context = context
        self._url = url
        self._basic = b64encode(f"{client}:{secret}".encode()).decode()
        self._clock = clock
        self._value = ""
        self._until = 0.0

    def forget(self) -> None:
        self._value = ""

    @property
    def value(self) -> str:
        """Raises MarketError."""
        if not self._value or self._clock() >= self._until:
            self._renew()
        return self._value

    def _renew(self) -> None:
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        try:
            fetched = self._context.fetcher.post_form(
                self._url, form, headers={"Authorization": f"Basic {self._basic}"}
            )
            answer = read_object(fetched, NAME)
        except FetchError as error:
            raise refuse(error, "eBay's token service", *ERRORS) from error
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise MarketError("eBay's token service answered without a token.")
        self._value, self._until = token, self._clock() + min(seconds, LONGEST_S) - EARLY_S


class _Search:
    def __init__(self, context: Context, options: dict[str, Any]) -> None:
        self.options = options
        self.tally = Tally()
        self._context = context
        self._base = options["api_url"].rstrip("/")
        client, secret = read_secret(options["client_id"]), read_secret(options["client_secret"])
        self._token = Token(context, f"{self._base}/identity/v1/oauth2/token", client, secret)
        self._api = Api(context, NAME, f"ebay {client}", options["calls_a_day"])
        self._expected = 0

    def find(self, words: str) -> Iterator[Listing]:
        offset, total = 0, 1
        params: dict[str, Any] = {"q": words, "limit": PAGE_SIZE, "fieldgroups": "MATCHING_ITEMS,EXTENDED"}
        if self.options["categories"]:
            params["category_ids"] = self.options["categories"]
        while offset < min(total, MOST_FOUND):
            fetched = self._search({**params, "offset": offset})
            answer = read_object(fetched, NAME)
            total = self._total(answer, words, offset)
            found = objects(answer.get("itemSummaries"))
            if not found:
                return
            for item in found:
                yield from self._listing(item, fetched)
            offset += PAGE_SIZE

    def _search(self, params: dict[str, Any]) -> Fetched:
        try:
            return self._get("/buy/browse/v1/item_summary/search", params)
        except FetchError as error:
            raise refuse(error, NAME, *ERRORS) from error

    def _total(self, answer: dict[str, Any], words: str, offset: int) -> int:
        total = answer.get("total")
        if not isinstance(total, int):
            raise MarketError("eBay answered in a shape that we do not know: it did not say how many items there are.")
        if offset == 0:
            self._expected += min(total, MOST_FOUND)
            self._context.expect(self._expected)
            if total > MOST_FOUND:
                self._context.end_early(
                    f"eBay finds {total} items for “{words}” and shows {MOST_FOUND} of them; search in narrower words."
                )
        return total

    def _get(self, path: str, params: dict[str, Any]) -> Fetched:
        """The answer; a token that is refused is renewed once."""
        try:
            return self._api.get(self._base + path, params, self._headers())
        except FetchError as error:
            if error.status != 401:
                raise
            self._token.forget()
            return self._api.get(self._base + path, params, self._headers())

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token.value}",
            "X-EBAY-C-MARKETPLACE-ID": self.options["marketplace"],
            "Accept": "application/json",
        }

    def _listing(self, summary: dict[str, Any], fetched: Fetched) -> Iterator[Listing]:
        self._context.audit("item", summary, KNOWN_ITEM)
        self._context.audit("item.seller", dig(summary, "seller"), KNOWN_SELLER)
        item = summary
        answers: tuple[Fetched, ...] = (fetched,)
        if self.options["details"] == "yes" and summary.get("itemId"):
            detailed = self._detail(str(summary["itemId"]))
            if detailed:
                item, answers = {**summary, **read_object(detailed, NAME)}, (fetched, detailed)
                self._context.audit("item", item, KNOWN_ITEM)
        listing = read_item(item, answers)
        if listing is not None:
            yield listing

    def _detail(self, item_id: str) -> Fetched | None:
        """One item in full; a failure leaves us with what the search told."""
        try:
            fetched = self._get(f"/buy/browse/v1/item/{path_part(item_id)}", {})
            read_object(fetched, NAME)
        except RefusedError:
            raise
        except FetchError as error:
            self.tally.add_failure(f"eBay's item {item_id}", str(error))
            return None
        return fetched


def read_item(item: dict[str, Any], answers: tuple[Fetched, ...]) -> Listing | None:
    """The listing in an item of the API; None where it has no address."""
    url = _plain(text(item.get("itemWebUrl"), 2000))
    if not url:
        return None
    price = item.get("price") or item.get("currentBidPrice")
    seller = text(dig(item, "seller", "username"), 300)
    return Listing(
        url=url,
        title=text(item.get("title"), 500),
        description=plain_text(item.get("description") or item.get("shortDescription")),
        price=parse_price(dig(price, "value")),
        currency=parse_currency(dig(price, "currency")),
        seller=seller or None,
        seller_url=_seller_url(url, seller),
        country=parse_country(dig(item, "itemLocation", "country")),
        posted_at=parse_time(item.get("itemCreationDate") or item.get("itemOriginDate")),
        photo_urls=_photos(item),
        read_by="api",
        answers=answers,
    )


def _photos(item: dict[str, Any]) -> tuple[str, ...]:
    images = [item.get("image"), *objects(item.get("additionalImages"))]
    found = [dig(image, "imageUrl") for image in images] or [
        dig(image, "imageUrl") for image in objects(item.get("thumbnailImages"))
    ]
    return tuple(dict.fromkeys(full_size(url) for url in found if isinstance(url, str) and url.startswith("http")))


def _plain(url: str) -> str:
    """The item's address without what the search wrote behind it; the variation is part of its name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name == "var"]
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    return urlunsplit(parts._replace(query=urlencode(kept), fragment="")) if is_web else ""


def _seller_url(url: str, seller: str) -> str | None:
    return f"https://{urlsplit(url).netloc}/usr/{path_part(seller)}" if seller else None


MARKET = Market(
    "ebay",
    "eBay",
    crawl,
    OPTIONS,
    help="Searches of eBay through its Browse API, with an application's own id and secret.",
)
