"""The one way out to the network: address-checked, polite, bounded in time and size."""

import http
import random as chance
import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpx2

from scanner.fetch.addresses import check_url, join_url, origin_of
from scanner.fetch.bodies import ENCODINGS, encoding_of, read_packed, read_start, unpack, unpack_start
from scanner.fetch.budget import Budget
from scanner.fetch.connections import CheckedTransport, Resolver, resolve
from scanner.fetch.deadlines import Deadline, deadline
from scanner.fetch.door import Door, IsStopped, left_alone
from scanner.fetch.errands import Answer, Errand, Trail
from scanner.fetch.errors import BusyError, FetchError, RefusedError
from scanner.fetch.exchanges import Fetched, capture, note_peer
from scanner.fetch.log import NOT_ASKED, LogEntry, Note, noted
from scanner.fetch.pacing import JITTER, LONGEST_WAIT_S, Pacer, back_off_s
from scanner.fetch.places import Places
from scanner.fetch.robots import MAX_BYTES as ROBOTS_MAX_BYTES
from scanner.fetch.robots import Robots, whole_lines

AGENT = "Tuskline"
MAX_BYTES = 16 * 1024**2
MAX_KEPT_BYTES = 256 * 1024  # of an answer that is no success: enough to show what the site said
MAX_REDIRECTS = 5
BUSY = (429, 503)


