"""Hostile pages, feeds and sitemaps by way of the fetcher: a right listing, or one line that says why there is none."""

import pytest
from _pytest.mark import ParameterSet

from scanner.markets import feed, shop
from tests.attacks.corpus import FEEDS, PAGES, SITEMAPS, Attack, Ending
from tests.attacks.corpus.pages import BOWL_BLOCK
from tests.attacks.crawls import crawled, page_of, site_of
from tests.attacks.memory import no_growth
from tests.scanner.fetch.site import answer

COSTLY_FEEDS = {
    "nested.rss", "laughs.rss", "bomb.rss", "items.rss", "sitemap-pages.xml", "sitemap-bomb.xml", "sitemap-many.xml",
}  # fmt: skip
COSTLY = {
    "attribute", "attributes", "comments-short", "entities", "json-blocks", "json-keys", "json-large", "json-many",
    "links",    "misnested", "options", "packed-bomb", "pictures", "script",
    "tags-open",
}  # fmt: skip
QUICK = [attack for attack in PAGES if attack.name not in COSTLY][::3]
LETTERS = 600


def check_pages(attacks: list[Attack]) -> None:
    """One shop that has all of them; failures in a row may not end it, so that an honest page stands between them."""
    honest = [f"/honest/{number}" for number in range(len(attacks))]
    links = [link for attack, good in zip(attacks, honest, strict=True) for link in (f"/{attack.path}", good)]
    with no_growth(), site_of(attacks) as site:
        site.answers["/"] = page_of(links)
        for link in honest:
            site.answers[link] = answer(200, BOWL_BLOCK + link.encode(), Content_Type="text/html")
        listings, warnings, ended = crawled(
            shop.MARKET, site, start_url=site.url("/"), way="links", pages=3 * len(links)
        )
    found = {one.url.removeprefix(f"http://{site.origin}/pages/"): one for one in listings}
    assert ended == ""
    assert {url for url in found if "/honest/" in url} == {site.url(link) for link in honest}
    assert [one.name for one in attacks if one.ending is Ending.READ and found[one.name].title != "Bowl"] == []
    assert [one.name for one in attacks if one.ending is Ending.REFUSED and one.name in found] == []
    assert all(warning.isprintable() and len(warning) < LETTERS for warning in warnings), warnings


def test_some_of_the_pages_end_in_a_listing_or_in_a_line() -> None:
    check_pages(QUICK)


@pytest.mark.full
def test_each_page_ends_in_a_listing_or_in_a_line() -> None:
    check_pages(list(PAGES))


def some(attacks: tuple[Attack, ...]) -> list[ParameterSet]:
    """Those that take seconds are left to the whole suite."""
    return [
        pytest.param(one, id=one.name, marks=[pytest.mark.full] if one.name in COSTLY_FEEDS else []) for one in attacks
    ]


@pytest.mark.parametrize("attack", some(FEEDS))
def test_a_feed_ends_in_listings_or_in_a_sentence(attack: Attack) -> None:
    with no_growth(), site_of([attack]) as site:
        listings, _, ended = crawled(feed.MARKET, site, feed_url=site.url(f"/{attack.path}"))
    assert "root:" not in str(listings)
    assert not ended or (ended.isprintable() and len(ended) < LETTERS)
    if attack.ending is Ending.READ:
        assert listings and listings[0].title == "Bowl" and not ended
    if attack.ending is Ending.REFUSED:
        assert not listings and ended


@pytest.mark.parametrize("attack", some(SITEMAPS))
def test_a_sitemap_leads_to_the_shop_s_page_or_to_a_line(attack: Attack) -> None:
    with no_growth(), site_of([attack]) as site:
        site.answers["/sitemap.xml"] = site.answers[f"/{attack.path}"]
        site.answers["/bowl"] = answer(200, BOWL_BLOCK, Content_Type="text/html")
        listings, _, ended = crawled(shop.MARKET, site, start_url=site.url("/bowl"), pages=40)
    assert not ended or ended.isprintable()
    if attack.ending is Ending.READ:
        assert [one.title for one in listings] == ["Bowl"]
