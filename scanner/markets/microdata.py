"""What a page marks up for search engines in its tags, told in the words of JSON-LD."""

from typing import Any

from extruct.w3cmicrodata import MicrodataExtractor
from lxml.etree import LxmlError

from scanner.markets.jsonld import Thing
from scanner.markets.pages import Page

MAX_LETTERS = 2 * 1024**2
MOST_ITEMS = 500  # the extractor's time grows with their square where they lie in each other
MOST_NESTED = 12
MOST_PROPERTIES = 3000
MOST_REFERENCES = 50  # each names elements whose properties are read once more


def read_items(page: Page) -> list[Thing]:
    """The items at the top of the page's markup; none where there is more of it than a page of a shop has."""
    text = page.text
    if "schema.org" not in text or len(text) > MAX_LETTERS or not 0 < text.count("itemscope") <= MOST_ITEMS:
        return []
    if text.count("itemref") > MOST_REFERENCES or _is_deep(page):
        return []
    try:
        found = MicrodataExtractor().extract(text, base_url=page.base)
    except (LxmlError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return []
    return [thing for thing in map(_translate, found) if isinstance(thing, dict)]


def _is_deep(page: Page) -> bool:
    """Whether there are more properties, or more of them in each other, than a page of a shop has.

    The extractor reads the text of each anew.
    """
    nodes = page.tree.css("[itemprop]")
    return len(nodes) > MOST_PROPERTIES or any(_depth(node) > MOST_NESTED for node in nodes)


def _depth(node: Any) -> int:
    depth = 0
    while node is not None and depth <= MOST_NESTED:
        depth += "itemprop" in node.attributes
        node = node.parent
    return depth


def _translate(item: Any, depth: int = 0) -> Any:
    if isinstance(item, list):
        return [_translate(inner, depth + 1) for inner in item] if depth < MOST_NESTED else []
    if not isinstance(item, dict):
        return item
    if depth >= MOST_NESTED:
        return {}
    properties = item.get("properties") or {}
    return {"@type": item.get("type"), **{name: _translate(value, depth + 1) for name, value in properties.items()}}
