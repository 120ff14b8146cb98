"""The sample marketplace as a web site: what a scan crawls, and what people may look at."""

import hashlib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import waitress
from flask import Flask, Response, abort, current_app, render_template, request, url_for
from waitress.server import BaseWSGIServer

from webapp.samples.catalogue import CATEGORIES, COUNT, SEED, SELLERS, Catalogue, Offer, build_catalogue
from webapp.samples.darkroom import Darkroom
from webapp.samples.photos import PhotoSet
from webapp.samples.prints import MEDIA_TYPES, Print

NAME = "Lantern Market"
PAGE_SIZE = 24
CRAWL_DELAY_S = 0.002  # small enough not to matter, there to be honoured


def create_shop(photo_set: PhotoSet, count: int = COUNT, seed: int = SEED, prints_dir: Path | None = None) -> Flask:
    """The shop over these photographs; the same arguments give the same pages and pictures, byte by byte.

    prints_dir: keeps pictures that were asked for once; without it they are made anew each time.
    """
    app = Flask(__name__, template_folder="pages", static_folder="static")
    app.extensions["catalogue"] = build_catalogue(photo_set, count, seed)
    app.extensions["darkroom"] = Darkroom(prints_dir)
    app.extensions["credit"] = photo_set.credit
    app.context_processor(_shared_values)
    _add_pages(app)
    return app


def serve(app: Flask, port: int, host: str = "127.0.0.1") -> None:
    """Serve until interrupted. Raises OSError when the port is taken."""
    open_server(app, port, host).run()


@contextmanager
def running_shop(app: Flask, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """The shop in a thread of this process as long as the block lasts; gives its start URL. Port 0 takes a free one.

    Raises OSError when the port is taken.
    """
    server = open_server(app, port, host)
    # A daemon: a visitor who keeps a connection open must not keep the program from ending.
    thread = Thread(target=server.run, name="sample marketplace", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.effective_port}/"
    finally:
        server.task_dispatcher.shutdown()  # first: a page that is just being sent would fail aloud
        server.trigger.pull_trigger(lambda: _hang_up(server))  # in the server's own thread, which may be in select()
        thread.join(2)


def open_server(app: Flask, port: int = 0, host: str = "127.0.0.1") -> BaseWSGIServer:
    """A server that already listens: `.effective_port`, `.run()` until `.close()`."""
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a browser's burst of pictures is no news
    return waitress.create_server(app, host=host, port=port, threads=8, ident=None)


def _hang_up(server: BaseWSGIServer) -> None:
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.close()


def _add_pages(app: Flask) -> None:
    app.add_url_rule("/", view_func=show_home)
    app.add_url_rule("/category/<name>", view_func=show_category)
    app.add_url_rule("/listing/<int:number>", view_func=show_listing)
    app.add_url_rule("/seller/<slug>", view_func=show_seller)
    app.add_url_rule("/photo/<int:number>-<int:position>.<suffix>", view_func=show_photo)
    app.add_url_rule("/cart", view_func=show_cart)
    app.add_url_rule("/account", view_func=show_account)
    app.add_url_rule("/robots.txt", view_func=show_robots)
    app.add_url_rule("/sitemap.xml", view_func=show_sitemap)


def show_home() -> str:
    return render_template("home.html", offers=_catalogue().offers[:PAGE_SIZE])


def show_category(name: str) -> str:
    if name not in CATEGORIES:
        abort(404)
    offers = _catalogue().in_category(name)
    pages = max(1, math.ceil(len(offers) / PAGE_SIZE))
    page = request.args.get("page", 1, int)
    if not 1 <= page <= pages:
        abort(404)
    shown = offers[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return render_template("category.html", category=name, offers=shown, total=len(offers), page=page, pages=pages)


def show_listing(number: int) -> str:
    offer = _find_offer(number)
    return render_template("listing.html", offer=offer, category=offer.category, product=describe_product(offer))


def show_seller(slug: str) -> str:
    seller = next((seller for seller in SELLERS if seller.slug == slug), None)
    if seller is None:
        abort(404)
    offers = [offer for offer in _catalogue().offers if offer.seller == seller]
    return render_template("seller.html", seller=seller, offers=offers)


def show_photo(number: int, position: int, suffix: str) -> Response:
    offer = _find_offer(number)
    if position >= len(offer.prints) or offer.prints[position].suffix != suffix:
        abort(404)
    made: Print = offer.prints[position]
    if made.fault == "missing":
        abort(404)
    body = _darkroom().develop(made)
    response = Response(body, mimetype=MEDIA_TYPES[suffix])
    response.set_etag(hashlib.sha256(body).hexdigest())
    response.last_modified = offer.posted_at
    response.make_conditional(request)
    return response


def show_cart() -> str:
    return render_template("notice.html", heading="Basket", text="Your basket is empty, and stays so.")


def show_account() -> str:
    return render_template("notice.html", heading="Account", text="There are no accounts in a sample marketplace.")


def show_robots() -> Response:
    lines = ["User-agent: *", "Disallow: /cart", "Disallow: /account", f"Crawl-delay: {CRAWL_DELAY_S}", ""]
    lines.append(f"Sitemap: {url_for('show_sitemap', _external=True)}")
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


def show_sitemap() -> Response:
    pages = "".join(
        f"<url><loc>{url_for('show_listing', number=offer.number, _external=True)}</loc>"
        f"<lastmod>{offer.posted_at.isoformat()}</lastmod></url>\n"
        for offer in _catalogue().offers
    )
    opening = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    return Response(f"{opening}{pages}</urlset>\n", mimetype="application/xml")


def describe_product(offer: Offer) -> dict[str, Any]:
    """The offer in the words of schema.org, as shops write it for search engines."""
    url = url_for("show_listing", number=offer.number, _external=True)
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": offer.title,
        "description": offer.description,
        "sku": str(offer.number),
        "category": CATEGORIES[offer.category],
        "url": url,
        "image": [photo_url(offer, position, _external=True) for position in range(len(offer.prints))],
        "offers": {
            "@type": "Offer",
            "url": url,
            "price": str(offer.price),
            "priceCurrency": offer.seller.currency,
            "availability": "https://schema.org/InStock",
            "availabilityStarts": offer.posted_at.isoformat(),
            "seller": {
                "@type": "Organization",
                "name": offer.seller.name,
                "url": url_for("show_seller", slug=offer.seller.slug, _external=True),
                "address": {"@type": "PostalAddress", "addressCountry": offer.seller.country},
            },
        },
    }


def photo_url(offer: Offer, position: int, **how: Any) -> str:
    suffix = offer.prints[position].suffix
    return url_for("show_photo", number=offer.number, position=position, suffix=suffix, **how)


def write_price(offer: Offer) -> str:
    amount = f"{offer.price:,.0f}" if offer.price == offer.price.to_integral() else f"{offer.price:,.2f}"
    return f"{offer.seller.currency} {amount}"


def _shared_values() -> dict[str, Any]:
    return {
        "shop_name": NAME,
        "categories": CATEGORIES,
        "credit": current_app.extensions["credit"],
        "photo_url": photo_url,
        "price": write_price,
    }


def _find_offer(number: int) -> Offer:
    offer = _catalogue().by_number.get(number)
    if offer is None:
        abort(404)
    return offer


def _catalogue() -> Catalogue:
    catalogue: Catalogue = current_app.extensions["catalogue"]
    return catalogue


def _darkroom() -> Darkroom:
    darkroom: Darkroom = current_app.extensions["darkroom"]
    return darkroom
