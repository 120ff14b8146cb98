"""How often a host may leave us without an answer: thousands of pictures of a dead host are no thousands of tries."""

import threading
import time
from collections.abc import Callable

MOST_FAILURES = 5
FIRST_REST_S = 60.0
LONGEST_REST_S = 15 * 60.0
_MOST_DOUBLINGS = 10  # far behind the longest rest, and no number that a float can't hold


class Patience:
    """A host that failed MOST_FAILURES times in a row gets a rest, which doubles with each failure after it.

    A success ends both. May be shared between threads. clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def rest_s(self, host: str) -> float:
        """Seconds for which this host is left alone, 0 where it may be asked."""
        return max(0.0, self._rests_until.get(host, 0.0) - self._clock())

    def count_failure(self, host: str) -> None:
        with self._lock:
            if self.rest_s(host) > 0:  # it set out before the rest began, and says nothing new
                return
            failures = self._failures[host] = self._failures.get(host, 0) + 1
            if failures >= MOST_FAILURES:
                self._rests_until[host] = self._clock() + _rest_after(failures)

    def count_success(self, host: str) -> None:
        with self._lock:
            self._failures.pop(host, None)
            self._rests_until.pop(host, None)


def _rest_after(failures: int) -> float:
    doublings = min(failures - MOST_FAILURES, _MOST_DOUBLINGS)
    return min(FIRST_REST_S * 2.0**doublings, LONGEST_REST_S)
