"""Two shops on loopback that do what shops do to crawlers, on purpose or by accident, with good listings in between.

The bazaar has no sitemap and is walked by its links; the depot names its pages in a sitemap.
"""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE_LIMIT = 5 * 1024**2

RECAPTCHA = b"<title>Hold on</title><div class='g-recaptcha' data-sitekey=x></div><p>Please show that you are human"
HCAPTCHA = b"<script src='https://hcaptcha.com/1/api.js'></script><div class=h-captcha></div>"
TURNSTILE = (
    b"<title>Just a moment...</title><script src='https://challenges.cloudflare.com/turnstile/v0/api.js'></script>"
)
CF_CHALLENGE = b"<title>Just a moment...</title><script>window._cf_chl_opt={}</script>"
PERIMETER_X = b"<div id='px-captcha'></div>"
DATADOME = b"<script src='https://geo.captcha-delivery.com/captcha/'></script>"
ROBOT = b"<h1>Are you a robot?</h1>"
CHALLENGES = (RECAPTCHA, HCAPTCHA, TURNSTILE, CF_CHALLENGE, PERIMETER_X, DATADOME, ROBOT)

LOGIN = b"<title>Sign in</title><form action=/session><input name=mail><input type=password name=word></form>"
NOT_FOUND = (
    "<title>Nada</title><meta property='og:type' content='product'>"
    "<p>Esta página ya no está con nosotros; mire lo que tenemos hoy en la tienda.</p>"
)

BOMB = gzip.compress(b"x" * (4 * PAGE_LIMIT), 1)
SITEMAP_BOMB = gzip.compress(b"x" * (60 * 1024**2), 1)


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[BaseHTTPRequestHandler], None] | None = None


Route = Callable[[str, dict[str, list[str]]], Reply | None]


def page(title: str, *links: str, data: object = None, rest: str = "", charset: str = "") -> bytes:
    """A page; data: its JSON-LD, a text as it stands."""
    written = data if isinstance(data, str) else json.dumps(data)
    script = f"<script type='application/ld+json'>{written}</script>" if data is not None else ""
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}<title>{title}</title>{script}</head><body>{anchors}{rest}</body></html>".encode()


def product(name: str, **more: object) -> dict[str, object]:
    return {
        "@type": "Product",
        "name": name,
        "image": "/p.jpg",
        "offers": {"price": "5", "priceCurrency": "EUR"},
        **more,
    }


def html(body: bytes, **headers: str) -> Reply:
    return Reply(body, headers={"Content-Type": "text/html; charset=utf-8", **headers})


def sent_on(place: str) -> Reply:
    return Reply(status=302, headers={"Location": place})


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One letter after the other, without an end: no single read ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    while True:
        handler.wfile.write(b"<")
        handler.wfile.flush()
        time.sleep(0.02)


GOOD = 12


def bazaar(path: str, query: dict[str, list[str]]) -> Reply | None:
    """Found by links. Good listings: 0 to 11 at /item/N, three more behind the last page of the category."""
    parts = path.strip("/").split("/")
    if path == "/":
        traps = [
            "/loop/1",
            "/calendar?month=2026-01",
            "/items?sid=a1b2c3d4",
            "/wall",
            "/captcha/0",
            "/maze/a1",
            "/slow",
        ]
        return html(
            page("Bazaar", "/category", *traps, "/deep", "/filter?color=1", "/photo-page", "/bomb", "/elsewhere")
        )
    if path == "/category":
        number = int(query.get("page", ["1"])[0])
        items = [f"/item/{n}" for n in range(number * 4 - 4, number * 4)]
        return html(page(f"Category {number}", *items, *([f"/category?page={number + 1}"] if number < 3 else [])))
    if parts[0] == "item":
        canonical = f'<link rel="canonical" href="/item/{parts[1]}">'
        return html(page(f"Item {parts[1]}", "/category", data=product(f"Item {parts[1]}"), rest=canonical))
    if path == "/items":  # every visit gets a session id of its own in every link
        return html(page("All items", *(f"/item/{n}?sid={time.monotonic_ns():x}" for n in range(4))))
    if path == "/loop/1":
        return sent_on("/loop/2")
    if path == "/loop/2":
        return sent_on("/loop/1")
    if path == "/calendar":
        year, month = map(int, query["month"][0].split("-"))
        following = year * 12 + month
        days = [f"/calendar/day/{year}-{month:02}-{day:02}" for day in range(1, 4)]
        return html(page("Events", f"/calendar?month={following // 12}-{following % 12 + 1:02}", *days))
    if parts[:2] == ["calendar", "day"]:
        return html(page("No events on this day"))
    if path == "/filter":
        color = int(query["color"][0])
        return html(page("Filter", f"/filter?color={color + 1}", *(f"/item/{n}?color={color}" for n in range(3))))
    if parts[0] == "maze":
        return html(page("Maze", f"{path}/a1/b2", f"{path}/b2/a1"))
    if path == "/wall":
        return sent_on("/login?next=/wall")
    if path == "/login":
        return html(LOGIN)
    if parts[0] == "captcha":
        number = int(parts[1])
        return html(CHALLENGES[number]) if number else html(page("", *map("/captcha/{}".format, range(1, 7))))
    if path == "/slow":
        return Reply(write=drip)
    if path == "/deep":
        return html(b"<div>" * 200_000 + page("Deep", "/item/3"))
    if path == "/photo-page":
        return html(page("Photo", data=product("With a page for a photo", image="/photo.jpg")))
    if path == "/photo.jpg":
        return html(page("Your photo is being prepared"))
    if path == "/bomb":
        return html(BOMB, **{"Content-Encoding": "gzip"})
    if path == "/elsewhere":
        return sent_on("http://shop.invalid/")
    return None


