"""Archives are read again: their pages give the listings, and their pictures come from nowhere else."""

from pathlib import Path

import pytest

from scanner.fetch import Fetched, Fetcher, FetchError
from scanner.markets.base import Context, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.warc_file import MARKET
from scanner.records import Listing
from scanner.warc import ArchiveWriter
from tests.scanner.markets.hostile_shop import CF_CHALLENGE, page, product
from tests.scanner.warc.pages import AT, exchange

SITE = "https://shop.example"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    with ArchiveWriter(tmp_path, "test") as writer:

        def add(path: str, body: bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK") -> None:
            sent = exchange(SITE + path, body, status, Content_Type=kind, Content_Length=str(len(body)))
            writer.add(Fetched(SITE + path, SITE + path, int(status[:3]), {}, body, AT, (sent,)))

        add("/1.jpg", b"first picture", "image/jpeg")
        pictures = ["/1.jpg#x", "/2.jpg", "/none.jpg", "/gone.jpg"]
        add("/1", page("One", data=product("One", image=pictures)))
        add("/1?again", page("One", data=product("One"), rest=f'<link rel="canonical" href="{SITE}/1">'))
        add("/about", page("About us"))
        add("/old", page("", data=product("Gone")), status="404 Not Found")
        add("/check", CF_CHALLENGE)
        add("/2.jpg", b"second picture", "image/png")
        add("/gone.jpg", b"", "text/html", "404 Not Found")
        add("/2", page("Two", data=product("Two")))
    writer.finished[0].rename(tmp_path / "a.warc.gz")
    (tmp_path / "no.warc").write_bytes(b"no archive at all")
    return tmp_path


def crawled(inbox: Path, **options: object) -> tuple[list[Listing], Context]:
    with Fetcher() as fetcher:
        context = Context({"path": "a.warc.gz", **options}, fetcher, inbox=inbox)
        return list(crawl(MARKET, context)), context


def test_the_pages_that_offer_something_are_listings(inbox: Path) -> None:
    listings, context = crawled(inbox)
    assert [(listing.url, listing.title) for listing in listings] == [(f"{SITE}/1", "One"), (f"{SITE}/2", "Two")]
    assert listings[0].answers[0].url == f"{SITE}/1" and b"ld+json" in listings[0].answers[0].body
    assert listings[0].read_by == "json-ld"
    assert context.warnings == [f"1 page asked us to prove that we are no robot: {SITE}/check."]


def test_pictures_come_from_the_archive_wherever_they_stand_in_it(inbox: Path) -> None:
    with Fetcher() as fetcher:
        context = Context({"path": "a.warc.gz"}, fetcher, inbox=inbox)
        run = crawl(MARKET, context)
        listing = next(run)
        assert context.get_photo is not None
        first, second, none, gone = listing.photo_urls
        assert [context.get_photo(url, 100).body for url in (first, second)] == [b"first picture", b"second picture"]
        assert context.get_photo(first, 100).headers["content-type"] == "image/jpeg"
        with pytest.raises(FetchError, match="holds no answer for this picture"):
            context.get_photo(none, 100)
        with pytest.raises(FetchError, match="answered 404"):
            context.get_photo(gone, 100)
        with pytest.raises(FetchError, match="larger than"):
            context.get_photo(first, 5)
        run.close()


def test_a_pattern_says_which_pages_are_listings(inbox: Path) -> None:
    assert [listing.title for listing in crawled(inbox, listing_pattern="/about$")[0]] == ["About us"]


def test_what_is_no_archive_is_one_sentence(inbox: Path) -> None:
    with pytest.raises(MarketError, match=r"no\.warc can't be read"):
        crawled(inbox, path="no.warc")
