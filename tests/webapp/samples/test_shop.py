import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from webapp.samples.catalogue import CATEGORIES, Catalogue
from webapp.samples.darkroom import Darkroom
from webapp.samples.photos import PhotoSet
from webapp.samples.shop import PAGE_SIZE, create_shop, photo_url


@pytest.fixture(scope="module")
def client(photo_set: PhotoSet) -> FlaskClient:
    return create_shop(photo_set, 120).test_client()


@pytest.fixture(scope="module")
def catalogue(client: FlaskClient) -> Catalogue:
    catalogue: Catalogue = client.application.extensions["catalogue"]
    return catalogue


def product_on(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    product: dict[str, object] = json.loads(found.group(1))
    return product


def test_every_page_credits_the_photographs_and_says_that_nothing_is_for_sale(client: FlaskClient) -> None:
    for path in ("/", "/category/home", "/listing/10001", "/seller/harbour-finds", "/cart", "/account"):
        page = client.get(path).text
        assert "Photographs: your own" in page
        assert "sample marketplace of Tuskline" in page
        assert "nothing here is for sale" in page


def test_the_categories_page_through_every_offer(client: FlaskClient, catalogue: Catalogue) -> None:
    linked: list[str] = []
    for category in CATEGORIES:
        path: str | None = f"/category/{category}"
        while path:
            page = client.get(path).text
            here = re.findall(r'href="/listing/(\d+)"', page)
            assert len(here) <= PAGE_SIZE
            linked += here
            following = re.search(r'rel="next" href="([^"]+)"', page)
            path = following.group(1) if following else None
    assert sorted(linked) == sorted(str(number) for number in catalogue.by_number)


def test_a_listing_tells_search_engines_what_is_offered(client: FlaskClient, catalogue: Catalogue) -> None:
    offer = next(offer for offer in catalogue.offers if len(offer.prints) > 1)
    page = client.get(f"/listing/{offer.number}").text
    product = product_on(page)
    assert (product["@type"], product["name"]) == ("Product", offer.title)
    assert product["offers"]["price"] == str(offer.price)  # type: ignore[index]
    assert product["offers"]["seller"]["name"] == offer.seller.name  # type: ignore[index]
    assert len(product["image"]) == len(offer.prints)  # type: ignore[arg-type]
    assert page.count('property="og:image"') == len(offer.prints)


ABSENT_PAGES = ("/listing/1", "/category/none", "/category/home?page=99", "/category/home?page=0", "/seller/nobody")
ABSENT_PHOTOS = ("/photo/10001-9.jpg", "/photo/1-0.jpg", "/photo/10001-0.gif")


@pytest.mark.parametrize("path", [*ABSENT_PAGES, *ABSENT_PHOTOS])
def test_what_is_not_there_is_not_found(path: str, client: FlaskClient) -> None:
    assert client.get(path).status_code == 404


def test_the_sitemap_names_every_listing_with_its_date(client: FlaskClient, catalogue: Catalogue) -> None:
    answer = client.get("/sitemap.xml")
    assert answer.mimetype == "application/xml"
    assert answer.text.count("<loc>") == answer.text.count("<lastmod>") == len(catalogue.offers)


def test_robots_are_asked_to_leave_the_basket_alone(client: FlaskClient) -> None:
    lines = client.get("/robots.txt").text.splitlines()
    assert {"Disallow: /cart", "Disallow: /account", "Sitemap: http://localhost/sitemap.xml"} <= set(lines)


def test_a_photo_is_not_sent_again_to_whoever_has_it(client: FlaskClient, catalogue: Catalogue) -> None:
    offer = next(offer for offer in catalogue.offers if not offer.prints[0].fault)
    with client.application.test_request_context():
        path = photo_url(offer, 0)
    first = client.get(path)
    assert first.mimetype.startswith("image/")
    assert first.last_modified == offer.posted_at.replace(microsecond=0)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_html_is_served_as_a_picture_and_a_missing_picture_is_not_found(
    client: FlaskClient, catalogue: Catalogue
) -> None:
    answers = {}
    for offer in catalogue.offers:
        for position, made in enumerate(offer.prints):
            if made.fault:
                answers[made.fault] = client.get(f"/photo/{offer.number}-{position}.jpg")
    assert (answers["html"].mimetype, answers["html"].data[:9]) == ("image/jpeg", b"<!doctype")
    assert (answers["truncated"].status_code, answers["missing"].status_code) == (200, 404)


def test_the_same_arguments_give_the_same_pages_and_pictures(photo_set: PhotoSet, tmp_path: Path) -> None:
    shops = [create_shop(photo_set, 60, 7, prints_dir=folder).test_client() for folder in (None, tmp_path / "prints")]
    for path in ("/", "/sitemap.xml", "/listing/10020"):
        assert shops[0].get(path).data == shops[1].get(path).data
    photos = re.findall(r'src="(/photo/[^"]+)"', shops[0].get("/").text)
    for photo in photos:
        assert shops[0].get(photo).data == shops[1].get(photo).data == shops[1].get(photo).data
    assert list((tmp_path / "prints").glob("*.part")) == []


def test_the_shop_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    for path in ("/", "/listing/10001"):
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!localhost)', client.get(path).text)


def test_a_print_that_two_visitors_want_at_once_is_given_to_both(photo_set: PhotoSet, tmp_path: Path) -> None:
    made = create_shop(photo_set, count=20).extensions["catalogue"].offers[0].prints[0]
    darkroom = Darkroom(tmp_path / "prints")
    with ThreadPoolExecutor(8) as visitors:
        bodies = list(visitors.map(lambda _: darkroom.develop(made), range(32)))
    assert len(set(bodies)) == 1
    assert len(list((tmp_path / "prints").iterdir())) == 1
