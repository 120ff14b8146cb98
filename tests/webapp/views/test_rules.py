import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import (
    make_elephant,
    make_finding,
    make_shadow_run,
    make_user,
)
from tests.webapp.views.conftest import SignIn, post
from webapp.models import (
    AuditEntry,
    FindingRow,
    FindingState,
    Role,
    ShadowHit,
    ShadowRun,
    ShadowState,
    ThresholdChange,
    User,
)
from webapp.services import team
from webapp.views import shadow_runs

RULE = "/rules/elephant_seen"
CHANGE = {"threshold": "elephant_seen", "value": "0.95", "reason": "Too many toys."}


@pytest.fixture
def lead(sign_in: SignIn) -> FlaskClient:
    return sign_in(Role.LEAD)


@pytest.fixture
def finding(session: Session) -> FindingRow:
    """An elephant of 0.91, flagged by the rule in force."""
    row = make_elephant(session, "A figure <b>of stone</b>")
    session.commit()
    return row


def test_every_rule_of_the_pack_is_listed_with_its_thresholds_and_its_precision(
    reviewer: FlaskClient, session: Session, finding: FindingRow
) -> None:
    finding.state = FindingState.CONFIRMED
    make_finding(session, rule="elephant_seen")
    make_shadow_run(session)
    session.commit()
    page = " ".join(reviewer.get("/rules").text.split())
    assert "Suspected raw ivory or tusk in the picture" in page and "<b>0.500</b>" in page
    row = page[page.index("/rules/elephant_seen") :].partition("</tr>")[0]
    assert "100 % " in row.replace("</span>", " ")
    assert re.findall(r'data-heading="(Decided|Open)" class="number">1</td>', row) == ["Decided", "Open"]
    assert "1 shadow run<" in row


def test_a_rule_shows_what_it_rests_on(reviewer: FlaskClient) -> None:
    page = reviewer.get(RULE).text
    assert "CITES" in page and "there is nothing to draw yet" in page
    assert "Try another value" not in page, "a reviewer changes no threshold"


def test_precision_and_recall_are_drawn_with_their_numbers_behind(
    reviewer: FlaskClient, session: Session, finding: FindingRow
) -> None:
    finding.state = FindingState.CONFIRMED
    session.commit()
    page = reviewer.get(RULE).text
    assert "in force 0.30" in page and "chart-band" in page
    assert "Recall is over what was reviewed" in page
    assert "<caption" in page and "Precision and recall over the threshold elephant seen" in page


def test_a_preview_changes_nothing_and_shows_what_would_change(
    lead: FlaskClient, session: Session, finding: FindingRow
) -> None:
    page = post(lead, RULE, step="preview", **CHANGE).text
    assert "Would no longer be flagged" in page and "1 finding that nobody has decided would be withdrawn" in page
    assert "A figure &lt;b&gt;of stone&lt;/b&gt;" in page and f"/photos/{finding.photo.sha256}/thumbnail" in page  # type: ignore[union-attr]
    assert "30 seconds a decision, which is assumed" in page
    assert "Propose a shadow run" in page
    assert session.query(ThresholdChange).count() == session.query(ShadowRun).count() == 0


@pytest.mark.usefixtures("finding")
def test_proposing_begins_a_shadow_run_and_changes_no_rule(lead: FlaskClient, session: Session) -> None:
    answer = post(lead, RULE, step="propose", **CHANGE)
    run = session.query(ShadowRun).one()
    assert (run.rule, run.base_version, run.thresholds) == ("elephant_seen", 1, {"elephant_seen": 0.95})
    assert run.preview["unflags"] == 1 and run.user.name == "lead"
    assert session.query(ThresholdChange).count() == 0
    assert session.query(AuditEntry).filter_by(action="rule.propose").count() == 1
    page = lead.get(answer.location).text
    assert "Shadow run 1 has begun" in page and "Too many toys." in page
    assert "another lead or an admin puts it into force" in page
    assert "/shadow-runs/1" in lead.get(RULE).text


def test_there_is_no_other_way_to_a_new_threshold(lead: FlaskClient, session: Session) -> None:
    post(lead, RULE, step="save", **CHANGE)
    assert session.query(ThresholdChange).count() == 0


def test_a_second_person_puts_it_into_force_and_the_queue_follows(
    sign_in: SignIn, session: Session, sent: list[str]
) -> None:
    make_shadow_run(session)
    session.commit()
    admin = sign_in(Role.ADMIN)
    assert "Put it into force as version 2" in admin.get("/shadow-runs/1").text
    answer = post(admin, "/shadow-runs/1/promote", note="Looked at twenty.")
    change = session.query(ThresholdChange).one()
    assert (change.version, change.value, change.shadow_run_id) == (2, 0.7, 1)
    assert change.approved_by is not None and change.approved_by.name == "admin"
    assert sent == ["apply"]
    page = admin.get(answer.location).text
    assert "Version 2 is in force. The queue is being updated." in page and "a test" in page
    assert "Looked at twenty." in admin.get("/shadow-runs/1").text


