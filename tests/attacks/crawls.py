"""A server on loopback that hands out the corpus, and crawls of it that may not hang."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

from scanner.fetch import Fetcher
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.crawling import crawl
from scanner.records import Listing
from tests.attacks.corpus import Attack
from tests.scanner.fetch.site import Site, answer, running_site

PATIENCE_S = 300  # of a whole crawl, however slow the machine
DEADLINE_S = 5  # of one request


def served(attack: Attack) -> Any:
    """Its headers as they are meant, wrong ones too; its body is made when it is first asked for."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        body = attack.make()
        handler.send_response(attack.status)
        headers = {"Content-Length": str(len(body)), **attack.headers}
        for name, value in headers.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True  # what a wrong length leaves behind would be taken for the next answer

    return write


@contextmanager
def site_of(attacks: Iterable[Attack]) -> Iterator[Site]:
    with running_site() as site:
        for attack in attacks:
            site.answers[f"/{attack.path}"] = served(attack)
        yield site


def page_of(links: Iterable[str]) -> Any:
    body = "".join(f"<a href='{link}'>a</a>" for link in links).encode()
    return answer(200, b"<title>Shop</title>" + body, Content_Type="text/html; charset=utf-8")


def crawled(market: Market, site: Site, **options: Any) -> tuple[list[Listing], list[str], str]:
    """(listings, warnings, why the crawl broke off). A crawl that hangs, or breaks, fails the test."""
    found: list[Listing] = []
    context: Context | None = None
    ended: list[str] = []

    def run() -> None:
        nonlocal context
        with Fetcher(
            allowed_addresses=[site.origin], read_s=DEADLINE_S, deadline_s=DEADLINE_S, sleep=lambda _: None
        ) as fetcher:
            context = Context({"minimum_listings": 0, **options}, fetcher)
            try:
                found.extend(crawl(market, context))
                ended.append("")
            except MarketError as error:
                ended.append(str(error))

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the crawl hangs"
    assert context is not None and ended, "the crawl broke"
    assert "fault in its program" not in ended[0], ended[0]
    return found, context.warnings, ended[0]
