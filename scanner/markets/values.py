"""Prices, currencies, times and texts as sellers and shops write them."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

MOST = Decimal(10) ** 15  # more than any price, and what the database holds
_NUMBER = re.compile(r"\d[\d.,'\u2019\s]*")
_MACHINE_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")
_SPACES = re.compile(r"['\u2019\s]")
_SYMBOLS = {"€": "EUR", "£": "GBP", "₫": "VND", "฿": "THB", "₹": "INR", "₽": "RUB"}  # $ and ¥ name several


def keepable(text: str) -> str:
    """The text as every database can hold it: without NUL, and with ? for halves of letters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def path_part(text: str) -> str:
    """The text as one part of an address's path, whatever strangers put into it."""
    return quote(keepable(text), safe="")


def parse_price(value: object) -> Decimal | None:
    """The amount in a number or a text such as "1.234,50 €" or "$1,234.5"; None where there is none to be read."""
    text = str(value).strip() if isinstance(value, str | int | float | Decimal) else ""
    found = _NUMBER.search(text) if isinstance(value, str) else None
    try:
        amount = Decimal(_plain(_SPACES.sub("", found.group())) if found else text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < MOST and not text.startswith("-") else None


def parse_amount(value: object) -> Decimal | None:
    """The amount in a value that programs read: a point is the decimal one ("19.000" is 19); else as parse_price."""
    text = value.strip() if isinstance(value, str) else ""
    return parse_price(Decimal(text)) if _MACHINE_NUMBER.fullmatch(text) else parse_price(value)


def _plain(number: str) -> str:
    """The last of comma and point is the decimal one, unless it divides thousands."""
    number = number.rstrip(".,")
    last = max(number.rfind(","), number.rfind("."))
    if last == -1:
        return number
    mark, after = number[last], number[last + 1 :]
    other = "." if mark == "," else ","
    divides_thousands = number.count(mark) > 1 or (len(after) == 3 and other not in number and number[0] != "0")
    if divides_thousands:
        return number.replace(mark, "").replace(other, ".")
    return number[:last].replace(other, "").replace(mark, "") + "." + after


def parse_currency(value: object) -> str | None:
    """The ISO 4217 code in a code or an unambiguous symbol."""
    text = value.strip() if isinstance(value, str) else ""
    code = text.upper()
    return code if re.fullmatch(r"[A-Z]{3}", code) else _SYMBOLS.get(text)


def parse_country(value: object) -> str | None:
    """The ISO 3166-1 alpha-2 code, where it is one."""
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if re.fullmatch(r"[A-Z]{2}", code) else None


def parse_time(value: object) -> datetime | None:
    """The time in an ISO 8601 text, UTC-aware; a text without a zone is taken as UTC."""
    try:
        when = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
    if when is None:
        return None
    try:
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except OverflowError:
        return None
