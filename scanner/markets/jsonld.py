"""What a page tells search engines in JSON-LD, also where it is not quite JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import jstyleson

from scanner.markets.pages import Page

MAX_LETTERS = 1024**2  # of one block
MOST_BLOCKS = 100
MOST_NESTED = 12
MOST_THINGS = 5000
_TYPE = re.compile(r"^\s*application/ld\+json\b", re.IGNORECASE)
# Bounded, and tried at the text's two ends alone: a page may hold a million spaces.
_OPENING = re.compile(r"(?://|/\*)?\s{0,20}<!(?:\[CDATA\[|--)(?:\s{0,20}\*/)?")
_CLOSING = re.compile(r"(?://|/\*)?\s{0,20}(?:\]\]|--)>(?:\s{0,20}\*/)?$")
CLOSING_LETTERS = 60
_COMMENT_LINE = re.compile(r"^[ \t]*(?://.*|<!--.*?-->)[ \t]*$", re.MULTILINE)
_BETWEEN = re.compile("[\\s;,\ufeff]*")
_DECODER = json.JSONDecoder(strict=False)

Thing = Mapping[str, Any]


def has_oversized_block(page: Page) -> bool:
    return any(len(text) > MAX_LETTERS for text in _blocks(page))


def read_things(page: Page) -> list[Thing]:
    """Each thing that the page speaks of at its top, in a graph or as its main matter.

    A broken block is left out, the others count; so is one that is larger than MAX_LETTERS.
    """
    things: list[Thing] = []
    for text in _blocks(page):
        if len(text) <= MAX_LETTERS:
            for item in parse_block(text):
                _unfold(item, things)
    return things[:MOST_THINGS]


def _blocks(page: Page) -> Iterator[str]:
    scripts = page.tree.css('script[type*="ld+json" i]')[:MOST_BLOCKS]
    return (script.text() for script in scripts if _TYPE.match(script.attributes.get("type") or ""))


def parse_block(text: str) -> list[Any]:
    """The values in a block: what a browser's console would make of it, near enough."""
    for repaired in _repairs(text):
        try:
            return list(_values(repaired))
        except (ValueError, RecursionError, IndexError):
            continue
    return []


def _repairs(text: str) -> Iterator[str]:
    """The text as it is, then with ever more taken out that is no JSON."""
    yield text
    bare = _unwrapped(text)
    yield bare
    if "&quot;" in bare or "&#34;" in bare:
        bare = unescape(bare)
        yield bare
    bare = _COMMENT_LINE.sub("", bare)
    yield jstyleson.dispose(bare)


def _unwrapped(text: str) -> str:
    """Without the CDATA or comment marks that once hid scripts from old browsers."""
    text = text.strip()
    if opening := _OPENING.match(text):
        text = text[opening.end() :].lstrip()
    tail = text[-CLOSING_LETTERS:]
    if closing := _CLOSING.search(tail):
        text = text[: len(text) - len(tail) + closing.start()].rstrip()
    return text


def _values(text: str) -> Iterator[Any]:
    """One value after the other: some shops put several into a block, or a semicolon at its end."""
    place = _next(text, 0)
    while place < len(text):
        value, place = _DECODER.raw_decode(text, place)
        yield value
        place = _next(text, place)


def _next(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place


def _unfold(item: Any, things: list[Thing], depth: int = 0) -> None:
    if depth > MOST_NESTED or len(things) >= MOST_THINGS:
        return
    if isinstance(item, list):
        for inner in item:
            _unfold(inner, things, depth + 1)
    elif isinstance(item, dict):
        things.append(_turned(item))
        for key in ("@graph", "mainEntity", "mainEntityOfPage"):
            if isinstance(item.get(key), list | dict):
                _unfold(item[key], things, depth + 1)


def _turned(item: dict[str, Any]) -> Thing:
    """An offer of something, told as something that is offered."""
    inner = item.get("itemOffered")
    if str(item.get("@type")).endswith("Offer") and isinstance(inner, dict) and "offers" not in inner:
        return {**inner, "offers": {key: value for key, value in item.items() if key != "itemOffered"}}
    return item
