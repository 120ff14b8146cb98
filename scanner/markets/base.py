"""What a market plug-in is, and what it is given."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from scanner.fetch import Fetched, Fetcher
from scanner.markets.quota import DayQuota, Quota
from scanner.markets.shape import MOST_UNKNOWN_KEYS, Shape
from scanner.markets.values import keepable
from scanner.records import Listing


class MarketError(Exception):
    """The crawl can't be begun or went wrong as a whole; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier crawl knew of a page.

    etag, last_modified: as the server wrote them. changed_at: what the sitemap said. links: what the page led to.
    listing: what the page offered, None where it offered nothing. is_due: False where it is not worth a visit now.
    """

    etag: str | None = None
    last_modified: str | None = None
    changed_at: datetime | None = None
    links: tuple[str, ...] = ()
    listing: Listing | None = None
    is_due: bool = True


class Memory(Protocol):
    """Pages of earlier crawls of the same source."""

    def recall(self, url: str, changed_at: datetime | None = None) -> Remembered | None:
        """What is known of the page; changed_at: the sitemap's word on it now, which may make a visit needless."""

    def keep(
        self,
        url: str,
        answer: Fetched | None,
        *,
        links: tuple[str, ...] = (),
        listing_url: str | None = None,
        changed_at: datetime | None = None,
    ) -> None:
        """Remember a visit: its answer (status 304 where the server says that nothing changed; None where no visit
        was due), what the page leads to, and the address of the listing that it offers."""


class NoMemory:
    """For a crawl that begins from nothing."""

    def recall(self, url: str, changed_at: datetime | None = None) -> Remembered | None:  # noqa: ARG002
        return None

    def keep(self, url: str, answer: Fetched | None, **facts: Any) -> None:
        pass


@dataclass(slots=True)
class Context:
    """One crawl.

    options: arguments of the source, as its market's options describe them. inbox: the folder below which local files
    may be read. get_photo: gives the bytes behind a picture's address; a market whose pictures lie elsewhere than on
    the web (a folder, an archive) puts its own in place before its first listing. warnings: sentences on what is
    missing, why a crawl is partial. quota: calls a day that an API grants. former_shape: of the scan before.
    unknown_keys: of an API's answers. cut_short: why the crawl ended before it was through, None where it did not.
    """

    options: Mapping[str, Any]
    fetcher: Fetcher
    memory: Memory = field(default_factory=NoMemory)
    inbox: Path | None = None
    get_photo: Callable[..., Fetched] | None = None
    listings_expected: int | None = None
    warnings: list[str] = field(default_factory=list)
    quota: Quota = field(default_factory=DayQuota)
    former_shape: Shape | None = None
    unknown_keys: set[str] = field(default_factory=set)
    cut_short: str | None = None

    def expect(self, listings_count: int) -> None:
        """Say how many listings there will be; may be corrected while the crawl goes on."""
        self.listings_expected = listings_count

    def warn(self, sentence: str) -> None:
        """What strangers wrote may stand in it."""
        self.warnings.append(keepable(sentence))

    def end_early(self, sentence: str) -> None:
        """Say that the crawl ends before it is through: what it did not find may be there all the same."""
        self.cut_short = keepable(sentence)
        self.warn(sentence)

    def audit(self, place: str, record: Any, known: Collection[str]) -> None:
        """Note each key of an API's record that the market neither uses nor knowingly passes over.

        place: where the record stands (`item`, `item.seller`). A new key often is the first sign of a changed source.
        """
        if isinstance(record, Mapping):
            self._note(f"{place}.{key}" for key in record if key not in known)

    def _note(self, keys: Iterable[str]) -> None:
        for key in keys:
            if len(self.unknown_keys) < MOST_UNKNOWN_KEYS:
                self.unknown_keys.add(keepable(key[:80]))


class OptionKind(StrEnum):
    """`secret`: the value is the name of an environment variable that holds it (`env:EBAY_SECRET`), never itself."""

    TEXT = "text"
    URL = "url"
    NUMBER = "number"
    PATTERN = "pattern"
    CHOICE = "choice"
    FILE = "file"
    SECRET = "secret"  # noqa: S105  # a kind of option, no password


@dataclass(frozen=True, slots=True)
class Option:
    """One argument of a market, as a form asks for it. help: one sentence; choices: for OptionKind.CHOICE."""

    name: str
    title: str
    kind: OptionKind = OptionKind.TEXT
    help: str = ""
    is_required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    """A kind of source. `crawl` yields each listing once and raises MarketError.

    is_web: whether its listings are web pages that can vanish; of an uploaded table that says nothing.
    counts_pages: whether it keeps to the option `pages` by itself, sitemaps and the like not counted.
    revisit: reads the one listing at an address again: None where the page offers nothing any more, FetchError where
    it can't be had; a market without it never says that a listing is gone.
    """

    kind: str
    title: str
    crawl: Callable[[Context], Iterator[Listing]]
    options: tuple[Option, ...] = ()
    is_web: bool = True
    help: str = ""
    counts_pages: bool = False
    revisit: Callable[[Context, str], Listing | None] | None = None
