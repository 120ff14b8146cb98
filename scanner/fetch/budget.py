"""What one crawl may cost a site and us: pages, bytes, time."""

import threading
import time
from collections.abc import Callable

from scanner.fetch.errors import BudgetError

HOUR_S = 3600.0


class Budget:
    """May be shared between threads and fetchers; None is without limit.

    pages: requests at most, redirects, repeated tries and unchanged pages among them, robots.txt not.
    bytes: at most as they come over the wire. seconds: from the making of the budget to its end.
    """

    def __init__(
        self,
        pages: int | None = None,
        bytes: int | None = None,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pages_used = 0
        self.bytes_used = 0
        self._pages = pages
        self._bytes = bytes
        self._seconds = seconds
        self._clock = clock
        self._began_at = clock()
        self._lock = threading.Lock()

    def take_page(self) -> None:
        """Raises BudgetError where no page is left."""
        with self._lock:
            if self._pages is not None and self.pages_used >= self._pages:
                raise BudgetError(f"The budget of {self._pages} pages is used up.")
            self.pages_used += 1

    def take_bytes(self, count: int) -> None:
        """Raises BudgetError once more bytes have come than there were."""
        with self._lock:
            self.bytes_used += count
        self._check_bytes()

    def check(self, wait_s: float = 0.0) -> None:
        """Raises BudgetError where bytes or time are used up, or would be after `wait_s` seconds."""
        self._check_bytes()
        if self._seconds is not None and self._clock() + wait_s - self._began_at >= self._seconds:
            raise BudgetError(f"The budget of {_duration(self._seconds)} is used up.")

    def _check_bytes(self) -> None:
        if self._bytes is not None and self.bytes_used > self._bytes:
            raise BudgetError(f"The budget of {self._bytes / 1e6:,.6g} MB is used up.")


def _duration(seconds: float) -> str:
    return f"{seconds / HOUR_S:.4g} hours" if seconds >= HOUR_S else f"{seconds:.4g} seconds"
