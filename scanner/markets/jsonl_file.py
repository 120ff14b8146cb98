"""A file of listings with one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from scanner.markets.base import Context, Market, MarketError
from scanner.markets.options import COMMON_OPTIONS, file_option, read_options, resolve_file
from scanner.markets.rows import COLUMNS, BadRow, Warn, inbox_listings, place_in, read_row, split_places
from scanner.records import Listing

MAX_LINE_BYTES = 4 * 1024**2
KNOWN = {*COLUMNS, "image_urls"}


def crawl(context: Context) -> Iterator[Listing]:
    """Every listing of the file that the option `path` names. Raises MarketError."""
    path = resolve_file(read_options(MARKET, context)["path"], context.inbox)
    yield from inbox_listings(_read_rows(path, context), context, context.inbox or path.parent)


def _read_rows(path: Path, context: Context) -> Iterator[Listing | BadRow]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file), 1):
                if line.strip():
                    yield _read_line(f"{path}:{number}", line, path.parent, context)
    except OSError as error:
        raise MarketError(f"{path} can't be read: {error.strerror}.") from error


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Each line, of one that is too long its beginning."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
        while not line.endswith(b"\n") and (rest := file.readline(MAX_LINE_BYTES)):
            line = rest


def _read_line(place: str, line: bytes, folder: Path, context: Context) -> Listing | BadRow:
    if len(line) > MAX_LINE_BYTES:
        return BadRow(place, f"the line is longer than {MAX_LINE_BYTES // 1024**2} MiB.")
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return BadRow(place, "the line is not UTF-8.")
    except (ValueError, RecursionError) as error:
        return BadRow(place, f"no valid JSON ({str(error) or 'nested too deeply'}).")
    if not isinstance(row, dict):
        return BadRow(place, "no JSON object; each line must be one, as {“url”: …, “title”: …}.")
    context.audit("listing", row, KNOWN)
    return _read_object(place, row, folder, context.warn)


def _read_object(place: str, row: dict[str, Any], folder: Path, warn: Warn) -> Listing | BadRow:
    odd = [name for name in COLUMNS if isinstance(row.get(name), dict | list | bool)]
    if odd:
        return BadRow(place, f"the {odd[0]} must be text or a number.")
    named = row.get("image_urls") or []
    if not isinstance(named, list) or not all(isinstance(text, str) for text in named):
        return BadRow(place, "image_urls must be a list of texts.")
    clean = {name: value.strip() if isinstance(value, str) else value for name, value in row.items()}
    places = [
        *split_places(str(clean.get("image_url") or ""), folder),
        *(place_in(text.strip(), folder) for text in named),
    ]
    return read_row(place, clean, tuple(dict.fromkeys(places)), warn)


MARKET = Market(
    "jsonl",
    "JSON lines of listings",
    crawl,
    (file_option("A file with one JSON object a line."), *COMMON_OPTIONS),
    is_web=False,
    help="A file of listings that another program wrote, one JSON object a line.",
)
