"""One file over HTTP into its partial: tried again where the connection breaks, within bounds of time and size."""

import re
import time
from dataclasses import dataclass, field

import httpx2

from scanner.zoo.fetching.partials import Partial, Version, version_of
from scanner.zoo.options import DEADLINE_S, Progress, show_nothing

MOST_BYTES = 2 * 1024**3
READ_S = 30.0
CONNECT_S = 10.0
TRIES = 5
FIRST_PAUSE_S = 1.0
# What a server says when it may well answer the next time.
PASSING = {408, 425, 429, 500, 502, 503, 504}


class DownloadError(Exception):
    """Files that could not be had; the message says why."""


class _BrokenError(Exception):
    """The connection broke; the next try may go on."""


@dataclass(frozen=True, slots=True)
class Pace:
    """deadline_s: for all tries together. pause_s: before the second try, doubled before each further one."""

    deadline_s: float = DEADLINE_S
    pause_s: float = FIRST_PAUSE_S
    progress: Progress = show_nothing


def public_url(url: str) -> str:
    """The address as it may be shown and written down: without user name, password and fragment.

    It may be any text: what people give as an address is shown before it is understood.
    """
    return re.sub(r"^([^/?]*//)[^/?]*@", r"\1", url.partition("#")[0])


def _is_host(host: str) -> bool:
    return bool(host) and not re.search(r"[%\s]", host)


def open_client(plain_http: bool) -> httpx2.Client:
    """A client that follows redirects.

    Before it asks, it refuses what is no address of the web, and any that is not https unless plain_http
    (DownloadError).
    """

    def check(request: httpx2.Request) -> None:
        if request.url.scheme not in ("https", "http") or not _is_host(request.url.host):
            raise DownloadError(
                f"{public_url(str(request.url))} is no address to fetch from: give one with https:// and a host"
            )
        if request.url.scheme != "https" and not plain_http:
            raise DownloadError(
                f"{public_url(str(request.url))} is not https, and no digest of the file is known; "
                f"add --plain-http if you trust the way there"
            )

    return httpx2.Client(
        timeout=httpx2.Timeout(READ_S, connect=CONNECT_S), follow_redirects=True, event_hooks={"request": [check]}
    )


@dataclass
class Transfer:
    """All tries for one file. known: its digest is known beforehand, so that a wrong splice would be seen."""

    pace: Pace
    url: str
    partial: Partial
    known: bool
    plain_http: bool
    _until: float = field(init=False)

    def run(self) -> None:
        self._until = time.monotonic() + self.pace.deadline_s
        tries, most, done = TRIES, self.partial.size, self.partial.is_whole
        with open_client(self.plain_http) as client:
            while not done:
                try:
                    self._ask(client)
                    done = True
                except _BrokenError as error:
                    # Whoever gets further may try on; the same bytes again and again count as no progress.
                    tries = TRIES if self.partial.size > most else tries - 1
                    most = max(most, self.partial.size)
                    self._pause_before_next(tries, error)

    def _pause_before_next(self, tries: int, reason: Exception) -> None:
        if tries == 0:
            raise DownloadError(f"{self._shown} broke off {TRIES} times without progress ({reason}){self._kept}")
        pause_s = self.pace.pause_s * 2 ** (TRIES - tries)
        time.sleep(max(0.0, min(pause_s, self._until - time.monotonic())))
        self._check_time()

    @property
    def _shown(self) -> str:
        return public_url(self.url)

    @property
    def _kept(self) -> str:
        return "; run the command again, it goes on where it stopped" if self.partial.size else ""

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise DownloadError(f"{self._shown} took longer than {self.pace.deadline_s:.0f} s{self._kept}")

    def _patience(self) -> httpx2.Timeout:
        left = max(0.1, self._until - time.monotonic())
        return httpx2.Timeout(min(READ_S, left), connect=min(CONNECT_S, left))

    def _ask(self, client: httpx2.Client) -> None:
        try:
            with client.stream("GET", self.url, headers=self._headers(), timeout=self._patience()) as answer:
                self._check_status(answer)
                self._begin(answer)
                self._write(answer)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            if not self.partial.size:  # nobody is there: the next source is asked sooner
                raise DownloadError(f"{self._shown} can't be reached ({_words(error)})") from None
            raise _BrokenError(_words(error)) from None
        except httpx2.TransportError as error:
            raise _BrokenError(_words(error)) from None
        except httpx2.HTTPError as error:
            raise DownloadError(f"{self._shown} could not be downloaded ({_words(error)})") from None

    def _headers(self) -> dict[str, str]:
        """Ask for the rest alone, and only if the server still has what the first part came from."""
        plain = {"Accept-Encoding": "identity"}
        validator = self.partial.version.validator
        if not self.partial.size or not (validator or self.known):
            return plain
        rest = {**plain, "Range": f"bytes={self.partial.size}-"}
        return {**rest, "If-Range": validator} if validator else rest

    def _check_status(self, answer: httpx2.Response) -> None:
        status = answer.status_code
        if status == 416 and self.partial.size:
            self.partial.clear()
            raise _BrokenError("the file has become shorter than what is here")
        if status in PASSING:
            raise _BrokenError(f"it answers {status} {answer.reason_phrase}")
        if status not in (200, 206):
            raise DownloadError(f"{self._shown} could not be downloaded (it answers {status} {answer.reason_phrase})")

    def _begin(self, answer: httpx2.Response) -> None:
        version = version_of(answer)
        if answer.status_code == 206 and not _continues(answer, self.partial, version):
            self.partial.clear()
            raise _BrokenError("the file has changed since the first part was fetched")
        if answer.status_code == 200 or not self.partial.size:
            self.partial.begin(version)
        if version.total is not None and version.total > MOST_BYTES:
            self._refuse_size()

    def _write(self, answer: httpx2.Response) -> None:
        size, total = self.partial.size, self.partial.version.total
        with self.partial.path.open("ab") as file:
            for chunk in answer.iter_raw():  # as they come: a slow drip must not hide from the clock in a buffer
                size += len(chunk)
                if size > MOST_BYTES:
                    self._refuse_size()
                file.write(chunk)
                self.pace.progress(size, total)
                self._check_time()
        if total is not None and size != total:
            raise _BrokenError(f"{size:,} bytes came of {total:,}")

    def _refuse_size(self) -> None:
        self.partial.clear()
        raise DownloadError(f"{self._shown} is larger than {MOST_BYTES:,} bytes: refused")


def _continues(answer: httpx2.Response, partial: Partial, version: Version) -> bool:
    begins_at = answer.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    return begins_at == str(partial.size) and partial.version.agrees(version)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