def test_without_a_queue_the_change_is_still_recorded(
    admin: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shadow_run(session)
    session.commit()
    monkeypatch.setattr(shadow_runs.apply_pack, "delay", fail)
    answer = post(admin, "/shadow-runs/1/promote")
    assert session.query(ThresholdChange).count() == 1
    assert "The queue follows once a worker runs." in admin.get(answer.location).text


def fail() -> None:
    raise ConnectionRefusedError("nobody listens")


def test_whoever_proposed_it_may_not_promote_it_unless_the_team_allows_that(
    lead: FlaskClient, session: Session, sent: list[str]
) -> None:
    proposer = session.query(User).filter_by(name="lead").one()
    make_shadow_run(session, proposer)
    session.commit()
    answer = post(lead, "/shadow-runs/1/promote")
    assert answer.status_code == 409 and "You proposed this change" in answer.text
    assert session.query(ThresholdChange).count() == 0 and sent == []
    team.choose(session, proposer, lone_promotion=True)
    session.commit()
    assert post(lead, "/shadow-runs/1/promote").status_code == 302
    (entry,) = session.query(AuditEntry).filter_by(action="rule.promote")
    assert entry.facts["lone"] is True
    assert "alone, as the team allows" in lead.get("/rules/elephant_seen/versions/2").text


def test_a_rejection_needs_its_why_and_leaves_the_rule(lead: FlaskClient, session: Session) -> None:
    run = make_shadow_run(session)
    session.commit()
    assert post(lead, "/shadow-runs/1/reject", note=" ").status_code == 422
    post(lead, "/shadow-runs/1/reject", note="It would miss two tusks.")
    session.refresh(run)
    assert run.state is ShadowState.REJECTED
    assert session.query(ThresholdChange).count() == 0
    assert "It would miss two tusks." in lead.get("/shadow-runs/1").text
    assert post(lead, "/shadow-runs/1/promote").status_code == 409


@pytest.mark.usefixtures("sent")
def test_a_run_for_an_older_version_says_that_it_must_be_proposed_anew(admin: FlaskClient, session: Session) -> None:
    make_shadow_run(session)
    make_shadow_run(session, thresholds={"elephant_seen": 0.4})
    session.commit()
    post(admin, "/shadow-runs/1/promote")
    page = admin.get("/shadow-runs/2").text
    assert "propose it anew" in page and "Put it into force" not in page
    assert post(admin, "/shadow-runs/2/promote").status_code == 409


def test_hits_of_a_run_show_what_reviewers_would_read(
    reviewer: FlaskClient, session: Session, finding: FindingRow
) -> None:
    run = make_shadow_run(session, thresholds={"elephant_seen": 0.95}, listings_seen=3)
    key = finding.appearance_key
    session.add(
        ShadowHit(
            run_id=run.id, listing_id=finding.listing_id, photo_id=finding.photo_id, appearance_key=key, flags=False
        )
    )
    session.commit()
    page = reviewer.get("/shadow-runs/1?side=lost").text
    assert "A figure &lt;b&gt;of stone&lt;/b&gt;" in page and f"/findings/{finding.id}" in page
    assert "Elephant 0.91 reached the threshold 0.30" in page
    assert "No difference of this kind so far." in reviewer.get("/shadow-runs/1").text
    assert "Decide about it" not in page


@pytest.mark.usefixtures("sent", "finding")
def test_versions_are_compared_and_an_old_one_is_brought_back_by_a_proposal(sign_in: SignIn, session: Session) -> None:
    make_shadow_run(session)
    session.commit()
    lead = sign_in(Role.LEAD)
    post(lead, "/shadow-runs/1/promote")
    page = lead.get("/rules/elephant_seen/compare").text
    assert 'class="is-different"' in page and "0.300" in page and "0.700" in page and "a test" in page
    assert "Bring it back" in lead.get("/rules/elephant_seen/versions/1").text
    assert "Bring it back" not in lead.get("/rules/elephant_seen/versions/2").text
    preview = post(lead, "/rules/elephant_seen/versions/1", step="preview", reason="It missed some.")
    assert "Propose a shadow run" in preview.text and session.query(ShadowRun).count() == 1
    post(lead, "/rules/elephant_seen/versions/1", step="propose", reason="It missed some.")
    run = session.query(ShadowRun).order_by(ShadowRun.id.desc()).first()
    assert run is not None and run.restores_version == 1 and run.thresholds == {"elephant_seen": 0.3}
    assert run.base_version == 2


@pytest.mark.parametrize("value", ["", "1.5", "-0.1", "many", "nan", "inf"])
@pytest.mark.parametrize("step", ["preview", "propose"])
def test_a_threshold_outside_its_range_is_refused_and_stays_in_the_form(
    lead: FlaskClient, session: Session, value: str, step: str
) -> None:
    answer = post(lead, RULE, step=step, **{**CHANGE, "value": value})
    assert answer.status_code == 422
    assert "from 0 to 1" in answer.text and "Too many toys." in answer.text
    assert session.query(ShadowRun).count() == 0


def test_a_change_needs_its_reason(lead: FlaskClient, session: Session) -> None:
    answer = post(lead, RULE, step="propose", **{**CHANGE, "reason": "  "})
    assert answer.status_code == 422 and "Say why" in answer.text
    assert session.query(ShadowRun).count() == 0


@pytest.mark.parametrize(
    "address",
    ["/rules/none", "/rules/none/compare", RULE + "/versions/9", RULE + "/compare?first=9", "/shadow-runs/9"],
)
def test_what_is_not_there_is_404(lead: FlaskClient, address: str) -> None:
    assert lead.get(address).status_code == 404


def test_an_unknown_threshold_is_404(lead: FlaskClient) -> None:
    assert post(lead, RULE, step="propose", **{**CHANGE, "threshold": "other"}).status_code == 404


def test_the_value_in_force_is_no_change(lead: FlaskClient) -> None:
    answer = post(lead, RULE, step="propose", **{**CHANGE, "value": "0.3"})
    assert answer.status_code == 409 and "That is the value in force" in answer.text


def test_a_viewer_sees_it_all_and_changes_nothing(sign_in: SignIn, session: Session) -> None:
    make_shadow_run(session, make_user(session, "zoë", Role.LEAD))
    session.commit()
    viewer = sign_in(Role.VIEWER)
    assert "zoë" in viewer.get(RULE).text and 'name="value"' not in viewer.get(RULE).text
    assert 'name="note"' not in viewer.get("/shadow-runs/1").text
