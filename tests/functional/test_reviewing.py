"""The reviewer's day, in a real browser."""

import io
from hashlib import sha256

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories import make_finding, make_listing, make_photo, make_scores, place_photo
from tests.functional.conftest import Enter, Site, Visitor
from webapp.models import (
    AuditEntry,
    Decision,
    DecisionUndo,
    FindingRow,
    FindingState,
    NearPhoto,
    Reveal,
    ReviewClaim,
    ReviewSkip,
    Role,
    Verdict,
)
from webapp.services import photos, preferences, team
from webapp.storage import open_store

pytestmark = pytest.mark.browser


def picture(site: Site, number: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (900, 600), (number * 5 % 255, 90, number % 255)).save(body, "JPEG")
    photos.store(open_store(site.settings), body.getvalue())
    return body.getvalue()


def make_item(site: Site, number: int, pictures: int = 1, **fields: object) -> FindingRow:
    """An open finding with real pictures; the larger its number, the later it comes."""
    listing = make_listing(site.session, title=f"Carving {number}", description="Old ivory figure, no papers.")
    shown = []
    for place in range(pictures):
        body = picture(site, number * 7 + place)
        pixels = sha256(body).hexdigest()
        photo = make_photo(site.session, listing, body, width_px=900, height_px=600, pixel_hash=pixels)
        make_scores(site.session, photo)
        shown.append(photo)
    return make_finding(site.session, listing, shown[0], priority=4.9 - number / 1000, **fields)


def make_items(site: Site, count: int) -> list[int]:
    ids = [make_item(site, number).id for number in range(count)]
    site.session.commit()
    return ids


def when_ready(person: Visitor, finding_id: int) -> None:
    """Wait until the item shows and may be decided."""
    person.wait_for(f'[data-item="{finding_id}"][data-ready]')


def item_shown(person: Visitor) -> int:
    return int(person.page.locator("[data-item]").get_attribute("data-item") or 0)


def decided(site: Site) -> dict[int, Verdict]:
    site.session.expire_all()
    return {row.finding_id: row.verdict for row in site.session.scalars(select(Decision).order_by(Decision.id))}


def wait_for_decisions(site: Site, person: Visitor, count: int) -> None:
    for _ in range(100):
        if len(decided(site)) >= count:
            return
        person.page.wait_for_timeout(50)
    raise AssertionError(f"{len(decided(site))} of {count} decisions arrived")


def test_fifty_items_by_keyboard_alone(site: Site, enter: Enter) -> None:
    ids = make_items(site, 52)
    ann = enter("ann", "/queue/next")
    keys = ann.page.keyboard
    wanted: dict[int, Verdict] = {}
    documents = count_documents(ann)
    for number, finding_id in enumerate(ids[:50]):
        when_ready(ann, finding_id)
        key, verdict = [("c", Verdict.CONFIRM), ("d", Verdict.DISMISS), ("e", Verdict.ESCALATE)][number % 3]
        if number % 10 == 1:
            keys.press("3")
        if number % 10 == 2:
            keys.press("/")
            keys.type("c d e n 1 — none of these is a command here")
            keys.press("Escape")
        keys.press(key)
        wanted[finding_id] = verdict
    when_ready(ann, ids[50])
    wait_for_decisions(site, ann, 50)
    assert decided(site) == wanted
    rows = {row.finding_id: row for row in site.session.scalars(select(Decision))}
    assert rows[ids[1]].concept == "elephant"
    assert rows[ids[2]].note == "c d e n 1 — none of these is a command here"
    assert all(row.seconds is not None and row.role == "reviewer" and row.batch for row in rows.values())
    assert documents == [], "no page was loaded again"
    assert ann.complaints == []


def count_documents(person: Visitor) -> list[str]:
    """Fills with the address of every document that is loaded from now on."""
    loaded: list[str] = []
    person.page.on("request", lambda asked: loaded.append(asked.url) if asked.resource_type == "document" else None)
    return loaded


def test_a_key_pressed_twice_decides_once(site: Site, enter: Enter) -> None:
    first, second, *_ = make_items(site, 3)
    ann = enter("ann", f"/findings/{first}")
    when_ready(ann, first)
    ann.page.wait_for_function("performance.now() > 0")
    # Both presses reach the page before it can have painted the next item.
    ann.page.evaluate("""() => { for (let n = 0; n < 3; n++)
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "c", bubbles: true, cancelable: true })); }""")
    when_ready(ann, second)
    wait_for_decisions(site, ann, 1)
    assert decided(site) == {first: Verdict.CONFIRM}
    assert ann.complaints == []


