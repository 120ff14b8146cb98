from collections.abc import Iterator

import pytest

from scanner.fetch import Fetcher
from tests.scanner.fetch.site import Site, running_site


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def naps() -> list[float]:
    """Seconds that the fetcher wanted to sleep; it does not really sleep."""
    return []


@pytest.fixture
def fetcher(site: Site, naps: list[float]) -> Iterator[Fetcher]:
    with Fetcher("crawl@example.org", [site.origin], sleep=naps.append, jitter=0, keep_exchanges=True) as fetcher:
        yield fetcher
