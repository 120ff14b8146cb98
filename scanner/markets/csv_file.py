"""A CSV file of listings, as exported from elsewhere or written by hand."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from scanner.markets.base import Context, Market, MarketError
from scanner.markets.values import parse_country, parse_currency, parse_price, parse_time
from scanner.records import Listing

COLUMNS = ("url", "title", "description", "price", "currency", "seller", "image_url", "country", "posted_at")
REQUIRED = ("url", "title", "image_url")
MORE_IMAGES = re.compile(r"image_url(_?\d+)?")
MOST_IN_A_CELL = 1024**2

Warn = Callable[[str], None]
Value = TypeVar("Value")


def read_listings(path: Path, warn: Warn | None = None) -> Iterator[Listing]:
    """Each line of the file as a listing; its photo_urls hold URLs, or paths made absolute from the file's folder.

    Columns: url, title, description, price, currency, seller, image_url (several parted by spaces or |, or in
    image_url_2 ...), country, posted_at; url, title and image_url must be there. Comma, semicolon or tab.
    warn: is told of values that were left out, with their line. Raises MarketError.
    """
    csv.field_size_limit(MOST_IN_A_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            yield from _Table(path, csv.reader(file, delimiter=_delimiter(head), strict=True), warn).listings()
    except OSError as error:
        raise MarketError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise MarketError(f"{path} is not UTF-8; save it as “CSV UTF-8” and try again.") from None


def crawl(context: Context) -> Iterator[Listing]:
    """Every listing of the file that the option `path` names. Raises MarketError."""
    path = context.options.get("path")
    if not isinstance(path, str) or not path:
        raise MarketError("A source of kind csv needs the option path.")
    yield from read_listings(Path(path), context.warn)


def _delimiter(head: str) -> str:
    """Of comma, semicolon and tab the one that parts the names of the columns."""
    return max(",;\t", key=head.count)


class _Table:
    def __init__(self, path: Path, rows: Iterator[list[str]], warn: Warn | None) -> None:
        self._path = path
        self._rows = rows
        self._warn = warn or (lambda _: None)

    def listings(self) -> Iterator[Listing]:
        names = [name.strip().lower() for name in next(self._safe_rows(), (1, []))[1]]
        self._check_columns(names)
        for line, row in self._safe_rows():
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(names):
                raise MarketError(f"{self._path}:{line}: {len(row)} cells, but there are only {len(names)} columns.")
            yield self._read_row(line, list(zip(names, (cell.strip() for cell in row), strict=False)))

    def _safe_rows(self) -> Iterator[tuple[int, list[str]]]:
        reader = self._rows
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise MarketError(f"{self._path}:{_line(reader)}: no valid CSV ({error}).") from error
            yield _line(reader), row

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

    def _read_row(self, line: int, cells: list[tuple[str, str]]) -> Listing:
        row = dict(cells)
        if not row.get("url"):
            raise MarketError(f"{self._path}:{line}: the url is empty; it is what names a listing.")
        return Listing(
            url=row["url"],
            title=row.get("title", ""),
            description=row.get("description", ""),
            price=self._value(line, row, "price", parse_price),
            currency=self._value(line, row, "currency", parse_currency),
            seller=row.get("seller") or None,
            country=self._value(line, row, "country", parse_country),
            posted_at=self._value(line, row, "posted_at", parse_time),
            photo_urls=self._photos([cell for name, cell in cells if MORE_IMAGES.fullmatch(name)]),
        )

    def _value(
        self, line: int, row: dict[str, str], name: str, parse: Callable[[object], Value | None]
    ) -> Value | None:
        text = row.get(name, "")
        value = parse(text)
        if text and value is None:
            self._warn(f"{self._path}:{line}: the {name} “{text[:60]}” can't be read and was left out.")
        return value

    def _photos(self, cells: list[str]) -> tuple[str, ...]:
        found = [place for cell in cells for place in self._split(cell)]
        return tuple(dict.fromkeys(found))

    def _split(self, cell: str) -> list[str]:
        """A path may hold spaces: a cell that is a file as it stands is one picture."""
        if "|" in cell:
            return [self._place(part.strip()) for part in cell.split("|") if part.strip()]
        if cell and not _is_url(cell) and (self._path.parent / cell).is_file():
            return [self._place(cell)]
        return [self._place(part) for part in cell.split()]

    def _place(self, text: str) -> str:
        return text if _is_url(text) else str((self._path.parent / text).resolve())


def _is_url(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return True  # no path either; the fetcher says what is wrong with it


def _line(reader: object) -> int:
    return int(getattr(reader, "line_num", 0))


MARKET = Market("csv", "CSV file of listings", crawl)
