"""The sample marketplace over a real server, crawled by the real market plug-in: what `make run` does."""

import threading
import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest

from scanner.fetch import Fetcher, FetchError
from scanner.markets.base import Context
from scanner.markets.registry import find_market
from scanner.records import Listing
from webapp.samples.catalogue import Catalogue
from webapp.samples.photos import PhotoSet
from webapp.samples.prints import render_print
from webapp.samples.shop import create_shop, running_shop

COUNT = 80


Crawled = tuple[list[Listing], Context, Fetcher]


@pytest.fixture(scope="module")
def shop(photo_set: PhotoSet) -> Iterator[tuple[str, Catalogue]]:
    app = create_shop(photo_set, COUNT)
    with running_shop(app) as start_url:
        yield start_url, app.extensions["catalogue"]


@pytest.fixture(scope="module")
def crawled(shop: tuple[str, Catalogue]) -> Iterator[Crawled]:
    start_url = shop[0]
    with Fetcher("test@example.org", [urlsplit(start_url).netloc]) as fetcher:
        context = Context({"start_url": start_url, "minimum_listings": COUNT}, fetcher)
        yield list(find_market("shop").crawl(context)), context, fetcher


def test_every_offer_is_found_as_it_is_offered(crawled: Crawled, shop: tuple[str, Catalogue]) -> None:
    listings, context, _ = crawled
    assert (len(listings), context.listings_expected, context.warnings) == (COUNT, COUNT, [])
    for listing, offer in zip(listings, shop[1].offers, strict=True):
        assert (listing.title, listing.description) == (offer.title, offer.description)
        assert (listing.price, listing.currency) == (offer.price, offer.seller.currency)
        assert (listing.seller, listing.country) == (offer.seller.name, offer.seller.country)
        assert listing.posted_at == offer.posted_at
        assert len(listing.photo_urls) == len(offer.prints)


def test_every_picture_but_the_missing_one_can_be_fetched(crawled: Crawled, shop: tuple[str, Catalogue]) -> None:
    listings, _, fetcher = crawled
    failures = []
    for listing, offer in zip(listings, shop[1].offers, strict=True):
        for url, made in zip(listing.photo_urls, offer.prints, strict=True):
            try:
                assert fetcher.get(url).body == render_print(made)
            except FetchError as error:
                failures.append((made.fault, error.status))
    assert failures == [("missing", 404)]


def test_the_basket_is_refused_because_robots_txt_asks_for_it(
    crawled: Crawled,
) -> None:
    listings, _, fetcher = crawled
    with pytest.raises(FetchError, match=r"robots\.txt"):
        fetcher.get(urljoin(listings[0].url, "/cart"))


def test_the_shop_stops_at_once_though_a_visitor_keeps_a_connection_open(photo_set: PhotoSet) -> None:
    before = threading.active_count()
    with running_shop(create_shop(photo_set, 40)) as start_url:
        visitor = Fetcher(allowed_addresses=[urlsplit(start_url).netloc])
        visitor.get(start_url)
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    visitor.close()
    assert threading.active_count() == before
