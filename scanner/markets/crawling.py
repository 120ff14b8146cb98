"""Run a market: its options checked, its listings counted, its end judged."""

import logging
from collections.abc import Generator, Iterator
from typing import Self, cast

from scanner.fetch import BudgetError, Fetcher, FetchError, HostStoppedError, StoppedError
from scanner.markets.allowance import PageAllowance
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.options import check_options
from scanner.markets.shape import Shape, compare
from scanner.records import Listing

log = logging.getLogger(__name__)


def crawl(market: Market, context: Context) -> "Crawl":
    """The market's listings, each once. Raises MarketError with every fault of the options."""
    faults = check_options(market, context.options, context.inbox)
    if faults:
        raise MarketError(" ".join(faults))
    pages = context.options.get("pages")
    if pages and not market.counts_pages:
        context.fetcher = cast(Fetcher, PageAllowance(context.fetcher, pages))
    return Crawl(market, context)


class Crawl:
    """One run, to be iterated once; raises MarketError at its end where the source seems to have changed.

    shape: of the listings so far; whole when the iteration is over. A crawl that a budget, a quota or a stopped host
    ended says so in `context.cut_short`; it is partial, and no error.
    """

    def __init__(self, market: Market, context: Context) -> None:
        self.shape = Shape()
        self._market = market
        self._context = context
        self._listings = self._run()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Listing:
        return next(self._listings)

    def close(self) -> None:
        """End it here: what the market holds open is given back."""
        self._listings.close()

    def _run(self) -> Generator[Listing, None, None]:
        seen: set[str] = set()
        for listing in self._patient():
            if listing.url not in seen:
                seen.add(listing.url)
                self.shape.count(listing)
                yield listing
        self.shape.unknown_keys = set(self._context.unknown_keys)
        self._judge()

    def _patient(self) -> Iterator[Listing]:
        """The market's listings, with whatever ends them early put in words."""
        try:
            yield from self._market.crawl(self._context)
        except (BudgetError, HostStoppedError) as error:
            self._context.end_early(f"The crawl ended early. {error}")
        except (MarketError, StoppedError):
            raise
        except FetchError as error:
            raise MarketError(str(error)) from error
        except Exception as error:
            log.exception("the market %s broke", self._market.kind)
            raise MarketError(
                f"The market of kind {self._market.kind} broke ({type(error).__name__}: {error}); "
                "this is a fault in its program, the log has more."
            ) from error

    def _judge(self) -> None:
        is_partial = self._context.cut_short is not None
        if self._context.former_shape:
            for sentence in compare(self._context.former_shape, self.shape, is_partial):
                self._context.warn(sentence)
        minimum = self._context.options.get("minimum_listings")
        minimum = 1 if minimum is None else minimum
        if not is_partial and self.shape.listings < minimum:
            raise MarketError(
                f"Only {self.shape.listings} listings were found{self._where()}, fewer than the {minimum} that are "
                "expected; has the source changed, or is an option wrong?"
            )

    def _where(self) -> str:
        start = self._context.options.get("start_url") or self._context.options.get("path")
        return f" at {start}" if start else ""
