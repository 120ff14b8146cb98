from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scanner.fetch import BudgetError
from scanner.markets import ebay
from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.quota import DayQuota
from scanner.records import Listing
from tests.scanner.markets.fakes import Answer, Call, FakeFetcher, context_on, refusal


def item(number: int, **more: Any) -> dict[str, Any]:
    return {
        "itemId": f"v1|{number}|0",
        "title": f"Carved figure {number}",
        "price": {"value": "120.50", "currency": "GBP"},
        "seller": {"username": "ann's", "feedbackPercentage": "99.0", "feedbackScore": 3},
        "itemLocation": {"country": "GB", "postalCode": "AB*"},
        "itemWebUrl": f"https://www.ebay.co.uk/itm/{number}?hash=item1&_skw=figure&var=77",
        "itemCreationDate": "2026-10-31T08:00:00.000Z",
        "image": {"imageUrl": f"https://i.ebayimg.com/images/g/{number}/s-l225.jpg"},
        "additionalImages": [{"imageUrl": f"https://i.ebayimg.com/images/g/{number}b/s-l500.jpg"}],
        "condition": "Used",
        **more,
    }


class Ebay:
    """Invented answers in the API's shape."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.tokens = 0
        self.is_refused: Callable[[Call], Answer | None] = lambda _: None
        self.more: dict[str, Any] = {}

    def __call__(self, call: Call) -> Answer:
        refused = self.is_refused(call)
        if refused is not None:
            return refused
        if call.path.endswith("/oauth2/token"):
            self.tokens += 1
            return {
                "access_token": f"token-{self.tokens}",
                "expires_in": 7200,
                "token_type": "Application Access Token",
            }
        if call.path.endswith("/search"):
            offset = int(call.query["offset"])
            found = [item(n, **self.more) for n in range(offset, min(offset + 200, self.total))]
            return {"total": self.total, "limit": 200, "offset": offset, "itemSummaries": found}
        return {**item(int(call.path.split("%7C")[1])), "description": "<p>Very <b>old</b></p><script>x</script>"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBAY_ID", "client")
    monkeypatch.setenv("EBAY_SECRET", "word")


OPTIONS = {"words": "carved figure", "client_id": "env:EBAY_ID", "client_secret": "env:EBAY_SECRET"}


def context_of(api: Ebay, **options: Any) -> tuple[Context, FakeFetcher]:
    fetcher = FakeFetcher(api)
    return context_on(fetcher, **{**OPTIONS, **options}), fetcher


def crawled(context: Context) -> list[Listing]:
    return list(crawl(ebay.MARKET, context))


def test_an_item_gives_every_field_and_its_pictures_in_full_size() -> None:
    context, fetcher = context_of(Ebay(1), marketplace="EBAY_GB")
    (listing,) = crawled(context)
    assert listing == Listing(
        url="https://www.ebay.co.uk/itm/0?var=77",
        title="Carved figure 0",
        price=Decimal("120.50"),
        currency="GBP",
        seller="ann's",
        seller_url="https://www.ebay.co.uk/usr/ann%27s",
        country="GB",
        posted_at=datetime(2026, 10, 31, 8, tzinfo=UTC),
        photo_urls=(
            "https://i.ebayimg.com/images/g/0/s-l1600.jpg",
            "https://i.ebayimg.com/images/g/0b/s-l1600.jpg",
        ),
    )
    assert (listing.read_by, len(listing.answers)) == ("api", 1)
    token, search = fetcher.calls
    assert token.form == {"grant_type": "client_credentials", "scope": ebay.SCOPE}
    assert token.headers["Authorization"] == "Basic Y2xpZW50OndvcmQ="
    assert search.headers["Authorization"] == "Bearer token-1"
    assert search.headers["X-EBAY-C-MARKETPLACE-ID"] == "EBAY_GB"
    assert search.is_api and search.query["q"] == "carved figure"
    assert context.unknown_keys == set()


def test_searches_are_paged_to_their_end_with_one_token() -> None:
    api = Ebay(450)
    context, fetcher = context_of(api, words="ivory; ; figure")
    assert len(crawled(context)) == 450  # the second search finds the same
    assert [call.query.get("offset") for call in fetcher.calls] == [None, *["0", "200", "400"] * 2]
    assert (api.tokens, context.listings_expected) == (1, 900)


def test_of_a_long_search_what_the_api_shows_is_read_and_that_is_said() -> None:
    api = Ebay(12_000)
    context, fetcher = context_of(api)
    assert len(crawled(context)) == 10_000
    assert context.cut_short is not None and "finds 12000 items" in context.cut_short
    assert fetcher.calls[-1].query["offset"] == "9800"


def test_each_item_is_read_in_full_where_that_is_wanted() -> None:
    context, fetcher = context_of(Ebay(2), details="yes")
    listings = crawled(context)
    assert [listing.description for listing in listings] == ["Very old", "Very old"]
    assert [len(listing.answers) for listing in listings] == [2, 2]
    assert fetcher.paths()[2] == "/buy/browse/v1/item/v1%7C0%7C0"


def test_an_item_that_can_not_be_read_in_full_is_known_from_the_search() -> None:
    api = Ebay(3)
    api.is_refused = lambda call: refusal(404) if "/item/" in call.path else None
    context, _ = context_of(api, details="yes")
    assert len(crawled(context)) == 3
    assert len(context.warnings) == 1 and context.warnings[0].startswith("3 pages could not be read")


def test_a_token_that_is_refused_is_renewed_once() -> None:
    api = Ebay(1)
    api.is_refused = lambda call: refusal(401) if call.headers.get("Authorization") == "Bearer token-1" else None
    context, _ = context_of(api)
    assert (len(crawled(context)), api.tokens) == (1, 2)
    api.is_refused = lambda call: refusal(401) if "/search" in call.path else None
    with pytest.raises(MarketError, match="eBay could not be asked"):
        crawled(context_of(api)[0])


def test_a_token_that_ran_out_is_renewed_before_it_is_used() -> None:
    now = [0.0]
    api = Ebay(1)
    token = ebay.Token(context_of(api)[0], "https://a/identity/v1/oauth2/token", "c", "s", lambda: now[0])
    assert token.value == token.value == "token-1"
    now[0] = 7200.0 - ebay.EARLY_S
    assert token.value == "token-2"


def test_a_day_without_calls_left_ends_the_crawl_and_is_no_error() -> None:
    context, fetcher = context_of(Ebay(1000), calls_a_day=2)
    assert len(crawled(context)) == 400
    assert context.cut_short == "The crawl ended early. The 2 calls that eBay grants a day are used up."
    again, _ = context_of(Ebay(1000), calls_a_day=2)
    again.quota = context.quota
    assert (crawled(again), len(fetcher.calls)) == ([], 3)


def test_an_api_that_has_enough_ends_the_crawl_and_is_no_error() -> None:
    api = Ebay(1000)
    api.is_refused = lambda call: refusal(429) if call.query.get("offset") == "400" else None
    context, _ = context_of(api)
    assert len(crawled(context)) == 400
    assert context.warnings == [
        "The crawl ended early. eBay asks to be left alone for now, so the rest was not asked for."
    ]


ODD: list[Any] = [b"<html>", [], {"itemSummaries": []}, {"total": "many"}, b"[" * 100_000]


@pytest.mark.parametrize("answer", ODD)
def test_a_broken_answer_is_one_sentence(answer: Any) -> None:
    api = Ebay(1)
    api.is_refused = lambda call: answer if "/search" in call.path else None
    with pytest.raises(MarketError, match=r"^eBay .*\.$"):
        crawled(context_of(api)[0])


def test_what_ebay_says_of_a_refusal_is_told() -> None:
    api = Ebay(1)
    error = {"errors": [{"errorId": 12001, "message": "short", "longMessage": "The q is too long."}]}
    api.is_refused = lambda call: refusal(400, error) if "/search" in call.path else None
    with pytest.raises(MarketError, match=r"It says: “The q is too long\.”"):
        crawled(context_of(api)[0])
    api.is_refused = lambda _: refusal(401, {"error_description": "client authentication failed"})
    with pytest.raises(MarketError, match=r"token service could not be asked.*client authentication failed"):
        crawled(context_of(api)[0])


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, [None, 5, [[]]]])
def test_odd_values_in_an_item_are_left_out(odd: Any) -> None:
    api = Ebay(1)
    fields = ("title", "price", "seller", "itemLocation", "itemCreationDate", "image", "additionalImages")
    api.more = dict.fromkeys(fields, odd)
    (listing,) = crawled(context_of(api)[0])
    assert (listing.price, listing.seller, listing.photo_urls) == (None, None, ())


def test_half_a_letter_in_a_name_costs_that_letter_alone() -> None:
    api = Ebay(1)
    api.more = {"seller": {"username": "ann\ud800"}}
    (listing,) = crawled(context_of(api)[0])
    assert listing.seller_url == "https://www.ebay.co.uk/usr/ann%3F"


def test_new_fields_of_an_item_are_noted() -> None:
    api = Ebay(1)
    api.more = {"newThing": 1}
    context, _ = context_of(api)
    run = crawl(ebay.MARKET, context)
    assert len(list(run)) == 1
    assert run.shape.unknown_keys == {"item.newThing"}


def test_a_secret_that_is_not_set_is_said_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EBAY_SECRET")
    with pytest.raises(MarketError, match="EBAY_SECRET is not set"):
        crawled(context_of(Ebay(1))[0])


def test_each_day_has_its_calls() -> None:
    today = [datetime(2026, 11, 26, 23, tzinfo=UTC)]
    quota = DayQuota(lambda: today[0])
    assert [quota.spend("a", 2) for _ in range(3)] == [True, True, False]
    assert quota.spend("b", 1)
    today[0] = datetime(2026, 11, 27, tzinfo=UTC)
    assert quota.spend("a", 2)


def test_a_budget_is_no_failure_of_the_api() -> None:
    api = Ebay(1000)
    api.is_refused = lambda call: BudgetError("Spent.") if call.query.get("offset") == "200" else None
    context, _ = context_of(api)
    assert (len(crawled(context)), context.cut_short) == (200, "The crawl ended early. Spent.")


def test_a_token_said_to_last_for_ever_is_used_for_a_day() -> None:
    api = Ebay(1)
    endless = {"access_token": "t", "expires_in": 10**400}
    api.is_refused = lambda call: endless if call.path.endswith("/oauth2/token") else None
    context, _ = context_of(api)
    assert len(list(crawl(ebay.MARKET, context))) == 1
