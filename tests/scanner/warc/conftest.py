from collections.abc import Iterator

import pytest

from scanner.fetch import Fetcher
from tests.scanner.fetch.site import Site, running_site


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def fetcher(site: Site) -> Iterator[Fetcher]:
    with Fetcher("crawl@example.org", [site.origin], sleep=lambda _: None, keep_exchanges=True) as fetcher:
        yield fetcher