CHARSETS = {
    # name: (bytes of the word, header, declared on the page)
    "header": ("象牙".encode("gb18030"), "text/html; charset=gb2312", ""),
    "page": ("слон".encode("koi8-r"), "text/html", "koi8-r"),
    "wrong-header": ("ngà voi".encode(), "text/html; charset=iso-8859-1", ""),
    "wrong-page": ("งาช้าง".encode(), "text/html", "windows-1252"),
    "both-differ": ("Stoßzahn".encode("cp1252"), "text/html; charset=utf-8", "windows-1252"),
    "mark": ("\ufeff牙彫".encode("utf-16"), "text/html; charset=utf-8", "utf-8"),
    "odd": (b"tusk", "text/html; charset=zlib", "rot13"),
}
WORDS = ["象牙", "слон", "ngà voi", "งาช้าง", "Stoßzahn", "牙彫", "tusk"]


def charset_page(name: str) -> Reply:
    word, header, declared = CHARSETS[name]
    before = f'<html><head><meta charset="{declared}">' if declared else "<html><head>"
    tags = '<meta property="og:type" content="product"><meta property="og:title" content="'
    if name == "mark":
        return Reply(f'{before}{tags}牙彫">'.encode("utf-16"), headers={"Content-Type": header})
    return Reply((before + tags).encode() + word + b'">', headers={"Content-Type": header})


BROKEN = {
    "comma": '{"@type": "Product", "name": "Broken comma", "offers": {"price": 5,},}',
    "comment": '/* for search engines */ {"@type": "Product", // this\n "name": "Broken comment"}',
    "control": '{"@type": "Product", "name": "Broken\tcontrol", "description": "one\ntwo\x02"}',
    "cdata": '//<![CDATA[\n{"@type": "Product", "name": "Broken cdata"}\n//]]>',
    "entities": "{&quot;@type&quot;: &quot;Product&quot;, &quot;name&quot;: &quot;Broken entities&quot;}",
    "semicolon": '{"@type": "Product", "name": "Broken semicolon"};',
    "several": '{"@type": "WebSite"}{"@type": "Product", "name": "Broken several"}',
}


def depot(path: str, query: dict[str, list[str]]) -> Reply | None:
    """Named in a sitemap. Good listings: /good/N, /broken/NAME, /charset/NAME."""
    del query
    parts = path.strip("/").split("/")
    if path == "/sitemap.xml":
        return Reply(f"<sitemapindex>{loc('/pages.xml.gz')}{loc('/bomb.xml.gz')}</sitemapindex>".encode())
    if path == "/pages.xml.gz":
        return Reply(gzip.compress(f"<urlset>{''.join(map(loc, DEPOT_PAGES))}</urlset>".encode()))
    if path == "/bomb.xml.gz":
        return Reply(SITEMAP_BOMB)
    if parts[0] == "good":
        return html(page("Good", data=product(f"Good {parts[1]}")))
    if parts[0] == "broken":
        return html(page("", data=BROKEN[parts[1]]))
    if parts[0] == "charset":
        return charset_page(parts[1])
    if path == "/oversized":  # ten megabytes of it
        return html(page("", data=product("Oversized", description="x" * (10 * 1024**2))))
    if path == "/large-data":
        return html(page("", data=product("Large", description="x" * (2 * 1024**2))))
    if parts[0] == "gone":
        return html(b"<title>Page introuvable</title><meta property='og:type' content='product'>")
    if parts[0] == "challenge":
        return Reply(CF_CHALLENGE, 403, {"Content-Type": "text/html", "cf-mitigated": "challenge"})
    if parts[0] == "soft":
        return html(NOT_FOUND.encode())
    return html(NOT_FOUND.encode())  # what is not there is called found


DEPOT_PAGES = (
    *(f"/good/{n}" for n in range(3)),
    "/oversized",
    "/large-data",
    *(f"/gone/{n}" for n in range(3)),
    *(f"/broken/{name}" for name in BROKEN),
    *(f"/challenge/{n}" for n in range(3)),
    "/good/3",
    *(f"/soft/{n}" for n in range(3)),
    *(f"/charset/{name}" for name in CHARSETS),
    "/good/4",
)


def loc(path: str) -> str:
    return f"<url><loc>{path}</loc></url>"


@contextmanager
def running(route: Route) -> Iterator[str]:
    """The shop in a thread; gives its `host:port`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            reply = None if parts.path == "/robots.txt" else route(parts.path, parse_qs(parts.query))
            try:
                self.answer(reply or Reply(status=404))
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the crawler had enough

        def answer(self, reply: Reply) -> None:
            if reply.write:
                reply.write(self)
                return
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
