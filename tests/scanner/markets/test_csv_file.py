from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from scanner.fetch import Fetcher
from scanner.markets.base import Context, MarketError
from scanner.markets.csv_file import crawl, read_listings
from scanner.records import Listing

HEAD = "url,title,description,price,currency,seller,image_url,country,posted_at\n"


@pytest.fixture
def read(tmp_path: Path) -> object:
    def read(text: str | bytes) -> tuple[list[Listing], list[str]]:
        path = tmp_path / "listings.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        warnings: list[str] = []
        return list(read_listings(path, warnings.append)), warnings

    return read


def test_every_column_is_read(read) -> None:  # type: ignore[no-untyped-def]
    row = 'http://a/1,Vase,"Blue, tall",12.50,eur,Ann,http://a/1.jpg,nl,2026-10-31\n'
    (listing,), warnings = read(HEAD + row)
    assert listing == Listing(
        url="http://a/1",
        title="Vase",
        description="Blue, tall",
        price=Decimal("12.50"),
        currency="EUR",
        seller="Ann",
        country="NL",
        posted_at=datetime(2026, 10, 31, tzinfo=UTC),
        photo_urls=("http://a/1.jpg",),
    )
    assert warnings == []


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_the_separator_and_a_byte_order_mark_are_understood(mark: str, start: bytes, read) -> None:  # type: ignore[no-untyped-def]
    text = f"URL{mark}Title{mark}image_url\r\nhttp://a/1{mark}象牙白{mark}http://a/1.jpg\r\n"
    (listing,), _ = read(start + text.encode())
    assert (listing.title, listing.photo_urls) == ("象牙白", ("http://a/1.jpg",))


def test_pictures_stand_in_one_cell_or_in_several(read) -> None:  # type: ignore[no-untyped-def]
    text = "url,title,image_url,image_url_2,image_url_3\nu,t,http://a/1 http://a/2,http://a/3|http://a/4,http://a/1\n"
    (listing,), _ = read(text)
    assert listing.photo_urls == ("http://a/1", "http://a/2", "http://a/3", "http://a/4")


def test_a_path_is_taken_from_the_folder_of_the_file(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "my photo.jpg").write_bytes(b"")
    (one, two), _ = read("url,title,image_url\nu1,t,my photo.jpg\nu2,t,pics/a.jpg pics/b.jpg\n")
    assert one.photo_urls == (str(tmp_path / "my photo.jpg"),)
    assert two.photo_urls == (str(tmp_path / "pics/a.jpg"), str(tmp_path / "pics/b.jpg"))


def test_a_value_that_cannot_be_read_is_left_out_with_a_warning(read) -> None:  # type: ignore[no-untyped-def]
    rows = 'u1,"t\nt",d,ask me,EUR,s,i,NL,2026-01-01\nu2,t,d,5,dollars,s,i,Holland,soon\n'
    (one, two), warnings = read(HEAD + rows)
    assert (one.price, two.price, two.currency, two.country, two.posted_at) == (None, Decimal(5), None, None, None)
    assert [warning.split("listings.csv:")[1].split(" can't")[0] for warning in warnings] == [
        "3: the price “ask me”",
        "4: the currency “dollars”",
        "4: the country “Holland”",
        "4: the posted_at “soon”",
    ]


def test_empty_lines_are_passed_over(read) -> None:  # type: ignore[no-untyped-def]
    listings, _ = read("url,title,image_url\n\nu1,t,i\n,,\nu2,t,i\n")
    assert [listing.url for listing in listings] == ["u1", "u2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"csv:1: the column url and title and image_url is missing"),
        ("url,title\nu,t\n", r"csv:1: the column image_url is missing; .* country, posted_at"),
        ("url,title,image_url,title\n", r"csv:1: the column title stands there twice"),
        (b"url,title,image_url\nu,\xff\xfe,i\n", r"is not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_of_listings_is_refused(text: str | bytes, said: str, read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MarketError, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url,title,image_url\nu,t,i\n,t,i\nv,t,i\n", "csv:3: the url is empty"),
        ("url,title,image_url\nu,t,i\nw,t,i,more\nv,t,i\n", "csv:3: 4 cells, but there are only 3 columns"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_the_others_are_read(text: str, said: str, read) -> None:  # type: ignore[no-untyped-def]
    listings, warnings = read(text)
    assert [listing.url for listing in listings] == ["u", "v"]
    assert len(warnings) == 1 and said in warnings[0]


@pytest.mark.parametrize("row", ['w,"t"x,i', "w," + "x" * (1024**2 + 1) + ",i"])
def test_where_the_csv_itself_breaks_the_listings_before_it_stay(row: str, read) -> None:  # type: ignore[no-untyped-def]
    listings, warnings = read(f"url,title,image_url\nu,t,i\n{row}\nv,t,i\n")
    assert [listing.url for listing in listings] == ["u"]
    assert "csv:3: no valid CSV" in warnings[0] and "the rest of the file was not read" in warnings[0]


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MarketError, match=r"can't be read: No such file or directory\."):
        list(read_listings(tmp_path / "none.csv"))


def test_a_source_of_kind_csv_reads_the_file_of_its_option(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,title,image_url,price\nu,t,i,?\n")
    with Fetcher() as fetcher:
        context = Context({"path": "a.csv"}, fetcher, inbox=tmp_path)
        assert [listing.url for listing in crawl(context)] == ["u"]
        assert len(context.warnings) == 1
        with pytest.raises(MarketError, match="option path"):
            list(crawl(Context({}, fetcher, inbox=tmp_path)))
        with pytest.raises(MarketError, match="no inbox folder"):
            list(crawl(Context({"path": "a.csv"}, fetcher)))
