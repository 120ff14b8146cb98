import io
from datetime import timedelta

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores
from tests.functional.conftest import Site, Visitor
from tests.webapp.views.hostile import HOSTILE
from webapp.db import now
from webapp.models import FindingRow, PictureState, ScanPhoto, ScanState
from webapp.services import photos, report_files, reports
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style
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
    wanted = Wanted(now() - timedelta(days=1), now() + timedelta(days=1), HOSTILE[0] * 4, {"seller": "long" * 60})
    report = reports.build(site.session, site.settings, wanted, None)
    report_files.write_file(site.session, site.settings, report, Style("csv"))
    site.session.commit()
    fixed = ["/", "/queue", "/scans", "/rules", "/rules/elephant_seen", "/reports", "/audit", "/users", "/users/1"]
    return [*fixed, f"/reports/{report.id}", f"/findings/{findings[0].id}", f"/scans/{scan.id}", f"/scans/{running.id}"]


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
