from typing import Any, cast

import pytest

from scanner.fetch import BudgetError, Fetcher
from scanner.markets.allowance import PageAllowance


class Asked:
    def __init__(self) -> None:
        self.urls: list[str] = []

    def get(self, url: str, **_: Any) -> None:
        self.urls.append(url)

    def post_form(self, url: str, _data: Any, **_: Any) -> None:
        self.urls.append(url)

    def sitemaps(self, url: str) -> list[str]:
        return [f"{url}sitemap.xml"]


def test_a_source_reads_as_many_pages_as_it_may_and_then_says_so() -> None:
    asked = Asked()
    allowance = PageAllowance(cast(Fetcher, asked), 2)
    assert allowance.sitemaps("http://a/") == ["http://a/sitemap.xml"]
    allowance.get("http://a/1", etag=None)
    allowance.post_form("http://a/2", {})
    with pytest.raises(BudgetError, match="The 2 pages that this source may have are read"):
        allowance.get("http://a/3")
    assert asked.urls == ["http://a/1", "http://a/2"]
