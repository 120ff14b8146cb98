"""Signing in as a person does it: the second factor, with and without scripts, and the identity provider."""

import re
from collections.abc import Iterator

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from tests.factories import PASSWORD, make_user
from tests.functional.conftest import Site, Visitor
from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider
from webapp.models import Role, User
from webapp.services import second_factor, tokens
from webapp.services.tokens import Scope

pytestmark = pytest.mark.browser

PAGES = ("/account", "/account/second-factor", "/team", "/team/roles", "/users", "/users/1")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page without scripts; nobody is signed in."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
    yield context.new_page()
    context.close()


def enter_password(page: Page, site: Site, name: str, path: str = "/sign-in?next=/queue") -> None:
    page.goto(site.address + path)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_second_factor_is_set_up_and_asked_for_without_scripts(site: Site, plain: Page) -> None:
    user = make_user(site.session, "ann")
    site.session.commit()
    enter_password(plain, site, "ann", "/sign-in?next=/account/second-factor")
    secret = re.sub(r"\s", "", plain.locator("code.copied").inner_text())
    plain.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    plain.get_by_role("button", name="Switch on").click()
    shown = plain.locator(".recovery-codes code")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    plain.context.clear_cookies()
    enter_password(plain, site, "ann")
    expect(plain.get_by_role("heading", name="Second step")).to_be_visible()
    plain.get_by_label("Code", exact=True).fill("not a code")
    plain.get_by_role("button", name="Go on").click()
    expect(plain.get_by_text("This code does not count")).to_be_visible()
    plain.get_by_label("Code", exact=True).fill(codes[3])
    plain.get_by_role("button", name="Go on").click()
    plain.wait_for_url("**/queue")
    site.session.refresh(user)
    assert second_factor.codes_left(site.session, user) == 9


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_people_fit_complain_of_nothing_and_can_be_read(
    site: Site, visitor: Visitor, width: int, scheme: str
) -> None:
    user = site.session.query(User).one()
    tokens.create(site.session, user, user, "exporter", [Scope.READ], 90)
    site.session.commit()
    visitor.page.set_viewport_size({"width": width, "height": 800})
    visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in PAGES:
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert Axe().run(visitor.page, options=RULES).response["violations"] == [], path
    assert visitor.complaints == []


def test_the_identity_provider_is_reached_from_the_page_and_leads_back(site: Site, browser: Browser) -> None:
    """The content policy lets no form lead to another host; the way there and back is links and redirects."""
    with Provider() as provider:
        make_user(site.session, "ann", Role.VIEWER, oidc_subject=f"{provider.issuer}|4711")
        site.session.commit()
        # Read at each request, so that the pages of this test need no second server.
        for name, value in provider_settings(provider).items():
            setattr(site.settings, name, value)
        page = browser.new_page()
        page.goto(f"{site.address}/sign-in?next=/reports")
        page.get_by_role("link", name="Sign in with your organisation").click()
        page.wait_for_url("**/reports")
        expect(page.get_by_text("ann").first).to_be_visible()
        page.close()


def provider_settings(provider: Provider) -> dict[str, object]:
    return {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
    }