def test_next_previous_skip_and_undo(site: Site, enter: Enter) -> None:
    first, second, third, fourth = make_items(site, 4)
    ann = enter("ann", "/queue/next")
    keys = ann.page.keyboard
    when_ready(ann, first)
    keys.press("n")
    when_ready(ann, second)
    keys.press("s")
    when_ready(ann, third)
    expect(ann.page.locator("#voice")).to_contain_text("Left to others")
    keys.press("p")
    when_ready(ann, second)
    ann.page.go_back()
    when_ready(ann, third)
    keys.press("d")
    when_ready(ann, fourth)
    expect(ann.page.locator("#voice")).to_contain_text("Dismissed: Suspected elephant in the picture.")
    keys.press("u")
    when_ready(ann, third)
    expect(ann.page.locator("#voice")).to_contain_text("Taken back")
    site.session.expire_all()
    row = site.session.get(FindingRow, third)
    assert row is not None and row.state is FindingState.OPEN
    assert site.session.query(DecisionUndo).count() == 1
    assert [skip.finding_id for skip in site.session.query(ReviewSkip)] == [second]
    assert ann.complaints == []


def test_what_was_decided_last_is_told_and_taken_back_where_no_finding_follows(site: Site, enter: Enter) -> None:
    (only,) = make_items(site, 1)
    ann = enter("ann", "/queue/next")
    when_ready(ann, only)
    ann.page.keyboard.press("d")
    ann.page.wait_for_url(lambda url: "/findings/" not in url)
    expect(ann.page.locator("#voice")).to_contain_text("Dismissed: Suspected elephant in the picture.")
    ann.page.keyboard.press("u")
    ann.page.wait_for_url(f"**/findings/{only}")
    expect(ann.page.locator(".flashes")).to_contain_text("Taken back")
    site.session.expire_all()
    assert site.session.get_one(FindingRow, only).state is FindingState.OPEN
    assert ann.complaints == []


def test_two_reviewers_at_once_never_have_the_same_item(site: Site, enter: Enter) -> None:
    ids = make_items(site, 14)
    ann, bob = enter("ann", "/queue/next"), enter("bob", "/queue/next")
    seen: dict[str, list[int]] = {"ann": [], "bob": []}
    for _ in range(5):
        for name, person in (("ann", ann), ("bob", bob)):
            person.wait_for("[data-item][data-ready]")
            seen[name].append(item_shown(person))
            expect(person.page.get_by_role("button", name="Confirm")).to_be_visible()
        assert item_shown(ann) != item_shown(bob)
        for person in (ann, bob):
            shown = item_shown(person)
            person.page.keyboard.press("c")
            person.wait_for(f'[data-item]:not([data-item="{shown}"])')
    assert not set(seen["ann"]) & set(seen["bob"])
    assert set(seen["ann"]) | set(seen["bob"]) <= set(ids)
    wait_for_decisions(site, ann, 10)
    site.session.expire_all()
    by = {(row.user.name, row.finding_id) for row in site.session.query(Decision)}
    assert by == {(name, one) for name, row in seen.items() for one in row}
    assert ann.complaints == bob.complaints == []


def test_who_comes_second_reads_and_does_not_decide_until_a_lead_takes_over(site: Site, enter: Enter) -> None:
    (only,) = make_items(site, 1)
    ann = enter("ann", f"/findings/{only}")
    when_ready(ann, only)
    bob = enter("bob", f"/findings/{only}")
    expect(bob.page.get_by_role("region", name="Decision")).to_contain_text("ann has this listing")
    expect(bob.page.get_by_role("button", name="Confirm")).to_have_count(0)
    expect(bob.page.get_by_role("button", name="Take it over")).to_have_count(0)
    lea = enter("lea", f"/findings/{only}", Role.LEAD)
    lea.page.get_by_role("button", name="Take it over").click()
    expect(lea.page.get_by_role("button", name="Confirm")).to_be_visible()
    site.session.expire_all()
    assert site.session.scalar(select(AuditEntry.actor).where(AuditEntry.action == "review.take_over")) == "lea"
    ann.page.keyboard.press("c")
    expect(ann.page.get_by_role("alert")).to_contain_text("lea has this listing")
    assert decided(site) == {}


def test_leaving_the_page_puts_the_listing_back(site: Site, enter: Enter) -> None:
    first, *_ = make_items(site, 2)
    ann = enter("ann", f"/findings/{first}")
    when_ready(ann, first)
    # What was asked for beforehand is put back once it has come; left on its way, it stays claimed until that lapses.
    ann.page.wait_for_load_state("networkidle")
    assert site.session.query(ReviewClaim).count() == 2
    ann.open("/rules")
    for _ in range(60):
        site.session.expire_all()
        if site.session.query(ReviewClaim).count() == 0:
            return
        ann.page.wait_for_timeout(50)
    raise AssertionError("the claims are still there")


