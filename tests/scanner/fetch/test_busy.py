import pytest

from scanner.fetch import BusyError, Fetcher, HostStoppedError, RefusedError
from tests.scanner.fetch.site import Site, answer


def test_a_server_that_stays_busy_is_told_apart_from_other_failures(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(503)
    with pytest.raises(BusyError) as failed:
        fetcher.get(site.url("/a"))
    assert (failed.value.status, failed.value.wait_s) == (503, 8)
    assert not isinstance(failed.value, RefusedError)


def test_a_server_that_asks_for_an_hour_is_busy_until_then(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(429, Retry_After="3600")
    with pytest.raises(BusyError) as failed:
        fetcher.get(site.url("/a"))
    assert (failed.value.status, failed.value.wait_s) == (429, 3600)
    with pytest.raises(BusyError) as failed:
        fetcher.get(site.url("/b"))
    assert failed.value.status is None
    assert failed.value.wait_s == pytest.approx(3600, abs=60)


def test_a_stopped_host_is_named_as_it_is_looked_up() -> None:
    with Fetcher(is_stopped=lambda _: "Its owner asked us to.") as fetcher, pytest.raises(HostStoppedError) as failed:
        fetcher.get("http://Bücher.Example./a")
    assert failed.value.host == "xn--bcher-kva.example"
