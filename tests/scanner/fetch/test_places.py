import threading
import time

import pytest

from scanner.fetch import Fetcher, FetchError, StoppedError
from scanner.fetch.places import Places
from tests.scanner.fetch.site import Answer, Site, answer


def wait_until(is_so: object) -> None:
    for _ in range(1000):
        if is_so():  # type: ignore[operator]
            return
        time.sleep(0.005)
    raise AssertionError("it never came to be")


def test_no_more_than_so_many_are_at_a_host_at_once(site: Site) -> None:
    lock, gate = threading.Lock(), threading.Event()
    now, most = [0], [0]

    def slow() -> Answer:
        def write(handler: object) -> None:
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            gate.wait(5)
            with lock:
                now[0] -= 1
            answer(body=b"x")(handler)  # type: ignore[arg-type]

        return write

    site.answers["/a"] = slow()
    with Fetcher(allowed_addresses=[site.origin], most_at_once=2) as fetcher:
        threads = [threading.Thread(target=fetcher.get, args=[site.url("/a")]) for _ in range(6)]
        for thread in threads:
            thread.start()
        wait_until(lambda: now[0] == 2)
        time.sleep(0.05)
        gate.set()
        for thread in threads:
            thread.join()
    assert most[0] == 2
    assert len(site.paths()) == 6


def test_places_are_given_in_the_order_of_coming() -> None:
    places = Places(1)
    order: list[int] = []

    def come(number: int) -> None:
        with places.place("a"):
            order.append(number)

    with places.place("a"):
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=come, args=[number]))
            threads[-1].start()
            wait_until(lambda number=number: len(places._queues["a"]) == number + 1)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert places._queues == places._taken == {}, "hosts that nobody asks are forgotten"


def test_another_host_has_places_of_its_own() -> None:
    places = Places(1)
    with places.place("a"), places.place("b") as waited_s:
        assert waited_s < 1


def test_a_place_is_free_again_after_a_failure() -> None:
    places = Places(1)
    with pytest.raises(FetchError), places.place("a"):
        raise FetchError("It failed.")
    with places.place("a"):
        pass


def test_who_may_not_wait_leaves_the_queue() -> None:
    places = Places(1)

    def give_up() -> None:
        raise StoppedError("The work is to end.")

    with places.place("a"):
        with pytest.raises(StoppedError), places.place("a", give_up):
            raise AssertionError("there was no place")
        assert not places._queues.get("a")
