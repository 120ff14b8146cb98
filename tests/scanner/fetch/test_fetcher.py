import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from scanner.fetch import Fetcher, FetchError
from scanner.fetch.fetcher import user_agent
from tests.scanner.fetch.site import Answer, Site, answer


def test_an_answer_comes_with_its_body_headers_and_final_address(site: Site, fetcher: Fetcher) -> None:
    site.answers["/old"] = answer(301, Location="/new")
    site.answers["/new"] = answer(body=b"hello", Content_Type="text/plain")
    fetched = fetcher.get(site.url("/old"))
    assert (fetched.status, fetched.body, fetched.headers["content-type"]) == (200, b"hello", "text/plain")
    assert (fetched.url, fetched.final_url) == (site.url("/old"), site.url("/new"))
    assert fetched.fetched_at.tzinfo is not None


def test_every_request_says_who_we_are(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer()
    fetcher.get(site.url("/a"))
    assert [headers["user-agent"] for _, headers in site.asked] == [user_agent("crawl@example.org")] * 2
    assert user_agent("crawl@example.org").startswith("Tuskline/")
    assert user_agent("crawl@example.org").endswith(" (+crawl@example.org)")


@pytest.mark.parametrize("contact", ["a\r\nHost: b", "Zoë", "a) b"])
def test_a_contact_that_would_break_the_header_is_refused(contact: str) -> None:
    with pytest.raises(ValueError, match="contact"):
        user_agent(contact)


def test_cookies_are_not_kept(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(Set_Cookie="id=1")
    fetcher.get(site.url("/a"))
    fetcher.get(site.url("/a"))
    assert "cookie" not in site.asked[-1][1]


@pytest.mark.parametrize(("status", "said"), [(404, "404 (Not Found)"), (500, "500"), (304, "304"), (799, "799")])
def test_a_status_that_is_no_success_is_one_sentence(status: int, said: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(status)
    with pytest.raises(FetchError) as failed:
        fetcher.get(site.url("/a"))
    assert failed.value.status == status
    assert said in str(failed.value)


def test_a_redirect_loop_ends_after_five_hops(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(302, Location="/b")
    site.answers["/b"] = answer(302, Location="/a")
    with pytest.raises(FetchError, match="more than 5 times"):
        fetcher.get(site.url("/a"))
    assert len(site.paths()) == 6


def test_a_body_that_says_it_is_too_large_is_not_read(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=b"x" * 2000)
    with pytest.raises(FetchError, match="larger than"):
        fetcher.get(site.url("/a"), max_bytes=1999)
    assert len(fetcher.get(site.url("/a"), max_bytes=2000).body) == 2000


def test_a_body_that_hides_its_size_is_cut_off(site: Site, fetcher: Fetcher) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10_000):
            handler.wfile.write(b"x" * 65536)

    site.answers["/a"] = endless
    with pytest.raises(FetchError, match="larger than 1 MiB"):
        fetcher.get(site.url("/a"), max_bytes=1024**2)


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(site: Site, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    site.answers["/a"] = answer(body=bomb, Content_Encoding="gzip")
    with pytest.raises(FetchError, match="larger than 1 MiB"):
        fetcher.get(site.url("/a"), max_bytes=1024**2)


def test_a_packed_answer_is_unpacked(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=gzip.compress(b"page"), Content_Encoding="gzip")
    assert fetcher.get(site.url("/a")).body == b"page"


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "x" * 100])
def test_a_packing_that_was_not_asked_for_is_refused(encoding: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=b"??", Content_Encoding=encoding)
    with pytest.raises(FetchError, match="packed as"):
        fetcher.get(site.url("/a"))


def test_broken_packing_is_one_sentence(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=b"no gzip at all", Content_Encoding="gzip")
    with pytest.raises(FetchError, match="could not be unpacked"):
        fetcher.get(site.url("/a"))


def test_a_body_cut_short_is_a_failure(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=b"half", Content_Length="8", Connection="close")
    with pytest.raises(FetchError, match="could not be asked"):
        fetcher.get(site.url("/a"))


def drip(pieces: bytes) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        for byte in pieces:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    return write


@pytest.fixture
def hasty(site: Site) -> Iterator[Fetcher]:
    with Fetcher(allowed_addresses=[site.origin], read_s=0.3, deadline_s=0.5) as fetcher:
        yield fetcher


@pytest.mark.parametrize("pieces", [b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 60, b"HTTP/1.0 200 OK\r\nX-Slow: " + b"x" * 60])
def test_a_server_that_drips_is_left_at_the_deadline(pieces: bytes, site: Site, hasty: Fetcher) -> None:
    site.answers["/a"] = drip(pieces)
    began = time.monotonic()
    with pytest.raises(FetchError, match=r"longer than 0\.5 s in all"):
        hasty.get(site.url("/a"))
    assert time.monotonic() - began < 1.5


def test_a_silent_server_is_left_after_the_read_timeout(site: Site, hasty: Fetcher) -> None:
    site.answers["/robots.txt"] = answer(404)
    site.answers["/a"] = lambda _: time.sleep(0.6)
    with pytest.raises(FetchError, match="did not answer in time"):
        hasty.get(site.url("/a"))


def test_a_busy_server_is_asked_again_after_the_time_it_names(site: Site, fetcher: Fetcher, naps: list[float]) -> None:
    answers = iter([answer(429, Retry_After="7"), answer(503), answer(body=b"now")])
    site.answers["/a"] = lambda handler: next(answers)(handler)
    assert fetcher.get(site.url("/a")).body == b"now"
    assert naps[0] == pytest.approx(7, abs=0.5)
    assert len(naps) == 2


def test_a_server_that_stays_busy_is_left_after_three_tries(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(503)
    with pytest.raises(FetchError, match="503") as failed:
        fetcher.get(site.url("/a"))
    assert failed.value.status == 503
    assert site.paths() == ["/a"] * 3


def test_a_server_that_asks_for_an_hour_is_not_waited_for(site: Site, fetcher: Fetcher, naps: list[float]) -> None:
    site.answers["/a"] = answer(429, Retry_After="3600")
    with pytest.raises(FetchError, match="3600 s; try later"):
        fetcher.get(site.url("/a"))
    with pytest.raises(FetchError, match=r"(3600|3599) s; try later"):
        fetcher.get(site.url("/b"))
    assert naps == []
    assert site.paths() == ["/a"], "it is left alone until then"


def test_a_closed_port_is_one_sentence() -> None:
    with Fetcher(allowed_addresses=["127.0.0.1:1"]) as fetcher, pytest.raises(FetchError, match="left alone"):
        fetcher.get("http://127.0.0.1:1/")
