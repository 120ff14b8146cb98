import contextlib
from collections.abc import Iterator

import pytest

from scanner.fetch import AddressError, Fetcher, FetchError, HostStoppedError, LogEntry, RobotsError, StoppedError
from tests.scanner.fetch.site import Site, answer


@pytest.fixture
def log() -> list[LogEntry]:
    return []


@pytest.fixture
def stopped() -> dict[str, str]:
    """Why a host is left alone."""
    return {}


@pytest.fixture
def ends() -> list[bool]:
    """What the worker answers when it is asked whether it is to end; False once used up."""
    return []


@pytest.fixture
def fetcher(
    site: Site, naps: list[float], log: list[LogEntry], stopped: dict[str, str], ends: list[bool]
) -> Iterator[Fetcher]:
    with Fetcher(
        allowed_addresses=[site.origin, f"localhost:{site.port}"],
        resolver=lambda *_: ["127.0.0.1"],
        sleep=naps.append,
        jitter=0,
        log=log.append,
        is_stopped=stopped.get,
        is_stopping=lambda: ends.pop(0) if ends else False,
    ) as fetcher:
        yield fetcher


def lines(log: list[LogEntry], site: Site) -> list[tuple[str, str, int | None, str]]:
    return [(entry.url.removeprefix(site.url("")), entry.robots, entry.status, entry.failure) for entry in log]


def test_every_hop_is_a_line_with_what_robots_txt_says_of_it(site: Site, fetcher: Fetcher, log: list[LogEntry]) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /cart")
    site.answers["/a"] = answer(302, Location="/b#part")
    site.answers["/b"] = answer(body=b"12345")
    fetcher.get(site.url("/a"))
    assert lines(log, site) == [
        ("/robots.txt", "not asked", 200, ""),
        ("/a", "allowed", 302, ""),
        ("/b", "allowed", 200, ""),
    ]
    assert log[-1].bytes_read == 5
    assert log[-1].at.tzinfo is not None
    assert log[-1].took_s > 0


def test_a_page_that_is_forbidden_is_a_line_too(site: Site, fetcher: Fetcher, log: list[LogEntry]) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /cart")
    with pytest.raises(RobotsError) as refused:
        fetcher.get(site.url("/cart"))
    assert lines(log, site)[-1] == ("/cart", "forbidden", None, str(refused.value))


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "allowed: the site has no robots.txt (404)"), (500, "stopped: robots.txt answered 500")],
)
def test_what_is_not_known_of_a_site_is_said(
    status: int, words: str, site: Site, fetcher: Fetcher, log: list[LogEntry]
) -> None:
    site.answers["/robots.txt"] = answer(status)
    site.answers["/a"] = answer()
    for _ in range(2):
        with contextlib.suppress(RobotsError):
            fetcher.get(site.url("/a"))
    assert [entry.robots for entry in log if entry.url == site.url("/a")] == [words] * 2
    assert len([entry for entry in log if entry.url.endswith("/robots.txt")]) == 1, "asked once"


def test_an_address_that_is_refused_is_a_line(site: Site, fetcher: Fetcher, log: list[LogEntry]) -> None:
    site.answers["/a"] = answer(302, Location="file:///etc/passwd")
    with pytest.raises(AddressError):
        fetcher.get(site.url("/a"))
    assert lines(log, site)[-1][:3] == ("file:///etc/passwd", "not asked", None)


def test_each_try_at_a_busy_server_is_a_line_with_its_wait(site: Site, fetcher: Fetcher, log: list[LogEntry]) -> None:
    site.answers["/a"] = answer(503)
    with pytest.raises(FetchError, match=r"503 \(Service Unavailable\) to each of 3 tries; try later\."):
        fetcher.get(site.url("/a"))
    tries = [entry for entry in log if entry.url == site.url("/a")]
    assert [entry.status for entry in tries] == [503] * 3
    assert [round(entry.waited_s) for entry in tries] == [0, 2, 4]


def test_a_stopped_host_is_not_asked_at_all(
    site: Site, fetcher: Fetcher, stopped: dict[str, str], log: list[LogEntry]
) -> None:
    stopped["127.0.0.1"] = "The owner of 127.0.0.1 asked us to stop."
    with pytest.raises(HostStoppedError, match="owner"):
        fetcher.get(site.url("/a"))
    assert site.asked == [], "robots.txt is not asked either"
    assert {entry.failure for entry in log} == {"The owner of 127.0.0.1 asked us to stop."}


def test_a_stopped_host_is_not_asked_after_a_redirect(site: Site, fetcher: Fetcher, stopped: dict[str, str]) -> None:
    stopped["localhost"] = "It is stopped."
    site.answers["/a"] = answer(302, Location=f"http://localhost.:{site.port}/b")
    with pytest.raises(HostStoppedError):
        fetcher.get(site.url("/a"))
    assert site.paths() == ["/a"]


def test_a_host_that_is_let_again_is_asked_at_once(site: Site, fetcher: Fetcher, stopped: dict[str, str]) -> None:
    site.answers["/a"] = answer(body=b"x")
    stopped["127.0.0.1"] = "It is stopped."
    with pytest.raises(HostStoppedError):
        fetcher.get(site.url("/a"))
    stopped.clear()
    assert fetcher.get(site.url("/a")).body == b"x"


def test_a_host_that_is_stopped_while_we_wait_for_it_is_not_asked(site: Site, stopped: dict[str, str]) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nCrawl-delay: 3")
    site.answers["/a"] = answer()
    with Fetcher(
        allowed_addresses=[site.origin],
        sleep=lambda _: stopped.update({"127.0.0.1": "Stopped just now."}),
        is_stopped=stopped.get,
    ) as fetcher:
        fetcher.get(site.url("/a"))
        with pytest.raises(HostStoppedError):
            fetcher.get(site.url("/a"))
    assert site.paths() == ["/a"]


def test_a_worker_that_is_to_end_asks_nothing_more(
    site: Site, fetcher: Fetcher, ends: list[bool], naps: list[float]
) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nCrawl-delay: 3")
    site.answers["/a"] = answer()
    fetcher.get(site.url("/a"))
    ends.append(True)
    with pytest.raises(StoppedError):
        fetcher.get(site.url("/a"))
    assert naps == []
    ends += [False, True]  # before the wait, and after it
    with pytest.raises(StoppedError):
        fetcher.get(site.url("/a"))
    assert len(naps) == 1
    assert site.paths() == ["/a"]
