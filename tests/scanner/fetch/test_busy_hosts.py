"""Hosts that have had enough, and what servers write that nobody expects."""

import pytest

from scanner.fetch import Fetcher, FetchError, HostStoppedError, RobotsError
from scanner.fetch.fetcher import MAX_TRIES, WORN_OUT
from scanner.fetch.pacing import back_off_s
from scanner.fetch.robots import MAX_BYTES
from tests.scanner.fetch.site import Site, answer, running_site


@pytest.mark.parametrize(
    "text",
    ["Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "\u00b2", "1e400", "Mon, 99 Jan 99999", "-5", "\u0663"],
)
def test_a_retry_after_that_can_not_be_read_is_as_none(text: str) -> None:
    assert back_off_s(text, 0) in (2.0, 3.0)


def test_a_host_that_answers_nothing_is_soon_asked_no_more(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({f"/{n}": answer(503) for n in range(30)})
    for n in range(30):
        with pytest.raises(FetchError):
            fetcher.get(site.url(f"/{n}"))
    assert len(site.paths()) == WORN_OUT * MAX_TRIES


def test_one_answer_makes_up_for_failures_before_it(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({f"/{n}": answer(503) for n in range(8)} | {"/good": answer()})
    for n in range(8):
        with pytest.raises(FetchError):
            fetcher.get(site.url(f"/{n}"))
        if n % 3 == 2:
            fetcher.get(site.url("/good"))
    assert len([path for path in site.paths() if path != "/good"]) == 8 * MAX_TRIES


def test_a_stopped_host_is_named(site: Site) -> None:
    with Fetcher(allowed_addresses=[site.origin], is_stopped=lambda host: f"{host} is stopped.") as fetcher:
        with pytest.raises(HostStoppedError) as caught:
            fetcher.get(site.url("/"))
        assert caught.value.host == "127.0.0.1"


def test_of_a_robots_file_that_is_too_long_the_first_part_counts(site: Site, fetcher: Fetcher) -> None:
    rules = b"User-agent: *\nDisallow: /private\n" + b"# more\n" * (MAX_BYTES // 7 + 1) + b"Disallow: /late\n"
    site.answers.update({"/robots.txt": answer(body=rules), "/open": answer(), "/late": answer()})
    assert fetcher.get(site.url("/open")).status == 200
    assert fetcher.get(site.url("/late")).status == 200
    with pytest.raises(RobotsError):
        fetcher.get(site.url("/private"))


def test_an_address_with_a_space_to_which_we_are_sent_is_followed(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/old": answer(302, Location="/ivory carving.jpg"), "/ivory%20carving.jpg": answer(body=b"x")})
    assert fetcher.get(site.url("/old")).body == b"x"


def test_a_site_to_which_an_api_sends_us_on_is_asked_for_its_robots_file(site: Site) -> None:
    with running_site() as other, Fetcher(allowed_addresses=[site.origin, other.origin]) as fetcher:
        site.answers["/api"] = answer(302, Location=other.url("/page"))
        other.answers.update({"/robots.txt": answer(body=b"User-agent: *\nDisallow: /"), "/page": answer()})
        with pytest.raises(RobotsError):
            fetcher.get(site.url("/api"), is_api=True)
        assert "/page" not in other.paths()
