"""The pages that a site lists itself: sitemaps, indexes of sitemaps, packed ones."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from scanner.fetch import AddressError, FetchError, RefusedError
from scanner.markets.base import Context
from scanner.markets.elements import name_of, read_root
from scanner.markets.values import parse_time

MAX_BYTES = 50 * 1024**2  # what sitemaps.org allows for one, unpacked
MOST_SITEMAPS = 200
MOST_PAGES = 500_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a sitemap names, and when the site says that it last changed."""

    url: str
    changed_at: datetime | None = None


def find_pages(context: Context, start_url: str) -> list[Page]:
    """Every page of the site's sitemaps, each once, in their order; none where there is no sitemap.

    A sitemap that can't be read is a warning. Raises RefusedError when the site may not be asked at all, or no
    more.
    """
    guess = urljoin(start_url, "/sitemap.xml")
    named = context.fetcher.sitemaps(start_url)
    waiting = named or [guess]
    pages: dict[str, Page] = {}
    seen: set[str] = set()
    while waiting:
        url = waiting.pop(0)
        if url in seen:
            continue
        if len(seen) >= MOST_SITEMAPS or len(pages) >= MOST_PAGES:
            most = f"{MOST_SITEMAPS} sitemaps" if len(seen) >= MOST_SITEMAPS else f"{MOST_PAGES} pages in its sitemaps"
            context.warn(f"The site has more than {most}; the rest was left out.")
            break
        seen.add(url)
        found, more = _read(context, url, is_guess=not named and url == guess)
        pages.update((page.url, page) for page in found)
        waiting += more
    return list(pages.values())


def _read(context: Context, url: str, is_guess: bool) -> tuple[list[Page], list[str]]:
    try:
        return parse_sitemap(unpack(context.fetcher.get(url, MAX_BYTES).body), url)
    except FetchError as error:
        if isinstance(error, RefusedError) and not isinstance(error, AddressError):
            raise
        if not (is_guess and error.status == 404):
            context.warn(f"The sitemap {url} could not be read: {error}")
    except SitemapError as error:
        context.warn(f"The sitemap {url} could not be read: {error}")
    return [], []


class SitemapError(Exception):
    """One sentence on why a sitemap can't be used."""


def unpack(body: bytes) -> bytes:
    """The body, unpacked if it is a gzip file (not the same as a packed answer). Raises SitemapError."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, MAX_BYTES)
    except zlib.error:
        raise SitemapError("It is a broken gzip file.") from None
    if unpacker.unconsumed_tail:
        raise SitemapError(f"It unpacks to more than {MAX_BYTES // 1024**2} MiB.")
    return plain


def parse_sitemap(body: bytes, url: str) -> tuple[list[Page], list[str]]:
    """(pages, further sitemaps) of a sitemap or an index, addresses made absolute. Raises SitemapError."""
    root = read_root(body)
    if root is None:
        raise SitemapError("It is no XML.")
    _, name = name_of(root)
    if name not in ("urlset", "sitemapindex"):
        raise SitemapError("It is no sitemap.")
    entries = [
        Page(address, parse_time(changed)) for place, changed in _entries(root) if (address := _join(url, place))
    ]
    return (entries, []) if name == "urlset" else ([], [entry.url for entry in entries])


def _join(url: str, place: str) -> str | None:
    """The address that a line names; None where it is none: one strange line must not end the sitemap."""
    try:
        return urljoin(url, place) if place else None
    except ValueError:
        return None


def _entries(root: Any) -> Iterator[tuple[str, str]]:
    for entry in root:
        texts = {name_of(child)[1]: (child.text or "").strip() for child in entry if _is_ours(child, entry)}
        yield texts.get("loc", ""), texts.get("lastmod", "")


def _is_ours(child: Any, entry: Any) -> bool:
    """Of the sitemap itself, not <image:loc> and the like."""
    return isinstance(child.tag, str) and name_of(child)[0] == name_of(entry)[0]
