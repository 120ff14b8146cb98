import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores, make_source, make_user
from tests.webapp.views.conftest import SignIn, post
from tests.webapp.views.hostile import HOSTILE
from webapp.db import now
from webapp.models import (
    Decision,
    FindingRow,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckState,
    Role,
    Stage,
    User,
    Verdict,
)
from webapp.services import decisions, rechecks
from webapp.services.decisions import Choice

WORDS = {"title": "Carved figure", "description": "Old, from an estate", "seller": "harbour"}
SEAL = re.compile(r'name="seal" type="hidden" value="([0-9a-f]{64})"')


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


@pytest.fixture
def second(session: Session) -> FindingRow:
    """Ann confirmed it; a second look waits."""
    source = make_source(session, "Shop")
    finding = make_finding(session, make_listing(session, source, **WORDS))
    decisions.decide(session, make_user(session, "ann"), finding.id, Choice(Verdict.CONFIRM, "tusks of an elephant"))
    session.commit()
    return finding


@pytest.fixture
def sliced(session: Session) -> RecallItem:
    source = make_source(session, "Shop")
    make_scan(session, source)
    listing = make_listing(session, source, **WORDS)
    photo = make_photo(session, listing)
    make_scores(session, photo)
    row = RecallAudit(from_at=now(), to_at=now(), strata=[], size=1, seed=1)
    session.add(row)
    row.items.append(RecallItem(listing=listing, photo=photo, stratum="low"))
    session.commit()
    return row.items[0]


def open_next(client: FlaskClient) -> tuple[str, str]:
    """The address of the next item and its page."""
    address = client.get("/blind/next").location
    return address, client.get(address).text


def send(client: FlaskClient, address: str, page: str, answer: str, note: str = "") -> str:
    seal = SEAL.search(page)
    assert seal
    done = post(client, address, answer=answer, note=note, seal=seal[1])
    assert done.status_code == 302
    return str(done.location)


def test_the_page_shows_the_listing_and_nothing_that_anybody_thought(reviewer: FlaskClient, second: FindingRow) -> None:
    address, page = open_next(reviewer)
    assert address == f"/blind/{second.listing_id}"
    for words in ("Carved figure", "Old, from an estate", "harbour", "Shop"):
        assert words in page
    assert second.photo is not None and f"/photos/{second.photo.sha256}/" in page
    shown = page.replace('value="elephant"', "").replace(">elephant <kbd>", "").replace("<dd>elephant</dd>", "")
    lowered = shown.lower().partition("<main")[2]
    for word in ("0.91", "threshold", "elephant", "confirmed", "ann", "tusks", "second look", "recall", "audit"):
        assert not re.search(rf"\b{re.escape(word)}\b", lowered.partition("<footer")[0]), word
    assert f"/findings/{second.id}" not in page and "/rules/" not in page.partition("<main")[2]


def test_a_second_look_and_an_item_of_an_audit_are_one_page(
    sign_in: SignIn, session: Session, second: FindingRow
) -> None:
    client = sign_in(Role.REVIEWER)
    _, page = open_next(client)
    assert "Carved figure" in page
    shape = blank(page)
    session.query(Recheck).update({"state": RecheckState.VOID})
    session.commit()
    listing = second.listing
    row = RecallAudit(from_at=now(), to_at=now(), strata=[], size=1, seed=1)
    row.items.append(RecallItem(listing=listing, photo=second.photo, stratum="low"))
    session.add(row)
    session.commit()
    again, other = open_next(client)
    assert again == f"/blind/{listing.id}"
    assert blank(other) == shape


def blank(page: str) -> str:
    """The page without what is another on each loading."""
    for changing in (r'name="csrf_token"[^>]*', r'name="shown_at"[^>]*', r'data-token="[^"]*', r"[0-9a-f]{64}"):
        page = re.sub(changing, "", page)
    return page


def test_an_answer_is_kept_and_the_state_stays(reviewer: FlaskClient, second: FindingRow, session: Session) -> None:
    address, page = open_next(reviewer)
    assert send(reviewer, address, page, "other", "plush, see the seam") == "/quality"
    session.expire_all()
    answer = session.query(Decision).filter_by(stage=Stage.SECOND).one()
    assert (answer.verdict, answer.note) == (Verdict.DISMISS, "plush, see the seam")
    assert session.get_one(FindingRow, second.id).state.value == "confirmed"


def test_an_item_of_an_audit_is_answered_alike(reviewer: FlaskClient, sliced: RecallItem, session: Session) -> None:
    address, page = open_next(reviewer)
    assert send(reviewer, f"{address}?back=/queue", page, "pangolin") == "/queue"
    session.expire_all()
    assert session.get_one(RecallItem, sliced.id).answer == "pangolin"


def test_an_answer_does_not_land_on_what_took_the_item_s_place(
    reviewer: FlaskClient, second: FindingRow, session: Session
) -> None:
    address, page = open_next(reviewer)
    seal = SEAL.search(page)
    assert seal
    for wrong in ("", "0" * 64):
        assert post(reviewer, address, answer="other", seal=wrong).location == "/blind/next"
    session.query(Recheck).update({"state": RecheckState.VOID})
    session.commit()
    done = post(reviewer, address, answer="other", seal=seal[1])
    assert done.location == "/blind/next"
    assert session.query(Decision).filter_by(stage=Stage.SECOND).count() == 0
    assert second.id


@pytest.mark.parametrize("answer", ["", "unicorn"])
def test_an_answer_that_is_none_is_asked_for_again(reviewer: FlaskClient, second: FindingRow, answer: str) -> None:
    address, page = open_next(reviewer)
    seal = SEAL.search(page)
    assert seal and second.id
    done = post(reviewer, address, answer=answer, seal=seal[1], note="kept")
    assert done.status_code == 422
    assert "Say what you suspect" in done.text and "kept" in done.text


def test_the_one_who_decided_gets_nothing(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.REVIEWER)
    finding = make_finding(session)
    me = session.query(User).filter_by(name="reviewer").one()
    decisions.decide(session, me, finding.id, Choice(Verdict.CONFIRM))
    session.commit()
    page = client.get("/blind/next", follow_redirects=True)
    assert page.request.path == "/quality"
    assert "Nothing waits for a blind look by you." in page.text
    assert client.get(f"/blind/{finding.listing_id}").location == "/blind/next"


def test_skipping_leaves_it_to_others(sign_in: SignIn, second: FindingRow) -> None:
    client = sign_in(Role.REVIEWER)
    address, _ = open_next(client)
    other = sign_in(Role.LEAD)
    assert other.get("/blind/next").location == "/quality", "somebody has it"
    client.get(f"/blind/next?skip={second.listing_id}")
    assert client.get("/blind/next").location == address


def test_a_way_back_leads_nowhere_else(reviewer: FlaskClient, second: FindingRow) -> None:
    assert second.id
    assert "evil" not in reviewer.get("/blind/next?back=//evil.example").location


def test_what_sellers_write_shows_as_text(reviewer: FlaskClient, session: Session, second: FindingRow) -> None:
    second.listing.title = second.listing.description = " ".join(HOSTILE)
    session.commit()
    _, page = open_next(reviewer)
    assert "<script>alert" not in page and "<img src=x" not in page
