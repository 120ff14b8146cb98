"""A feed of offers: RSS, Atom, or a product feed for Google Merchant Center (XML or a table)."""

import calendar
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import feedparser
from selectolax.lexbor import LexborHTMLParser

from scanner.fetch import Fetched, FetchError, RefusedError
from scanner.markets import merchant
from scanner.markets.api import plain_text, text
from scanner.markets.base import Context, Market, MarketError, Option, OptionKind
from scanner.markets.options import COMMON_OPTIONS, WEB_OPTIONS, read_options
from scanner.markets.pages import absolute, attribute, bound_markup
from scanner.markets.pictures import is_decoration
from scanner.markets.sitemaps import SitemapError, unpack
from scanner.records import Listing

MAX_BYTES = 32 * 1024**2
MOST_PAGES = 1000
MOST_ATTRIBUTES = 2000  # of one element: feedparser's time grows with their square
_BETWEEN = re.compile(rb"[^<]+")

OPTIONS = (
    Option("feed_url", "Address of the feed", OptionKind.URL, "RSS, Atom, or a product feed.", is_required=True),
    *WEB_OPTIONS,
    *COMMON_OPTIONS,
)


def crawl(context: Context) -> Iterator[Listing]:
    """Every entry of the feed and of the pages that it goes on with. Raises MarketError."""
    url: str | None = read_options(MARKET, context)["feed_url"]
    seen: set[str] = set()
    while url is not None and url not in seen and len(seen) < MOST_PAGES:
        seen.add(url)
        fetched = _fetch(context, url, is_first=len(seen) == 1)
        if fetched is None:
            return
        listings, url = _read(fetched)
        without_address = 0
        for listing in listings:
            if listing is None:
                without_address += 1
            else:
                yield replace(listing, answers=(fetched,))
        if without_address:
            context.warn(f"{without_address} entries of {fetched.url} name no address and were left out.")


def _fetch(context: Context, url: str, is_first: bool) -> Fetched | None:
    try:
        return context.fetcher.get(url, MAX_BYTES)
    except RefusedError:
        raise
    except FetchError as error:
        if is_first:
            raise MarketError(f"{url} could not be read. {error}") from error
        context.end_early(f"The feed goes on at {url}, which could not be read. {error}")
        return None


def _read(fetched: Fetched) -> tuple[Iterable[Listing | None], str | None]:
    """(the listings, None for what has no address; the address of the next page). Raises MarketError."""
    base, body = fetched.final_url, _unpack(fetched)
    if merchant.is_merchant_xml(body):
        items, following = merchant.read_xml(body)
        return (merchant.read_item(item, base) for item in items), absolute(base, following or "")
    if not body.lstrip().startswith(b"<") and merchant.is_table(body):
        return (merchant.read_item(fields, base) for fields in merchant.read_table(body)), None
    return _read_feed(fetched, body)


def _unpack(fetched: Fetched) -> bytes:
    try:
        return unpack(fetched.body)
    except SitemapError as error:
        raise MarketError(f"{fetched.url} could not be read. {error}") from error


def _read_feed(fetched: Fetched, body: bytes) -> tuple[Iterable[Listing | None], str | None]:
    if _is_tangled(body):
        raise MarketError(f"{fetched.url} has more attributes in one place than any feed, so it was not read.")
    headers = {"content-location": fetched.final_url, "content-type": fetched.headers.get("content-type", "")}
    # Given a stream, it never fetches or opens anything itself; given text, it might take that for an address.
    parsed = feedparser.parse(io.BytesIO(body), response_headers=headers)
    if not parsed.get("version") and not parsed.entries:
        raise MarketError(f"{fetched.url} is no feed; it must be RSS, Atom or a product feed (XML or a table).")
    links = parsed.feed.get("links", [])
    following = next((link.get("href") for link in links if link.get("rel") == "next"), None)
    return (_read_entry(entry, fetched.final_url) for entry in parsed.entries), absolute(
        fetched.final_url, following or ""
    )


def _is_tangled(body: bytes) -> bool:
    """Whether an element may have too many attributes. What follows it up to the next one counts too: no feed has so
    many equals signs between two."""
    return any(found.group().count(b"=") > MOST_ATTRIBUTES for found in _BETWEEN.finditer(body))


def _read_entry(entry: Any, base: str) -> Listing | None:
    url = absolute(base, entry.get("link") or entry.get("id") or "")
    if url is None:
        return None
    html = _html(entry)
    amount = entry.get("price") or entry.get("g_price") or ""
    price, currency = merchant.read_amount(amount) if isinstance(amount, str) else (None, None)
    return Listing(
        url=url,
        title=plain_text(entry.get("title"), 500),
        description=plain_text(html),
        price=price,
        currency=currency,
        seller=_author(entry),
        posted_at=_time(entry.get("published_parsed") or dict.get(entry, "updated_parsed")),
        photo_urls=_photos(entry, html, base),
        read_by="feed",
    )


def _html(entry: Any) -> str:
    contents = (content.get("value") or "" for content in entry.get("content", []))
    return max([entry.get("summary") or "", *contents], key=len)


def _author(entry: Any) -> str | None:
    """A name; a mail address that stands in its place is nobody's business here."""
    name = text(entry.get("author_detail", {}).get("name") or entry.get("author"), 300)
    inside = name.partition("(")[2].rstrip(")")
    return inside or (None if "@" in name else name) or None


def _time(parsed: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    except (OverflowError, ValueError, TypeError, OSError):
        return None


def _photos(entry: Any, html: str, base: str) -> tuple[str, ...]:
    named = [link.get("href") for link in entry.get("links", []) if _is_image(link.get("type"), link.get("rel"))]
    named += [media.get("url") for media in entry.get("media_content", []) if _is_media(media)]
    named = named or [media.get("url") for media in entry.get("media_thumbnail", [])]
    named += [attribute(node, "src") for node in LexborHTMLParser(bound_markup(html)[0]).css("img")[:50]]
    found = filter(None, (absolute(base, address) for address in named if isinstance(address, str)))
    return tuple(dict.fromkeys(address for address in found if not is_decoration(address)))


def _is_image(media_type: Any, rel: Any) -> bool:
    return rel == "enclosure" and isinstance(media_type, str) and media_type.startswith("image/")


def _is_media(media: Any) -> bool:
    return media.get("medium", "image") == "image" and str(media.get("type") or "image/").startswith("image/")


MARKET = Market(
    "feed",
    "Feed of offers",
    crawl,
    OPTIONS,
    # A feed shows what is newest: what it shows no more may be there all the same.
    is_web=False,
    help="An RSS or Atom feed, or a product feed for Google Merchant Center (XML or a table).",
)
