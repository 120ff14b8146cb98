import gzip
from collections.abc import Callable, Iterator

import pytest

from scanner.fetch import Budget, BudgetError, Fetcher
from tests.scanner.fetch.site import Site, answer

OpenFetcher = Callable[[Budget], Fetcher]


@pytest.fixture
def open_fetcher(site: Site, naps: list[float]) -> Iterator[OpenFetcher]:
    opened: list[Fetcher] = []

    def open_one(budget: Budget) -> Fetcher:
        opened.append(Fetcher(allowed_addresses=[site.origin], sleep=naps.append, budget=budget))
        return opened[-1]

    yield open_one
    for fetcher in opened:
        fetcher.close()


def test_no_page_is_asked_beyond_the_budget(site: Site, open_fetcher: OpenFetcher) -> None:
    site.answers["/a"] = answer()
    fetcher = open_fetcher(budget := Budget(pages=2))
    fetcher.get(site.url("/a"))
    fetcher.get(site.url("/a"))
    with pytest.raises(BudgetError, match=r"^The budget of 2 pages is used up\.$"):
        fetcher.get(site.url("/a"))
    assert site.paths() == ["/a", "/a"]
    assert budget.pages_used == 2, "robots.txt is no page"


def test_redirects_and_unchanged_pages_count(site: Site, open_fetcher: OpenFetcher) -> None:
    site.answers["/a"] = answer(302, Location="/b")
    site.answers["/b"] = answer(304)
    fetcher = open_fetcher(budget := Budget())
    fetcher.get(site.url("/a"), etag='"1"')
    assert budget.pages_used == 2


def test_a_loop_of_redirects_uses_the_budget_up(site: Site, open_fetcher: OpenFetcher) -> None:
    site.answers["/a"] = answer(302, Location="/a")
    with pytest.raises(BudgetError):
        open_fetcher(Budget(pages=3)).get(site.url("/a"))
    assert len(site.paths()) == 3


def test_bytes_count_as_they_come_over_the_wire(site: Site, open_fetcher: OpenFetcher) -> None:
    packed = gzip.compress(b"a" * 100_000)
    site.answers["/a"] = answer(body=packed, Content_Encoding="gzip")
    fetcher = open_fetcher(budget := Budget(bytes=len(packed) + 1))
    assert len(fetcher.get(site.url("/a")).body) == 100_000
    assert budget.bytes_used == len(packed)
    with pytest.raises(BudgetError, match=r"The budget of [\d.e-]+ MB is used up\."):
        fetcher.get(site.url("/a"))


def test_a_body_beyond_the_budget_is_not_read_to_its_end(site: Site, open_fetcher: OpenFetcher) -> None:
    site.answers["/a"] = answer(body=b"x" * 5_000_000)
    fetcher = open_fetcher(budget := Budget(bytes=100_000))
    with pytest.raises(BudgetError):
        fetcher.get(site.url("/a"))
    assert budget.bytes_used < 2_000_000


def test_robots_txt_costs_bytes_too(site: Site, open_fetcher: OpenFetcher) -> None:
    site.answers["/robots.txt"] = answer(body=b"#" * 500)
    site.answers["/a"] = answer(body=b"12345")
    open_fetcher(budget := Budget()).get(site.url("/a"))
    assert budget.bytes_used == 505


def test_a_budget_that_ends_in_robots_txt_says_nothing_about_the_site(site: Site, open_fetcher: OpenFetcher) -> None:
    site.answers["/robots.txt"] = answer(body=b"#" * 500)
    with pytest.raises(BudgetError):
        open_fetcher(Budget(bytes=100)).get(site.url("/a"))


def test_time_is_up_before_a_wait_that_would_outlast_it(
    site: Site, open_fetcher: OpenFetcher, naps: list[float]
) -> None:
    now = [0.0]
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nCrawl-delay: 30")
    site.answers["/a"] = answer()
    fetcher = open_fetcher(Budget(seconds=7200, clock=lambda: now[0]))
    fetcher.get(site.url("/a"))
    now[0] = 7190
    with pytest.raises(BudgetError, match=r"The budget of 2 hours is used up\."):
        fetcher.get(site.url("/a"))
    assert naps == []
    assert site.paths() == ["/a"]
