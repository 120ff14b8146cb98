"""Three people and one finding: one decides, one looks at it blind, and a lead settles what they disagree on."""

import io
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories import make_finding, make_listing, make_photo, make_scores, make_user
from tests.functional.conftest import Enter, Site, Visitor
from webapp.db import now
from webapp.models import (
    Decision,
    FindingRow,
    FindingState,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckState,
    Role,
    Stage,
    Verdict,
)
from webapp.services import adjudication, decisions, photos, rechecks, team
from webapp.services.adjudication import Look
from webapp.services.decisions import Choice
from webapp.storage import open_store

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


@pytest.fixture
def finding(site: Site) -> FindingRow:
    """An open finding with a real picture; the queue hands out a blind item whenever there is one."""
    row = make_pictured(site, 120)
    team.choose(site.session, None, blind_percent=100)
    site.session.commit()
    return row


def make_pictured(site: Site, colour: int) -> FindingRow:
    body = io.BytesIO()
    Image.new("RGB", (900, 600), (colour, 90, 60)).save(body, "JPEG")
    photos.store(open_store(site.settings), body.getvalue())
    listing = make_listing(site.session, title="Carving", description="Old figure, no papers.", seller="harbour")
    photo = make_photo(site.session, listing, body.getvalue(), width_px=900, height_px=600)
    make_scores(site.session, photo)
    return make_finding(site.session, listing, photo)


def wait_for(site: Site, person: Visitor, stage: Stage) -> Decision:
    """The decision of that stage, once it has arrived."""
    for _ in range(100):
        site.session.rollback()
        made = site.session.scalar(select(Decision).where(Decision.stage == stage))
        if made is not None:
            return made
        person.page.wait_for_timeout(50)
    raise AssertionError(f"no decision of stage {stage} arrived")


def test_first_look_blind_look_and_last_word_by_keyboard_alone(site: Site, enter: Enter, finding: FindingRow) -> None:
    ann = enter("ann", f"/findings/{finding.id}")
    ann.wait_for(f'[data-item="{finding.id}"][data-ready]')
    ann.page.keyboard.press("c")
    assert wait_for(site, ann, Stage.FIRST).verdict is Verdict.CONFIRM

    bob = enter("bob", "/queue/next")
    bob.page.wait_for_url(lambda url: f"/blind/{finding.listing_id}?back=" in url)
    main = bob.page.locator("main")
    for told in ("ann", "0.91", "threshold", "Confirmed"):
        expect(main).not_to_contain_text(told)
    bob.wait_for("[data-once][data-ready]")
    keys = bob.page.keyboard
    keys.press("Alt+4")
    keys.press("?")
    expect(bob.page.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    keys.press("/")
    keys.type("Resin: 4 seams, no grain")
    keys.press("Escape")
    keys.press("0")
    second = wait_for(site, bob, Stage.SECOND)
    assert (second.verdict, second.note) == (Verdict.DISMISS, "Resin: 4 seams, no grain")
    assert second.seconds is not None and second.seconds > 0
    bob.page.wait_for_url(lambda url: "/queue" in url and "/blind" not in url)

    lea = enter("lea", "/quality", Role.LEAD)
    lea.page.keyboard.press("s")
    lea.page.wait_for_url("**/rechecks/*")
    for told in ("ann", "bob", "Resin: 4 seams, no grain", "First answer", "Second answer, given blind"):
        expect(lea.page.locator("main")).to_contain_text(told)
    lea.wait_for("[data-once][data-ready]")
    lea.page.keyboard.press("/")
    lea.page.keyboard.type("Resin it is")
    lea.page.keyboard.press("Escape")
    lea.page.keyboard.press("d")
    final = wait_for(site, lea, Stage.ADJUDICATION)
    lea.page.wait_for_url("**/quality")
    expect(lea.page.get_by_role("status").first).to_contain_text("overturned")
    assert (final.verdict, final.note) == (Verdict.DISMISS, "Resin it is")
    site.session.expire_all()
    assert site.session.get_one(FindingRow, finding.id).state is FindingState.DISMISSED
    assert site.session.query(Recheck).one().state is RecheckState.OVERTURNED
    assert ann.complaints == bob.complaints == lea.complaints == []


def test_a_picture_is_shown_only_when_it_is_asked_for(site: Site, enter: Enter, finding: FindingRow) -> None:
    make_slice(site, finding)
    bob = enter("bob", "/blind/next")
    image = bob.page.locator("img[data-picture]")
    expect(image).to_have_attribute("src", address_of("veil", finding))
    bob.page.keyboard.press("r")
    expect(image).to_have_attribute("src", address_of("view", finding))
    assert bob.complaints == []


def address_of(part: str, finding: FindingRow) -> str:
    assert finding.photo is not None
    return f"/photos/{finding.photo.sha256}/{part}"


def make_slice(site: Site, finding: FindingRow) -> RecallAudit:
    """A recall audit of one item, which waits."""
    strata = [{"name": "low", "population": 40, "sampled": 1}]
    row = RecallAudit(from_at=now() - timedelta(days=1), to_at=now(), strata=strata, size=1, seed=7)
    row.items.append(RecallItem(listing=finding.listing, photo=finding.photo, stratum="low"))
    site.session.add(row)
    site.session.commit()
    return row


@pytest.fixture
def addresses(site: Site, finding: FindingRow) -> list[str]:
    """The pages of this room, with something on each."""
    ann, bob = make_user(site.session, "ann"), make_user(site.session, "bob")
    other = make_pictured(site, 20)
    decisions.decide(site.session, ann, other.id, Choice(Verdict.CONFIRM, "tusks"))
    dispute = adjudication.answer(site.session, bob, site.session.query(Recheck).one().id, Look("other", "plush"))
    site.session.commit()
    audit = make_slice(site, finding)
    today = f"{now():%Y-%m-%d}"
    plan = f"/quality/recall/new?first_day={today}&last_day={today}&size=10"
    return [
        "/quality",
        plan,
        f"/quality/recall/{audit.id}",
        f"/rechecks/{dispute.id}",
        f"/blind/{finding.listing_id}",
        f"/findings/{other.id}",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_narrow_screen(enter: Enter, addresses: list[str], scheme: str) -> None:
    lea = enter("lea", "/quality", Role.LEAD, color_scheme=scheme, viewport={"width": 360, "height": 740})
    faults = []
    for address in addresses:
        lea.open(address)
        if lea.page.evaluate("document.documentElement.scrollWidth") > 360:
            faults.append((address, "wide"))
        assert lea.page.locator("h1").count() == 1, address
        found = Axe().run(lea.page).response["violations"]
        faults += [(address, one["id"], [node["html"][:120] for node in one["nodes"][:2]]) for one in found]
    assert faults == []
    assert lea.complaints == []


def test_a_blind_item_is_answered_without_any_script(site: Site, enter: Enter, finding: FindingRow) -> None:
    audit = make_slice(site, finding)
    bob = enter("bob", "/blind/next", java_script_enabled=False)
    for needs_script in bob.page.locator(".needs-script, main kbd").all():
        expect(needs_script).to_be_hidden()
    bob.page.get_by_role("button", name="tiger skin").click()
    bob.page.wait_for_url("**/quality")
    site.session.expire_all()
    assert audit.items[0].answer == "tiger_skin"
