"""How long the processes of one stage worked and waited, as scanner.stages tells it."""

import time
from collections.abc import Callable
from threading import Lock

from scanner.stages import StageTime


class Stopwatch:
    """Of one stage's `workers`, which take tasks from a queue: any thread may tell it what happens.

    What they are busy with they measure themselves. Those for which no task is under way are idle: blocked while
    `held_up` says that the stage behind takes no more, waiting for the stage before otherwise. It stands still until
    `run`, and after `rest`.
    """

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._workers = workers
        self._clock = clock
        self._lock = Lock()
        self._since: float | None = None
        self._is_held_up = False
        self._under_way = self._pictures = 0
        self._busy_s = self._waited_s = self._blocked_s = 0.0

    def run(self) -> None:
        with self._lock:
            self._since = self._clock()
            self._is_held_up = False  # as it was where a scan was left in the middle

    def rest(self) -> None:
        with self._lock:
            self._pass()
            self._since = None

    def hold_up(self, is_held_up: bool) -> None:
        with self._lock:
            self._pass()
            self._is_held_up = is_held_up

    def employ(self, workers: int) -> None:
        """Another number of workers from now on, with nothing under way."""
        with self._lock:
            self._pass()
            self._workers, self._under_way = workers, 0

    def send(self) -> None:
        """A task is under way."""
        with self._lock:
            self._pass()
            self._under_way += 1

    def receive(self, pictures: int, busy_s: float) -> None:
        """A task came back, after `busy_s` of work on so many pictures."""
        with self._lock:
            self._pass()
            self._under_way = max(0, self._under_way - 1)
            self._pictures += pictures
            self._busy_s += busy_s

    @property
    def time(self) -> StageTime:
        with self._lock:
            self._pass()
            return StageTime(self._pictures, self._busy_s, self._waited_s, self._blocked_s, self._workers)

    def _pass(self) -> None:
        """Account for the time since the last event; a few additions, for each picture a few times."""
        if self._since is None:
            return
        now = self._clock()
        idle_s = max(0, self._workers - self._under_way) * (now - self._since)
        self._since = now
        if self._is_held_up:
            self._blocked_s += idle_s
        else:
            self._waited_s += idle_s
