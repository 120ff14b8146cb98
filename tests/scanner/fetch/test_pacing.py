import itertools
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from scanner.fetch import Fetcher, StoppedError
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


def test_a_burst_may_follow_a_rest_and_then_the_pace_is_kept(pacer: Pacer, clock: Clock) -> None:
    assert [pacer.wait("a", 2, burst=3) for _ in range(5)] == [0, 0, 0, 2, 2]
    clock.now += 4
    assert [pacer.wait("a", 2, burst=3) for _ in range(3)] == [0, 0, 2]


def test_no_two_requests_are_closer_than_the_pace_whatever_the_jitter(clock: Clock) -> None:
    chances = iter([0.9, 0.0, 0.5, 0.99, 0.1] * 20)
    pacer = Pacer(clock.sleep, lambda: clock.now, jitter=0.25, random=lambda: next(chances))
    starts = []
    for _ in range(50):
        pacer.wait("a", 2)
        starts.append(clock.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert min(gaps) >= 2
    assert 2.4 < max(gaps) <= 2.5


def test_jitter_never_brings_a_busy_server_an_early_request(clock: Clock) -> None:
    pacer = Pacer(clock.sleep, lambda: clock.now, jitter=0.25, random=lambda: 0.5)
    pacer.hold("a", 8)
    assert pacer.wait("a", 0) == 9


def test_a_host_that_has_had_enough_while_we_slept_is_waited_for_again(clock: Clock) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        clock.now += seconds
        naps.append(seconds)
        if len(naps) == 1:
            pacer.hold("a", 30)

    pacer = Pacer(sleep, lambda: clock.now)
    pacer.wait("a", 5)
    assert pacer.wait("a", 5) == 35
    assert naps == [5, 30]


def test_threads_share_one_pace(clock: Clock) -> None:
    turns: list[float] = []
    pacer = Pacer(turns.append, lambda: clock.now)  # nobody's clock moves, so the turns are seen
    threads = [threading.Thread(target=pacer.wait, args=["a", 2]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == [2, 4, 6, 8]


def test_who_may_not_wait_does_not_sleep(pacer: Pacer, clock: Clock) -> None:
    pacer.wait("a", 5)

    def refuse(seconds: float) -> None:
        raise StoppedError(f"{seconds} s are too long.")

    with pytest.raises(StoppedError, match="5"):
        pacer.wait("a", 5, may_wait=refuse)
    assert clock.naps == []


def test_there_is_no_burst_against_the_delay_that_a_site_asks_for(site: Site, naps: list[float]) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nCrawl-delay: 3")
    site.answers["/a"] = answer()
    with Fetcher(allowed_addresses=[site.origin], sleep=naps.append, jitter=0, burst=5) as fetcher:
        fetcher.get(site.url("/a"))
        fetcher.get(site.url("/a"))
    assert naps == [pytest.approx(3, abs=0.5)]


def test_a_number_with_an_odd_blank_behind_it_is_a_number() -> None:
    assert back_off_s("7\x1f", 0) == 7
