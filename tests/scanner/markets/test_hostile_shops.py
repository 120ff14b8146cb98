"""What shops do to crawlers: each trap ends as one clear line, and the good listings in between are found."""

from pathlib import Path

import pytest

from scanner.fetch import Fetcher
from scanner.images import PictureError, open_picture
from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.shop import MARKET
from scanner.records import Listing
from tests.scanner.markets import hostile_shop
from tests.scanner.markets.hostile_shop import CHALLENGES, GOOD, WORDS, Reply, bazaar, depot, html, page, running


def fetcher_for(origin: str) -> Fetcher:
    return Fetcher(allowed_addresses=[origin], read_s=3, deadline_s=3, sleep=lambda _: None)


Crawled = tuple[list[Listing], list[str]]


def crawled(route: hostile_shop.Route, **options: object) -> Crawled:
    with running(route) as origin, fetcher_for(origin) as fetcher:
        context = Context({"start_url": f"http://{origin}/", **options}, fetcher)
        return list(crawl(MARKET, context)), [warning.replace(f"http://{origin}", "") for warning in context.warnings]


@pytest.fixture(scope="module")
def at_bazaar() -> Crawled:
    return crawled(bazaar)


@pytest.fixture(scope="module")
def at_depot() -> Crawled:
    return crawled(depot)


def test_every_good_listing_of_the_bazaar_is_found_once(at_bazaar: Crawled) -> None:
    found = sorted(listing.title for listing in at_bazaar[0])
    assert found == sorted([*(f"Item {n}" for n in range(GOOD)), "With a page for a photo"])


BAZAAR_LINES = {
    "a redirect loop": "/loop/1 could not be read. The site sent us on more than 5 times.",
    "a login wall": "1 page asked us to sign in: /wall.",
    "checks for robots": f"{len(CHALLENGES) - 1} pages asked us to prove that we are no robot, /captcha/1 the first",
    "an endless slow answer": "/slow could not be read. It took longer than 3 s in all.",
    "a packed bomb": "/bomb could not be read. The answer is larger than 5 MiB",
    "a deep page": "1 page had too many tags inside one another, or attributes, to be read to the end: /deep.",
    "a calendar": "like /calendar?month=",
    "a calendar's days": "like /calendar/day/",
    "endless filters": "like /filter?color=",
    "a maze": "addresses that only repeat themselves were not read.",
    "filtered items": "like /item/2?color=",
    "a redirect away": "/elsewhere could not be read. The robots.txt of shop.invalid could not be read",
}


@pytest.mark.parametrize("trap", BAZAAR_LINES)
def test_each_trap_of_the_bazaar_ends_as_one_line(trap: str, at_bazaar: Crawled) -> None:
    assert len([line for line in at_bazaar[1] if BAZAAR_LINES[trap] in line]) == 1, at_bazaar[1]


def test_there_is_no_line_besides_those_of_the_traps(at_bazaar: Crawled) -> None:
    assert len(at_bazaar[1]) == len(BAZAAR_LINES), at_bazaar[1]


def test_every_good_listing_of_the_depot_is_found_once(at_depot: Crawled) -> None:
    titles = [listing.title for listing in at_depot[0]]
    assert [title for title in titles if title.startswith("Good")] == [f"Good {n}" for n in range(5)]
    assert [title for title in titles if title.startswith("Broken")] == [
        f"Broken {name}" for name in hostile_shop.BROKEN
    ]


def test_pages_are_read_in_their_own_letters(at_depot: Crawled) -> None:
    assert [listing.title for listing in at_depot[0] if listing.title in WORDS] == WORDS


DEPOT_LINES = {
    "ten megabytes of JSON-LD": "/oversized could not be read. The answer is larger than 5 MiB",
    "two megabytes of it": "1 page had more data for search engines than is read, so that was passed over: /large",
    "pages that are gone": "6 pages turned out to be missing, though the server answered as if all was well, /gone/0",
    "a check for robots": "3 pages asked us to prove that we are no robot, /challenge/0 the first of them.",
    "a packed bomb for a sitemap": "The sitemap /bomb.xml.gz could not be read: It unpacks to more than 50 MiB.",
}


@pytest.mark.parametrize("trap", DEPOT_LINES)
def test_each_trap_of_the_depot_ends_as_one_line(trap: str, at_depot: Crawled) -> None:
    assert len([line for line in at_depot[1] if DEPOT_LINES[trap] in line]) == 1, at_depot[1]


@pytest.mark.parametrize("body", CHALLENGES)
def test_where_every_page_asks_for_a_proof_the_run_fails(body: bytes) -> None:
    with pytest.raises(MarketError, match="every page asked us to prove that we are no robot"):
        crawled(lambda path, _: html(body) if path == "/" else None)


def test_where_every_page_is_a_wall_the_run_fails() -> None:
    with pytest.raises(MarketError, match="every page asked us to sign in"):
        crawled(lambda path, _: html(hostile_shop.LOGIN) if path == "/" else None)


def test_a_shop_that_uses_a_captcha_on_its_form_is_read() -> None:
    offers = page("Vase", data=hostile_shop.product("Vase"), rest='<div class="g-recaptcha"></div>')
    assert [listing.title for listing in crawled(lambda path, _: html(offers) if path == "/" else None)[0]] == ["Vase"]


def test_a_page_that_the_site_shows_for_any_address_is_no_listing() -> None:
    """By pattern each page would be a listing; this shop answers whatever is asked with its front page."""
    front = page("Front", "/item/1", "/item/2", rest="<h1>Welcome</h1><p>See what is new today</p>")
    item = page("Item", rest="<h1>Old bowl</h1><p>Brown, with a crack</p>")

    def route(path: str, _: dict[str, list[str]]) -> Reply:
        return html(item if path == "/item/1" else front)

    listings, lines = crawled(route, listing_pattern="/item/", way="links")
    assert [listing.title for listing in listings] == ["Old bowl"]
    assert lines == ["1 page turned out to be missing, though the server answered as if all was well: /item/2."]


def test_a_page_in_place_of_a_picture_is_no_picture(tmp_path: Path) -> None:
    with running(bazaar) as origin, fetcher_for(origin) as fetcher:
        place = tmp_path / "photo.jpg"
        place.write_bytes(fetcher.get(f"http://{origin}/photo.jpg").body)
        with pytest.raises(PictureError):
            open_picture(place)


def test_many_categories_before_the_first_listing_are_all_read() -> None:
    """More pages of one template in a row than a trap may have: what they lead to is read later."""

    def route(path: str, _: dict[str, list[str]]) -> Reply | None:
        parts = path.strip("/").split("/")
        if path == "/":
            return html(page("Home", *(f"/category/{n}" for n in range(130))))
        if parts[0] == "category":
            return html(page("Category", f"/item/{parts[1]}"))
        return html(page("Item", data=hostile_shop.product(f"Item {parts[1]}"))) if parts[0] == "item" else None

    listings, lines = crawled(route)
    assert (len(listings), lines) == (130, [])
