"""What `tuskline scan` was given: files, folders, addresses, lists of addresses, and tables of listings."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from scanner.fetch import Fetcher, FetchError
from scanner.images import MAX_BYTES
from scanner.markets.csv_file import read_listings
from scanner.records import Listing, Photo

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".jfif")


class InputError(Exception):
    """An argument that can't be used; the message says what to give."""


def check_inputs(inputs: Iterable[str]) -> None:
    """Raises InputError for the first argument that is no address and does not exist."""
    for given in inputs:
        if not is_address(given) and not Path(given).exists():
            raise InputError(f"{given} does not exist; give files, folders, addresses, a .txt of addresses or a .csv")


def is_address(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https")


def count_photos(inputs: Iterable[str]) -> int:
    """How many photos `read_photos` will give, without fetching or opening any."""
    return sum(1 for _ in _locate(inputs))


def read_photos(inputs: Iterable[str], fetcher: Fetcher, spool: Path) -> Iterator[Photo]:
    """The photos in order; those behind an address are fetched into `spool` when their turn comes.

    A photo that can't be fetched is a Photo with `failure`. The caller may delete a spooled file once scanned.
    """
    for number, (location, listing) in enumerate(_locate(inputs)):
        if is_address(location):
            yield _fetch_photo(location, listing, fetcher, spool / str(number))
        else:
            yield Photo(location, Path(location), listing)


def _locate(inputs: Iterable[str]) -> Iterator[tuple[str, Listing | None]]:
    for given in inputs:
        path = Path(given)
        if is_address(given):
            yield given, None
        elif path.is_dir():
            yield from ((location, None) for location in _walk(path))
        elif path.suffix.lower() == ".csv":
            yield from _photos_of(path)
        elif path.suffix.lower() == ".txt":
            yield from ((location, None) for location in _read_list(path))
        else:
            yield given, None


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (str(Path(parent, name)) for name in sorted(names) if name.lower().endswith(SUFFIXES))


def _read_list(path: Path) -> Iterator[str]:
    """One address or path a line; empty lines and those that begin with # are passed over."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        yield from (line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _photos_of(table: Path) -> Iterator[tuple[str, Listing]]:
    for listing in read_listings(table):
        for location in listing.photo_urls:
            yield location, listing


def _fetch_photo(url: str, listing: Listing | None, fetcher: Fetcher, target: Path) -> Photo:
    try:
        target.write_bytes(fetcher.get(url, max_bytes=MAX_BYTES).body)
    except FetchError as error:
        return Photo(url, None, listing, failure=str(error))
    return Photo(url, target, listing)
