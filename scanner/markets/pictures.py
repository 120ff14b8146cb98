"""The pictures that a page shows, each in the largest size that the page itself names."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from scanner.markets.pages import Page, absolute, attribute

MOST_PHOTOS = 20
MOST_LOOKED_AT = 500
MOST_STYLE = 2000
MOST_SET = 20_000
LEAST_SIDE_PX = 40  # smaller ones are counting pixels and buttons
GALLERY = "gallery|carousel|slider|slideshow|swiper|product[-_]?(image|photo|media|picture)|photos|pictures"
_GALLERY = re.compile(GALLERY, re.IGNORECASE)
_ASIDE = re.compile(
    r"related|recommend|similar|upsell|cross-?sell|recently|also-?(like|bought)|"
    r"(?:^|\s)(?:site-|page-|main-)?(?:footer|header|nav)(?:\s|$)",
    re.IGNORECASE,
)
_WHOLE = ("main", "body", "html")  # their classes tell of the theme, not of what lies in them
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
_LAZY = (
    "data-zoom-image",
    "data-image-large-src",
    "data-full-size-image-url",
    "data-large_image",
    "data-large-image",
    "data-full",
    "data-full-src",
    "data-hi-res-src",
    "data-original",
    "data-src",
    "data-lazy-src",
    "data-lazy",
    "data-image",
    "data-img",
    "data-url",
)
_IMAGE_FILE = re.compile(r"\.(jpe?g|png|webp|gif|avif|heic|bmp)$", re.IGNORECASE)
_NO_PHOTO = re.compile(
    r"(^|[/_.-])(logo|spacer|pixel|blank|placeholder|transparent|loading|loader|spinner|sprite|favicon|avatar|1x1)s?"
    r"([/_.-]|\d|$)",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*['\"]?([^'\")]+)", re.IGNORECASE)
_SIZED = re.compile(r"^(.*\S)\s+([\d.]{1,9})[wx]$")


def distinct(addresses: Iterable[str | None]) -> tuple[str, ...]:
    """Each address once, MOST_PHOTOS at most."""
    return tuple(dict.fromkeys(full_size(address) for address in addresses if address))[:MOST_PHOTOS]


def tagged_pictures(page: Page) -> tuple[str, ...]:
    """Those of the page's Open Graph tags."""
    nodes = page.tree.css('meta[property="og:image"], meta[property="og:image:secure_url"], meta[name="og:image"]')
    found = [absolute(page.base, attribute(node, "content")) for node in nodes[:MOST_LOOKED_AT]]
    photos = [address for address in found if address and not is_decoration(address)]
    return distinct(photos or found)


def marked_pictures(page: Page) -> tuple[str, ...]:
    """Those that the page marks as pictures of the item, in their largest size."""
    nodes = page.tree.css('img[itemprop~="image"], a[itemprop~="image"], link[itemprop~="image"]')[:MOST_LOOKED_AT]
    return distinct(_addresses(page, nodes))


def shown_pictures(page: Page) -> tuple[str, ...]:
    """Those in the page's main part or else in its galleries, lazy ones and backgrounds too."""
    nodes = page.tree.css("main img, article img, [role=main] img")[:MOST_LOOKED_AT]
    shown = distinct(_addresses(page, nodes))
    return shown or gallery_pictures(page)


def gallery_pictures(page: Page) -> tuple[str, ...]:
    """Those in elements that call themselves a gallery or the like, and lie in none of other offers."""
    nodes = [node for node in page.tree.css("img, [style*=background]")[:MOST_LOOKED_AT] if _is_in_gallery(node)]
    return distinct(_addresses(page, nodes))


def _addresses(page: Page, nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        address = absolute(page.base, _largest(node))
        if address and not is_decoration(address) and not _is_small(node):
            yield address


def _largest(node: Any) -> str:
    """The node's picture: the file that it links to, the widest of its set, the lazy one, the one at hand."""
    if node.tag in ("a", "link"):
        return attribute(node, "href")
    linked = attribute(node.parent, "href") if node.parent is not None and node.parent.tag == "a" else ""
    if linked and _is_image_file(linked):
        return linked
    widest = _widest(_sets(node))
    if widest:
        return widest
    named = (attribute(node, name).strip() for name in (*_LAZY, "src"))
    return next((text for text in named if text and not text.startswith("data:")), "") or _background(node)


def _sets(node: Any) -> Iterator[str]:
    parent = node.parent
    sources = parent.css("source") if parent is not None and parent.tag == "picture" else []
    for each in (node, *sources[:20]):
        yield from (attribute(each, name) for name in _LAZY_SETS)


def _widest(sets: Iterable[str]) -> str:
    """Of all candidates the one with the largest descriptor, the first of several."""
    sized = [candidate for text in sets for candidate in _candidates(text)]
    return max(sized, key=lambda candidate: candidate[0])[1] if sized else ""


def _candidates(text: str) -> Iterator[tuple[float, str]]:
    """An address may itself hold commas: what parts two candidates is a comma before a space, or after a size."""
    for candidate in re.split(r",\s+|(?<=\d[wx]),", text[:MOST_SET].strip().rstrip(",")):
        found = _SIZED.match(candidate.strip())
        address = found.group(1) if found else candidate.strip()
        if address and not address.startswith("data:"):
            yield _number(found.group(2)) if found else 1.0, address.split()[0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _background(node: Any) -> str:
    found = _BACKGROUND.search(attribute(node, "style")[:MOST_STYLE])
    return found.group(1).strip() if found else ""


def _is_in_gallery(node: Any) -> bool:
    is_gallery = False
    for _ in range(8):
        if node is None or node.tag in _WHOLE:
            break
        names = f"{attribute(node, 'class')} {attribute(node, 'id')} {node.tag}"
        if _ASIDE.search(names):
            return False
        is_gallery = is_gallery or bool(_GALLERY.search(names))
        node = node.parent
    return is_gallery


def _is_image_file(address: str) -> bool:
    try:
        return bool(_IMAGE_FILE.search(urlsplit(address).path))
    except ValueError:
        return False


def is_decoration(address: str) -> bool:
    """Whether its file is called a logo, a spacer and so on, or is a drawing (SVG)."""
    name = urlsplit(address).path.rsplit("/", 1)[-1]
    return name.lower().endswith((".svg", ".ico")) or bool(_NO_PHOTO.search(name))


def _is_small(node: Any) -> bool:
    sides = (attribute(node, name).removesuffix("px") for name in ("width", "height"))
    return any(side.isdecimal() and 0 < int(side[:6]) < LEAST_SIDE_PX for side in sides)


# Hosts whose addresses name a size that may be changed, as their own pages do; elsewhere it would be a guess.
_FULL_SIZE = (
    (re.compile(r"^(https?://(?:[\w-]+\.)?ebayimg\.com/.*/s-l)\d{2,4}(\.\w+)$"), r"\g<1>1600\2"),
    (re.compile(r"^(https?://i\.etsystatic\.com/.*/il_)\d+x(?:N|\d+)(\..*)$"), r"\1fullxfull\2"),
    (
        re.compile(
            r"^(https?://(?:cdn\.shopify\.com|[\w.-]+/cdn/shop)/.*)_(?:\d+x\d*|x\d+|grande|large|medium|small|compact)(\.\w+(?:\?.*)?)$"
        ),
        r"\1\2",
    ),
)


def full_size(address: str) -> str:
    for pattern, full in _FULL_SIZE:
        address = pattern.sub(full, address)
    return address
