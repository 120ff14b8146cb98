from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_scan, make_source, make_user
from tests.webapp.views.conftest import SignIn, post
from tests.webapp.views.hostile import HOSTILE
from webapp.db import now
from webapp.models import (
    FindingRow,
    FindingState,
    RecallAudit,
    Recheck,
    RecheckPolicy,
    RecheckState,
    Role,
    Verdict,
)
from webapp.services import adjudication, decisions, rechecks
from webapp.services.adjudication import Look
from webapp.services.decisions import Choice

RULE = "elephant_seen"


@pytest.fixture
def lead(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.LEAD)


@pytest.fixture
def dispute(session: Session, monkeypatch: pytest.MonkeyPatch) -> Recheck:
    """Ann confirmed, bob saw nothing."""
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)
    finding = make_finding(session)
    decisions.decide(session, make_user(session, "ann"), finding.id, Choice(Verdict.CONFIRM, "tusks"))
    row = adjudication.answer(
        session, make_user(session, "bob"), session.query(Recheck).one().id, Look("other", "plush")
    )
    session.commit()
    return row


def test_the_page_says_what_is_not_known_yet(sign_in: SignIn) -> None:
    page = sign_in(Role.VIEWER).get("/quality").text
    for words in ("No finding of this period is decided.", "No recall audit covers this period.", "No dispute"):
        assert words in page
    assert "Set the share" not in page and "Plan a recall audit" not in page


def test_a_dispute_stands_there_and_waiting_ones_are_a_number_alone(lead: FlaskClient, dispute: Recheck) -> None:
    page = lead.get("/quality").text
    assert f'href="/rechecks/{dispute.id}"' in page
    assert "Two people disagree" in page
    assert "0 second looks wait to be taken." in page


def test_a_lead_sees_both_answers_side_by_side_and_settles(
    lead: FlaskClient, dispute: Recheck, session: Session
) -> None:
    page = lead.get(f"/rechecks/{dispute.id}").text
    for words in ("ann", "tusks", "bob", "plush", "First answer", "Second answer, given blind", "0.91"):
        assert words in page
    done = post(lead, f"/rechecks/{dispute.id}", verdict="dismiss", note="a seam")
    assert done.location == "/quality"
    session.expire_all()
    assert dispute.state is RecheckState.OVERTURNED
    assert session.get_one(FindingRow, dispute.finding_id).state is FindingState.DISMISSED
    after = lead.get(f"/rechecks/{dispute.id}").text
    assert "Last word" in after and 'value="confirm"' not in after
    assert post(lead, f"/rechecks/{dispute.id}", verdict="confirm").status_code == 409


def test_a_case_needs_an_answer(lead: FlaskClient, dispute: Recheck) -> None:
    done = post(lead, f"/rechecks/{dispute.id}", verdict="escalate")
    assert done.status_code == 422 and "Choose confirm or dismiss." in done.text


def test_nobody_is_told_which_decision_waits_for_its_second_look(
    lead: FlaskClient, dispute: Recheck, session: Session
) -> None:
    dispute.second, dispute.state = None, RecheckState.WAITING
    session.commit()
    assert lead.get(f"/rechecks/{dispute.id}").status_code == 404
    assert lead.get("/rechecks/999").status_code == 404


def test_an_appeal_is_raised_from_a_finding_and_decided(sign_in: SignIn, dispute: Recheck, session: Session) -> None:
    reviewer = sign_in(Role.REVIEWER)
    address = f"/findings/{dispute.finding_id}/appeal"
    done = post(reviewer, address, claim=f"It is resin {HOSTILE[0]}", raised_by="the seller")
    assert done.location == f"/findings/{dispute.finding_id}"
    row = session.query(Recheck).filter_by(raised_by="the seller").one()
    lead = sign_in(Role.LEAD)
    assert "Appeal by the seller" in lead.get("/quality").text
    page = lead.get(f"/rechecks/{row.id}").text
    assert "It is resin" in page and HOSTILE[0] not in page
    post(lead, f"/rechecks/{row.id}", verdict="confirm")
    session.expire_all()
    assert row.state is RecheckState.UPHELD


@pytest.mark.parametrize("fields", [{"claim": ""}, {"claim": "x" * 2001}, {"claim": "why", "raised_by": "x" * 81}])
def test_an_appeal_without_words_is_refused_with_a_sentence(
    sign_in: SignIn, dispute: Recheck, session: Session, fields: dict[str, str]
) -> None:
    client = sign_in(Role.REVIEWER)
    assert post(client, f"/findings/{dispute.finding_id}/appeal", **fields).status_code == 302
    assert session.query(Recheck).count() == 1
    assert post(client, "/findings/999/appeal", claim="why").status_code == 404


def test_a_lead_sets_how_much_of_a_rule_is_looked_at_again(lead: FlaskClient, session: Session) -> None:
    assert post(lead, "/quality/policies", rule=RULE, percent="40").location == "/quality"
    assert session.query(RecheckPolicy).one().share == 0.4
    assert post(lead, "/quality/policies", rule=RULE, percent="140").status_code == 422
    assert post(lead, "/quality/policies", rule="unknown", percent="4").status_code == 422
    post(lead, "/quality/policies", rule=RULE, percent="")
    assert session.query(RecheckPolicy).count() == 0


@pytest.fixture
def unflagged(session: Session) -> None:
    source = make_source(session)
    make_scan(session, source)
    for _ in range(20):
        make_listing(session, source)
    session.commit()


@pytest.mark.usefixtures("unflagged")
def test_a_plan_is_shown_before_anything_is_started(lead: FlaskClient, session: Session) -> None:
    days = {"first_day": f"{now() - timedelta(days=3):%Y-%m-%d}", "last_day": f"{now():%Y-%m-%d}"}
    page = lead.get("/quality/recall/new", query_string={**days, "size": "12"}).text
    assert "No picture and no such word" in page and "Start it: 12 blind looks" in page
    assert session.query(RecallAudit).count() == 0
    done = post(lead, "/quality/recall", **days, size="12")
    row = session.query(RecallAudit).one()
    assert done.location == f"/quality/recall/{row.id}"
    shown = lead.get(done.location).text
    assert "12 answers of 12 are missing" in shown and str(row.seed) in shown
    assert "Nothing of the recall audit is answered yet." in shown
    assert post(lead, f"/quality/recall/{row.id}/close").status_code == 302
    session.expire_all()
    assert row.closed_at is not None


@pytest.mark.parametrize("size", ["", "9", "6000", "many"])
def test_a_plan_that_is_none_says_so(lead: FlaskClient, size: str) -> None:
    today = f"{now():%Y-%m-%d}"
    answer = lead.get("/quality/recall/new", query_string={"first_day": today, "last_day": today, "size": size})
    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_of_a_period_without_listings_nothing_is_started(lead: FlaskClient, session: Session) -> None:
    today = f"{now():%Y-%m-%d}"
    days = {"first_day": today, "last_day": today, "size": "12"}
    assert "Start it" not in lead.get("/quality/recall/new", query_string=days).text
    assert post(lead, "/quality/recall", **days).status_code == 409
    assert session.query(RecallAudit).count() == 0
