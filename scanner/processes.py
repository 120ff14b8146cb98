"""Processes that do one kind of work for us: the death of one is one failed task."""

import atexit

# Registers its own function for the exit, which waits for every child. Functions run in the reverse of the order in
# which they were registered, and ours must run first: until it has, the pool replaces each child that is ended.
import multiprocessing.util  # noqa: F401
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing import get_context
from typing import Any, Self, TypeVar

from pebble import ProcessPool

Result = TypeVar("Result")

NICENESS = 5


class Processes:
    """`count` processes, each of which begins with `start(*arguments)`; a context manager that ends them.

    They are spawned, not forked: a fork would carry over the threads' locks of a web server or a queue worker.
    """

    def __init__(self, count: int, start: Callable[..., None] | None = None, *arguments: Any) -> None:
        # There are as many processes as cores: numpy's library would start as many threads in each, which fight, and
        # take address space. Read as it is loaded, so ours, which is, stays as it was.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._fill(count, start, *arguments)

    def _fill(self, count: int, start: Callable[..., None] | None, *arguments: Any) -> None:
        self._pool = ProcessPool(
            max_workers=count, context=get_context("spawn"), initializer=_begin, initargs=[start, arguments]
        )

    def run(self, work: Callable[..., Result], *arguments: Any, timeout_s: float) -> "Future[Result]":
        """Queue one call. Its future raises TimeoutError after timeout_s, ProcessExpired where its process died."""
        future: Future[Result] = self._pool.schedule(work, args=arguments, timeout=timeout_s)
        return future

    def end_at_exit(self) -> Self:
        """For processes that live as long as ours."""
        atexit.register(self.__exit__)
        return self

    def replace(self, count: int, start: Callable[..., None] | None = None, *arguments: Any) -> None:
        """End them and begin with others. What is under way is lost: its futures never hold anything."""
        self.__exit__()
        self._fill(count, start, *arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._pool.stop()
        self._pool.join()


def step_back() -> None:
    """Let whoever waits for an answer go first: a scan takes whatever the processor has left, and that is as much.

    For processes that work through thousands of pictures on a machine that serves pages and rows as well.
    """
    os.nice(NICENESS)


def _begin(start: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    if start is not None:
        start(*arguments)
