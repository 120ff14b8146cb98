"""How long to wait before the next request to a host."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT_S = 60.0
FIRST_BACK_OFF_S = 2.0


class Pacer:
    """Keeps requests to one host apart, over all threads that share it."""

    def __init__(
        self, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._free_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, delay_s: float) -> float:
        """Wait for this host's turn, then keep it taken for `delay_s` seconds; returns the seconds waited."""
        with self._lock:
            now = self._clock()
            turn_at = max(now, self._free_at.get(host, now))
            self._free_at[host] = turn_at + delay_s
        if turn_at > now:
            self._sleep(turn_at - now)
        return turn_at - now

    def hold(self, host: str, seconds: float) -> None:
        """Nobody asks this host for `seconds`: it said that it has had enough."""
        with self._lock:
            self._free_at[host] = max(self._free_at.get(host, 0.0), self._clock() + seconds)


def back_off_s(retry_after: str | None, attempt: int) -> float:
    """Seconds until the next try: what the server asked for, else 2, 4, 8 ... for attempt 0, 1, 2 ..."""
    asked = _read_retry_after(retry_after) if retry_after else None
    return FIRST_BACK_OFF_S * 2**attempt if asked is None else asked


def _read_retry_after(text: str) -> float | None:
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
