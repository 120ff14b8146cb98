from collections.abc import Callable

import pytest

from scanner.fetch import Fetcher
from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.shop import FAILURES_IN_A_ROW, MARKET
from scanner.records import Listing
from tests.scanner.fetch.site import Answer, Site, answer

Make = Callable[..., Context]


def listing_page(title: str) -> Answer:
    return answer(
        body=f'<script type="application/ld+json">{{"@type": "Product", "name": "{title}"}}</script>'.encode()
    )


def links_page(*paths: str) -> Answer:
    return answer(body="".join(f'<a href="{path}">x</a>' for path in paths).encode())


def sitemap(*urls: str) -> Answer:
    entries = "".join(f"<url><loc>{url}</loc><lastmod>2026-10-{n + 10}</lastmod></url>" for n, url in enumerate(urls))
    return answer(body=f"<urlset>{entries}</urlset>".encode())


@pytest.fixture
def context(site: Site, context_for: Make) -> Context:
    site.answers["/"] = links_page("/c", "/about", "/cart", "http://elsewhere.example/")
    return context_for(start_url=site.url("/"))


def titles(context: Context) -> list[str]:
    return [listing.title for listing in crawl(MARKET, context)]


def test_the_pages_of_the_sitemap_that_offer_something_are_listings(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(path) for path in ("/about", "/1", "/2")))
    site.answers.update({"/about": answer(body=b"About us"), "/1": listing_page("One"), "/2": listing_page("Two")})
    assert titles(context) == ["One", "Two"]
    assert context.listings_expected == 2
    assert context.warnings == []


def test_a_page_that_fails_is_a_warning_and_not_the_end(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(path) for path in ("/gone", "/1")))
    site.answers["/1"] = listing_page("One")
    assert titles(context) == ["One"]
    assert context.warnings == [f"{site.url('/gone')} could not be read. The server answered 404 (Not Found)."]


def test_too_many_failures_in_a_row_end_the_crawl(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(f"/{n}") for n in range(20)))
    site.answers.update({f"/{n}": answer(500) for n in range(20)})
    with pytest.raises(MarketError, match=f"{FAILURES_IN_A_ROW} pages in a row"):
        titles(context)
    assert len(site.paths()) == 1 + FAILURES_IN_A_ROW


def test_pages_that_robots_are_asked_to_leave_alone_are_left_alone(site: Site, context: Context) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /cart")
    site.answers["/c"] = links_page("/1", "/2")
    site.answers.update({"/1": listing_page("One"), "/2": listing_page("Two"), "/about": answer()})
    assert titles(context) == ["One", "Two"]
    assert "/cart" not in site.paths()
    assert context.warnings == ["1 pages were left out because the site's robots.txt asks for it."]


def test_without_a_sitemap_the_links_are_followed_each_once(site: Site, context: Context) -> None:
    site.answers.update(
        {"/about": links_page("/"), "/cart": answer(), "/c": links_page("/1", "/c?page=2", "/1#pictures")}
    )
    site.answers["/c?page=2"] = links_page("/2", "/c", "/1")
    site.answers.update({"/1": listing_page("One"), "/2": listing_page("Two")})
    assert titles(context) == ["One", "Two"]
    paths = site.paths()
    assert len(paths) == len(set(paths))


def test_the_page_budget_is_kept_and_said(site: Site, context_for: Make) -> None:
    for number in range(50):
        site.answers[f"/{number}"] = links_page(f"/{number + 1}", f"/x{number}")
        site.answers[f"/x{number}"] = listing_page(str(number))
    context = context_for(start_url=site.url("/0"), pages=9)
    assert len(titles(context)) >= 1
    assert len(site.paths()) == 1 + 9  # and the sitemap that was not there
    assert "page budget is used up" in context.warnings[-1]


