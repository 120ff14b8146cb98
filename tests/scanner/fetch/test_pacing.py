from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from scanner.fetch import Fetcher
from scanner.fetch.pacing import Pacer, back_off_s
from tests.scanner.fetch.site import Site, answer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> Pacer:
    return Pacer(clock.sleep, lambda: clock.now)


def test_requests_to_one_host_are_kept_apart(pacer: Pacer) -> None:
    assert [pacer.wait("a", 1.5) for _ in range(3)] == [0, 1.5, 1.5]


def test_hosts_do_not_wait_for_each_other(pacer: Pacer, clock: Clock) -> None:
    pacer.wait("a", 5)
    assert pacer.wait("b", 5) == 0
    assert clock.naps == []


def test_time_that_has_passed_anyway_is_not_waited_again(pacer: Pacer, clock: Clock) -> None:
    pacer.wait("a", 5)
    clock.now += 4
    assert pacer.wait("a", 5) == 1


def test_a_host_on_hold_waits_its_whole_time(pacer: Pacer) -> None:
    pacer.wait("a", 1)
    pacer.hold("a", 30)
    assert pacer.wait("a", 1) == 30


def test_the_wait_doubles_where_the_server_names_none() -> None:
    assert [back_off_s(None, attempt) for attempt in range(3)] == [2, 4, 8]
    assert back_off_s("soon", 0) == 2


def test_the_server_may_name_seconds_or_a_date() -> None:
    assert back_off_s("12", 0) == 12
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert back_off_s(in_a_minute, 0) == pytest.approx(60, abs=3)
    assert back_off_s("Wed, 21 Oct 2015 07:28:00 GMT", 0) == 0


def test_an_address_on_the_allow_list_is_not_paced(site: Site, naps: list[float]) -> None:
    site.answers["/a"] = answer()
    with Fetcher(allowed_addresses=[site.origin], sleep=naps.append) as fetcher:
        fetcher.get(site.url("/a"))
        fetcher.get(site.url("/a"))
    assert naps == []


def test_the_crawl_delay_of_a_site_is_kept_where_it_is_longer_than_ours(site: Site, naps: list[float]) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nCrawl-delay: 3")
    site.answers["/a"] = answer()
    with Fetcher(allowed_addresses=[site.origin], sleep=naps.append, jitter=0) as fetcher:
        for _ in range(3):
            fetcher.get(site.url("/a"))
    assert naps == [pytest.approx(3, abs=0.5), pytest.approx(6, abs=0.5)]  # the second stands on the first's turn
