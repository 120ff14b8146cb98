"""The one way out to the network: address-checked, polite, bounded in time and size."""

import http
import re
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpx2

from scanner.fetch.addresses import check_text, check_url, origin_of
from scanner.fetch.bodies import ENCODINGS, read_body
from scanner.fetch.connections import CheckedTransport, Resolver, resolve
from scanner.fetch.deadlines import Deadline, deadline
from scanner.fetch.errors import AddressError, FetchError
from scanner.fetch.pacing import LONGEST_WAIT_S, Pacer, back_off_s
from scanner.fetch.robots import MAX_BYTES as ROBOTS_MAX_BYTES
from scanner.fetch.robots import Robots

AGENT = "Tuskline"
MAX_BYTES = 16 * 1024**2
MAX_REDIRECTS = 5
MAX_TRIES = 3
BUSY = (429, 503)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer as they went over the wire, for an archive.

    request: the request's lines as sent, without a body. head: the answer's status line and headers as they came.
    body: as it came, packed if it was packed, only chunked transfer taken apart. started_at: UTC.
    address: the IP address that was connected to; certificate_sha256: of the server's certificate (hex), https alone.
    robots: what the site's robots.txt said of the URL, in words.
    """

    url: str
    request: bytes
    head: bytes
    body: bytes
    started_at: datetime
    address: str | None = None
    certificate_sha256: str | None = None
    robots: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A successful answer. `url` was asked for, `final_url` gave it; header names are in lower case.

    status: 200 to 299, or 304 where the caller named what it has and that is still so; then the body is empty.
    exchanges: all that was asked and answered on the way, redirects first.
    """

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)

    @property
    def is_unchanged(self) -> bool:
        return self.status == 304


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Fetcher:
    """Fetches public http and https addresses, and those on the allow-list; may be shared between threads.

    contact: mail address or web page, sent with every request so that a site can complain.
    allowed_addresses: `host:port` pairs that may be private or have another port; they are not paced by us.
    pace_s: seconds between two requests to one host; the site's own Crawl-delay counts where it is longer.
    connect_s, read_s: limit of one network step; deadline_s: of one get() in all, polite waits not counted.
    verify: an SSLContext to trust other authorities than the system's; certificates are always checked.
    """

    def __init__(
        self,
        contact: str = "",
        allowed_addresses: Collection[str] = (),
        *,
        pace_s: float = 1.0,
        connect_s: float = 10.0,
        read_s: float = 20.0,
        deadline_s: float = 60.0,
        resolver: Resolver = resolve,
        verify: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._allowed = frozenset(entry.lower() for entry in allowed_addresses)
        self._pace_s = pace_s
        self._deadline_s = deadline_s
        self._pacer = Pacer(sleep)
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

    def get(self, url: str, max_bytes: int = MAX_BYTES) -> Fetched:
        """The answer of `url` after at most five redirects, with a status of 200 to 299.

        max_bytes: limit of the body, as sent and unpacked. Raises FetchError (status set where the server answered
        with another status), AddressError and RobotsError among them.
        """
        with deadline(self._deadline_s) as clock:
            final, answer = self._follow(url, max_bytes, clock, ask_robots=True)
        return Fetched(url, str(final), answer.status, answer.headers, answer.body, datetime.now(UTC))

    def sitemaps(self, url: str) -> list[str]:
        """The sitemaps named in the robots.txt of the site of `url`. Raises AddressError."""
        with deadline(self._deadline_s):
            return self._robots.sitemaps(check_url(url, self._allowed))

    def _fetch_robots(self, url: str) -> bytes:
        with deadline(self._deadline_s) as clock:
            return self._follow(url, ROBOTS_MAX_BYTES, clock, ask_robots=False)[1].body

    def _follow(self, url: str, max_bytes: int, clock: Deadline, ask_robots: bool) -> tuple[httpx2.URL, _Answer]:
        target = check_url(url, self._allowed)
        for _ in range(MAX_REDIRECTS + 1):
            if ask_robots:
                self._robots.check(target)
            answer = self._ask_patiently(target, max_bytes, clock, ask_robots)
            location = answer.headers.get("location")
            if not 300 <= answer.status < 400 or location is None:
                return target, _successful(answer)
            check_text(location)
            target = check_url(_join(target, location), self._allowed)
        raise FetchError(f"The site sent us on more than {MAX_REDIRECTS} times.")

    def _ask_patiently(self, url: httpx2.URL, max_bytes: int, clock: Deadline, ask_robots: bool) -> _Answer:
        host = origin_of(url)
        for attempt in range(MAX_TRIES):
            clock.extend(self._pacer.wait(host, self._delay_s(url, ask_robots)))
            answer = self._ask(url, max_bytes, clock)
            if answer.status not in BUSY:
                break
            wait_s = back_off_s(answer.headers.get("retry-after"), attempt)
            if wait_s > LONGEST_WAIT_S:
                raise FetchError(f"The server asks to be left alone for {wait_s:.0f} s; try later.", answer.status)
            self._pacer.hold(host, wait_s)
        return answer

    def _delay_s(self, url: httpx2.URL, ask_robots: bool) -> float:
        ours = 0.0 if origin_of(url) in self._allowed else self._pace_s
        return max(ours, self._robots.delay_s(url)) if ask_robots else ours

    def _ask(self, url: httpx2.URL, max_bytes: int, clock: Deadline) -> _Answer:
        try:
            with self._client.stream("GET", url) as response:
                headers = dict(response.headers)
                body = read_body(response, max_bytes) if response.is_success else b""
                return _Answer(response.status_code, headers, body)
        except httpx2.TimeoutException as error:
            if clock.left_s <= 0:
                raise FetchError(f"It took longer than {clock.seconds:.4g} s in all.") from error
            raise FetchError("The server did not answer in time.") from error
        except httpx2.DecodingError as error:
            raise FetchError("The answer could not be unpacked.") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise FetchError(f"The server could not be asked: {_reason(error)}.") from error


def user_agent(contact: str) -> str:
    """`Tuskline/<version> (+contact)`. Raises ValueError where the contact can't stand in a header."""
    if not re.fullmatch(r"[\x20-\x27\x2a-\x7e]*", contact):
        raise ValueError("The contact must be one line of plain characters, without brackets.")
    return f"{AGENT}/{version('tuskline')}" + (f" (+{contact})" if contact else "")


def _join(base: httpx2.URL, location: str) -> str:
    try:
        return str(base.join(location))
    except (httpx2.InvalidURL, ValueError, UnicodeError):
        raise AddressError("The site sent us on to an address that can't be read.") from None


def _successful(answer: _Answer) -> _Answer:
    if 200 <= answer.status < 300:
        return answer
    try:
        phrase = f" ({http.HTTPStatus(answer.status).phrase})"
    except ValueError:
        phrase = ""
    raise FetchError(f"The server answered {answer.status}{phrase}.", answer.status)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().rstrip(".")