def test_pictures_are_blurred_until_one_is_shown_and_that_is_remembered(site: Site, enter: Enter) -> None:
    row = make_item(site, 1, pictures=3)
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}")
    keys, image = ann.page.keyboard, ann.page.locator("[data-picture]")
    when_ready(ann, row.id)
    expect(image).to_have_css("filter", "blur(28px) grayscale(1)")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 24
    keys.press("r")
    expect(image).to_have_css("filter", "grayscale(1)")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 900
    keys.press("g")
    expect(image).to_have_css("filter", "none")
    keys.press("j")
    expect(image).to_have_css("filter", "blur(28px)")
    keys.press("k")
    keys.press("b")
    expect(image).to_have_css("filter", "none")
    ann.page.wait_for_function("document.querySelector('[data-look=blur] button').ariaPressed === 'false'")
    ann.page.wait_for_timeout(300)
    site.session.expire_all()
    assert site.session.query(Reveal).count() == 1
    ann.page.reload()
    expect(ann.page.locator("[data-picture]")).to_have_css("filter", "none")
    ann.open("/queue")
    expect(ann.page.locator(".photo").first).to_have_css("filter", "none")
    assert ann.complaints == []


def test_a_held_picture_shows_for_a_moment(site: Site, enter: Enter) -> None:
    (only,) = make_items(site, 1)
    ann = enter("ann", f"/findings/{only}")
    when_ready(ann, only)
    image = ann.page.locator("[data-picture]")
    box = ann.page.locator("[data-frame]").bounding_box()
    assert box is not None
    ann.page.mouse.move(box["x"] + 60, box["y"] + 60)
    ann.page.mouse.down()
    expect(image).to_have_css("filter", "grayscale(1)")
    ann.page.mouse.up()
    expect(image).to_have_css("filter", "blur(28px) grayscale(1)")


def test_after_the_limit_pictures_stay_blurred(site: Site, enter: Enter) -> None:
    team.choose(site.session, None, graphic_limit=1)
    row = make_item(site, 1, pictures=2)
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}")
    keys = ann.page.keyboard
    when_ready(ann, row.id)
    keys.press("r")
    expect(ann.page.locator("[data-picture]")).to_have_css("filter", "grayscale(1)")
    keys.press("j")
    keys.press("r")
    expect(ann.page.locator("#voice")).to_contain_text("Pictures stay blurred until")
    expect(ann.page.locator("[data-picture]")).to_have_css("filter", "blur(28px) grayscale(1)")
    # The refusal (409) is an answer that Chromium's console tells of.
    assert all("409" in one for one in ann.complaints)


def test_zoom_and_pan_by_keyboard_and_mouse(site: Site, enter: Enter) -> None:
    (only,) = make_items(site, 1)
    ann = enter("ann", f"/findings/{only}")
    when_ready(ann, only)
    keys, image = ann.page.keyboard, ann.page.locator("[data-picture]")
    keys.press("r")
    expect(image).to_have_css("filter", "grayscale(1)")
    keys.press("z")
    expect(image).to_have_css("transform", "matrix(2.5, 0, 0, 2.5, 0, 0)")
    keys.press("ArrowLeft")
    expect(image).to_have_css("transform", "matrix(2.5, 0, 0, 2.5, 60, 0)")
    box = ann.page.locator("[data-frame]").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    ann.page.mouse.move(*middle)
    ann.page.mouse.down()
    ann.page.mouse.move(middle[0] - 40, middle[1] + 10)
    ann.page.mouse.up()
    expect(image).to_have_css("transform", "matrix(2.5, 0, 0, 2.5, 20, 10)")
    keys.press("z")
    expect(image).to_have_css("transform", "none")