class Fetcher:
    """Fetches public http and https addresses, and those on the allow-list; may be shared between threads.

    contact: mail address or web page, sent with every request so that a site can complain.
    allowed_addresses: `host:port` pairs that may be private or have another port; they are not paced by us.
    pace_s: seconds between two requests to one host; the site's own Crawl-delay counts where it is longer.
    burst: requests that may follow each other at once after a rest, where the site asks for no delay.
    most_at_once: requests to one host at the same time. jitter: the largest part by which waits are lengthened.
    connect_s, read_s: limit of one network step; deadline_s: of one get() in all, polite waits not counted.
    verify: an SSLContext to trust other authorities than the system's; certificates are always checked.
    budget: what all fetches may cost together. is_stopped: says in a sentence why a host is left alone, None if it is
    not; is_stopping: whether to give up, asked before every wait and request. sleep: waits so many seconds, or less
    once is_stopping is true. log: told of every request. keep_exchanges: whether answers carry their raw bytes.
    pacer: shared with other fetchers, as shared_pacer() gives it, so that together they keep one pace at a host, leave
    it alone together, and wait with the pacer's own jitter; None for one of its own.
    """

    def __init__(
        self,
        contact: str = "",
        allowed_addresses: Collection[str] = (),
        *,
        pace_s: float = 1.0,
        burst: int = 1,
        most_at_once: int = 2,
        jitter: float = JITTER,
        connect_s: float = 10.0,
        read_s: float = 20.0,
        deadline_s: float = 60.0,
        resolver: Resolver = resolve,
        verify: ssl.SSLContext | None = None,
        budget: Budget | None = None,
        is_stopped: IsStopped = lambda _: None,
        is_stopping: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = chance.random,
        log: Callable[[LogEntry], None] = lambda _: None,
        keep_exchanges: bool = False,
        pacer: Pacer | None = None,
    ) -> None:
        self._allowed = frozenset(entry.lower() for entry in allowed_addresses)
        self._pace_s = pace_s
        self._burst = burst
        self._deadline_s = deadline_s
        pacer = pacer or Pacer(sleep, jitter=jitter, random=random)
        self._door = Door(pacer, Places(most_at_once), budget or Budget(), is_stopped, is_stopping, sleep)
        self._log = log
        self._keep_exchanges = keep_exchanges
        self._robots = Robots(self._fetch_robots, AGENT)
        self._client = httpx2.Client(
            transport=CheckedTransport(self._allowed, resolver, verify or True),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(read_s, connect=connect_s),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": user_agent(contact), "Accept-Encoding": ", ".join(ENCODINGS)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        max_bytes: int = MAX_BYTES,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        headers: Mapping[str, str] | None = None,
        is_api: bool = False,
    ) -> Fetched:
        """The answer of `url` after at most five redirects, with a status of 200 to 299.

        max_bytes: limit of the body, as sent and unpacked. etag, last_modified: of the answer that the caller has, as
        the server wrote them; where that is still so, the status is 304 and the body empty. headers: are sent to the
        origin of `url` alone, whatever it sends us on to. is_api: its owner gave us a key for it, so robots.txt, which
        speaks to crawlers, is asked only of other sites that it sends us on to. Raises FetchError (status set where
        the server answered with another status), RefusedError, RobotsError and BusyError among them: after the last,
        ask that host nothing for its `wait_s`.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        known = {name: value for name, value in conditions.items() if value and value.isascii() and value.isprintable()}
        return self._run(Errand(url, max_bytes, known, headers or {}, asks_robots=not is_api))

    def post_form(self, url: str, data: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        """What an API answers to a form. It is not sent on, not asked of robots.txt, and, as such forms and answers
        hold secrets, kept nowhere. Raises FetchError."""
        return self._run(Errand(url, MAX_BYTES, headers=headers or {}, form=data, asks_robots=False))

    def post(self, url: str, content: bytes, *, headers: Mapping[str, str] | None = None) -> Fetched:
        """Send a message to a server whose owner asked for it: once, to that address alone, and kept nowhere.

        Raises FetchError, and BusyError where it says that it is busy."""
        return self._run(Errand(url, MAX_BYTES, headers=headers or {}, content=content, asks_robots=False, tries=1))

    def sitemaps(self, url: str) -> list[str]:
        """The sitemaps named in the robots.txt of the site of `url`. Raises RefusedError and BusyError."""
        with deadline(self._deadline_s):
            return self._robots.sitemaps(check_url(url, self._allowed))

    def _fetch_robots(self, url: str) -> bytes:
        return self._run(Errand(url, ROBOTS_MAX_BYTES, asks_robots=False, is_robots=True)).body

    def _run(self, errand: Errand) -> Fetched:
        _check_headers(errand.headers)
        trail = Trail()
        try:
            with deadline(self._deadline_s) as clock:
                answer = self._follow(errand, clock, trail)
        except FetchError as error:
            error.requests = trail.requests
            raise
        return self._told(errand, answer, trail)

    def _told(self, errand: Errand, answer: Answer, trail: Trail) -> Fetched:
        """What the caller gets of the last answer. Raises FetchError where it is no success."""
        fetched = Fetched(
            errand.url,
            str(answer.url),
            answer.status,
            answer.headers,
            answer.body,
            datetime.now(UTC),
            tuple(trail.exchanges),
            trail.requests,
        )
        if errand.is_answered(answer.status):
            return fetched
        failure = FetchError(f"The server answered {_status_words(answer.status)}.", answer.status, fetched)
        failure.requests = trail.requests
        raise failure

    def _follow(self, errand: Errand, clock: Deadline, trail: Trail) -> Answer:
        base, place = None, errand.url
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask_patiently(base, place, errand, clock, trail)
            if answer.location is None or errand.is_sent:
                return answer
            base, place = answer.url, answer.location
        raise FetchError(f"The site sent us on more than {MAX_REDIRECTS} times.")

    def _ask_patiently(
        self, base: httpx2.URL | None, place: str, errand: Errand, clock: Deadline, trail: Trail
    ) -> Answer:
        """One hop: `place` as named by the page at `base`, asked again where the server is busy."""
        for attempt in range(errand.tries):
            with noted(place, self._log) as note:
                target = self._target(base, place, note)
                answer = self._ask_in_turn(target, errand, clock, note, trail)
            trail.exchanges += [answer.exchange] if answer.exchange else []
            if answer.status not in BUSY:
                self._door.count_success(target)
                return answer
            wait_s = self._back_off(answer, attempt)
        self._door.count_failure(target)
        raise BusyError(
            f"The server answered {_status_words(answer.status)} to each of {errand.tries} tries; try later.",
            answer.status,
            wait_s,
        )

    def _target(self, base: httpx2.URL | None, place: str, note: Note) -> httpx2.URL:
        target = join_url(base, place, self._allowed) if base else check_url(place, self._allowed)
        note.url = str(target)
        return target

    def _back_off(self, answer: Answer, attempt: int) -> float:
        """Nobody asks this server for so many seconds. Raises BusyError where that is longer than a fetch can wait."""
        wait_s = back_off_s(answer.headers.get("retry-after"), attempt)
        self._door.hold(answer.url, wait_s)
        if wait_s > LONGEST_WAIT_S:
            raise left_alone(wait_s, answer.status)
        return wait_s

    def _ask_in_turn(self, url: httpx2.URL, errand: Errand, clock: Deadline, note: Note, trail: Trail) -> Answer:
        asks_robots = errand.asks_robots or not (errand.is_robots or _same_origin(url, errand.url))
        note.robots = self._robots.check(url) if asks_robots else NOT_ASKED
        theirs_s = self._robots.delay_s(url) if asks_robots else 0.0
        ours_s = 0.0 if origin_of(url) in self._allowed else self._pace_s
        burst = self._burst if theirs_s == 0 else 1
        with self._door.turn(url, max(ours_s, theirs_s), burst, is_page=not errand.is_robots) as waited_s:
            note.waited_s = waited_s
            clock.extend(waited_s)
            trail.requests += 1
            with self._counted(url, note), _in_words(clock):
                return self._ask(url, errand, note)

    @contextmanager
    def _counted(self, url: httpx2.URL, note: Note) -> Iterator[None]:
        """Count it where nobody answered, but not where a rule of our own kept us from asking."""
        try:
            yield
        except RefusedError:
            raise
        except FetchError:
            if note.status is None:
                self._door.count_failure(url)
            raise

    def _ask(self, url: httpx2.URL, errand: Errand, note: Note) -> Answer:
        started_at = datetime.now(UTC)

        def count(bytes_read: int) -> None:
            note.bytes_read += bytes_read
            self._door.count(bytes_read)

        headers = errand.all_headers if _same_origin(url, errand.url) else dict(errand.conditions)
        sent = {"data": errand.form, "content": errand.content}
        with self._client.stream(errand.method, url, headers=headers, **sent) as response:  # type: ignore[arg-type]
            note.status = response.status_code
            note_peer(response)
            packed, is_cut, body = self._read(response, errand, count)
        keeps = self._keep_exchanges and errand.is_kept
        exchange = capture(response, packed, started_at, note.robots, is_cut) if keeps else None
        return Answer(url, response.status_code, dict(response.headers), body, exchange)

    def _read(
        self, response: httpx2.Response, errand: Errand, count: Callable[[int], None]
    ) -> tuple[bytes, bool, bytes]:
        """(the body as it came, whether it was cut off, the body unpacked); of no success the first is of interest."""
        if response.is_success and errand.is_robots:
            return b"", False, _read_rules(response, errand.max_bytes, count)
        if response.is_success:
            encoding = encoding_of(response.headers)
            packed = read_packed(response, errand.max_bytes, count)
            return packed, False, unpack(packed, encoding, errand.max_bytes)
        if self._keep_exchanges and errand.is_kept:
            return *read_start(response, MAX_KEPT_BYTES, count, is_lenient=True), b""
        return b"", False, b""


def _read_rules(response: httpx2.Response, max_bytes: int, count: Callable[[int], None]) -> bytes:
    """The whole lines of a robots.txt within its first `max_bytes`: an endless one closes no site."""
    encoding = encoding_of(response.headers)
    packed, is_cut = read_start(response, max_bytes, count)
    rules, has_more = unpack_start(packed, encoding, max_bytes)
    return whole_lines(rules) if is_cut or has_more else rules


@contextmanager
def _in_words(clock: Deadline) -> Iterator[None]:
    """What the network raises, as FetchError."""
    try:
        yield
    except httpx2.TimeoutException as error:
        if clock.left_s <= 0:
            raise FetchError(f"It took longer than {clock.seconds:.4g} s in all.") from error
        raise FetchError("The server did not answer in time.") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise FetchError(f"The server could not be asked: {_reason(error)}.") from error


def user_agent(contact: str) -> str:
    """`Tuskline/<version> (+contact)`. Raises ValueError where the contact can't stand in a header."""
    if not re.fullmatch(r"[\x20-\x27\x2a-\x7e]*", contact):
        raise ValueError("The contact must be one line of plain characters, without brackets.")
    return f"{AGENT}/{version('tuskline')}" + (f" (+{contact})" if contact else "")


def _check_headers(headers: Mapping[str, str]) -> None:
    """The network's own complaint would repeat the value, a key maybe, in the log. Raises RefusedError."""
    for name, value in headers.items():
        if not re.fullmatch(r"[\w-]+", name, re.ASCII):
            raise RefusedError("A header that was to be sent has a name that no header can have.")
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise RefusedError(f"The header {name} holds what no header can hold; is the key entered without a flaw?")


def _same_origin(url: httpx2.URL, asked: str) -> bool:
    first = httpx2.URL(asked)
    return (url.scheme, origin_of(url)) == (first.scheme, origin_of(first))


def _status_words(status: int) -> str:
    try:
        return f"{status} ({http.HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().rstrip(".")
