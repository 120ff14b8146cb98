"""Pages of shops that mean harm. Those that are read offer a bowl; the others say in one line why they were not."""

# ruff: noqa: E501 - one attack a line

import gzip
import json
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.attacks.corpus.attack import Attack, Ending, Room

MEBIBYTE = 1024**2
READ, REFUSED, EITHER = Ending.READ, Ending.REFUSED, Ending.EITHER
HTML = {"Content-Type": "text/html; charset=utf-8"}
BOWL = {"@type": "Product", "name": "Bowl", "image": "/p.jpg", "offers": {"price": "5", "priceCurrency": "EUR"}}


def block(data: object) -> bytes:
    written = data if isinstance(data, str) else json.dumps(data)
    return f"<script type='application/ld+json'>{written}</script>".encode()


BOWL_BLOCK = block(BOWL)
HEAD = b"<html><head><title>Bowl</title>" + BOWL_BLOCK + b"</head><body><h1>Bowl</h1>"


def behind(markup: bytes) -> bytes:
    return HEAD + markup


def before(markup: bytes) -> bytes:
    return b"<html><body>" + markup + BOWL_BLOCK


def deep_json(depth: int) -> bytes:
    return block('{"@graph":' * depth + "{}" + "}" * depth) + HEAD


def circle() -> bytes:
    """Products that are variants of each other."""
    some = [
        {"@type": "Product", "@id": f"#{n}", "name": "Bowl", "isVariantOf": {"@id": f"#{(n + 1) % 50}"}}
        for n in range(50)
    ]
    return block({"@graph": some}) + b"<h1>Bowl</h1>"


def many_offers(count: int) -> bytes:
    return block({**BOWL, "offers": [{"price": str(n), "priceCurrency": "EUR"} for n in range(1, count)]})


def nested_items(depth: int) -> bytes:
    return behind(b"<div itemscope itemtype='http://schema.org/Product' itemprop=isRelatedTo>" * depth)


def candidates(count: int) -> bytes:
    return behind(b"<div class=gallery><img srcset='" + b"/a.jpg 1x, " * count + b"'></div>")


def packed(times: int = 1) -> bytes:
    body = HEAD
    for _ in range(times):
        body = gzip.compress(body, mtime=0)
    return body


def raw_deflate() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(HEAD) + packer.flush()


def utf7() -> bytes:
    return b"<meta charset=utf-7>" + BOWL_BLOCK + b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"


def page(
    name: str, does: str, make: Callable[[], bytes], ending: Ending = READ, status: int = 200, **headers: str
) -> Attack:
    named = {**HTML, **{key.replace("_", "-"): value for key, value in headers.items()}}
    return Attack(Room.PAGES, name, does, ending, make, headers=named, status=status)


def sent_on(name: str, does: str, place: str) -> Attack:
    return page(name, does, lambda: b"", REFUSED, 302, Location=place)


def _wrong_type(kind: str) -> dict[str, Any]:
    return {"Content_Type": kind}


