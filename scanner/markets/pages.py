"""A web page as it came: its words in the right letters, its tree, its addresses made absolute."""

import re
from codecs import lookup
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom

from scanner.fetch import Fetched

MOST_URL = 2000
# A parser's time grows with the square of these; a browser gives up at a nesting of 512.
MOST_NESTED = 1000
MOST_ATTRIBUTES = 1000
MOST_CHOICES = 5000
_BREAKS = re.compile(r"[\t\r\n]")
MOST_NESTABLE = 100_000  # tags in all, closed or not
MAX_MARKUP_LETTERS = 2 * 1024**2  # scripts and styles not counted
_SMALL = 32 * 1024  # below this no page can take long
_TAG = re.compile(r"""<(/?+)([a-zA-Z][a-zA-Z0-9:-]*+)((?:[^"'<>]++|"[^"]*+"|'[^']*+'|["'])*+)>?+""")
_BARE_TAG = re.compile(r"<(/?+)([a-zA-Z][a-zA-Z0-9:-]*+)()")  # quotes or not: a stray one could hide all that follows
_QUOTED = re.compile(r""""[^"]*+"|'[^']*+'""")
_UNNESTED = """
area base br col command embed hr img input keygen link meta param source track wbr
p li dt dd tr td th tbody thead tfoot option optgroup rb rt rp html head body
"""
_FLAT = frozenset(_UNNESTED.split())  # void, or ended by the next of their kind
_CHOICES = frozenset(("option", "optgroup"))
_RAW = re.compile(r"<(script|style)\b", re.IGNORECASE)
# Others (punycode, unicode_escape) are no encodings of pages, and some are slow on purpose-made bytes.
_ENCODINGS = re.compile(
    r"utf-8|utf-16(-[bl]e)?|utf-32(-[bl]e)?|ascii|iso8859-\d+|cp\d+|koi8-[rtu]|gb2312|gbk|gb18030|hz|big5(hkscs)?|"
    r"euc_(jp|kr|jis_2004|jisx0213)|shift_jis(_2004|x0213)?|iso2022_(jp|kr)\w*|johab|tis-620|mac-\w+"
)
_NOT_ASCII_BASED = re.compile(r"utf-(16|32).*|iso2022_.*|hz")
NO_PAGE = re.compile(r"(image|video|audio|font)/|application/(pdf|zip|gzip|octet-stream|x-)", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """The page at `url`. content_type: of its answer."""

    url: str
    body: bytes
    content_type: str = ""

    @classmethod
    def of(cls, fetched: Fetched) -> "Page":
        return cls(fetched.final_url, fetched.body, fetched.headers.get("content-type", ""))

    @cached_property
    def text(self) -> str:
        return self._bounded[0]

    @property
    def is_tangled(self) -> bool:
        """Whether it is nested so deeply, or so full of attributes, that only its beginning is read."""
        return self._bounded[1]

    @cached_property
    def _bounded(self) -> tuple[str, bool]:
        return bound_markup("" if NO_PAGE.match(self.content_type) else decode(self.body, self.content_type))

    @cached_property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.text)

    @cached_property
    def base(self) -> str:
        """What relative addresses on the page begin from."""
        node = self.tree.css_first("base[href]")
        return absolute(self.url, attribute(node, "href")) or self.url

    @cached_property
    def canonical(self) -> str | None:
        """The address that the page says is its own, on the same site."""
        node = self.tree.css_first('link[rel~="canonical"][href]')
        address = absolute(self.base, attribute(node, "href"))
        return address if address and site_of(address) == site_of(self.url) else None

    @cached_property
    def shown(self) -> str:
        """The words that a visitor sees, spaces made one."""
        tree = LexborHTMLParser(self.text)
        tree.strip_tags(["script", "style", "noscript", "template", "svg", "head"])
        return " ".join(tree.body.text(separator=" ").split()) if tree.body else ""

    @cached_property
    def title(self) -> str:
        nodes = (self.tree.css_first("title"), self.tree.css_first("h1"))
        return " ".join(" ".join(node.text().split()) for node in nodes if node)[:500]

    def meta(self, name: str) -> str:
        node = self.tree.css_first(f'meta[property="{name}"], meta[name="{name}"]')
        return attribute(node, "content").strip()

    def links(self) -> list[str]:
        """Addresses that the page links to, absolute, without fragment, each once, in their order."""
        return list(dict.fromkeys(filter(None, (absolute(self.base, href) for href in self._hrefs()))))

    def _hrefs(self) -> Iterator[str]:
        for node in self.tree.css('a[href], area[href], link[rel~="next"][href]'):
            if "nofollow" not in attribute(node, "rel").lower():
                yield attribute(node, "href")


