"""What comes over the wire, and archives of it."""

# ruff: noqa: E501 - one target or seed a line

import gzip
import io
import zlib
from contextlib import suppress
from functools import cache

import httpx2
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from scanner.fetch import FetchError, RefusedError
from scanner.fetch.addresses import MAX_URL_CHARACTERS, check_addresses, check_url, host_of, join_url, origin_of
from scanner.fetch.bodies import encoding_of, unpack, unpack_start
from scanner.fetch.fetcher import _check_headers
from scanner.fetch.pacing import MOST_ASKED_S, back_off_s
from scanner.fetch.robots import Robots, whole_lines
from scanner.warc import ArchiveError, read_archive, read_members, salvage
from scanner.warc.parts import part_of
from scanner.zoo.fetching.partials import version_of
from scanner.zoo.fetching.transfers import DownloadError, open_client, public_url
from tests.attacks.fuzz.markets import feed_warc_market
from tests.attacks.fuzz.target import BASE, Target, folder

MOST_BODY = 1024**2
SHOP = httpx2.URL(BASE)


def feed_url(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for place in (text, f"http://{text}", f"https://{text}/"):
        for look in (lambda: check_url(place), lambda: join_url(SHOP, place)):  # noqa: B023
            with suppress(RefusedError):
                url = look()
                assert url.scheme in ("http", "https") and len(str(url)) < 4 * MAX_URL_CHARACTERS
                assert not url.userinfo and url.port in (None, 80, 443)
                host_of(url).encode("ascii")
                origin_of(url)


def feed_resolved(data: bytes) -> None:
    """The addresses that a name leads to, four or sixteen bytes each."""
    import ipaddress

    for kind, size in ((ipaddress.IPv4Address, 4), (ipaddress.IPv6Address, 16)):
        if len(data) >= size:
            address = kind(data[:size])
            with suppress(RefusedError):
                check_addresses("shop.example", 443, [str(address)])
                inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
                assert inner is None and not address.is_loopback and not address.is_link_local, address
                assert not address.is_private or address in ipaddress.ip_network("64:ff9b::/96"), address


def feed_body(data: bytes) -> None:
    """The first byte chooses how the body says that it is packed."""
    names = (b"", b"gzip", b"deflate", b"x-gzip", b"identity", b"br", b"gzip, gzip", data[1:20])
    headers = httpx2.Headers([(b"content-encoding", names[data[0] % len(names)])] if data else [])
    with suppress(FetchError):
        encoding = encoding_of(headers)
        if encoding:
            body, _ = unpack_start(data[1:], encoding, MOST_BODY)
            whole_lines(body)
            assert len(unpack(data[1:], encoding, MOST_BODY)) <= MOST_BODY


def feed_robots(data: bytes) -> None:
    with suppress(FetchError):
        robots = Robots(lambda _: data, "Tuskline")
        for address in (BASE, "https://shop.example/search?q=a", "https://shop.example/"):
            url = httpx2.URL(address)
            with suppress(FetchError):
                robots.check(url)
            assert 0 <= robots.delay_s(url) <= 60
        assert all(isinstance(place, str) for place in robots.sitemaps(SHOP))


def feed_retry(data: bytes) -> None:
    assert 0 <= back_off_s(data.decode("latin-1"), 2) <= MOST_ASKED_S


def feed_headers(data: bytes) -> None:
    """What a caller, or an older answer, would have us send."""
    name, _, value = data.decode("utf-8", "replace").partition(":")
    with suppress(RefusedError):
        _check_headers({name: value})
        httpx2.Request("GET", BASE, headers={name: value})


def feed_archive(data: bytes) -> None:
    with suppress(ArchiveError):
        for answer in read_archive(io.BytesIO(data), MOST_BODY):
            assert len(answer.body) <= MOST_BODY and answer.captured_at.tzinfo is not None
            assert answer.failure or answer.status >= 0
    for member in read_members(io.BytesIO(data)):
        if not member.is_damaged:
            with suppress(zlib.error, ValueError, KeyError):
                member.block()


def feed_salvage(data: bytes) -> None:
    """An archive whose writer died in the midst of it."""
    place = folder() / "parts"
    place.mkdir(exist_ok=True)
    part_of(place / "a.warc.gz").write_bytes(data)
    for path in salvage(place):
        assert len(path.read_bytes()) <= len(data)
        path.unlink()


def feed_download(data: bytes) -> None:
    """A server's headers for a file that is fetched in parts."""
    lines = [line.partition(b":") for line in data.split(b"\n")[1:]]
    named = [(name.decode("latin-1").strip() or "x", value.decode("latin-1").strip()) for name, _, value in lines]
    with suppress(ValueError):
        named = [(name, value) for name, value in named if name.isascii() and value.isascii()]
        answer = httpx2.Response(206 if data[:1] == b"2" else 200, headers=named)
        version_of(answer).agrees(version_of(answer))


def feed_place(data: bytes) -> None:
    """An address that somebody gave to fetch a model from."""
    text = data.decode("utf-8", "replace")
    assert (
        "@"
        not in public_url(f"https://user:{text.replace('/', '').replace('?', '').replace('#', '')}@host/").split("/")[2]
    )
    client = _client()
    with suppress(DownloadError, httpx2.InvalidURL, ValueError):
        request = client.build_request("GET", text)
        for hook in client.event_hooks["request"]:
            hook(request)
        assert request.url.scheme == "https" and request.url.host


@cache
def _client() -> httpx2.Client:
    return open_client(plain_http=False)


def archive_seeds() -> list[bytes]:
    return [archive(True), archive(False), archive(True)[:-9], archive(True) + b"\x1f\x8b\x08junk"]


def archive(is_packed: bool) -> bytes:
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=is_packed)
    fixed = {"WARC-Date": "2026-01-02T03:04:05Z", "WARC-Record-ID": "<urn:uuid:1>"}
    packed = gzip.compress(b"page", mtime=0)
    for body, headers in (
        (b"<h1>a", []),
        (packed, [("Content-Encoding", "gzip")]),
        (b"3\r\nabc\r\n0\r\n\r\n", CHUNKED),
    ):
        http = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1")
        record = writer.create_warc_record(
            BASE, "response", io.BytesIO(body), len(body), warc_headers_dict=fixed, http_headers=http
        )
        writer.write_record(record)
    digest = str(record.rec_headers["WARC-Payload-Digest"])
    http = StatusAndHeaders("200 OK", [], protocol="HTTP/1.1")
    writer.write_record(
        writer.create_revisit_record(f"{BASE}?2", digest, BASE, "2020-01-01T00:00:00Z", http, warc_headers_dict=fixed)
    )
    return file.getvalue()


