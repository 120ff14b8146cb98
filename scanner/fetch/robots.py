"""What sites ask of crawlers in their robots.txt (RFC 9309)."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx2
from protego import Protego

from scanner.fetch.addresses import origin_of
from scanner.fetch.errors import BusyError, FetchError, RefusedError, RobotsError
from scanner.fetch.pacing import LONGEST_WAIT_S

MAX_BYTES = 1024**2  # what follows is not read; RFC 9309 asks for 500 KiB at least
KEPT_S = 24 * 3600.0
FAILURE_KEPT_S = 600.0
ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class _Entry:
    """words: what a page that is not forbidden is called; failure: why the rules can't be known."""

    rules: Protego | None
    until: float
    words: str = ALLOWED
    failure: str = ""


class Robots:
    """Every robots.txt read so far. `fetch` gets a URL's body or raises FetchError; `agent` is our product name."""

    def __init__(self, fetch: Callable[[str], bytes], agent: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._agent = agent
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def check(self, url: httpx2.URL) -> str:
        """The decision in words. Raises RobotsError if the site asks us not to fetch `url`, or can't be asked."""
        entry = self._entry(url)
        if entry.rules is None:
            raise RobotsError(
                f"The robots.txt of {url.host} could not be read, so the site is left alone: {entry.failure}",
                entry.words,
            )
        if not entry.rules.can_fetch(str(url), self._agent):
            raise RobotsError(f"The robots.txt of {url.host} asks crawlers to leave this page alone.")
        return entry.words

    def delay_s(self, url: httpx2.URL) -> float:
        """Seconds between two requests that the site asks for, 0 where it asks for none.

        Raises RobotsError where it asks for more than LONGEST_WAIT_S.
        """
        rules = self._entry(url).rules
        delay = _asked_delay(rules, self._agent) if rules else 0.0
        if delay > LONGEST_WAIT_S:
            raise RobotsError(
                f"{url.host} asks for {delay:.0f} s between requests, more than a crawl can wait.",
                f"stopped: it asks for {delay:.0f} s between requests",
            )
        return delay

    def sitemaps(self, url: httpx2.URL) -> list[str]:
        """The sitemaps that the site's robots.txt names."""
        rules = self._entry(url).rules
        return list(rules.sitemaps) if rules else []

    def _entry(self, url: httpx2.URL) -> _Entry:
        key = f"{url.scheme}://{origin_of(url)}"
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:  # one site's slow answer keeps no other waiting
            entry = self._entries.get(key)
            if entry is None or entry.until < self._clock():
                entry = self._entries[key] = self._read(key + "/robots.txt")
        return entry

    def _read(self, address: str) -> _Entry:
        try:
            text = self._fetch(address).decode("utf-8-sig", "replace")
        except RefusedError:  # says nothing about the site's wishes, so nothing is kept
            raise
        except FetchError as error:
            if isinstance(error, BusyError) and error.status is None:  # nor does a host that was not even asked
                raise
            return self._unread(error)
        return _Entry(Protego.parse(text), self._clock() + KEPT_S)

    def _unread(self, error: FetchError) -> _Entry:
        """4xx: there is none, so nothing is forbidden. 429, 5xx or silence: we can't know, so we stay away."""
        if error.status is None or error.status == 429 or error.status >= 500:
            said = f"answered {error.status}" if error.status else "could not be read"
            return _Entry(None, self._clock() + FAILURE_KEPT_S, f"stopped: robots.txt {said}", str(error))
        words = f"{ALLOWED}: the site has no robots.txt ({error.status})"
        return _Entry(Protego.parse(""), self._clock() + KEPT_S, words)


def whole_lines(text: bytes) -> bytes:
    """The beginning of a file without the line in which it was cut: half a rule may forbid, or allow, far more."""
    return text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1]


def _asked_delay(rules: Protego, agent: str) -> float:
    delay = rules.crawl_delay(agent) or 0.0
    rate = rules.request_rate(agent)
    if rate is not None and rate.requests:
        delay = max(delay, rate.seconds / rate.requests)
    return delay if math.isfinite(delay) and delay > 0 else 0.0
