"""Feeds and sitemaps that mean harm. Those that are read offer a bowl."""

# ruff: noqa: E501 - one attack a line

import gzip
from functools import partial

from tests.attacks.corpus.attack import Attack, Ending, Room

READ, REFUSED, EITHER = Ending.READ, Ending.REFUSED, Ending.EITHER
ITEM = "<item><title>Bowl</title><link>/bowl</link></item>"
LAUGHS = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10 if n else 'ha'}'>" for n in range(10))
XML = {"Content-Type": "application/xml"}


def rss(inner: str, before: str = "", kind: str = "rss version='2.0'") -> bytes:
    return (
        f"<?xml version='1.0'?>{before}<{kind}><channel><title>a</title>{inner}</channel></{kind.split()[0]}>".encode()
    )


def nested(depth: int) -> bytes:
    return rss("<a>" * depth + "</a>" * depth + ITEM)


def feed(name: str, does: str, make: partial[bytes], ending: Ending = READ) -> Attack:
    return Attack(Room.FEEDS, name, does, ending, make, headers=XML)


ENTITY = "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
ATTACKS = (
    feed("plain.rss", "is an honest feed", partial(rss, ITEM)),
    feed("laughs.rss", "unfolds to a billion laughs", partial(rss, "<item><title>&a9;</title><link>/b</link></item>" + ITEM,
         f"<!DOCTYPE rss [{LAUGHS}]>"), EITHER),
    feed("file.rss", "asks for a file", partial(rss, "<item><title>&x;</title><link>/b</link></item>" + ITEM, ENTITY), EITHER),
    feed("nested.rss", "has 100,000 elements within each other", partial(nested, 100_000), EITHER),
    feed("items.rss", "has 2,000 offers of one address", partial(rss, ITEM * 2000)),
    feed("attributes.rss", "has 20,000 attributes", partial(rss, "<a " + " ".join(f"b{n}=''" for n in range(20_000)) + "/>" + ITEM), REFUSED),
    feed("prefixes.rss", "has names of no space of names", partial(rss, "<nosuch:a/><:b/><c:/>" + ITEM), EITHER),
    feed("times.rss", "has times that no clock shows", partial(rss, "<item><title>Bowl</title><link>/b</link>"
         "<pubDate>Fri, 32 Foo 99999999 99:99:99 +9999</pubDate></item>")),
    feed("endless.rss", "goes on with itself", partial(rss, ITEM + "<link rel='next' href='/feeds/endless.rss' "
         "xmlns='http://www.w3.org/2005/Atom'/>")),
    feed("page.rss", "is a page", partial(bytes, b"<html><body>404"), REFUSED),
    feed("nothing.rss", "holds nothing", partial(bytes, b""), REFUSED),
    feed("noise.rss", "is noise", partial(bytes, bytes(range(256)) * 40), REFUSED),
    feed("packed.rss", "is packed by hand", partial(gzip.compress, rss(ITEM), 9, mtime=0)),
    feed("bomb.rss", "unpacks to 64 MiB", partial(gzip.compress, bytes(64 << 20), 1, mtime=0), REFUSED),
    feed("table.tsv", "is a table with a bad byte", partial(bytes, b"id\ttitle\tlink\n1\tBowl\t/b\xff\n\0\n"), EITHER),
    feed("merchant.xml", "has fields whose names are broken", partial(rss, "<item><g:<title>Bowl</title><link>/b</link></item>" + ITEM,
         "", "rss xmlns:g='http://base.google.com/ns/1.0'"), EITHER),
)  # fmt: skip


def urls(*places: str, kind: str = "urlset") -> bytes:
    inner = "url" if kind == "urlset" else "sitemap"
    listed = "".join(f"<{inner}><loc>{place}</loc></{inner}>" for place in places)
    return f"<{kind} xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{listed}</{kind}>".encode()


def sitemap(name: str, does: str, make: partial[bytes], ending: Ending = READ) -> Attack:
    return Attack(Room.FEEDS, f"sitemap-{name}.xml", does, ending, make, headers=XML)


SITEMAPS = (
    sitemap("itself", "names itself, and the shop's page", partial(urls, "/sitemap.xml", kind="sitemapindex"), EITHER),
    sitemap("many", "names 2,000 further sitemaps", partial(urls, *(f"/sitemap-{n}.xml" for n in range(2000)), kind="sitemapindex"), EITHER),
    sitemap("pages", "names 100,000 pages of other shops before ours", partial(urls, *(f"http://b{n}.example/" for n in range(50_000)), "/bowl")),
    sitemap("strange", "names addresses that are none", partial(urls, "http://[", "//", "javascript:x", "\x07", "/bowl"), EITHER),
    sitemap("laughs", "unfolds to a billion laughs", partial(bytes, f"<!DOCTYPE a [{LAUGHS}]><urlset><url><loc>&a9;</loc></url></urlset>".encode()), EITHER),
    sitemap("nested", "has 100,000 elements within each other", partial(bytes, b"<urlset>" + b"<url>" * 100_000), EITHER),
    sitemap("names", "has names that no element may have", partial(bytes, b"<urlset><url><a:><loc>/bowl</loc></a:></url></urlset>"), EITHER),
    sitemap("bomb", "unpacks to 64 MiB", partial(gzip.compress, bytes(64 << 20), 1, mtime=0), EITHER),
)  # fmt: skip
