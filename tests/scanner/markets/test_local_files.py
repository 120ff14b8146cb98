"""What is uploaded: JSON lines, folders, pictures beside a table; nothing outside of the inbox is ever read."""

import json
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from scanner.fetch import Fetcher, FetchError
from scanner.markets import csv_file, folder, jsonl_file
from scanner.markets.base import Context, Market, MarketError
from scanner.markets.crawling import crawl
from scanner.markets.files import LocalPhotos, location_of, read_file
from scanner.records import Listing
from tests.scanner.fetch.site import Site, answer

Crawled = tuple[list[Listing], Context]
CrawlIt = Callable[..., Crawled]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return inbox


@pytest.fixture
def crawl_it(inbox: Path, site: Site) -> Iterator[CrawlIt]:
    with Fetcher(allowed_addresses=[site.origin], sleep=lambda _: None) as fetcher:

        def run(market: Market, path: str, **options: Any) -> Crawled:
            context = Context({"path": path, **options}, fetcher, inbox=inbox)
            return list(crawl(market, context)), context

        yield run


def lines(*rows: Any) -> str:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)


def test_every_field_of_a_json_line_is_read(inbox: Path, crawl_it: CrawlIt) -> None:
    row = {"url": "http://a/1", "title": " Vase ", "price": 12.5, "currency": "eur", "seller": "Ann", "country": "nl"}
    row |= {"image_url": "http://a/1.jpg", "image_urls": ["http://a/2.jpg", "pics/my photo.jpg"], "more": 1}
    (inbox / "a.jsonl").write_text(lines(row, ""))
    (listing,), context = crawl_it(jsonl_file.MARKET, "a.jsonl")
    assert (listing.title, listing.price, listing.currency, listing.seller) == ("Vase", Decimal("12.5"), "EUR", "Ann")
    assert listing.photo_urls == ("http://a/1.jpg", "http://a/2.jpg", "file:///pics/my%20photo.jpg")
    assert (listing.read_by, context.unknown_keys) == ("file", {"listing.more"})


FAULTS = {
    "{": "no valid JSON",
    "[" * 100_000: "no valid JSON",
    "[1]": "no JSON object",
    '{"title": "x"}': "the url is empty",
    '{"url": "u", "title": {"a": 1}}': "the title must be text or a number",
    '{"url": "u", "image_urls": "a.jpg"}': "image_urls must be a list of texts",
    '{"url": "u", "image_urls": [5]}': "image_urls must be a list of texts",
    '{"url": "' + "x" * (4 * 1024**2) + '"}': "the line is longer than 4 MiB",
}


@pytest.mark.parametrize("line", FAULTS, ids=list(FAULTS.values()))
def test_a_bad_line_is_named_and_the_others_are_read(line: str, inbox: Path, crawl_it: CrawlIt) -> None:
    (inbox / "a.jsonl").write_text(lines({"url": "a"}, line, {"url": "b"}))
    listings, context = crawl_it(jsonl_file.MARKET, "a.jsonl")
    assert [listing.url for listing in listings] == ["a", "b"]
    (warning,) = context.warnings
    assert f"a.jsonl:2: {FAULTS[line]}" in warning


def test_a_line_in_other_letters_is_named(inbox: Path, crawl_it: CrawlIt) -> None:
    (inbox / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"url": "a"}\n{"url": "\xff"}\n')
    listings, context = crawl_it(jsonl_file.MARKET, "a.jsonl")
    assert len(listings) == 1 and "a.jsonl:2: the line is not UTF-8" in context.warnings[0]


def test_pictures_beside_a_table_are_read_from_the_inbox_and_others_from_the_web(
    inbox: Path, crawl_it: CrawlIt, site: Site
) -> None:
    (inbox / "batch").mkdir()
    (inbox / "batch" / "a b.jpg").write_bytes(b"local")
    site.answers["/w.jpg"] = answer(body=b"web")
    rows = [f"u1,t,a b.jpg|{site.url('/w.jpg')}", "u2,t,../../secret.jpg", "u3,t,/etc/passwd"]
    (inbox / "batch" / "t.csv").write_text("\n".join(["url,title,image_url", *rows]))
    listings, context = crawl_it(csv_file.MARKET, "batch/t.csv")
    assert listings[0].photo_urls[0] == "file:///batch/a%20b.jpg"
    assert context.get_photo is not None
    assert [context.get_photo(url, 100).body for url in listings[0].photo_urls] == [b"local", b"web"]
    for listing in listings[1:]:
        with pytest.raises(FetchError, match="outside the inbox"):
            context.get_photo(listing.photo_urls[0], 100)


