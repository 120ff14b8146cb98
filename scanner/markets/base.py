"""What a market plug-in is, and what it is given."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanner.fetch import Fetcher
from scanner.records import Listing


class MarketError(Exception):
    """The crawl can't be begun or went wrong as a whole; the message is one sentence for people."""


@dataclass(slots=True)
class Context:
    """One crawl. options: arguments of the source; warnings: sentences on what is missing, why a scan is partial."""

    options: Mapping[str, Any]
    fetcher: Fetcher
    listings_expected: int | None = None
    warnings: list[str] = field(default_factory=list)

    def expect(self, listings_count: int) -> None:
        """Say how many listings there will be; may be corrected while the crawl goes on."""
        self.listings_expected = listings_count

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


@dataclass(frozen=True, slots=True)
class Market:
    """A kind of source. `crawl` yields each listing once and raises MarketError."""

    kind: str
    title: str
    crawl: Callable[[Context], Iterator[Listing]]