ATTACKS = (
    # Markup whose reading takes the square of its length, or more
    page("nested", "has 200,000 elements within each other", lambda: behind(b"<div>" * 200_000)),
    page("misnested", "opens and closes in the wrong order, 20,000 times", lambda: behind(b"<b><p><i><a></b>" * 20_000)),
    page("formatting", "begins bold and italic again in each paragraph", lambda: behind(b"<b><i><u><p>" * 8000)),
    page("tables", "has texts between the rows of 20,000 tables", lambda: behind(b"<table>x<tr>y<td>" * 20_000)),
    page("attributes", "has 100,000 attributes on one element", lambda: behind(b"<p " + b"".join(b"a%d " % n for n in range(100_000)) + b">")),
    page("attribute", "has an attribute of 2 MB", lambda: behind(b"<p title='" + b"x" * 2_000_000 + b"'>")),
    page("attribute-open", "has an attribute that never ends", lambda: behind(b"<p title='" + b"<a href=" * 100_000)),
    page("tags-open", "has 300,000 tags that never end", lambda: behind(b"<a" * 300_000)),
    page("comments", "opens 200,000 comments", lambda: behind(b"<!--" * 200_000)),
    page("comments-short", "has 200,000 comments", lambda: behind(b"<!---->" * 200_000)),
    page("entities", "has 300,000 entities, half of them none", lambda: behind(b"&lt;&nosuch;&#x110000;" * 100_000)),
    page("options", "has 100,000 choices", lambda: behind(b"<select>" + b"<option>" * 100_000)),
    page("drawings", "has 50,000 drawings within each other", lambda: behind(b"<svg><foreignObject>" * 50_000)),
    page("templates", "has 30,000 templates within each other", lambda: behind(b"<template>" * 30_000)),
    page("links", "has 50,000 links", lambda: behind(b"".join(b"<a href='/calendar/%d'>" % n for n in range(50_000))), EITHER),
    page("pictures", "has 50,000 pictures", lambda: behind(b"<img src=a.jpg>" * 50_000)),
    page("sets", "has a picture in 100,000 sizes", partial(candidates, 100_000)),
    page("script", "has a script of 3 MB", lambda: behind(b"<script>" + b"a<b;" * 750_000 + b"</script>")),
    page("nuls", "is half NUL", lambda: behind(b"\0" * 100_000)),
    page("lines", "has a title of 300,000 lines", lambda: BOWL_BLOCK + b"<title>" + b"\n x" * 300_000 + b"</title>"),
    page("large", "is larger than a page may be", lambda: behind(b"x" * (6 * MEBIBYTE)), REFUSED),
    # What search engines are told
    page("json-deep", "has 50,000 objects within each other in its data", partial(deep_json, 50_000)),
    page("json-circle", "has products that are variants of each other", circle, EITHER),
    page("json-many", "has 100,000 offers", partial(many_offers, 100_000), EITHER),
    page("json-large", "has 8 MB of data, beside some that can be read", lambda: block("[" + "1," * (2 * MEBIBYTE) + "1]") + HEAD),
    page("json-number", "has a number of 200,000 digits", lambda: block('{"price": ' + "9" * 200_000 + "}") + HEAD),
    page("json-broken", "has data that breaks off, beside some that is whole", lambda: block('{"@type": "Product", "name": "') + HEAD),
    page("json-blocks", "has 20,000 blocks of data", lambda: block({}) * 20_000 + HEAD, EITHER),
    page("json-keys", "has 200,000 names in one object", lambda: block({f"k{n}": n for n in range(50_000)}) + HEAD),
    page("json-halves", "has halves of letters", lambda: block('{"@type": "Product", "name": "Bowl", "description": "\\ud800"}')),
    page("items-deep", "has 400 items within each other", partial(nested_items, 400)),
    page("items-many", "has 20,000 items within each other", partial(nested_items, 20_000)),
    page("references", "has items that refer to themselves", lambda: behind(b"<div id=a itemscope itemref=a itemprop=b>" * 60 + b"schema.org")),
    # Letters
    page("utf-7", "says that it is UTF-7", utf7),
    page("utf-7-header", "is said to be UTF-7", lambda: HEAD, **_wrong_type("text/html; charset=utf-7")),
    page("mark-other", "has a byte order mark of UTF-16 and is UTF-8", lambda: b"\xff\xfe" + HEAD, EITHER),
    page("marks", "has three byte order marks", lambda: b"\xef\xbb\xbf" * 3 + HEAD),
    page("utf-16", "is UTF-16 and says UTF-8", lambda: "\ufeff".encode("utf-16-le") + HEAD.decode().encode("utf-16-le")),
    page("charset-none", "says an encoding that there is not", lambda: HEAD, **_wrong_type("text/html; charset=\xff\xfe")),
    page("charset-code", "says an encoding that is a program", lambda: HEAD, **_wrong_type("text/html; charset=zlib_codec")),
    page("mixed", "changes its encoding in the middle", lambda: HEAD + "象牙".encode("gb18030") + "слон".encode("koi8-r")),
    page("overlong", "writes letters longer than UTF-8 allows", lambda: behind(b"\xc0\xbc\xe0\x80\xbc" * 1000)),
    # The wire
    page("packed", "is packed", packed, Content_Encoding="gzip"),
    page("packed-raw", "is packed without a head", raw_deflate, Content_Encoding="deflate"),
    page("packed-often", "is packed ten times and says once", partial(packed, 10), EITHER, Content_Encoding="gzip"),
    page("packed-bomb", "unpacks to 64 MiB", lambda: gzip.compress(bytes(64 * MEBIBYTE), 1, mtime=0), REFUSED, Content_Encoding="gzip"),
    page("packed-cut", "breaks off where it is packed", lambda: packed()[:-20], REFUSED, Content_Encoding="gzip"),
    page("packed-members", "is packed in 20,000 empty pieces", lambda: gzip.compress(b"", mtime=0) * 20_000 + packed(), REFUSED,
         Content_Encoding="gzip"),
    page("packed-lie", "says that it is packed", lambda: HEAD, REFUSED, Content_Encoding="gzip"),
    page("packed-unasked", "is packed in a way that was not asked for", lambda: HEAD, REFUSED, Content_Encoding="br"),
    page("length-more", "breaks off before its length", lambda: HEAD, REFUSED, Content_Length="999999"),
    page("length-less", "is longer than its length", lambda: HEAD, EITHER, Content_Length="10"),
    page("length-digits", "has a length of 9,000 digits", lambda: HEAD, EITHER, Content_Length="9" * 9000),
    page("length-below", "is -1 bytes long", lambda: HEAD, EITHER, Content_Length="-1"),
    page("headers", "has a header of 200,000 letters", lambda: HEAD, EITHER, X_Long="x" * 200_000),
    page("picture", "is a page called a picture", lambda: HEAD, REFUSED, **_wrong_type("image/jpeg")),
    page("document", "is a page called a PDF", lambda: HEAD, REFUSED, **_wrong_type("application/pdf")),
    page("type-none", "does not say what it is", lambda: HEAD, **_wrong_type("")),
    page("status-odd", "answers with a status that there is not", lambda: HEAD, REFUSED, 799),
    sent_on("on-itself", "sends us on to itself, for ever", "/pages/on-itself"),
    sent_on("on-machine", "sends us on to a machine's own data", "http://169.254.169.254/latest/meta-data/"),
    sent_on("on-inside", "sends us on into our own network", "http://10.0.0.1/"),
    sent_on("on-number", "sends us on to an address written as a number", "http://2130706433/"),
    sent_on("on-file", "sends us on to a file", "file:///etc/passwd"),
    sent_on("on-script", "sends us on to a script", "javascript:alert(1)"),
    sent_on("on-user", "sends us on with a password", "http://user:password@shop.example/"),
    sent_on("on-long", "sends us on to an address of 60,000 letters", "/" + "x" * 60_000),
)  # fmt: skip
