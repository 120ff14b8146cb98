"""How many pages one crawl may read: what the source's option `pages` allows, pictures not counted."""

from collections.abc import Mapping
from typing import Any

from scanner.fetch import BudgetError, Fetched, Fetcher


class PageAllowance:
    """Stands in for a market's fetcher and counts what the market asks for itself.

    Pictures are fetched by the fetcher underneath: they count in its budget of requests alone.
    """

    def __init__(self, fetcher: Fetcher, pages: int) -> None:
        self._fetcher = fetcher
        self._pages = pages
        self._left = pages

    def get(self, url: str, *arguments: Any, **how: Any) -> Fetched:
        """As Fetcher.get. Raises BudgetError where no page is left."""
        self._take()
        return self._fetcher.get(url, *arguments, **how)

    def post_form(self, url: str, data: Mapping[str, str], **how: Any) -> Fetched:
        """As Fetcher.post_form. Raises BudgetError where no page is left."""
        self._take()
        return self._fetcher.post_form(url, data, **how)

    def sitemaps(self, url: str) -> list[str]:
        """As Fetcher.sitemaps."""
        return self._fetcher.sitemaps(url)

    def _take(self) -> None:
        if self._left <= 0:
            raise BudgetError(f"The {self._pages} pages that this source may have are read.")
        self._left -= 1
