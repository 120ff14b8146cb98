import itertools
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from scanner.fetch import BusyError, Fetcher, FetchError, Pacer, shared_pacer
from scanner.fetch.pacing import MANY_HOSTS
from scanner.fetch.patience import LONGEST_REST_S, MOST_FAILURES, Patience
from tests.scanner.fetch.site import Site, answer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> Pacer:
    return Pacer(clock.sleep, lambda: clock.now)


def fail_often(patience: Patience, count: int = MOST_FAILURES) -> None:
    for _ in range(count):
        patience.count_failure("a")


def test_a_host_that_fails_and_fails_gets_ever_longer_rests(clock: Clock) -> None:
    patience = Patience(lambda: clock.now)
    fail_often(patience, MOST_FAILURES - 1)
    assert patience.rest_s("a") == 0
    rests = []
    for _ in range(2000):
        patience.count_failure("a")
        rests.append(patience.rest_s("a"))
        clock.now += rests[-1]
    assert rests[:6] == [60, 120, 240, 480, LONGEST_REST_S, LONGEST_REST_S]
    assert patience.rest_s("b") == 0


def test_fetches_that_were_on_their_way_lengthen_no_rest(clock: Clock) -> None:
    patience = Patience(lambda: clock.now)
    fail_often(patience, 3 * MOST_FAILURES)
    assert patience.rest_s("a") == 60


def test_a_success_begins_the_count_anew(clock: Clock) -> None:
    patience = Patience(lambda: clock.now)
    fail_often(patience)
    patience.count_success("a")
    assert patience.rest_s("a") == 0
    fail_often(patience, MOST_FAILURES - 1)
    assert patience.rest_s("a") == 0


def ask_often(fetcher: Fetcher, url: str, count: int) -> list[FetchError]:
    failures = []
    for _ in range(count):
        with pytest.raises(FetchError) as failed:
            fetcher.get(url)
        failures.append(failed.value)
    return failures


def test_many_pictures_of_a_busy_host_are_few_requests(site: Site, pacer: Pacer, clock: Clock) -> None:
    site.answers["/a"] = answer(503)
    with Fetcher(allowed_addresses=[site.origin], sleep=clock.sleep, pacer=pacer) as fetcher:
        failures = ask_often(fetcher, site.url("/a"), 100)
        assert len(site.paths()) == 3 * MOST_FAILURES
        assert all(isinstance(failure, BusyError) for failure in failures)
        assert [failure.requests for failure in failures] == [3] * MOST_FAILURES + [0] * 95
        clock.now += 60
        site.answers["/a"] = answer(body=b"back")
        assert fetcher.get(site.url("/a")).body == b"back"


def test_a_host_that_hangs_up_is_left_alone_too(site: Site, pacer: Pacer, clock: Clock) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    site.answers["/a"] = hang_up
    with Fetcher(allowed_addresses=[site.origin], sleep=clock.sleep, pacer=pacer) as fetcher:
        failures = ask_often(fetcher, site.url("/a"), 20)
    assert len(site.paths()) == MOST_FAILURES
    assert [type(failure) for failure in failures[MOST_FAILURES:]] == [BusyError] * 15


def test_pages_that_are_gone_try_nobody(site: Site, pacer: Pacer, clock: Clock) -> None:
    with Fetcher(allowed_addresses=[site.origin], sleep=clock.sleep, pacer=pacer) as fetcher:
        failures = ask_often(fetcher, site.url("/gone"), 3 * MOST_FAILURES)
    assert [failure.status for failure in failures] == [404] * 3 * MOST_FAILURES


def test_a_rest_is_no_word_of_the_site_about_crawlers(site: Site, pacer: Pacer, clock: Clock) -> None:
    for _ in range(MOST_FAILURES):
        pacer.patience.count_failure(site.origin)
    site.answers["/a"] = answer(body=b"page")
    with Fetcher(allowed_addresses=[site.origin], sleep=clock.sleep, pacer=pacer) as fetcher:
        with pytest.raises(BusyError):
            fetcher.get(site.url("/a"))
        clock.now += 60
        assert fetcher.get(site.url("/a")).body == b"page"


def test_fetchers_with_one_pacer_keep_their_distance(site: Site, pacer: Pacer, clock: Clock) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nCrawl-delay: 3")
    times: list[float] = []

    def write(handler: BaseHTTPRequestHandler) -> None:
        times.append(clock.now)
        answer()(handler)

    site.answers["/a"] = write
    with (
        Fetcher(allowed_addresses=[site.origin], sleep=clock.sleep, pacer=pacer) as one,
        Fetcher(allowed_addresses=[site.origin], sleep=clock.sleep, pacer=pacer) as other,
    ):
        for fetcher in (one, other, one, other):
            fetcher.get(site.url("/a"))
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [3, 3, 3]


def test_each_fetcher_of_a_shared_pacer_waits_in_its_own_way(site: Site, pacer: Pacer, clock: Clock) -> None:
    site.answers["/a"] = answer()
    naps: list[float] = []
    pacer.hold(site.origin, 7)
    with Fetcher(allowed_addresses=[site.origin], sleep=naps.append, pacer=pacer) as fetcher:
        fetcher.get(site.url("/a"))
    assert naps[0] == 7
    assert clock.now == 100


def test_a_process_has_one_shared_pacer_for_all_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Pacer] = []
    threads = [threading.Thread(target=lambda: seen.append(shared_pacer())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(pacer) for pacer in seen} == {id(shared_pacer())}
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert shared_pacer() is not seen[0], "a forked process has its own"


def test_a_pacer_forgets_hosts_whose_time_has_passed(pacer: Pacer, clock: Clock) -> None:
    pacer.hold("busy", 1e6)
    for number in range(3 * MANY_HOSTS):
        pacer.wait(f"host{number}", 1)
        clock.now += 1
    assert len(pacer._full_at) <= MANY_HOSTS
    assert pacer.held_s("busy") > 0


def test_a_fetch_says_how_many_requests_it_cost(site: Site, fetcher: Fetcher) -> None:
    answers = iter([answer(503), answer(302, Location="/b")])
    site.answers["/a"] = lambda handler: next(answers)(handler)
    site.answers["/b"] = answer()
    assert fetcher.get(site.url("/a")).requests == 3
    assert fetcher.get(site.url("/b")).requests == 1
    assert ask_often(fetcher, site.url("/c"), 1)[0].requests == 1
