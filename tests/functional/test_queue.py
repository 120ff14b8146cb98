import pytest
from playwright.sync_api import Browser, expect

from tests.factories import PASSWORD, make_finding
from tests.functional.conftest import Site, Visitor
from webapp.models import Decision, FindingRow, SavedFilter, Verdict

pytestmark = pytest.mark.browser


@pytest.fixture
def findings(site: Site) -> list[FindingRow]:
    rows = [make_finding(site.session, priority=9 - n / 10, words_only=True) for n in range(25)]
    site.session.commit()
    return rows


def decided(site: Site) -> list[tuple[int, Verdict, str]]:
    site.session.expire_all()
    return [(row.finding_id, row.verdict, row.note) for row in site.session.query(Decision).order_by(Decision.id)]


def test_cards_are_walked_selected_and_decided_by_keyboard(
    site: Site, visitor: Visitor, findings: list[FindingRow]
) -> None:
    visitor.open("/queue")
    page, keys = visitor.page, visitor.page.keyboard
    for key in ("j", "x", "ArrowDown", "j", "x", "k"):
        keys.press(key)
    expect(page.locator("[data-pick-count]")).to_have_text("2")
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"/findings/{findings[1].id}"
    keys.press("m")
    page.wait_for_url("**/queue/batch")
    expect(page.get_by_role("heading", name="Decide several at once")).to_be_visible()
    assert decided(site) == []
    keys.press("/")
    keys.type("the same mould; x m")
    keys.press("Escape")
    page.get_by_role("button", name="Dismiss").press("Enter")
    page.wait_for_url("**/queue")
    chosen = (findings[0].id, findings[2].id)
    assert decided(site) == [(number, Verdict.DISMISS, "the same mould; x m") for number in chosen]
    expect(page.get_by_role("status").first).to_contain_text("Dismissed: 2 findings.")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**/findings/{findings[0].id}")
    assert visitor.complaints == []


def test_enter_opens_and_arrows_turn_pages(visitor: Visitor, findings: list[FindingRow]) -> None:
    visitor.open("/queue")
    page, keys = visitor.page, visitor.page.keyboard
    keys.press("ArrowRight")
    page.wait_for_url("**/queue?after=*")
    expect(page.locator("[data-card]")).to_have_count(5)
    keys.press("ArrowLeft")
    page.wait_for_url("**/queue?before=*")
    expect(page.locator("[data-card]")).to_have_count(20)
    keys.press("j")
    keys.press("j")
    keys.press("Enter")
    page.wait_for_url(f"**/findings/{findings[1].id}")
    assert visitor.complaints == []


def test_a_filter_is_made_saved_and_followed(site: Site, visitor: Visitor, findings: list[FindingRow]) -> None:
    findings[3].language = "th"
    site.session.commit()
    visitor.open("/queue")
    page = visitor.page
    page.get_by_text("More filters").click()
    page.get_by_label("Language of the listing").select_option(label="Thai")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("[data-card]")).to_have_count(1)
    page.get_by_text("Save or change filters").click()
    page.get_by_label("Save what is shown now as").fill("Thai ones")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Thai ones")).to_have_attribute("aria-current", "true")
    assert site.session.query(SavedFilter).one().arguments == {"state": "open", "language": "th"}
    page.get_by_role("link", name="All open").click()
    expect(page.locator("[data-card]")).to_have_count(20)
    assert visitor.complaints == []


@pytest.mark.usefixtures("visitor")
def test_without_scripts_a_batch_is_ticked_shown_and_decided(
    site: Site, browser: Browser, findings: list[FindingRow]
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{site.address}/sign-in?next=/queue")
    page.get_by_label("Name").fill("mirela")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("[data-pick]").nth(1).check()
    page.locator("[data-pick]").nth(2).check()
    page.get_by_role("button", name="Decide the selected").click()
    page.locator("[data-pick]").nth(1).uncheck()
    page.get_by_role("button", name="Confirm").click()
    assert decided(site) == [(findings[1].id, Verdict.CONFIRM, "")]
    context.close()


@pytest.mark.usefixtures("findings")
def test_a_small_screen_shows_findings_first_and_never_scrolls_sideways(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/queue", "/queue?concept=elephant&score_from=0.1", "/queue?state=dismissed"):
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    visitor.open("/queue")
    box = visitor.page.locator("[data-card]").first.bounding_box()
    assert box is not None
    assert box["y"] < 740