def test_a_cluster_is_decided_in_one_act_with_an_override(site: Site, enter: Enter) -> None:
    row, twin, near, last = (make_item(site, number) for number in range(4))
    assert row.photo and near.photo
    sibling = make_finding(site.session, row.listing, words_only=True, rule="ivory_words", priority=1)
    place_photo(site.session, twin.listing, row.photo)
    same = make_finding(site.session, twin.listing, row.photo, rule="elephant_again", priority=1)
    site.session.add_all(
        [
            NearPhoto(photo_id=row.photo.id, other_id=near.photo.id, distance=9),
            NearPhoto(photo_id=near.photo.id, other_id=row.photo.id, distance=9),
        ]
    )
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}")
    when_ready(ann, row.id)
    page = ann.page
    page.get_by_text("Decides this finding and 2 more").click()
    expect(page.locator(f"#also-{near.id}")).not_to_be_checked()
    page.locator(f"#also-{near.id}").check()
    expect(page.get_by_text("Decides this finding and 3 more")).to_be_visible()
    page.locator(f"#verdict-{sibling.id}").select_option("dismiss")
    page.locator("h1").click()
    page.keyboard.press("c")
    when_ready(ann, twin.id)
    wait_for_decisions(site, ann, 4)
    assert decided(site) == {
        row.id: Verdict.CONFIRM,
        same.id: Verdict.CONFIRM,
        near.id: Verdict.CONFIRM,
        sibling.id: Verdict.DISMISS,
    }
    assert len({one.batch for one in site.session.query(Decision)}) == 1
    page.keyboard.press("u")
    when_ready(ann, row.id)
    site.session.expire_all()
    assert {one.state for one in (row, same, near, sibling, last)} == {FindingState.OPEN}
    assert ann.complaints == []


def test_the_law_of_another_country_shows_without_leaving(site: Site, enter: Enter) -> None:
    row = make_item(site, 1, concept="ivory")
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}")
    documents = count_documents(ann)
    expect(ann.page.locator("#law")).to_contain_text("Ivory Act 2018")
    ann.page.locator("#law-country").select_option("JP")
    ann.page.locator("#law").get_by_role("button", name="Show").click()
    expect(ann.page.locator("#law h2")).to_contain_text("Japan")
    assert documents == []
    site.session.expire_all()
    claim = site.session.scalars(select(ReviewClaim)).one()
    assert preferences.of(claim.user).country == "JP"


def test_keys_can_be_switched_off(site: Site, enter: Enter) -> None:
    first, *_ = make_items(site, 2)
    ann = enter("ann", f"/findings/{first}")
    when_ready(ann, first)
    keys = ann.page.keyboard
    keys.press("?")
    dialog = ann.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Keys are on").click()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    keys.press("c")
    keys.press("1")
    assert decided(site) == {}
    assert ann.page.locator("#concept").input_value() == ""


@pytest.mark.parametrize("chord", ["Control+c", "Alt+d", "Meta+e"])
def test_keys_rest_while_a_modifier_is_held(site: Site, enter: Enter, chord: str) -> None:
    first, *_ = make_items(site, 2)
    ann = enter("ann", f"/findings/{first}")
    when_ready(ann, first)
    ann.page.keyboard.press(chord)
    ann.page.keyboard.press("?")
    expect(ann.page.get_by_role("dialog")).to_be_visible()
    assert item_shown(ann) == first
    assert decided(site) == {}


def test_all_of_it_without_scripts(site: Site, enter: Enter) -> None:
    row = make_item(site, 1, pictures=2)
    other = make_item(site, 2)
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}", java_script_enabled=False)
    page = ann.page
    page.get_by_role("button", name="Show this picture").click()
    assert page.locator("[data-picture]").get_attribute("src", timeout=3000).endswith("/view")  # type: ignore[union-attr]
    page.get_by_role("link", name="Picture 2").click()
    page.wait_for_url("**picture=*")
    page.get_by_role("button", name="No colour").click()
    page.get_by_label("What you see").select_option("tiger")
    page.get_by_role("button", name="Dismiss").click()
    page.wait_for_url(f"**/findings/{other.id}")
    assert decided(site) == {row.id: Verdict.DISMISS}
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**/findings/{row.id}")
    page.get_by_role("button", name="Skip").click()
    page.wait_for_url(f"**/findings/{other.id}")
    site.session.expire_all()
    assert row.state is FindingState.OPEN


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark"), (3840, "light")])
def test_no_width_scrolls_sideways_or_complains(site: Site, enter: Enter, width: int, scheme: str) -> None:
    row = make_item(site, 1, pictures=9)
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    when_ready(ann, row.id)
    assert ann.page.evaluate("document.documentElement.scrollWidth") <= width
    assert ann.complaints == []


def test_what_decides_stands_on_the_first_screen(site: Site, enter: Enter) -> None:
    row = make_item(site, 1, pictures=4)
    site.session.commit()
    ann = enter("ann", f"/findings/{row.id}")
    when_ready(ann, row.id)
    bar = ann.page.get_by_role("region", name="Decision").bounding_box()
    assert bar is not None
    for what in ("[data-frame]", ".strip", "h1", ".decisive", ".listing-name", ".listing-text"):
        box = ann.page.locator(what).first.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= bar["y"] + 1, what
