"""Every page in every language, light and dark, on a telephone and on a wall: nothing breaks, nothing is in the way."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.functional.conftest import Site, Visitor
from tests.webapp.views.test_access import ROUTES, rows  # noqa: F401  (a fixture)
from webapp import create_app
from webapp.language import ENGLISH, languages
from webapp.models import User

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("rows")]

NARROW, WIDE = {"width": 360, "height": 740}, {"width": 3840, "height": 2160}
OPTIONS = {"resultTypes": ["violations"]}
FEWEST_PAGES = 20
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="600"/>'


@dataclass(frozen=True)
class Look:
    """with_axe: contrast depends on the theme and all else on the words, so that not every pair needs a look."""

    language: str
    theme: str

    @property
    def with_axe(self) -> bool:
        return self.theme == ("light" if self.language == ENGLISH else "dark")


LOOKS = [Look(language, theme) for language in languages() for theme in ("light", "dark")]


@pytest.fixture
def session(site: Site, visitor: Visitor) -> Session:
    """Where the rows that pages are about are made; their pictures are invented."""
    visitor.page.route("**/photos/**", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
    return site.session


@pytest.fixture
def paths(site: Site, visitor: Visitor) -> list[str]:
    """Every page that there is: of the table of routes, and of the URL map where it needs nothing."""
    app = create_app(site.settings)
    found = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments}
    app.extensions["tuskline"].engine.dispose()
    found |= {path for method, path, _ in ROUTES if method == "GET"}
    return [path for path in sorted(found) if is_page(visitor, path)]


def is_page(visitor: Visitor, path: str) -> bool:
    answer = visitor.page.request.get(visitor.address + path, max_redirects=0)
    assert answer.status < 500, path
    return answer.status == 200 and answer.headers.get("content-type", "").startswith("text/html")


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look.language}-{look.theme}")
def look(request: pytest.FixtureRequest, site: Site, visitor: Visitor) -> Iterator[Look]:
    """The visitor's own choice, which every page follows."""
    chosen: Look = request.param
    site.session.query(User).filter_by(name="mirela").update({"language": chosen.language, "theme": chosen.theme})
    site.session.commit()
    yield chosen
    assert visitor.complaints == []


def test_no_page_breaks_overflows_or_shuts_anybody_out(visitor: Visitor, paths: list[str], look: Look) -> None:
    assert len(paths) >= FEWEST_PAGES
    faults: list[str] = []
    for path in paths:
        visitor.page.set_viewport_size(NARROW)
        visitor.open(path)
        assert visitor.page.locator("html").get_attribute("lang") == look.language
        faults += [f"{path}: {fault}" for fault in overflow_of(visitor.page)]
        faults += [f"{path}: {fault}" for fault in (violations_of(visitor.page) if look.with_axe else ())]
        visitor.page.set_viewport_size(WIDE)
        faults += [f"{path} (wide): {fault}" for fault in overflow_of(visitor.page)]
    assert faults == []


WIDER = """() => {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    return [...document.querySelectorAll("body *")]
        .map((one) => [one, Math.round(one.getBoundingClientRect().right)])
        .filter(([, right]) => right > room + 1)
        .slice(0, 5)
        .map(([one, right]) => `${one.tagName.toLowerCase()}.${one.className} reaches to ${right} px`);
}"""


def overflow_of(page: Page) -> list[str]:
    """What is wider than the window, so that the page could be pushed aside."""
    return [f"wider than the window: {one}" for one in page.evaluate(WIDER)]


def violations_of(page: Page) -> list[str]:
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def test_the_choice_of_language_and_light_needs_no_script(site: Site, visitor: Visitor) -> None:
    browser = visitor.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, locale="zh-CN", color_scheme="light")
    page = context.new_page()
    page.goto(f"{site.address}/sign-in")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page).to_have_url(f"{site.address}/sign-in")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()


def test_dark_is_dark_whatever_the_device_says(site: Site, visitor: Visitor) -> None:
    visitor.page.emulate_media(color_scheme="light")
    shades = {}
    for theme in ("light", "dark", "system"):
        site.session.query(User).filter_by(name="mirela").update({"theme": theme})
        site.session.commit()
        visitor.open("/")
        shades[theme] = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shades["light"] == shades["system"] != shades["dark"]
