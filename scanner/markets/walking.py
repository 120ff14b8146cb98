"""Which links to follow next, so that a site with endless pages comes to an end and its listings are found."""

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MOST_FRUITLESS = 50  # pages of one template in a row, none of which led to a listing
MOST_SEGMENTS = 15
MOST_REPEATS = 3
MOST_SEEN = 200_000
MOST_PARENTS = 8
_SESSION = re.compile(
    r"phpsessid|jsessionid|aspsessionid\w*|sessionid|session_id|sessid|sid|oscsid|zenid|cfid|cftoken|"
    r"utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|ref_?src",
    re.IGNORECASE,
)
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#]*|/\(S\([^)/]*\)\)", re.IGNORECASE)
_TOKEN = re.compile(r"(?=\w*\d)(?=\w*[a-zA-Z])[\w-]{16,}")
_NO_PAGE = re.compile(
    r"\.(jpe?g|png|gif|webp|avif|svg|ico|bmp|css|js|json|xml|pdf|zip|gz|rar|7z|mp[34]|avi|mov|webm|woff2?|ttf|exe|dmg|"
    r"docx?|xlsx?|csv|rss|atom)$",
    re.IGNORECASE,
)


def plain_address(url: str) -> str:
    """The address without session ids and campaign marks, so that one page has one address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    path = _PATH_SESSION.sub("", parts.path)
    if parts.query and any(_SESSION.fullmatch(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _SESSION.fullmatch(pair[0])]
        return urlunsplit(parts._replace(path=path, query=urlencode(kept)))
    return urlunsplit(parts._replace(path=path)) if path != parts.path else url


def template_of(url: str) -> str:
    """What addresses have in common that differ in numbers, dates, tokens and values alone."""
    parts = urlsplit(url)
    path = "/".join(_TOKEN.sub("*", segment) for segment in parts.path.split("/"))
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return re.sub(r"\d+", "#", path) + ("?" + "&".join(f"{name}=" for name in names) if names else "")


def is_endless(url: str) -> bool:
    """Whether the path repeats itself, as links do that lead ever deeper into the same page."""
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    return len(segments) > MOST_SEGMENTS or any(count > MOST_REPEATS for count in Counter(segments).values())


def is_file(url: str) -> bool:
    """Whether its name is that of a picture, a script, a document: nothing that links further."""
    return bool(_NO_PAGE.search(urlsplit(url).path))


@dataclass(slots=True)
class _Kind:
    """Pages of one template: how many were read since the last that led to a listing; those put aside."""

    fruitless: int = 0
    waiting: deque[str] = field(default_factory=deque)


class Walk:
    """Addresses still to be read, breadth first.

    Once MOST_FRUITLESS pages of one template led to no listing, the rest of that template wait until all else is read,
    and are left where still none of them led to one. A page leads to a listing if it is one, or if one is found on
    the ways that begin there: a category's listings are read long after it.
    """

    def __init__(self, starts: Iterable[str]) -> None:
        self._waiting: deque[str] = deque()
        self._parents: dict[str, str] = {}
        self._seen: set[str] = set()
        self._kinds: dict[str, _Kind] = {}
        self.endless_count = 0
        self.overflow_count = 0
        for url in starts:
            self.add(url)

    def __len__(self) -> int:
        return len(self._waiting) + sum(len(kind.waiting) for kind in self._kinds.values())

    def add(self, url: str, parent: str | None = None) -> None:
        """An address that the page `parent` led to; one that was met before is passed over."""
        url = plain_address(url)
        if url in self._seen or is_file(url):
            return
        self._seen.add(url)
        if is_endless(url):
            self.endless_count += 1
        elif len(self._seen) > MOST_SEEN:
            self.overflow_count += 1
        else:
            self._waiting.append(url)
            if parent is not None:
                self._parents[url] = parent

    def see(self, url: str) -> bool:
        """Whether the address is new; it will not come up any more."""
        url = plain_address(url)
        is_new = url not in self._seen
        self._seen.add(url)
        return is_new

    def next(self) -> str | None:
        """The address to read now, None where all that is worth it was read."""
        while self._waiting or self._take_back():
            url = self._waiting.popleft()
            if not self._is_fruitless(url):
                return url
            self._kind(template_of(url)).waiting.append(url)
        return None

    def credit(self, url: str) -> None:
        """A listing was found at `url`: pages of its template, and of those that led there, are worth reading."""
        place: str | None = url
        for _ in range(MOST_PARENTS):
            if place is None:
                return
            for name, _most in _limits(place):
                self._kind(name).fruitless = 0
            place = self._parents.get(place)

    def left_out(self) -> list[tuple[str, int]]:
        """(an address, how many like it) of those that were left because none of their like led to a listing."""
        return [(kind.waiting[0], len(kind.waiting)) for kind in self._kinds.values() if kind.waiting]

    def _is_fruitless(self, url: str) -> bool:
        limits = _limits(url)
        if any(self._kind(name).fruitless >= most for name, most in limits):
            return True
        for name, _ in limits:
            self._kind(name).fruitless += 1
        return False

    def _take_back(self) -> bool:
        """Put back what waits of templates that led to listings in the meantime; whether there is any."""
        for kind in self._kinds.values():
            if kind.waiting and not any(self._kind(name).fruitless >= most for name, most in _limits(kind.waiting[0])):
                self._waiting += kind.waiting
                kind.waiting.clear()
        return bool(self._waiting)

    def _kind(self, name: str) -> _Kind:
        return self._kinds.setdefault(name, _Kind())


def _limits(url: str) -> list[tuple[str, int]]:
    """The templates that the address counts for. Filters make ever new sets of names: those count together, too."""
    template = template_of(url)
    path = template.partition("?")[0]
    return [(template, MOST_FRUITLESS)] + ([(f"{path}?", 4 * MOST_FRUITLESS)] if path != template else [])
