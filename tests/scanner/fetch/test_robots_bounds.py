import gzip
import zlib

import pytest

from scanner.fetch import Fetcher, FetchError, RobotsError
from scanner.fetch.bodies import unpack, unpack_start
from scanner.fetch.robots import MAX_BYTES, whole_lines
from tests.scanner.fetch.site import Answer, Site, answer

RULES = b"User-agent: *\nDisallow: /cart\n"
FILLER = b"# a line of no use\n" * 70_000


def packed(body: bytes) -> Answer:
    return answer(body=gzip.compress(body), Content_Encoding="gzip")


@pytest.mark.parametrize(
    "long_file",
    [
        answer(body=RULES + FILLER),
        packed(RULES + FILLER),
        answer(body=gzip.compress(RULES) + gzip.compress(FILLER), Content_Encoding="gzip"),
        answer(body=gzip.compress(RULES + FILLER, 0), Content_Encoding="gzip"),
        answer(body=zlib.compress(RULES + FILLER), Content_Encoding="deflate"),
    ],
)
def test_of_a_long_robots_file_the_beginning_counts(long_file: Answer, site: Site, fetcher: Fetcher) -> None:
    site.answers["/robots.txt"] = long_file
    site.answers["/a"] = answer(body=b"page")
    assert fetcher.get(site.url("/a")).body == b"page"
    with pytest.raises(RobotsError, match="leave this page alone"):
        fetcher.get(site.url("/cart"))


def test_the_rule_in_which_the_file_is_cut_does_not_count(site: Site, fetcher: Fetcher) -> None:
    start = b"User-agent: *\n"
    filler = b"#" * (MAX_BYTES - len(start) - len(b"\nDisallow: /")) + b"\n"
    site.answers["/robots.txt"] = answer(body=start + filler + b"Disallow: /cart\n")
    site.answers["/a"] = answer(body=b"page")
    assert fetcher.get(site.url("/a")).body == b"page"


def test_a_short_file_counts_to_its_last_letter(site: Site, fetcher: Fetcher) -> None:
    site.answers["/robots.txt"] = answer(body=RULES.strip())
    with pytest.raises(RobotsError):
        fetcher.get(site.url("/cart"))


def test_lines_may_end_as_on_any_system() -> None:
    assert whole_lines(b"a\r\nb\r\nc") == b"a\r\nb\r\n"
    assert whole_lines(b"a\rb") == b"a\r"
    assert whole_lines(b"abc") == b""


def test_the_start_of_a_packed_body_that_breaks_off() -> None:
    whole = gzip.compress(b"x" * 1000)
    assert unpack_start(whole, "gzip", 1000) == (b"x" * 1000, False)
    assert unpack_start(whole, "gzip", 999) == (b"x" * 999, True)
    assert unpack_start(whole[:-4], "gzip", 1000) == (b"x" * 1000, True)
    with pytest.raises(FetchError, match="unpacked"):
        unpack(whole[:-4], "gzip", 1000)


def test_an_api_may_not_send_us_past_the_wishes_of_another_site(site: Site) -> None:
    elsewhere = f"localhost:{site.port}"
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /")
    site.answers["/near"] = answer(302, Location="/b")
    site.answers["/far"] = answer(302, Location=f"http://{elsewhere}/b")
    site.answers["/b"] = answer(body=b"{}")
    with Fetcher(allowed_addresses=[site.origin, elsewhere], resolver=lambda *_: ["127.0.0.1"]) as fetcher:
        assert fetcher.get(site.url("/near"), is_api=True).body == b"{}"
        with pytest.raises(RobotsError, match="localhost"):
            fetcher.get(site.url("/far"), is_api=True)
    assert site.paths() == ["/near", "/b", "/far"]


def test_a_robots_file_may_lie_on_another_site(site: Site) -> None:
    elsewhere = f"localhost:{site.port}"
    site.answers["/robots.txt"] = answer(301, Location=f"http://{elsewhere}/rules")
    site.answers["/rules"] = answer(body=RULES)
    site.answers["/a"] = answer(body=b"page")
    with Fetcher(allowed_addresses=[site.origin, elsewhere], resolver=lambda *_: ["127.0.0.1"]) as fetcher:
        assert fetcher.get(site.url("/a")).body == b"page"
        with pytest.raises(RobotsError):
            fetcher.get(site.url("/cart"))
