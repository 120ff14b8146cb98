"""Calls that an API grants a day."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Protocol


class Quota(Protocol):
    """Counts calls over all crawls that share it."""

    def spend(self, name: str, most_a_day: int) -> bool:
        """Take one call from today's; False where none is left. name: the account that pays for it."""


class DayQuota:
    """Counts within one process; days begin at midnight UTC."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._spent: dict[tuple[str, date], int] = {}
        self._lock = threading.Lock()

    def spend(self, name: str, most_a_day: int) -> bool:
        key = (name, self._clock().date())
        with self._lock:
            spent = self._spent.get(key, 0)
            self._spent = {kept: count for kept, count in self._spent.items() if kept[1] == key[1]}
            self._spent[key] = min(spent + 1, most_a_day)
        return spent < most_a_day
