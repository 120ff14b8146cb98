"""A threshold is weighed, proposed, tried in the shadow, and put into force by a second person; in a real browser."""

import io
import random
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from tests.factories import (
    PASSWORD,
    make_finding,
    make_listing,
    make_photo,
    make_scan,
    make_scores,
    make_source,
    make_user,
)
from tests.functional.conftest import Site
from tests.webapp.views.hostile import HOSTILE
from webapp.models import FindingRow, FindingState, ListingRow, Role, ShadowHit, Source, ThresholdChange
from webapp.services import photos, rules
from webapp.services.opening import judge_listings
from webapp.storage import open_store

pytestmark = pytest.mark.browser
RULE = "/rules/elephant_seen"


@pytest.fixture
def bazaar(site: Site) -> Source:
    """Sixty listings with elephants of 0.05 to 0.95, from forty sellers; what the rule in force flags is decided."""
    chance = random.Random(3)  # noqa: S311  # no secret
    source = make_source(site.session, "Bazaar")
    make_scan(site.session, source)
    for number in range(60):
        score = round(0.05 + 0.9 * number / 59, 3)
        row = add_listing(site, source, number, score, f"seller {number % 40}")
        if score >= 0.3:
            state = FindingState.CONFIRMED if chance.random() < score else FindingState.DISMISSED
            photo = row.appearances[0].photo
            make_finding(site.session, row, photo, rule="elephant_seen", score=score, state=state, threshold=0.3)
    site.session.commit()
    return source


def add_listing(site: Site, source: Source, number: int, score: float, seller: str) -> ListingRow:
    body = io.BytesIO()
    Image.new("RGB", (320, 240), (3 * number, 90, 60)).save(body, "JPEG")
    photos.store(open_store(site.settings), body.getvalue())
    title = f"Carving {number}" if number % 5 else f"Carving {number} {HOSTILE[0]}"
    row = make_listing(site.session, source, title=title, seller=seller)
    make_scores(site.session, make_photo(site.session, row, body.getvalue()), elephant=score)
    return row


@pytest.fixture
def leads(site: Site, browser: Browser) -> Iterator[dict[str, Page]]:
    """Two leads, each in a browser of their own; what their consoles say fails the test."""
    complaints: list[str] = []
    contexts = []
    pages = {}
    for name in ("ann", "ben"):
        make_user(site.session, name, Role.LEAD)
        site.session.commit()
        context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=site.address)
        contexts.append(context)
        pages[name] = page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/sign-in?next=/rules")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/rules")
    yield pages
    for context in contexts:
        context.close()
    assert complaints == []


def propose(page: Page, value: str) -> None:
    page.goto(RULE)
    page.get_by_text("Try another value").click()
    page.get_by_label("New threshold").fill(value)
    page.get_by_label("Reason").fill("The toys are over.")
    page.get_by_role("button", name="Preview the effect").click()


def scan_again(site: Site, source: Source) -> None:
    """What a scan worker does with what a new scan brings."""
    listings = [add_listing(site, source, 70 + n, score, f"new {n}") for n, score in enumerate((0.1, 0.25, 0.28, 0.9))]
    scan = make_scan(site.session, source)
    pack = rules.current_pack(site.session, site.settings.pack)
    judge_listings(site.session, scan, pack, [row.id for row in listings])
    site.session.commit()


@pytest.mark.usefixtures("bazaar")
def test_a_threshold_is_weighed_tried_and_put_into_force_by_a_second_person(
    site: Site, leads: dict[str, Page], bazaar: Source
) -> None:
    ann, ben = leads["ann"], leads["ben"]
    propose(ann, "0.2")
    preview = ann.get_by_role("region", name="What it would change")
    expect(preview.get_by_text("Would be newly flagged")).to_be_visible()
    expect(preview.get_by_role("img").first).to_be_visible()
    expect(ann.get_by_text("proposed 0.20", exact=True)).to_be_visible()
    assert site.session.query(ThresholdChange).count() == 0

    ann.get_by_role("button", name="Propose a shadow run").click()
    expect(ann.get_by_role("heading", name="Shadow run 1")).to_be_visible()
    expect(ann.get_by_text("another lead or an admin puts it into force")).to_be_visible()

    flagged = site.session.query(FindingRow).count()
    scan_again(site, bazaar)
    assert site.session.query(FindingRow).count() == flagged + 1, "of the four new ones the rule in force flags one"
    assert {hit.score for hit in site.session.scalars(select(ShadowHit))} == {0.25, 0.28}

    ben.goto("/shadow-runs/1")
    expect(ben.locator(".changed-card")).to_have_count(2)
    ben.get_by_label("Note").fill("Looked at both.")
    ben.get_by_role("button", name="Put it into force as version 2").click()
    expect(ben.get_by_role("heading", name="Version 2 of elephant_seen")).to_be_visible()
    expect(ben.get_by_text("Put into force by")).to_be_visible()

    rules.apply_pack(site.session, rules.current_pack(site.session, site.settings.pack))
    row = site.session.scalars(select(FindingRow).where(FindingRow.score == 0.25)).one()
    ben.goto(f"/findings/{row.id}")
    ben.get_by_role("link", name="version 2").click()
    ben.wait_for_url("**/rules/elephant_seen/versions/2")


@pytest.mark.usefixtures("bazaar")
def test_an_older_version_is_compared_and_brought_back(site: Site, leads: dict[str, Page]) -> None:
    ann, ben = leads["ann"], leads["ben"]
    propose(ann, "0.6")
    expect(ann.get_by_text("would have missed")).to_be_visible()
    ann.get_by_role("button", name="Propose a shadow run").click()
    ben.goto("/shadow-runs/1")
    ben.get_by_role("button", name="Put it into force").click()
    ben.goto(f"{RULE}/compare?first=1&second=2")
    expect(ben.locator(".is-different")).to_contain_text("0.600")
    ben.goto(f"{RULE}/versions/1")
    ben.get_by_label("Reason").fill("It missed tusks.")
    ben.get_by_role("button", name="Preview the effect").click()
    ben.get_by_role("button", name="Propose a shadow run").click()
    expect(ben.get_by_role("heading", name="Shadow run 2")).to_be_visible()
    ann.goto("/shadow-runs/2")
    ann.get_by_role("button", name="Put it into force as version 3").click()
    expect(ann.get_by_role("link", name="Version 1")).to_be_visible()
    site.session.expire_all()
    assert [change.value for change in site.session.query(ThresholdChange).order_by("version")] == [0.6, 0.3]


@pytest.mark.usefixtures("bazaar")
@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_the_pages_fit_their_screen(leads: dict[str, Page], width: int) -> None:
    page = leads["ann"]
    page.set_viewport_size({"width": width, "height": 800})
    propose(page, "0.2")
    expect(page.locator(".changed-card").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Propose a shadow run").click()
    for path in ("/rules", RULE, f"{RULE}/versions/1", f"{RULE}/compare", "/shadow-runs/1", "/lexicon"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1, path


@pytest.mark.usefixtures("bazaar")
def test_a_change_is_weighed_and_proposed_without_any_script(site: Site, browser: Browser) -> None:
    make_user(site.session, "plain", Role.LEAD)
    site.session.commit()
    context = browser.new_context(java_script_enabled=False, base_url=site.address)
    page = context.new_page()
    page.goto(f"/sign-in?next={RULE}")
    page.get_by_label("Name").fill("plain")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    propose(page, "0.2")
    page.get_by_role("button", name="Propose a shadow run").click()
    expect(page.get_by_role("heading", name="Shadow run 1")).to_be_visible()
    context.close()