def test_each_folder_and_each_loose_picture_is_a_listing(inbox: Path, crawl_it: CrawlIt) -> None:
    for name in ("up/tusk/b.jpg", "up/tusk/more/a.PNG", "up/tusk/notes.txt", "up/empty/notes.txt", "up/loose 1.webp"):
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(name.encode())
    listings, context = crawl_it(folder.MARKET, "up")
    assert [(listing.url, listing.title, listing.photo_urls) for listing in listings] == [
        ("file:///up/loose%201.webp", "loose 1", ("file:///up/loose%201.webp",)),
        ("file:///up/tusk", "tusk", ("file:///up/tusk/b.jpg", "file:///up/tusk/more/a.PNG")),
    ]
    assert context.listings_expected == 2 and context.get_photo is not None
    assert context.get_photo("file:///up/tusk/more/a.PNG", 100).body == b"up/tusk/more/a.PNG"


def test_what_is_no_folder_is_said(inbox: Path, crawl_it: CrawlIt) -> None:
    (inbox / "a.jpg").write_bytes(b"")
    with pytest.raises(MarketError, match=r"a\.jpg is no folder"):
        crawl_it(folder.MARKET, "a.jpg")


@pytest.fixture
def traps(inbox: Path) -> dict[str, str]:
    """Places in the inbox that must not be read, with what is said of them."""
    (inbox / "link.jpg").symlink_to(inbox.parent / "secret.jpg")
    (inbox / "out").symlink_to(inbox.parent)
    (inbox / "round").symlink_to(inbox / "round")
    (inbox / "large.jpg").write_bytes(b"x" * 11)
    (inbox / "folder").mkdir()
    os.mkfifo(inbox / "pipe.jpg")
    return {
        "file:///link.jpg": "outside the inbox",
        "file:///out/secret.jpg": "outside the inbox",
        "file:///../secret.jpg": "outside the inbox",
        "file:///%2e%2e/secret.jpg": "outside the inbox",
        "/etc/passwd": "outside the inbox",
        "file://host/etc/passwd": "can't be read",
        "file:///round": "can't be read",
        "file:///none.jpg": "No such file",
        "file:///a%00b": "can't be read",
        "file:///large.jpg": "larger than",
        "file:///folder": r"Is a directory|no ordinary file",
        "file:///pipe.jpg": "no ordinary file",
        "http://a/": "can't be read|No such file",
        "http://[": "no place of a file",
    }


def test_nothing_but_ordinary_files_below_the_inbox_is_read(traps: dict[str, str], inbox: Path) -> None:
    photos = LocalPhotos(inbox)
    for place, said in traps.items():
        with pytest.raises(FetchError, match=said):
            photos(place, 10)


def test_a_link_within_the_inbox_is_followed(inbox: Path) -> None:
    (inbox / "a.jpg").write_bytes(b"a")
    (inbox / "b.jpg").symlink_to("a.jpg")
    assert LocalPhotos(inbox)("file:///b.jpg", 10).body == b"a"
    assert location_of(inbox / "ä b.jpg", inbox) == "file:///%C3%A4%20b.jpg"


def test_a_link_that_is_put_in_place_after_the_check_is_not_followed(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = inbox / "a.jpg"
    place.symlink_to(inbox.parent / "secret.jpg")
    monkeypatch.setattr(Path, "resolve", lambda self, strict=False: self)  # noqa: ARG005  # as it was then
    with pytest.raises(FetchError, match="can't be read"):
        read_file(inbox, place, 100)


def test_what_is_told_of_a_bad_line_can_be_kept(inbox: Path, crawl_it: CrawlIt) -> None:
    (inbox / "a.jsonl").write_bytes(b'{"url": "http://a/1", "price": "\\ud800\\u0000", "k\\ud800": 1}')
    _, context = crawl_it(jsonl_file.MARKET, "a.jsonl")
    assert [warning for warning in context.warnings if "\0" in warning or not warning.isprintable()] == []
    assert context.unknown_keys == {"listing.k?"}
