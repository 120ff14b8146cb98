import httpx2
import pytest

from scanner.fetch import AddressError, Fetcher, FetchError
from scanner.fetch.bodies import read_packed
from scanner.fetch.pacing import MOST_ASKED_S, back_off_s
from tests.scanner.fetch.site import Site, answer

FAR_ZONE = "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"
ODD_WAITS = [
    FAR_ZONE,
    "Mon, 01 Jan 2024 00:00:00 -9999",
    "Mon, 01 Jan 99999 00:00:00 GMT",
    "0x10",
    "-5",
    "1e9",
    "²",
    ",",
]


@pytest.mark.parametrize("text", ODD_WAITS)
def test_a_wait_that_makes_no_sense_is_passed_over(text: str) -> None:
    assert back_off_s(text, 1) == 4


def test_the_zone_of_another_world_does_not_break_a_fetch(site: Site, fetcher: Fetcher) -> None:
    answers = iter([answer(503, Retry_After=FAR_ZONE), answer(body=b"now")])
    site.answers["/a"] = lambda handler: next(answers)(handler)
    assert fetcher.get(site.url("/a")).body == b"now"


@pytest.mark.parametrize("text", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_server_can_close_itself_to_us_for_more_than_a_day(text: str) -> None:
    assert back_off_s(text, 0) == MOST_ASKED_S


@pytest.mark.parametrize("length", ["9" * 5000, "٩" * 30])
def test_a_size_beyond_all_measure_is_too_large(length: str) -> None:
    response = httpx2.Response(200, headers=[(b"Content-Length", length.encode())], content=b"x")
    with pytest.raises(FetchError, match="larger than"):
        read_packed(response, 10)


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1, 2", "½", "+1", ""])
def test_a_size_that_is_none_is_one_sentence_at_most(length: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=b"x", Content_Length=length, Connection="close")
    with pytest.raises(FetchError):
        fetcher.get(site.url("/a"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Set_Cookie", f"a=b; expires={FAR_ZONE}; max-age={'9' * 5000}; version=x"),
        ("Content_Type", "text/html; charset=\xff\xfe; charset=undefined"),
        ("Content_Type", "text/html; charset=" + "x" * 9000),
        ("ETag", "\xfc"),
        ("Date", FAR_ZONE),
    ],
)
def test_an_odd_header_does_not_cost_the_page(name: str, value: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(body=b"page", **{name: value})
    assert fetcher.get(site.url("/a")).body == b"page"


@pytest.mark.parametrize(
    "location",
    [
        "http://[",
        "http://[::1",
        "//",
        "http://a..b/",
        "http://e.example:9\xb2/",
        "http://a b/",
    ],
)
def test_a_way_on_that_leads_nowhere_is_refused(location: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(302, Location=location)
    with pytest.raises(AddressError):
        fetcher.get(site.url("/a"))


def test_the_spaces_of_a_way_on_are_taken_as_browsers_take_them(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(302, Location="/old horn?q=a  b")
    site.answers["/old%20horn?q=a%20%20b"] = answer(body=b"there")
    assert fetcher.get(site.url("/a")).body == b"there"


@pytest.mark.parametrize(
    "location", ["/a\tb", "/a\\b", "http: //a/", "http://a b@example.org/", "//exa mple.org/", " \\a"]
)
def test_whatever_else_is_unsafe_in_a_way_on_stays_refused(location: str, site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(302, Location=location)
    with pytest.raises(AddressError):
        fetcher.get(site.url("/a"))
    assert site.paths() == ["/a"]
