import httpx2
import pytest

from scanner.fetch import Fetcher, FetchError, RobotsError
from scanner.fetch.robots import Robots
from tests.scanner.fetch.site import Site, answer

PAGE = httpx2.URL("https://shop.example/cart")


def robots_that_say(text: str) -> Robots:
    return Robots(lambda _: text.encode(), "Tuskline")


def robots_that_fail(status: int | None) -> Robots:
    def fetch(_: str) -> bytes:
        raise FetchError("It failed.", status)

    return Robots(fetch, "Tuskline")


def test_a_page_that_is_forbidden_to_all_is_left_alone() -> None:
    with pytest.raises(RobotsError, match="leave this page alone"):
        robots_that_say("User-agent: *\nDisallow: /cart").check(PAGE)


def test_a_page_that_is_forbidden_to_us_by_name_is_left_alone() -> None:
    with pytest.raises(RobotsError):
        robots_that_say("User-agent: *\nDisallow:\n\nUser-agent: tuskline\nDisallow: /").check(PAGE)


def test_the_longer_rule_wins() -> None:
    robots_that_say("User-agent: *\nDisallow: /\nAllow: /cart").check(PAGE)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_no_robots_file_forbids_nothing(status: int) -> None:
    robots_that_fail(status).check(PAGE)


@pytest.mark.parametrize("status", [429, 500, 503, None])
def test_a_site_whose_wishes_cannot_be_known_is_left_alone(status: int | None) -> None:
    with pytest.raises(RobotsError, match="could not be read"):
        robots_that_fail(status).check(PAGE)


def test_rubbish_in_the_file_forbids_nothing() -> None:
    Robots(lambda _: b"\xff\xfe<html>\0", "Tuskline").check(PAGE)


def test_the_file_is_read_once_a_host_until_it_is_a_day_old() -> None:
    read: list[str] = []
    now = [0.0]
    robots = Robots(lambda url: read.append(url) or b"", "Tuskline", lambda: now[0])  # type: ignore[func-returns-value]
    for seconds in (0, 3600, 25 * 3600):
        now[0] = seconds
        robots.check(PAGE)
    assert read == ["https://shop.example:443/robots.txt"] * 2


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [("Crawl-delay: 2.5", 2.5), ("Request-rate: 1/10s", 10), ("Crawl-delay: nan", 0), ("Crawl-delay: -4", 0), ("", 0)],
)
def test_the_pace_that_a_site_asks_for_is_read(text: str, delay_s: float) -> None:
    assert robots_that_say(f"User-agent: *\n{text}").delay_s(PAGE) == delay_s


def test_a_pace_that_no_crawl_could_keep_is_said() -> None:
    with pytest.raises(RobotsError, match="86400 s"):
        robots_that_say("User-agent: *\nCrawl-delay: 86400").delay_s(PAGE)


def test_a_redirect_into_a_forbidden_page_is_not_followed(site: Site, fetcher: Fetcher) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /cart")
    site.answers["/a"] = answer(302, Location="/cart")
    with pytest.raises(RobotsError):
        fetcher.get(site.url("/a"))
    assert site.paths() == ["/a"]


def test_the_sitemaps_of_the_file_are_named(site: Site, fetcher: Fetcher) -> None:
    site.answers["/robots.txt"] = answer(body=b"Sitemap: http://example.org/s.xml")
    assert fetcher.sitemaps(site.url("/")) == ["http://example.org/s.xml"]
