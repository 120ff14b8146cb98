"""Fetched pages without a network."""

from datetime import UTC, datetime

from scanner.fetch import Exchange, Fetched

AT = datetime(2026, 11, 26, 12, 30, 15, 250_000, tzinfo=UTC)


def exchange(url: str, body: bytes = b"page", status: str = "200 OK", **headers: str) -> Exchange:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    request = f"GET {url} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode()
    return Exchange(url, request, head, body, AT, "93.184.215.14", "ab" * 32, "allowed")


def page(url: str = "https://shop.example/1", body: bytes = b"page", **headers: str) -> Fetched:
    return Fetched(url, url, 200, {}, body, AT, (exchange(url, body, **headers),))


def unchanged(url: str = "https://shop.example/1") -> Fetched:
    return Fetched(url, url, 304, {}, b"", AT, (exchange(url, b"", "304 Not Modified"),))
