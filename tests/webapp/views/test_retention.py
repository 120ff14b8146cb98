"""Policies in two steps, what was removed, legal holds, and how pages say that something is gone."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import add, make_source, make_user
from tests.webapp.services.shelves import Shelves
from tests.webapp.views.conftest import SignIn, post, the_deed
from webapp.models import AuditEntry, FindingRow, FindingState, HoldScope, Kept, LegalHold, RetentionPolicy, Role
from webapp.services import holds, purging
from webapp.settings import Settings


@pytest.fixture
def shelves(session: Session, settings: Settings) -> Shelves:
    return Shelves(session, settings)


@pytest.fixture
def lead(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.LEAD)


@pytest.fixture
def gone(shelves: Shelves) -> FindingRow:
    """A dismissed finding whose picture was removed."""
    shelves.policy(unflagged=10, dismissed=40)
    listing = shelves.listing(50, title="Bangle", seller="ann")
    finding = shelves.finding(listing, shelves.photo(listing), FindingState.DISMISSED, 50)
    shelves.archive(listing)
    shelves.log(listing, 50)
    shelves.session.commit()
    purging.purge(shelves.session, shelves.settings)
    return finding


def test_a_policy_is_set_after_what_it_means_was_shown(admin: FlaskClient, shelves: Shelves, session: Session) -> None:
    shelves.photo(shelves.listing(20))
    session.commit()
    shown = post(admin, "/retention", unflagged="10")
    assert "until now kept for ever, then kept 10 days" in shown.text
    assert "1 file with" in shown.text
    assert "does not come back" in shown.text
    assert session.query(RetentionPolicy).count() == 0, "nothing is saved before it is confirmed"
    assert post(admin, "/retention", unflagged="10", sure="y").status_code == 302
    assert {row.kind: row.days for row in session.query(RetentionPolicy)} == {Kept.UNFLAGGED: 10}
    assert (the_deed(session).action, the_deed(session).facts) == ("retention.set", {"before": None, "after": 10})
    page = admin.get("/retention").text
    assert "10 days" in page and "acts from" in page
    post(admin, "/retention", unflagged="10")
    assert "Nothing was changed." in admin.get("/retention").text


def test_a_policy_is_taken_back(admin: FlaskClient, shelves: Shelves, session: Session) -> None:
    shelves.policy(unflagged=10, cases=500)
    session.commit()
    assert "until now kept 10 days, then kept for ever" in post(admin, "/retention", unflagged="", cases="500").text
    post(admin, "/retention", unflagged="", cases="500", sure="y")
    assert [row.kind for row in session.query(RetentionPolicy)] == [Kept.CASES]


@pytest.mark.parametrize(
    ("field", "value"), [("unflagged", "6"), ("confirmed", "364"), ("cases", "x"), ("reports", "-1")]
)
def test_a_period_that_is_too_short_is_refused(admin: FlaskClient, session: Session, field: str, value: str) -> None:
    answer = post(admin, "/retention", **{field: value}, sure="y")
    assert answer.status_code == 422 and "field-error" in answer.text
    assert session.query(RetentionPolicy).count() == 0


@pytest.mark.usefixtures("gone")
def test_the_page_tells_what_was_removed_and_finds_it_by_digest(reviewer: FlaskClient, gone: FindingRow) -> None:
    page = reviewer.get("/retention").text
    assert "What was found on its listings was dismissed, and nothing has happened for more than 40 days." in page
    assert "Change the policies" not in page, "that is for admins"
    assert gone.photo and gone.photo.sha256 in reviewer.get(f"/retention?sha256={gone.photo.sha256}").text
    assert "No such file was removed." in reviewer.get(f"/retention?sha256={'0' * 64}").text


def test_a_removed_picture_answers_410_with_day_reason_and_digest(reviewer: FlaskClient, gone: FindingRow) -> None:
    assert gone.photo and gone.photo.purged_at
    sha256, day = gone.photo.sha256, gone.photo.purged_at.date().isoformat()
    for kind in ("thumbnail", "veil", "view", "detail"):
        answer = reviewer.get(f"/photos/{sha256}/{kind}")
        assert (answer.status_code, answer.mimetype) == (410, "image/svg+xml")
        assert day in answer.text and "was dismissed" in answer.text and sha256 in answer.text
        assert answer.headers["Cache-Control"] == "no-store", "a new crawl may bring it back"
    for answer in (reviewer.get(f"/photos/{sha256}/original"), post(reviewer, f"/photos/{sha256}/reveal")):
        assert answer.status_code == 410 and day in answer.text and sha256 in answer.text


def test_the_finding_says_that_its_evidence_is_gone_and_asks_for_no_picture(
    reviewer: FlaskClient, gone: FindingRow
) -> None:
    page = reviewer.get(f"/findings/{gone.id}").text
    assert "This picture was removed on" in page and "nothing has happened for more than 40 days" in page
    assert f"/photos/{gone.photo.sha256}/" not in page  # type: ignore[union-attr]
    assert page.count("removed on") >= 3, "the picture, its digest, the archive"
    assert "Removed on" in reviewer.get("/queue?state=dismissed").text


def test_the_log_of_a_crawl_says_that_it_is_gone(reviewer: FlaskClient, gone: FindingRow, session: Session) -> None:
    session.refresh(gone.listing)
    answer = reviewer.get(f"/scans/{gone.listing.last_scan_id}/log")
    assert answer.status_code == 410 and "The log of this crawl was removed on" in answer.text


def test_a_lead_places_a_hold_from_the_finding_and_everybody_sees_it(
    lead: FlaskClient, sign_in: SignIn, shelves: Shelves, session: Session
) -> None:
    listing = shelves.listing(1, seller="ann & co")
    finding = shelves.finding(listing, shelves.photo(listing), FindingState.OPEN, 1)
    session.commit()
    page = lead.get(f"/findings/{finding.id}").text
    assert "Under legal hold" not in page and f"/holds/new?scope=finding&amp;target={finding.id}" in page
    form = lead.get(f"/holds/new?scope=seller&target={listing.source_id}&seller=ann+%26+co&back=/findings/{finding.id}")
    assert "Seller ann &amp; co in" in form.text
    wanted = {"scope": "seller", "target": str(listing.source_id), "seller": "ann & co"}
    assert post(lead, "/holds/new", **wanted, reason="").status_code == 422
    answer = post(lead, "/holds/new", **wanted, reason="The prosecutor asked.", back=f"/findings/{finding.id}")
    assert answer.location == f"/findings/{finding.id}"
    assert "The prosecutor asked." in lead.get(f"/findings/{finding.id}").text
    viewer = sign_in(Role.VIEWER)
    page = viewer.get(f"/findings/{finding.id}").text
    assert "Under legal hold" in page and "The prosecutor" not in page, "the reason is for leads"
    assert "The prosecutor" not in viewer.get("/holds").text


def test_a_hold_is_released_with_a_reason_once(lead: FlaskClient, session: Session) -> None:
    source = make_source(session)
    hold = holds.place(session, make_user(session), HoldScope.SOURCE, source.id, "An inquiry.")
    session.commit()
    assert "An inquiry." in lead.get("/holds").text
    assert post(lead, f"/holds/{hold.id}/release", reason=" ").status_code == 422
    for _ in range(2):
        assert post(lead, f"/holds/{hold.id}/release", reason="It is over.").status_code == 302
    session.expire_all()
    assert (hold.release_reason, hold.released_at is not None) == ("It is over.", True)
    entries = session.query(AuditEntry).filter(AuditEntry.action.startswith("hold.")).order_by(AuditEntry.id)
    assert [(one.action, one.facts["reason"]) for one in entries] == [
        ("hold.place", "An inquiry."),
        ("hold.release", "It is over."),
    ]
    assert "It is over." in lead.get("/holds").text


@pytest.mark.parametrize("query", ["", "?scope=finding&target=99", "?scope=else&target=1", "?scope=seller&target=1"])
def test_what_there_is_not_can_not_be_held(lead: FlaskClient, session: Session, query: str) -> None:
    make_source(session)
    session.commit()
    assert lead.get(f"/holds/new{query}").status_code == 404


def test_the_way_back_from_a_hold_leads_nowhere_else(lead: FlaskClient, session: Session) -> None:
    source = add(session, make_source(session))
    session.commit()
    sent = {"scope": "source", "target": str(source.id), "reason": "An inquiry."}
    assert post(lead, "/holds/new", **sent, back="https://elsewhere.example/").location == "/holds"
    assert session.query(LegalHold).count() == 1


def test_a_report_a_case_file_and_a_source_offer_a_hold_and_show_it(
    lead: FlaskClient, shelves: Shelves, session: Session
) -> None:
    report, case = shelves.report(1), shelves.case(1, findings=[])
    source = make_source(session)
    session.commit()
    pages = {
        f"/reports/{report.id}": (HoldScope.REPORT, report.id),
        f"/cases/{case.id}": (HoldScope.CASE, case.id),
        f"/sources/{source.id}": (HoldScope.SOURCE, source.id),
    }
    for address, (scope, number) in pages.items():
        page = lead.get(address).text
        assert f"/holds/new?scope={scope}&amp;target={number}" in page and "Under legal hold" not in page, address
        holds.place(session, None, scope, number, "An inquiry.")
        session.commit()
        assert "Under legal hold" in lead.get(address).text, address
    assert all(address in lead.get("/holds").text for address in pages)
