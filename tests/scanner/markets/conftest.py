from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scanner.fetch import Fetcher
from scanner.markets.base import Context
from tests.scanner.fetch.site import Site, running_site


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def context_for(site: Site) -> Iterator[Callable[..., Context]]:
    """Makes a crawl's context with these options, on a fetcher that may ask the test's own site."""
    with Fetcher(allowed_addresses=[site.origin], sleep=lambda _: None) as fetcher:

        def make(**options: Any) -> Context:
            return Context(options, fetcher)

        yield make