CHUNKED = [("Transfer-Encoding", "chunked")]
WARC_WORDS = (
    b"WARC/1.1\r\n", b"WARC-Type: response\r\n", b"WARC-Type: revisit\r\n", b"Content-Length: ", b"\r\n\r\n",
    b"WARC-Target-URI: http://a/\r\n", b"WARC-Refers-To: ", b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n",
    b"WARC-Date: ", b"\x1f\x8b\x08",
)  # fmt: skip

TARGETS = (
    Target(
        "urls", feed_url, ("scanner.fetch.addresses",),
        lambda: [b"http://0x7f.1/", b"user@host", b"[::ffff:127.0.0.1]:80", b"//a\\b", "ⓔxample.org.".encode(), b"\xff"],
    ),
    Target("resolved", feed_resolved, ("scanner.fetch.addresses",), lambda: [b"\x7f\0\0\1", b"\0\x64\xff\x9b" + bytes(12)]),
    Target(
        "bodies", feed_body, ("scanner.fetch.bodies",),
        lambda: [b"\1" + gzip.compress(b"a" * 99, mtime=0) * 2, b"\2" + zlib.compress(b"a" * 99), b"\1" + gzip.compress(bytes(9**6), mtime=0)],
    ),
    Target(
        "robots", feed_robots, ("scanner.fetch.robots",),
        lambda: [
            b"User-agent: *\nDisallow: /search\nCrawl-delay: 1e999\nRequest-rate: 1/0\nSitemap: http://[\n",
            b"\xef\xbb\xbfuser-agent:tuskline\rallow:/*$\rdisallow: /%E0%A4%A\rvisit-time: 9-99\r",
        ],
        (b"User-agent:", b"Disallow: ", b"Allow: ", b"Crawl-delay: ", b"Request-rate: ", b"Visit-time: ", b"Sitemap: "),
    ),
    Target(
        "retry-after", feed_retry, ("scanner.fetch.pacing",),
        lambda: [b"120", b"Wed, 21 Oct 2026 07:28:00 GMT", b"Wed, 21 Oct 99999 07:28:00 +9999", b"\xb2"],
    ),
    Target("headers", feed_headers, ("scanner.fetch.fetcher",), lambda: [b"x-api-key:a\r\nb", b"etag:W/\"a\""]),
    Target("archives", feed_archive, ("scanner.warc.reading", "scanner.warc.members"), archive_seeds, WARC_WORDS),
    Target("archived-shop", feed_warc_market, ("scanner.markets.warc_file",), archive_seeds, WARC_WORDS),
    Target("salvage", feed_salvage, ("scanner.warc.parts",), archive_seeds, WARC_WORDS),
    Target(
        "downloads", feed_download, ("scanner.zoo.fetching.partials",),
        lambda: [b"2\nContent-Range: bytes 5-9/10\nETag: W/\"a\"", b"1\nContent-Length: 10\nLast-Modified: x"],
    ),
    Target(
        "places", feed_place, ("scanner.zoo.fetching.transfers",),
        lambda: [b"https://a:b@host/x#y", b"http://host/", b"https://%20/", b"file:///etc/passwd"],
    ),
)  # fmt: skip
