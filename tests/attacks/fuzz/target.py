"""What a fuzzer feeds, and what has to hold whatever it feeds."""

import atexit
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import strategies as st

from scanner.fetch import Fetched
from scanner.records import Listing

BASE = "https://shop.example/item/1"
# Texts that have led parsers astray: halves of letters, letters that turn the line round, numbers of no size.
ODD_TEXTS = (
    "", "\0", "\ud800", "\u202eabc", "a" * 3000, "1e999999", "-0", "NaN", "٣", "½", "http://[", "//", "data:,x", "%00",
    "https://a.example/\udcff", "2026-02-30", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", "\x1b[2J",
)  # fmt: skip


# Where `folder` is to lie instead: libFuzzer ends a process without a last word, so that nothing else would tidy up.
room: Path | None = None


@dataclass(frozen=True)
class Target:
    """feed: gives bytes to a parser and checks what comes back; it raises for a fault alone, never for a refusal.

    modules: whose parsers it reaches. seeds: what to begin from, made when first wanted. words: pieces that the format
    is made of. inputs: shapes the bytes for hypothesis; without it seeds are bent.
    """

    name: str
    feed: Callable[[bytes], object]
    modules: tuple[str, ...]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...] = ()
    inputs: Callable[[], st.SearchStrategy[bytes]] | None = None
    most_bytes: int = 4096


def check_listing(listing: Listing | None) -> None:
    """Whatever was read can be kept as it is, on any of the databases."""
    from webapp.services.listings import clean  # here, as a fuzzer of one parser need not make all of webapp ready

    if listing is None:
        return
    kept = clean(listing)
    texts = (kept.url, kept.title, kept.description, kept.seller or "", kept.seller_url or "", *kept.photo_urls)
    for text in texts:
        assert "\0" not in text
        text.encode("utf-8")
    assert kept.price is None or (kept.price.is_finite() and 0 <= kept.price < Decimal(10) ** 16), kept.price
    assert kept.posted_at is None or kept.posted_at.tzinfo is not None


def fetched(body: bytes, content_type: str = "text/html", url: str = BASE) -> Fetched:
    return Fetched(url, url, 200, {"content-type": content_type}, body, datetime.now(UTC))


def read_value(data: bytes) -> Any:
    """The JSON value of what a fuzzer made; None where it made none, so that no time is spent on that."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


@cache
def folder() -> Path:
    """Where files of this process lie while parsers read them: in memory where the machine has a place for that."""
    memory = Path("/dev/shm")
    made = Path(mkdtemp(prefix="tuskline-fuzz-", dir=room or (memory if os.access(memory, os.W_OK) else None)))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def put(name: str, data: bytes) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path


def values(*keys: str) -> st.SearchStrategy[Any]:
    """JSON values whose objects have keys that a reader looks for, with all kinds of things in them."""
    leaves = st.one_of(
        st.sampled_from(ODD_TEXTS),
        st.text(max_size=12),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.booleans(),
        st.none(),
        st.sampled_from(["https://a.example/b.jpg", "12.50", "EUR", "2026-03-04T05:06:07Z", "US"]),
    )

    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=6)

    return st.recursive(leaves, grow, max_leaves=14)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
