"""What `tuskline scan` was given: files, folders, addresses, lists of addresses, and tables of listings."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from scanner.fetch import Fetcher, FetchError
from scanner.images import MAX_BYTES
from scanner.markets.base import MarketError
from scanner.markets.csv_file import read_rows
from scanner.markets.files import SUFFIXES as SUFFIXES
from scanner.markets.files import is_picture
from scanner.markets.rows import BadRow
from scanner.records import NO_PICTURE, Listing, Photo


class InputError(Exception):
    """An argument that can't be used; the message says what to give."""


def check_inputs(inputs: Iterable[str]) -> None:
    """Raises InputError for the first argument that does not exist, or is a .csv that is no table of listings."""
    for given in inputs:
        if is_address(given):
            continue
        if not Path(given).exists():
            raise InputError(f"{given} does not exist; give files, folders, addresses, a .txt of addresses or a .csv")
        if is_table(Path(given)):
            _check_table(Path(given))


def _check_table(path: Path) -> None:
    try:
        next(read_rows(path), None)
    except MarketError as error:
        raise InputError(str(error)) from None


def is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.is_file()


def is_address(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https")


def count_photos(inputs: Iterable[str]) -> int:
    """How many photos `read_photos` will give, without fetching or opening any."""
    return sum(1 for _ in _locate(inputs))


def read_photos(inputs: Iterable[str], fetcher: Fetcher, spool: Path) -> Iterator[Photo]:
    """The photos in order; those behind an address are fetched into `spool` when their turn comes.

    A photo that can't be fetched is a Photo with `failure`. The caller may delete a spooled file once scanned.
    """
    for number, photo in enumerate(_locate(inputs)):
        if photo.failure is None and is_address(photo.location):
            yield _fetch_photo(photo.location, photo.listing, fetcher, spool / str(number))
        else:
            yield photo


def list_pictures(folder: Path) -> list[Path]:
    """Every file below the folder that is named as a picture, in order."""
    return [Path(location) for location in _walk(folder)]


def _locate(inputs: Iterable[str]) -> Iterator[Photo]:
    """Every photo with the path that its location names; where that is an address, there is no file yet."""
    for given in inputs:
        path = Path(given)
        if is_address(given):
            yield _photo(given)
        elif path.is_dir():
            yield from map(_photo, _walk(path))
        elif is_table(path):
            yield from _photos_of(path)
        elif path.suffix.lower() == ".txt":
            yield from map(_photo, _read_list(path))
        else:
            yield _photo(given)


def _photo(location: str, listing: Listing | None = None) -> Photo:
    return Photo(location, Path(location), listing)


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (str(Path(parent, name)) for name in sorted(names) if is_picture(name))


def _read_list(path: Path) -> Iterator[str]:
    """One address or path a line; empty lines and those that begin with # are passed over."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        yield from (line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _photos_of(table: Path) -> Iterator[Photo]:
    """The pictures of each listing; a bad row, and a listing without a picture, are a failure with their place."""
    try:
        for row in read_rows(table):
            if isinstance(row, BadRow):
                yield Photo(row.place, None, failure=row.fault)
            elif not row.photo_urls:
                yield Photo(row.url, None, row, NO_PICTURE)
            else:
                yield from (_photo(location, row) for location in row.photo_urls)
    except MarketError as error:
        yield Photo(str(table), None, failure=f"{error} The rest of the file was not read.")


def _fetch_photo(url: str, listing: Listing | None, fetcher: Fetcher, target: Path) -> Photo:
    try:
        target.write_bytes(fetcher.get(url, max_bytes=MAX_BYTES).body)
    except FetchError as error:
        return Photo(url, None, listing, failure=str(error))
    return Photo(url, target, listing)