def test_of_a_long_sitemap_the_pages_that_changed_last_are_read(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(f"/{n}") for n in range(8)))
    site.answers.update({f"/{n}": listing_page(str(n)) for n in range(8)})
    context = context_for(start_url=site.url("/"), pages=3)
    assert titles(context) == ["7", "6", "5"]
    assert "names 8 pages" in context.warnings[0]


def test_pages_on_other_sites_are_not_asked(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/1"), "http://elsewhere.example/2")
    site.answers["/1"] = listing_page("One")
    assert titles(context) == ["One"]
    assert context.warnings == ["1 pages of the sitemap are on other sites and were left out."]


def test_a_pattern_says_which_pages_are_listings(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/item/1"), site.url("/news"))
    site.answers["/item/1"] = answer(body=b"<h1>Plain</h1>")
    assert titles(context_for(start_url=site.url("/"), listing_pattern="/item/")) == ["Plain"]
    assert "/news" not in site.paths()


def test_fewer_listings_than_expected_are_an_error(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/1"))
    site.answers["/1"] = listing_page("One")
    with pytest.raises(MarketError, match=r"Only 1 listings .* fewer than the 2"):
        titles(context_for(start_url=site.url("/"), minimum_listings=2))


def test_a_start_page_that_is_not_there_is_an_error(context_for: Make, site: Site) -> None:
    with pytest.raises(MarketError, match=r"could not be read\. The server answered 404"):
        titles(context_for(start_url=site.url("/none")))


def test_a_private_start_page_is_an_error(context_for: Make) -> None:
    with pytest.raises(MarketError, match="private network"):
        titles(context_for(start_url="http://127.0.0.1/"))


NONSENSE: list[dict[str, object]] = [
    {},
    {"start_url": 5},
    {"start_url": "not an address"},
    {"start_url": "http://a/", "pages": "many"},
    {"start_url": "http://a/", "minimum_listings": -1},
    {"start_url": "http://a/", "listing_pattern": "("},
]


@pytest.mark.parametrize("options", NONSENSE)
def test_options_that_make_no_sense_are_said(options: dict[str, object], context_for: Make) -> None:
    with pytest.raises(MarketError):
        titles(context_for(**options))


def canonical_page(title: str, canonical: str) -> Answer:
    data = f'<script type="application/ld+json">{{"@type": "Product", "name": "{title}"}}</script>'
    return answer(body=f'<link rel="canonical" href="{canonical}">{data}'.encode())


def test_several_addresses_of_one_listing_are_one_listing(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(path) for path in ("/1?color=red", "/1?color=blue", "/2")))
    for path, canonical in (("/1?color=red", "/1"), ("/1?color=blue", "/1"), ("/2", "http://elsewhere.example/2")):
        site.answers[path] = canonical_page("One" if canonical == "/1" else "Two", canonical)
    found = list(crawl(MARKET, context))
    assert [listing.url for listing in found] == [site.url("/1"), site.url("/2")]
    assert [(listing.read_by, len(listing.answers)) for listing in found] == [("json-ld", 1)] * 2


def test_a_shop_that_calls_every_page_by_one_name_loses_none(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(f"/{n}") for n in range(3)))
    site.answers.update({f"/{n}": canonical_page(f"Title {n}", "/shop") for n in range(3)})
    assert titles(context) == ["Title 0", "Title 1", "Title 2"]


def test_two_addresses_that_lead_to_one_page_are_one_listing(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/old"), site.url("/new"))
    site.answers.update({"/old": answer(302, Location="/new"), "/new": listing_page("One")})
    assert [listing.url for listing in crawl(MARKET, context)] == [site.url("/new")]


def test_further_start_pages_and_the_next_page_of_a_head_are_followed(site: Site, context_for: Make) -> None:
    site.answers["/"] = links_page("/1")
    site.answers["/more"] = answer(body=b'<link rel="next" href="/more?page=2">')
    site.answers["/more?page=2"] = links_page("/2")
    site.answers.update({"/1": listing_page("One"), "/2": listing_page("Two")})
    context = context_for(start_url=site.url("/"), more_pages=site.url("/more"))
    assert sorted(titles(context)) == ["One", "Two"]


def test_the_sitemap_may_be_passed_over(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/old"))
    site.answers.update({"/": links_page("/1"), "/1": listing_page("One")})
    assert titles(context_for(start_url=site.url("/"), way="links")) == ["One"]
    assert "/sitemap.xml" not in site.paths()


def test_listings_that_came_before_too_many_failures_stay(site: Site, context: Context) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(f"/{n}") for n in range(20)))
    site.answers.update({f"/{n}": answer(500) for n in range(20)})
    site.answers.update({"/0": listing_page("0"), "/1": listing_page("1")})
    found: list[Listing] = []
    with pytest.raises(MarketError, match=f"{FAILURES_IN_A_ROW} pages in a row"):
        found.extend(crawl(MARKET, context))
    assert [listing.title for listing in found] == ["0", "1"]
    assert len(context.warnings) == 1 and context.warnings[0].startswith(f"{FAILURES_IN_A_ROW} pages could not be read")


def test_listings_that_were_taken_down_are_no_sign_of_a_site_that_fails(site: Site, context_for: Make) -> None:
    gone = [site.url(f"/gone/{n}") for n in range(FAILURES_IN_A_ROW + 5)]
    site.answers["/sitemap.xml"] = sitemap(*gone, site.url("/good"))
    site.answers["/good"] = listing_page("Vase")
    context = context_for(start_url=site.url("/"))
    assert titles(context) == ["Vase"]
    assert len(context.warnings) == 1
    assert context.warnings[0].startswith("15 pages could not be read")


def test_a_site_that_asks_to_be_left_alone_ends_the_crawl_as_partial(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = sitemap(*(site.url(path) for path in ("/good", "/busy", "/more")))
    site.answers["/good"] = listing_page("Vase")
    site.answers["/busy"] = answer(429, Retry_After="3600")
    context = context_for(start_url=site.url("/"))
    assert titles(context) == ["Vase"]
    assert context.cut_short is not None
    assert "left alone" in context.cut_short
    assert "/more" not in site.paths()


def test_a_shop_whose_sitemap_names_no_listing_is_walked(site: Site, context_for: Make) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/about"), site.url("/category"))
    site.answers.update({"/": links_page("/about"), "/about": links_page("/x"), "/category": links_page("/1")})
    site.answers.update({"/1": listing_page("One"), "/2": listing_page("Two"), "/more": links_page("/2")})
    assert titles(context_for(start_url=site.url("/"))) == ["One"]
    assert titles(context_for(start_url=site.url("/"), more_pages=site.url("/more"))) == ["One", "Two"]


def test_one_link_that_leads_to_a_stopped_host_is_one_line(site: Site) -> None:
    site.answers["/sitemap.xml"] = sitemap(site.url("/1"), site.url("/away"), site.url("/2"))
    site.answers.update({"/1": listing_page("One"), "/2": listing_page("Two")})
    site.answers["/away"] = answer(302, Location="http://stopped.example/")
    stopped = {"stopped.example": "stopped.example is not asked: ann stopped it."}
    with Fetcher(allowed_addresses=[site.origin], sleep=lambda _: None, is_stopped=stopped.get) as fetcher:
        context = Context({"start_url": site.url("/")}, fetcher)
        assert titles(context) == ["One", "Two"]
    assert context.warnings == [f"{site.url('/away')} could not be read. {stopped['stopped.example']}"]


def test_a_form_s_check_for_robots_on_a_page_that_leads_on_is_no_challenge(site: Site, context_for: Make) -> None:
    script = b'<script src="https://www.google.com/recaptcha/api.js"></script><div class="g-recaptcha"></div>'
    site.answers["/"] = answer(body=script + b'<p>Our newsletter</p><a href="/1">Vase</a>')
    site.answers["/1"] = listing_page("Vase")
    assert titles(context_for(start_url=site.url("/"))) == ["Vase"]
