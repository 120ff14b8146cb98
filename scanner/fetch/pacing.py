"""How long to wait before the next request to a host."""

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scanner.fetch.patience import Patience

LONGEST_WAIT_S = 60.0
FIRST_BACK_OFF_S = 2.0
MOST_ASKED_S = 24 * 3600.0  # a longer wait that a server asks for is a mistake, and would close it to us for good
JITTER = 0.25
MANY_HOSTS = 10_000


class Pacer:
    """A token bucket a host, over all threads that share it: a token each `delay_s` seconds, `burst` at most.

    jitter: the largest part by which a wait is lengthened, at random, so that crawls don't beat in time; waits are
    never shortened. random: a number in [0, 1). patience: which hosts are left alone for they don't answer.
    """

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        *,
        jitter: float = 0.0,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._random = random
        self._full_at: dict[str, float] = {}  # when the host's bucket is full again
        self._held_until: dict[str, float] = {}
        self.patience = Patience(clock)
        self._lock = threading.Lock()

    def wait(
        self,
        host: str,
        delay_s: float,
        burst: int = 1,
        may_wait: Callable[[float], None] = lambda _: None,
        sleep: Callable[[float], object] | None = None,
    ) -> float:
        """Wait for this host's turn; returns the seconds waited.

        may_wait: asked before each wait with its seconds; an exception of its ends the waiting. sleep: instead of the
        pacer's own.
        """
        sleep = sleep or self._sleep
        turn_at, now = self._take_turn(host, delay_s, burst)
        waited_s = _sleep_until(turn_at, now, may_wait, sleep)
        while self._held_until.get(host, turn_at) > turn_at:  # it had enough while we slept
            turn_at, now = self._take_turn(host, delay_s, burst)
            waited_s += _sleep_until(turn_at, now, may_wait, sleep)
        return waited_s

    def hold(self, host: str, seconds: float) -> None:
        """Nobody asks this host for `seconds`: it said that it has had enough."""
        with self._lock:
            self._held_until[host] = max(self._held_until.get(host, 0.0), self._clock() + self.lengthen(seconds))

    def held_s(self, host: str) -> float:
        """Seconds for which nobody asks this host, 0 where it is not on hold."""
        return max(0.0, self._held_until.get(host, 0.0) - self._clock())

    def lengthen(self, seconds: float) -> float:
        return seconds * (1 + self._jitter * self._random())

    def _take_turn(self, host: str, delay_s: float, burst: int) -> tuple[float, float]:
        with self._lock:
            now = self._clock()
            self._forget(now)
            full_at = self._full_at.get(host, now)
            turn_at = max(now, full_at - (burst - 1) * delay_s, self._held_until.get(host, now))
            self._full_at[host] = max(turn_at, full_at) + self.lengthen(delay_s)
        return turn_at, now

    def _forget(self, now: float) -> None:
        """A pacer may outlive many crawls; hosts whose times have passed take no memory."""
        if len(self._full_at) >= MANY_HOSTS:
            self._full_at = {host: at for host, at in self._full_at.items() if at > now}
            self._held_until = {host: at for host, at in self._held_until.items() if at > now}


_pacers: dict[int, Pacer] = {}


def shared_pacer() -> Pacer:
    """The one pacer of this process, for all fetchers that are to keep their distance together.

    A forked process gets its own: a lock that another thread held at the fork would never be free there.
    """
    return _pacers.setdefault(os.getpid(), Pacer(jitter=JITTER))


def _sleep_until(then: float, now: float, may_wait: Callable[[float], None], sleep: Callable[[float], object]) -> float:
    if then <= now:
        return 0.0
    may_wait(then - now)
    sleep(then - now)
    return then - now


def back_off_s(retry_after: str | None, attempt: int) -> float:
    """Seconds until the next try: what the server asked for, a day at most, else 2, 4, 8 ... for attempt 0, 1, 2 ..."""
    asked = _read_retry_after(retry_after) if retry_after else None
    return FIRST_BACK_OFF_S * 2**attempt if asked is None else min(max(0.0, asked), MOST_ASKED_S)


def _read_retry_after(text: str) -> float | None:
    if text.strip().isdecimal():
        return float(text.strip())
    try:
        when = parsedate_to_datetime(text)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return (when - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError, TypeError):  # a date or a time zone beyond all measure
        return None
