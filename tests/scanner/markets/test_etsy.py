from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scanner.markets import etsy
from scanner.markets.api import Api
from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.records import Listing
from tests.scanner.markets.fakes import Answer, Call, FakeFetcher, context_on, refusal


def result(number: int) -> dict[str, Any]:
    return {
        "listing_id": number,
        "title": "Bangle &amp; ring",
        "description": "Old,\nfrom an attic",
        "url": f"https://www.etsy.com/listing/{number}/bangle?utm_source=app",
        "price": {"amount": 12050, "divisor": 100, "currency_code": "EUR"},
        "original_creation_timestamp": 1_790_000_000,
        "state": "active",
        "tags": [],
    }


EXTRA = {
    "images": [
        {"rank": 2, "url_fullxfull": "https://i.etsystatic.com/2/il_fullxfull.2.jpg"},
        {"rank": 1, "url_570xN": "https://i.etsystatic.com/1/il_570xN.1.jpg"},
    ],
    "shop": {"shop_name": "AnnsAttic", "url": "https://www.etsy.com/shop/AnnsAttic?x=1"},
}


class Etsy:
    """Invented answers in the API's shape. is_whole: whether a search includes pictures and shops."""

    def __init__(self, total: int, is_whole: bool = True) -> None:
        self.total = total
        self.is_whole = is_whole
        self.is_refused: Callable[[Call], Answer | None] = lambda _: None

    def __call__(self, call: Call) -> Answer:
        refused = self.is_refused(call)
        if refused is not None:
            return refused
        if call.path.endswith("/batch"):
            ids = call.query["listing_ids"].split(",")
            return {"count": len(ids), "results": [{**result(int(name)), **EXTRA} for name in ids]}
        offset = int(call.query["offset"])
        numbers = range(offset, min(offset + 100, self.total))
        return {"count": self.total, "results": [{**result(n), **(EXTRA if self.is_whole else {})} for n in numbers]}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETSY_KEY", "keystring:secret")


def context_of(api: Etsy, **options: Any) -> tuple[Context, FakeFetcher]:
    fetcher = FakeFetcher(api)
    return context_on(
        fetcher, **{"words": "bangle", "api_key": "env:ETSY_KEY", "calls_a_second": 0, **options}
    ), fetcher


def crawled(context: Context) -> list[Listing]:
    return list(crawl(etsy.MARKET, context))


@pytest.mark.parametrize(("is_whole", "calls"), [(True, 1), (False, 2)])
def test_a_listing_gives_every_field_whether_or_not_the_search_includes_pictures(is_whole: bool, calls: int) -> None:
    context, fetcher = context_of(Etsy(1, is_whole))
    (listing,) = crawled(context)
    assert listing == Listing(
        url="https://www.etsy.com/listing/0/bangle",
        title="Bangle & ring",
        description="Old, from an attic",
        price=Decimal("120.5"),
        currency="EUR",
        seller="AnnsAttic",
        seller_url="https://www.etsy.com/shop/AnnsAttic",
        posted_at=datetime.fromtimestamp(1_790_000_000, UTC),
        photo_urls=("https://i.etsystatic.com/1/il_570xN.1.jpg", "https://i.etsystatic.com/2/il_fullxfull.2.jpg"),
    )
    assert len(fetcher.calls) == len(listing.answers) == calls
    assert all(call.headers["x-api-key"] == "keystring:secret" and call.is_api for call in fetcher.calls)
    assert context.unknown_keys == set()


def test_searches_are_paged_to_their_end() -> None:
    context, fetcher = context_of(Etsy(250))
    assert len(crawled(context)) == 250
    assert [call.query["offset"] for call in fetcher.calls] == ["0", "100", "200"]


def test_a_day_without_calls_left_ends_the_crawl_and_is_no_error() -> None:
    context, _ = context_of(Etsy(250), calls_a_day=2)
    assert len(crawled(context)) == 200
    assert "The 2 calls that Etsy grants a day are used up." in context.warnings[0]


def test_calls_keep_their_distance() -> None:
    slept: list[float] = []
    context, _ = context_of(Etsy(1))
    api = Api(context, "Etsy", "a", 10, 5, slept.append, lambda: 100.0)
    for _ in range(3):
        api.get("https://a/active", {"offset": 0}, {})
    assert slept == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("answer", [b"<html>", [], {"results": []}, {"count": None}])
def test_a_broken_answer_is_one_sentence(answer: Any) -> None:
    api = Etsy(1)
    api.is_refused = lambda _: answer
    with pytest.raises(MarketError, match=r"^Etsy .*\.$"):
        crawled(context_of(api)[0])


def test_what_etsy_says_of_a_refusal_is_told() -> None:
    api = Etsy(1)
    api.is_refused = lambda _: refusal(403, {"error": "Shared secret is required in x-api-key header."})
    with pytest.raises(MarketError, match=r"Etsy could not be asked.*Shared secret is required"):
        crawled(context_of(api)[0])


def test_an_api_that_has_enough_ends_the_crawl_and_is_no_error() -> None:
    api = Etsy(250)
    api.is_refused = lambda call: refusal(429) if call.query["offset"] == "100" else None
    context, _ = context_of(api)
    assert len(crawled(context)) == 100
    assert context.cut_short is not None


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, {"amount": 5, "divisor": 0}, {"amount": True}])
def test_odd_values_are_left_out(odd: Any) -> None:
    fields = ("title", "description", "price", "shop", "images", "original_creation_timestamp", "creation_timestamp")
    listing = etsy.read_item({**result(1), **dict.fromkeys(fields, odd)}, ())
    assert listing is not None
    assert (listing.price, listing.photo_urls) == (None, ())
    assert etsy.read_item({**result(1), "url": odd}, ()) is None


def test_an_id_of_another_kind_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETSY_KEY", "key")

    def answer(call: Call) -> Answer:
        found = [{**result(1), "listing_id": [1]}, result(2)]
        return {"count": 2, "results": found if call.path.endswith("/active") else [{**EXTRA, "listing_id": {}}]}

    context = context_on(FakeFetcher(answer), words="a", api_key="env:ETSY_KEY")
    assert len(list(crawl(etsy.MARKET, context))) == 2
