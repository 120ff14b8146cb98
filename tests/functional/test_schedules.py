"""Sources, schedules and stopped hosts in a real browser, with a market of the tests."""

import re

import pytest
from playwright.sync_api import Browser, expect

from scanner.markets import registry
from tests.factories import PASSWORD, make_listing, make_scan, make_source, make_user
from tests.functional.conftest import Site, Visitor
from tests.functional.test_pages import UNLABELLED
from tests.webapp.views.hostile import HOSTILE
from tests.webapp.views.test_sources import STALL, TABLE
from webapp.models import Overlap, Role, ScanState, Schedule, Source
from webapp.services import hosts, schedules
from webapp.services.schedules import Plan

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def markets(monkeypatch: pytest.MonkeyPatch) -> None:
    for market in (STALL, TABLE):
        monkeypatch.setitem(registry.BUILT_IN, market.kind, market)


def test_an_admin_adds_a_source_and_a_schedule_pauses_and_resumes(site: Site, visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/sources")
    page.get_by_role("link", name="Add a source").click()
    page.get_by_role("link", name="Market stall").click()
    page.get_by_label("Name", exact=True).fill("Old stall")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("This is needed: fill it in.")).to_be_visible()
    page.get_by_label("First page").fill("https://stall.example/")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Old stall")).to_be_visible()

    page.get_by_role("link", name="every day at 03:00").click()
    page.get_by_label("Time zone").select_option("Asia/Bangkok")
    page.get_by_label("Let the new run wait").check()
    page.get_by_role("button", name="Preview").click()
    runs = page.locator(".runs li")
    expect(runs).to_have_count(5)
    expect(runs.first).to_contain_text("03:00 +07")
    expect(runs.first).to_contain_text("20:00 UTC")
    page.locator("#add-schedule").get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.locator(".schedule .runs li")).to_have_count(5)

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("No run is due until it is resumed.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".schedule .runs li")).to_have_count(5)
    row = site.session.query(Schedule).one()
    assert schedules.plan_of(row) == Plan("0 3 * * *", "Asia/Bangkok", 0, Overlap.QUEUE)
    assert not [line for line in visitor.complaints if "422" not in line]


def test_it_works_without_any_script(site: Site, browser: Browser) -> None:
    make_user(site.session, "plain", Role.ADMIN)
    source = make_source(site.session, "Old stall", "stall")
    site.session.commit()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.address}/sign-in?next=/sources/{source.id}")
    page.get_by_label("Name").fill("plain")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("When (cron expression)").fill("61 * * * *")
    page.get_by_label("When (cron expression)").press("Enter")
    expect(page.get_by_text("“61” is no minute")).to_be_visible()
    expect(page.get_by_label("When (cron expression)")).to_have_value("61 * * * *")
    page.get_by_role("link", name="every 6 hours").click()
    expect(page.locator(".runs li")).to_have_count(5)
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".schedule .runs li")).to_have_count(5)
    page.locator(".page-head summary").click()
    page.get_by_role("button", name="Delete it").first.click()
    page.wait_for_url("**/sources")
    context.close()
    assert site.session.query(Source).count() == 0


def test_a_host_is_stopped_and_let_again(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/sources")
    page.get_by_role("link", name="Stopped hosts").click()
    page.get_by_label("Host").fill("https://Shop.example/contact")
    page.get_by_label("Reason").fill("They wrote to us.")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("region", name="Stopped hosts")).to_contain_text("shop.example")
    page.get_by_role("button", name="Let again").click()
    expect(page.get_by_text("No host is stopped.")).to_be_visible()
    assert visitor.complaints == []


@pytest.fixture
def pages(site: Site) -> list[str]:
    """Every page of these rooms, with much on each."""
    session, hostile = site.session, " ".join(HOSTILE)
    source = make_source(
        session, "Ivory & antiques of the old town", "stall", start_url="https://stall.example/" + "long" * 60
    )
    plans = (
        Plan("*/15 8-18 * * 1-5", "America/Argentina/ComodRivadavia", 600),
        Plan("0 3 * * 1", overlap=Overlap.STOP),
    )
    made = [schedules.create(session, source.id, plan, "ann") for plan in plans]
    made[0].note, made[0].last_fired_at = f"3 runs were missed. {hostile}", made[0].due_at
    schedules.pause(session, made[1], "ann")
    make_scan(session, source, state=ScanState.PARTIAL, requested_by="schedule:1", note=hostile)
    make_listing(session, source)
    unused = make_source(session, "x" * 120, "gone", start_url="word" * 60)
    hosts.stop(session, "very." + "long" * 15 + ".shop.example", hostile, "ann")
    session.commit()
    return [
        "/sources", "/sources/new", "/sources/new/stall", "/sources/new/table", f"/sources/{source.id}",
        f"/sources/{source.id}?cron=0+3+*+*+*", f"/sources/{source.id}/edit", f"/sources/{unused.id}",
        f"/schedules/{made[0].id}", "/hosts",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_no_page_scrolls_sideways_or_complains(visitor: Visitor, pages: list[str], width: int) -> None:
    visitor.page.set_viewport_size({"width": width, "height": 800})
    wide = []
    for path in pages:
        visitor.open(path)
        if visitor.page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)
        assert visitor.page.locator("h1").count() == 1, path
        assert visitor.page.evaluate(UNLABELLED) == [], path
    assert wide == []
    assert visitor.complaints == []


def test_the_bar_holds_every_room_in_one_line(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 1280, "height": 800})
    visitor.open("/sources")
    bar = visitor.page.locator(".topbar")
    rooms = bar.locator(".rooms a")
    expect(rooms).to_have_count(10)
    tops = {round(box["y"]) for box in (rooms.nth(n).bounding_box() for n in range(10)) if box}
    assert len(tops) == 1
    overlong = bar.evaluate("bar => bar.scrollWidth > bar.clientWidth")
    assert not overlong
    expect(bar.locator(".rooms [aria-current]")).to_have_text(re.compile("Sources"))
