"""What every request has to pass: kill switch, budget, a place at the host, its pace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

from scanner.fetch.addresses import host_of, origin_of
from scanner.fetch.budget import Budget
from scanner.fetch.errors import BusyError, HostStoppedError, StoppedError
from scanner.fetch.pacing import JITTER, LONGEST_WAIT_S, Pacer
from scanner.fetch.places import Places

LONGEST_HOLD_S = LONGEST_WAIT_S * (1 + JITTER)
IsStopped = Callable[[str], str | None]


class Door:
    """is_stopped: why a host, as host_of writes it, is left alone, None where it is not.

    is_stopping: whether the worker is to end. sleep: how this worker waits, whoever else the pacer serves.
    """

    def __init__(
        self,
        pacer: Pacer,
        places: Places,
        budget: Budget,
        is_stopped: IsStopped,
        is_stopping: Callable[[], bool],
        sleep: Callable[[float], object],
    ) -> None:
        self._pacer = pacer
        self._places = places
        self._budget = budget
        self._is_stopped = is_stopped
        self._is_stopping = is_stopping
        self._sleep = sleep

    @contextmanager
    def turn(self, url: httpx2.URL, delay_s: float, burst: int, is_page: bool) -> Iterator[float]:
        """Wait for the host's turn and keep a place there within the block; gives the seconds waited.

        is_page: whether it counts as a page of the budget. Raises RefusedError and BusyError.
        """
        self._check_host(url)
        host = origin_of(url)
        self._check_hold(host)
        with self._places.place(host, self._check_ourselves) as queued_s:
            paced_s = self._pacer.wait(host, delay_s, burst, self._check_ourselves, self._sleep)
            self._check_ourselves()
            self._check_hold(host)
            self._check_host(url)  # it may have been stopped while we waited
            if is_page:
                self._budget.take_page()
            yield queued_s + paced_s

    def count(self, bytes_read: int) -> None:
        """Told of every piece that comes in. Raises RefusedError."""
        self._budget.take_bytes(bytes_read)
        self._check_ourselves()

    def hold(self, url: httpx2.URL, seconds: float) -> None:
        """Nobody asks the host for that long."""
        self._pacer.hold(origin_of(url), seconds)

    def count_failure(self, url: httpx2.URL) -> None:
        """The host did not answer, or was busy to the last try: after some in a row it is left alone."""
        self._pacer.patience.count_failure(origin_of(url))

    def count_success(self, url: httpx2.URL) -> None:
        self._pacer.patience.count_success(origin_of(url))

    def _check_hold(self, host: str) -> None:
        held_s = self._pacer.held_s(host)
        if held_s > LONGEST_HOLD_S:
            raise left_alone(held_s)
        rest_s = self._pacer.patience.rest_s(host)
        if rest_s > 0:
            raise BusyError(
                f"{host} gave no useful answer to several requests in a row, so it is left alone for {rest_s:.0f} s; "
                "try later.",
                wait_s=rest_s,
            )

    def _check_ourselves(self, wait_s: float = 0.0) -> None:
        if self._is_stopping():
            raise StoppedError("The fetch was given up because the work was asked to end.")
        self._budget.check(wait_s)

    def _check_host(self, url: httpx2.URL) -> None:
        host = host_of(url)
        reason = self._is_stopped(host)
        if reason is not None:
            raise HostStoppedError(reason, host)


def left_alone(seconds: float, status: int | None = None) -> BusyError:
    return BusyError(f"The server asks to be left alone for {seconds:.0f} s; try later.", status, seconds)
