"""One line of an uploaded table as a listing: the same names of columns whatever the kind of file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from scanner.markets.base import Context
from scanner.markets.files import LocalPhotos, location_of
from scanner.markets.values import parse_country, parse_currency, parse_price, parse_time
from scanner.records import Listing

COLUMNS = ("url", "title", "description", "price", "currency", "seller", "image_url", "country", "posted_at")

Warn = Callable[[str], None]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no listing: `place` is file:line, `fault` one sentence."""

    place: str
    fault: str


def read_row(place: str, row: Mapping[str, Any], photos: tuple[str, ...], warn: Warn | None) -> Listing | BadRow:
    """The listing in a row's values. place: file:line, for what is wrong; warn: is told of values left out."""
    if not row.get("url"):
        return BadRow(place, "the url is empty; it is what names a listing.")

    def value(name: str, parse: Callable[[object], Value | None]) -> Value | None:
        given = row.get(name)
        parsed = parse(given)
        if given not in (None, "") and parsed is None and warn:
            warn(f"{place}: the {name} “{str(given)[:60]}” can't be read and was left out.")
        return parsed

    return Listing(
        url=str(row["url"]),
        title=str(row.get("title") or ""),
        description=str(row.get("description") or ""),
        price=value("price", parse_price),
        currency=value("currency", parse_currency),
        seller=str(row.get("seller") or "") or None,
        country=value("country", parse_country),
        posted_at=value("posted_at", parse_time),
        photo_urls=photos,
        read_by="file",
    )


def split_places(cell: str, folder: Path) -> list[str]:
    """The pictures that a cell names, parted by spaces or |; paths are made absolute from the folder.

    A path may hold spaces: a cell that is a file as it stands is one picture.
    """
    if "|" in cell:
        return [place_in(part.strip(), folder) for part in cell.split("|") if part.strip()]
    if cell and not is_web(cell) and _is_file(folder / cell):
        return [place_in(cell, folder)]
    return [place_in(part, folder) for part in cell.split()]


def place_in(text: str, folder: Path) -> str:
    try:
        return text if is_web(text) else str((folder / text).resolve())
    except (OSError, ValueError, RuntimeError):
        return text  # no path that can be read either; whoever opens it says so


def is_web(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return True  # no path either; the fetcher says what is wrong with it


def inbox_listings(rows: Iterator[Listing | BadRow], context: Context, inbox: Path) -> Iterator[Listing]:
    """The listings among rows of an uploaded file; their local pictures are read from the inbox alone."""
    context.get_photo = LocalPhotos(inbox, context.fetcher.get)
    root = inbox.resolve()
    for row in rows:
        if isinstance(row, BadRow):
            context.warn(f"{row.place}: {row.fault}")
        else:
            yield replace(row, photo_urls=tuple(_location(place, root) for place in row.photo_urls))


def _location(place: str, inbox: Path) -> str:
    """A file's name as the inbox has it; what lies outside stays as it is, and is refused when it is read."""
    try:
        return place if is_web(place) else location_of(Path(place), inbox)
    except ValueError:
        return place


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
