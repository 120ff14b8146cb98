"""A folder of pictures: each folder in it is a listing, and each picture that lies loose in it."""

import os
from collections.abc import Iterator
from pathlib import Path

from scanner.markets.base import Context, Market, MarketError
from scanner.markets.files import LocalPhotos, is_picture, location_of
from scanner.markets.options import COMMON_OPTIONS, file_option, read_options, resolve_file
from scanner.records import Listing


def crawl(context: Context) -> Iterator[Listing]:
    """Raises MarketError."""
    folder = resolve_file(read_options(MARKET, context)["path"], context.inbox)
    if not folder.is_dir():
        raise MarketError(f"{folder.name} is no folder.")
    inbox = (context.inbox or folder).resolve()
    context.get_photo = LocalPhotos(inbox)
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    found = [listing for listing in (_listing(entry, inbox) for entry in entries) if listing is not None]
    context.expect(len(found))
    yield from found


def _listing(entry: Path, inbox: Path) -> Listing | None:
    if entry.is_dir() and not entry.is_symlink():
        pictures = tuple(location_of(path, inbox) for path in _pictures(entry))
    else:
        pictures = (location_of(entry, inbox),) if is_picture(entry.name) else ()
    title = entry.stem if is_picture(entry.name) else entry.name
    return Listing(location_of(entry, inbox), title, photo_urls=pictures, read_by="file") if pictures else None


def _pictures(folder: Path) -> Iterator[Path]:
    """Those below the folder, in order; linked folders are not entered."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names) if is_picture(name))


MARKET = Market(
    "folder",
    "Folder of pictures",
    crawl,
    (
        file_option("A folder; each folder in it is one listing, and so is each picture that lies loose in it."),
        *COMMON_OPTIONS,
    ),
    is_web=False,
    help="Pictures that somebody collected: saved from a chat, handed over by a partner.",
)
