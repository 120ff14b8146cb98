"""A clock over a whole fetch: a server that sends one byte a second never runs into a read timeout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Deadline:
    """Ends `seconds` after it was made, later by every wait that politeness asked for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    def extend(self, seconds: float) -> None:
        self._until += seconds

    @property
    def left_s(self) -> float:
        return self._until - time.monotonic()


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Within the block, every network step of this thread ends by then; an outer deadline goes on to rule."""
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    token = _current.set(Deadline(seconds))
    try:
        yield _current.get() or Deadline(seconds)
    finally:
        _current.reset(token)


def clip(timeout_s: float | None) -> float | None:
    """The timeout, or what the deadline leaves if that is less; 0 or below means that it has passed."""
    current = _current.get()
    if current is None:
        return timeout_s
    return current.left_s if timeout_s is None else min(timeout_s, current.left_s)
