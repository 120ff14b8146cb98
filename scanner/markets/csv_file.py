"""A CSV file of listings, as exported from elsewhere or written by hand."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from scanner.markets.base import Context, Market, MarketError
from scanner.markets.options import COMMON_OPTIONS, file_option, read_options, resolve_file
from scanner.markets.rows import COLUMNS, BadRow, Warn, inbox_listings, read_row, split_places
from scanner.records import Listing

REQUIRED = ("url", "title", "image_url")
MORE_IMAGES = re.compile(r"image_url(_?\d+)?")
MOST_IN_A_CELL = 1024**2


def read_listings(path: Path, warn: Warn | None = None) -> Iterator[Listing]:
    """The listings among `read_rows`; warn is told of the bad rows too. Raises MarketError."""
    for row in read_rows(path, warn):
        if isinstance(row, Listing):
            yield row
        elif warn:
            warn(f"{row.place}: {row.fault}")


def read_rows(path: Path, warn: Warn | None = None) -> Iterator[Listing | BadRow]:
    """Each line of the file as a listing; its photo_urls hold URLs, or paths made absolute from the file's folder.

    Columns: url, title, description, price, currency, seller, image_url (several parted by spaces or |, or in
    image_url_2 ...), country, posted_at; url, title and image_url must be there. Comma, semicolon or tab.
    warn: is told of values that were left out, with their line. Raises MarketError where the file can't be read at
    all, or where its first line does not name the columns.
    """
    csv.field_size_limit(MOST_IN_A_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            yield from _Table(path, csv.reader(file, delimiter=_delimiter(head), strict=True), warn).rows()
    except OSError as error:
        raise MarketError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise MarketError(f"{path} is not UTF-8; save it as “CSV UTF-8” and try again.") from None


def crawl(context: Context) -> Iterator[Listing]:
    """Every listing of the file that the option `path` names. Raises MarketError."""
    path = resolve_file(read_options(MARKET, context)["path"], context.inbox)
    yield from inbox_listings(read_rows(path, context.warn), context, context.inbox or path.parent)


def _delimiter(head: str) -> str:
    """Of comma, semicolon and tab the one that parts the names of the columns."""
    return max(",;\t", key=head.count)


class _Table:
    def __init__(self, path: Path, rows: Iterator[list[str]], warn: Warn | None) -> None:
        self._path = path
        self._rows = rows
        self._warn = warn

    def rows(self) -> Iterator[Listing | BadRow]:
        names = self._column_names()
        try:
            for row in self._rows:
                if any(cell.strip() for cell in row):
                    yield self._read_row(names, row)
        except csv.Error as error:
            yield self._bad_row(f"no valid CSV ({error}); the rest of the file was not read.")

    def _column_names(self) -> list[str]:
        try:
            names = [name.strip().lower() for name in next(self._rows, [])]
        except csv.Error as error:
            raise MarketError(f"{self._path}:1: no valid CSV ({error}).") from error
        self._check_columns(names)
        return names

    def _bad_row(self, fault: str) -> BadRow:
        return BadRow(self._place(), fault)

    def _check_columns(self, names: list[str]) -> None:
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            raise MarketError(
                f"{self._path}:1: the column {' and '.join(missing)} is missing; "
                f"the first line must name the columns, of which there may be: {', '.join(COLUMNS)}."
            )
        doubled = {name for name in names if name and names.count(name) > 1}
        if doubled:
            raise MarketError(f"{self._path}:1: the column {' and '.join(sorted(doubled))} stands there twice.")

    def _read_row(self, names: list[str], values: list[str]) -> Listing | BadRow:
        if len(values) > len(names):
            return self._bad_row(f"{len(values)} cells, but there are only {len(names)} columns.")
        cells = list(zip(names, (value.strip() for value in values), strict=False))
        pictures = [cell for name, cell in cells if MORE_IMAGES.fullmatch(name)]
        places = (place for cell in pictures for place in split_places(cell, self._path.parent))
        return read_row(self._place(), dict(cells), tuple(dict.fromkeys(places)), self._warn)

    def _place(self) -> str:
        return f"{self._path}:{_line(self._rows)}"


def _line(reader: object) -> int:
    return int(getattr(reader, "line_num", 0))


MARKET = Market(
    "csv",
    "CSV file of listings",
    crawl,
    (file_option("A table whose first line names the columns."), *COMMON_OPTIONS),
    is_web=False,
    help="A table of listings that was exported from elsewhere or written by hand.",
)
