"""What a fetch brings, and what went over the wire for it, kept for an archive."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx2

# A header that a caller adds may hold a token or a key, so its value is left out of what is kept unless named here.
_PUBLIC = (
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "content-type",
    "host",
    "if-modified-since",
    "if-none-match",
    "user-agent",
    "x-ebay-c-marketplace-id",
)
LEFT_OUT = b"(left out)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer as they went over the wire, for an archive.

    request: the request's lines as sent, without a body. head: the answer's status line and headers as they came.
    body: as it came, packed if it was packed, only chunked transfer taken apart. started_at: UTC.
    address: the IP address that was connected to; certificate_sha256: of the server's certificate (hex), https alone.
    robots: what the site's robots.txt said of the URL, in words. is_cut: there was more body than was read.
    """

    url: str
    request: bytes
    head: bytes
    body: bytes
    started_at: datetime
    address: str | None = None
    certificate_sha256: str | None = None
    robots: str = ""
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A successful answer. `url` was asked for, `final_url` gave it; header names are in lower case.

    status: 200 to 299, or 304 where the caller named what it has and that is still so; then the body is empty.
    exchanges: all that was asked and answered on the way, redirects first. requests: made for it, redirects and
    repeated tries among them, robots.txt not.
    """

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)
    requests: int = 1

    @property
    def is_unchanged(self) -> bool:
        return self.status == 304


def capture(
    response: httpx2.Response, body: bytes, started_at: datetime, robots: str, is_cut: bool = False
) -> Exchange:
    """The exchange of an answer whose body was just read; its connection may already be closed or reused."""
    address, certificate = response.extensions["peer"]
    return Exchange(
        str(response.request.url),
        _request_lines(response.request),
        _head_lines(response),
        body,
        started_at,
        address,
        certificate,
        robots,
        is_cut,
    )


def note_peer(response: httpx2.Response) -> None:
    """Write down whom we are connected to; to be done before the body is read, while the connection is ours."""
    stream = response.extensions["network_stream"]
    try:
        address = str(stream.get_extra_info("server_addr")[0])
    except OSError:  # it hung up already
        address = None
    secure = stream.get_extra_info("ssl_object")
    certificate = hashlib.sha256(secure.getpeercert(True)).hexdigest() if secure else None
    response.extensions["peer"] = (address, certificate)


def _request_lines(request: httpx2.Request) -> bytes:
    lines = [request.method.encode() + b" " + request.url.raw_path + b" HTTP/1.1"]
    lines += [name + b": " + _shown(name, value) for name, value in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _shown(name: bytes, value: bytes) -> bytes:
    return value if name.decode("latin-1").lower() in _PUBLIC else LEFT_OUT


def _head_lines(response: httpx2.Response) -> bytes:
    version = response.extensions.get("http_version", b"HTTP/1.1")
    reason = response.extensions.get("reason_phrase", b"")
    lines = [b" ".join((version, str(response.status_code).encode(), reason)).rstrip()]
    lines += [name + b": " + value for name, value in response.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n"
