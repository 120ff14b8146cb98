import io

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.factories import PASSWORD, make_finding, make_listing, make_photo, make_scan, make_scores, make_user
from tests.functional.conftest import Site, Visitor
from tests.webapp.views.hostile import HOSTILE
from webapp.models import Decision, FindingRow, PictureState, Role, ScanPhoto, ScanState, Verdict
from webapp.services import photos
from webapp.storage import open_store

pytestmark = pytest.mark.browser


@pytest.fixture
def findings(site: Site) -> list[FindingRow]:
    """Four open findings with real pictures, the most pressing first."""
    rows = [make_pictured(site, number) for number in range(4)]
    site.session.commit()
    return rows


def make_pictured(site: Site, number: int) -> FindingRow:
    body = io.BytesIO()
    Image.new("RGB", (900, 600), (60 * number, 90, 60)).save(body, "JPEG")
    photos.store(open_store(site.settings), body.getvalue())
    hostile = " ".join(HOSTILE)
    listing = make_listing(site.session, title=f"Carving {number} {hostile}", description=hostile * 4, seller=hostile)
    photo = make_photo(site.session, listing, body.getvalue(), width_px=900, height_px=600)
    make_scores(site.session, photo)
    return make_finding(site.session, listing, photo, priority=3.9 - number / 10)


def decided(site: Site) -> list[tuple[int, Verdict, str]]:
    site.session.expire_all()
    return [(row.finding_id, row.verdict, row.note) for row in site.session.query(Decision).order_by(Decision.id)]


def test_three_findings_are_reviewed_by_keyboard_alone(
    site: Site, visitor: Visitor, findings: list[FindingRow]
) -> None:
    first, second, third, fourth = (row.id for row in findings)
    visitor.open("/queue")
    keys = visitor.page.keyboard
    keys.press("n")
    visitor.page.wait_for_url(f"**/findings/{first}")
    keys.press("c")
    visitor.page.wait_for_url(f"**/findings/{second}")
    keys.press("/")
    keys.type("Plastic, see the mould line; c d e")
    keys.press("Escape")
    keys.press("d")
    visitor.page.wait_for_url(f"**/findings/{third}")
    keys.press("n")
    visitor.page.wait_for_url(f"**/findings/{fourth}")
    keys.press("p")
    visitor.page.wait_for_url(f"**/findings/{third}")
    keys.press("e")
    visitor.page.wait_for_url(f"**/findings/{fourth}")
    assert decided(site) == [
        (first, Verdict.CONFIRM, ""),
        (second, Verdict.DISMISS, "Plastic, see the mould line; c d e"),
        (third, Verdict.ESCALATE, ""),
    ]
    expect(visitor.page.get_by_role("status")).to_contain_text("Escalated:")
    assert visitor.complaints == []


def test_keys_rest_with_a_modifier_and_in_the_help(site: Site, visitor: Visitor, findings: list[FindingRow]) -> None:
    visitor.open(f"/findings/{findings[0].id}")
    keys = visitor.page.keyboard
    for chord in ("Alt+c", "Control+d", "Meta+e"):
        keys.press(chord)
    keys.press("?")
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    keys.press("c")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    visitor.page.reload()
    assert decided(site) == []


def test_blurred_pictures_stay_blurred_on_the_next_page(visitor: Visitor, findings: list[FindingRow]) -> None:
    visitor.open(f"/findings/{findings[0].id}")
    picture = visitor.page.locator(".photo").first
    expect(picture).to_have_css("filter", "none")
    visitor.page.keyboard.press("b")
    expect(picture).to_have_css("filter", "blur(28px) grayscale(1)")
    visitor.open("/queue")
    button = visitor.page.get_by_role("button", name="Show pictures")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert "blur" in visitor.page.locator(".photo").first.evaluate("image => getComputedStyle(image).filter")


def test_pictures_are_really_shown(visitor: Visitor, findings: list[FindingRow]) -> None:
    visitor.open(f"/findings/{findings[0].id}")
    visitor.page.wait_for_function("document.querySelector('.photo').complete")
    assert visitor.page.locator(".photo").evaluate("image => image.naturalWidth") == 900


@pytest.fixture
def pages(site: Site, findings: list[FindingRow]) -> list[str]:
    """Every page there is, with something on each."""
    scan = make_scan(site.session, findings[0].listing.source, photos_failed=1, note="Half of it. " + HOSTILE[0])
    running = make_scan(site.session, state=ScanState.RUNNING, finished_at=None)
    place = "http://127.0.0.1/" + "long" * 60
    listing_id = findings[0].listing_id
    site.session.add(
        ScanPhoto(scan_id=scan.id, listing_id=listing_id, location=place, failure="cut off", state=PictureState.FAILED)
    )
    site.session.commit()
    fixed = ["/", "/queue", "/scans", "/rules", "/rules/elephant_seen", "/reports", "/audit", "/users", "/users/1"]
    return [*fixed, f"/findings/{findings[0].id}", f"/scans/{scan.id}", f"/scans/{running.id}"]


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_no_page_scrolls_sideways_or_complains(visitor: Visitor, pages: list[str], width: int) -> None:
    visitor.page.set_viewport_size({"width": width, "height": 800})
    wide = []
    for path in pages:
        visitor.open(path)
        if visitor.page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)
    assert wide == []
    assert visitor.complaints == []


def test_every_field_has_a_label_and_every_page_one_heading(visitor: Visitor, pages: list[str]) -> None:
    for path in pages:
        visitor.open(path)
        assert visitor.page.locator("h1").count() == 1, path
        assert visitor.page.evaluate(UNLABELLED) == [], path


UNLABELLED = """[...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
    .filter(field => !field.labels.length && !field.ariaLabel).map(field => field.outerHTML)"""


def test_the_menu_opens_on_a_narrow_screen(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    visitor.open("/")
    visitor.page.get_by_text("Menu").click()
    visitor.page.get_by_role("link", name="Rules").click()
    visitor.page.wait_for_url("**/rules")


def test_a_running_scan_is_followed_until_it_is_over(site: Site, visitor: Visitor) -> None:
    scan = make_scan(site.session, state=ScanState.RUNNING, finished_at=None, listings_expected=10, listings_seen=2)
    site.session.commit()
    visitor.open(f"/scans/{scan.id}")
    seen = visitor.page.locator("[data-progress=listings_seen]")
    expect(seen).to_have_text("2")
    scan.listings_seen = 7
    site.session.commit()
    expect(seen).to_have_text("7", timeout=8000)
    scan.state, scan.note = ScanState.PARTIAL, "The source gave 7 of 10."
    site.session.commit()
    expect(visitor.page.get_by_text("The source gave 7 of 10.")).to_be_visible(timeout=8000)


def test_a_finding_is_decided_without_any_script(site: Site, browser: Browser, findings: list[FindingRow]) -> None:
    make_user(site.session, "plain", Role.REVIEWER)
    site.session.commit()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.address}/sign-in?next=/findings/{findings[0].id}")
    page.get_by_label("Name").fill("plain")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Dismiss").click()
    page.wait_for_url(f"**/findings/{findings[1].id}")
    context.close()
    assert decided(site) == [(findings[0].id, Verdict.DISMISS, "")]