def attribute(node: Any, name: str) -> str:
    """Of a node that may not be there; an attribute without a value is empty."""
    attributes: Mapping[str, str | None] = node.attributes if node is not None else {}
    return attributes.get(name) or ""


def absolute(base: str, text: str) -> str | None:
    """The http address that `text` means on that page, None for data:, javascript: and what can't be read.

    As in browsers, line breaks in it do not count and spaces are written %20.
    """
    text = _BREAKS.sub("", text.strip()).replace(" ", "%20")
    try:
        address = urljoin(base, text).split("#")[0] if text else ""
        is_web = urlsplit(address).scheme in ("http", "https") and bool(urlsplit(address).hostname)
    except ValueError:
        return None
    return address if is_web and len(address) <= MOST_URL else None


def site_of(url: str) -> str:
    """The host and port, a leading www. left out; empty for what is no web address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower().removeprefix("www.") if parts.scheme in ("http", "https") else ""


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a page. A byte order mark counts first; bytes that are valid UTF-8 are UTF-8 whatever is declared;
    then the header's word and the page's own, whichever fits all bytes."""
    marked, mark = read_bom(body)
    if marked and mark:
        return body[len(mark) :].decode(marked, "replace")
    declared = [name for name in map(_known_encoding, _declared(body, content_type)) if name]
    if not any(_NOT_ASCII_BASED.fullmatch(name) for name in declared):
        declared.insert(0, "utf-8")
    for name in declared:
        try:
            return body.decode(name)
        except (UnicodeError, LookupError):
            continue
    others = [name for name in declared if name != "utf-8"]
    return body.decode(others[0] if others else "utf-8", "replace")


def _declared(body: bytes, content_type: str) -> Iterator[str | None]:
    yield http_content_type_encoding(content_type)
    yield html_body_declared_encoding(body)


def _known_encoding(name: str | None) -> str | None:
    try:
        known = lookup(name).name if name else ""
    except (LookupError, ValueError):
        return None
    return known if _ENCODINGS.fullmatch(known) else None


def bound_markup(text: str) -> tuple[str, bool]:
    """(the text as far as a parser can read it in bounded time, whether that is not all)."""
    if len(text) <= _SMALL:
        return text, False
    markup, letters = _without_scripts(text)
    ends = [end for end in (_tangle(markup, _TAG), _tangle(markup, _BARE_TAG)) if end is not None]
    if letters > MAX_MARKUP_LETTERS:
        ends.append(MAX_MARKUP_LETTERS)
    return (text[: min(ends)], True) if ends else (text, False)


def _without_scripts(text: str) -> tuple[str, int]:
    """(the text with spaces in place of scripts and styles, its letters without them)."""
    lower, pieces, place = text.lower(), list[str](), 0
    if len(lower) != len(text):  # a few letters are two in lower case
        lower = text
    while found := _RAW.search(text, place):
        end = lower.find(f"</{found.group(1).lower()}", found.end())
        end = len(text) if end < 0 else end
        pieces += [text[place : found.start()], " " * (end - found.start())]
        place = end
    pieces.append(text[place:])
    return "".join(pieces), sum(map(len, pieces[::2]))


def _tangle(text: str, tags: re.Pattern[str]) -> int | None:
    """Where the markup becomes more than a parser should be given, None where it never does."""
    depth = choices = nestable = 0
    for found in tags.finditer(text):
        closing, name, rest = found.groups()
        name = name.lower()
        choices += name in _CHOICES
        if name not in _FLAT and not rest.endswith("/"):
            depth = max(0, depth - 1) if closing else depth + 1
            nestable += not closing
        too_many = depth > MOST_NESTED or choices > 2 * MOST_CHOICES or nestable > MOST_NESTABLE
        if too_many or _attributes_count(rest) > MOST_ATTRIBUTES:
            return found.start()
    return None


def _attributes_count(rest: str) -> int:
    return len(_QUOTED.sub("", rest).split()) if len(rest) > 2 * MOST_ATTRIBUTES else 0
