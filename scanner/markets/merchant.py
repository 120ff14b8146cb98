"""Product feeds as shops write them for Google Merchant Center: XML with fields in the g: namespace, or a table."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanner.markets.api import plain_text, text
from scanner.markets.elements import name_of, read_root
from scanner.markets.pages import absolute, decode
from scanner.markets.values import parse_country, parse_currency, parse_price
from scanner.records import Listing

NAMESPACE = "http://base.google.com/ns/1.0"
MOST_IN_A_CELL = 1024**2
_AMOUNT = re.compile(r"\s*(?:(?P<before>[A-Z]{3})\s*)?(?P<amount>\d[^A-Za-z]*?)\s*(?P<after>[A-Z]{3})?\s*")
_SEVERAL = frozenset(("additional_image_link",))

Fields = Mapping[str, list[str]]


def is_merchant_xml(body: bytes) -> bool:
    return NAMESPACE.encode() in body[:16_384]


def is_table(body: bytes) -> bool:
    """Whether its first line names the columns of such a table."""
    names = _cells(decode(body[:16_384]).partition("\n")[0])
    return "link" in names and "title" in names


def read_xml(body: bytes) -> tuple[list[Fields], str | None]:
    """(the items, the address of the next page of the feed)."""
    root = read_root(body)
    if root is None:
        return [], None
    items = list(root.iter("{*}item", "{*}entry"))
    following = next((node.get("href") for node in root.iter("{*}link") if node.get("rel") == "next"), None)
    return [_fields(node) for node in items], following


def _fields(item: Any) -> Fields:
    """Values by name; what stands in the g: namespace wins over a field of the feed itself."""
    own: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for node in item:
        if isinstance(node.tag, str):
            namespace, name = name_of(node)
            value = "".join(node.itertext()).strip() or node.get("href") or ""
            (own if namespace == NAMESPACE else others).setdefault(name, []).append(value)
    return {**others, **own}


def read_table(body: bytes) -> Iterator[Fields]:
    """Each line; one that breaks the table ends it."""
    content = decode(body).lstrip("\ufeff")
    first = content.partition("\n")[0]
    names = _cells(first)
    csv.field_size_limit(MOST_IN_A_CELL)
    rows = _rows(content, _delimiter(first))
    next(rows, None)
    try:
        for row in rows:
            cells = zip(names, row, strict=False)
            yield {name: _parts(name, cell) for name, cell in cells if cell.strip()}
    except csv.Error:
        return


def _rows(content: str, delimiter: str) -> Iterator[list[str]]:
    """In a table of tabs a quotation mark is a letter (12" long), and one must not swallow the lines behind it."""
    file = io.StringIO(content, newline="")
    if delimiter == "\t":
        return csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(file, delimiter=delimiter)


def _parts(name: str, cell: str) -> list[str]:
    cell = cell.strip()
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        cell = cell[1:-1].replace('""', '"').strip()
    return [part.strip() for part in cell.split(",")] if name in _SEVERAL else [cell]


def _cells(line: str) -> list[str]:
    cells = line.lstrip("\ufeff").strip("\r\n").split(_delimiter(line))
    return [cell.strip().strip('"').removeprefix("g:").lower().replace(" ", "_") for cell in cells]


def _delimiter(line: str) -> str:
    return max("\t|,;", key=line.count)


def read_item(fields: Fields, base: str) -> Listing | None:
    """The listing in a feed's item, None where it has no address."""
    url = absolute(base, _one(fields, "link"))
    if url is None:
        return None
    price, currency = read_amount(_one(fields, "sale_price") or _one(fields, "price"))
    pictures = [*fields.get("image_link", ()), *fields.get("additional_image_link", ())]
    return Listing(
        url=url,
        title=text(_one(fields, "title"), 500),
        description=plain_text(_one(fields, "description")),
        price=price,
        currency=currency,
        seller=_one(fields, "external_seller_id") or _one(fields, "seller_name") or None,
        country=parse_country(_one(fields, "shipping_country") or _one(fields, "country")),
        photo_urls=tuple(dict.fromkeys(filter(None, (absolute(base, link) for link in pictures)))),
        read_by="feed",
    )


def read_amount(written: str) -> tuple[Any, str | None]:
    """(price, currency) of "12.50 EUR" or "EUR 12.50"."""
    found = _AMOUNT.fullmatch(written[:100])
    if not found:
        return parse_price(written), None
    return parse_price(found["amount"]), parse_currency(found["before"] or found["after"])


def _one(fields: Fields, name: str) -> str:
    return next((value for value in fields.get(name, ()) if value), "")
