"""How many requests a host has to bear at once."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GLANCE_S = 0.2  # how soon a worker that is to end stops waiting


class Places:
    """`count` places a host, given to threads in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: dict[str, int] = {}
        self._queues: dict[str, deque[object]] = {}
        self._changed = threading.Condition()

    @contextmanager
    def place(self, host: str, may_wait: Callable[[], None] = lambda: None) -> Iterator[float]:
        """Hold a place within the block; gives the seconds waited for it.

        may_wait: asked again and again while waiting; an exception of its ends the waiting.
        """
        waited_s = self._enter(host, may_wait)
        try:
            yield waited_s
        finally:
            self._leave(host)

    def _enter(self, host: str, may_wait: Callable[[], None]) -> float:
        ticket = object()
        began_at = time.monotonic()
        with self._changed:
            queue = self._queues.setdefault(host, deque())
            queue.append(ticket)
            try:
                while queue[0] is not ticket or self._taken.get(host, 0) >= self._count:
                    may_wait()
                    self._changed.wait(GLANCE_S)
                self._taken[host] = self._taken.get(host, 0) + 1
            finally:
                queue.remove(ticket)
                self._forget(host)
                self._changed.notify_all()
        return time.monotonic() - began_at

    def _leave(self, host: str) -> None:
        with self._changed:
            self._taken[host] -= 1
            self._forget(host)
            self._changed.notify_all()

    def _forget(self, host: str) -> None:
        """A crawl may meet hosts without number; those that nobody asks take no memory."""
        if not self._queues.get(host) and not self._taken.get(host):
            self._queues.pop(host, None)
            self._taken.pop(host, None)
