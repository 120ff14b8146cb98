from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores
from tests.webapp.views.conftest import SignIn, post
from webapp.models import AuditEntry, Role, ThresholdChange
from webapp.services.errors import Refused
from webapp.views import rules as rule_pages

RULE = "/rules/elephant_seen"
CHANGE = {"threshold": "elephant_seen", "value": "0.95", "reason": "Too many toys."}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    calls: list[object] = []
    monkeypatch.setattr(rule_pages.apply_pack, "delay", lambda: calls.append("apply"))
    yield calls


def test_every_rule_of_the_pack_is_listed_with_its_thresholds(reviewer: FlaskClient) -> None:
    page = reviewer.get("/rules").text
    assert "elephant_seen" in page
    assert "Suspected raw ivory or tusk in the picture" in page
    assert "<b>0.500</b>" in page


def test_a_rule_shows_what_it_rests_on(reviewer: FlaskClient) -> None:
    page = reviewer.get(RULE).text
    assert "CITES" in page
    assert "Change" not in page, "a reviewer changes no threshold"


def test_a_preview_changes_nothing_and_counts_what_would_change(admin: FlaskClient, session: Session) -> None:
    listing = make_listing(session)
    photo = make_photo(session, listing)
    make_scores(session, photo, elephant=0.91)
    make_finding(session, listing, photo, make_scan(session, listing.source), rule="elephant_seen")
    session.commit()
    page = post(admin, RULE, step="preview", **CHANGE).text
    assert "<b>0</b> suspected findings would open" in page
    assert "<b>1</b> that nobody has decided would be withdrawn" in page
    assert "Save as version 2" in page
    assert session.query(ThresholdChange).count() == 0


def test_saving_makes_a_new_version_and_lets_the_queue_follow(
    admin: FlaskClient, session: Session, sent: list[object]
) -> None:
    answer = post(admin, RULE, step="save", **CHANGE)
    change = session.query(ThresholdChange).one()
    assert (change.rule, change.version, change.value, change.reason) == ("elephant_seen", 2, 0.95, "Too many toys.")
    assert change.user.name == "admin"
    assert session.query(AuditEntry).filter_by(action="rule.threshold").count() == 1
    assert sent == ["apply"]
    page = admin.get(answer.location).text
    assert "Saved as version 2. The queue is being updated." in page
    assert "Too many toys." in page


def test_without_a_queue_the_change_is_still_recorded(
    admin: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_pages.apply_pack, "delay", fail)
    answer = post(admin, RULE, step="save", **CHANGE)
    assert session.query(ThresholdChange).count() == 1
    assert "The queue follows once a worker runs." in admin.get(answer.location).text


def fail() -> None:
    raise ConnectionRefusedError("nobody listens")


@pytest.mark.parametrize("value", ["", "1.5", "-0.1", "many", "nan", "inf"])
def test_a_threshold_outside_its_range_is_refused_and_stays_in_the_form(
    admin: FlaskClient, session: Session, value: str
) -> None:
    answer = post(admin, RULE, step="save", **{**CHANGE, "value": value})
    assert answer.status_code == 422
    assert "from 0 to 1" in answer.text
    assert "Too many toys." in answer.text
    assert session.query(ThresholdChange).count() == 0


def test_a_change_needs_its_reason(admin: FlaskClient, session: Session) -> None:
    answer = post(admin, RULE, step="save", **{**CHANGE, "reason": "  "})
    assert answer.status_code == 422
    assert "Say why" in answer.text
    assert session.query(ThresholdChange).count() == 0


def test_unknown_rules_and_thresholds_are_404(admin: FlaskClient) -> None:
    assert admin.get("/rules/no_such_rule").status_code == 404
    assert post(admin, RULE, step="save", **{**CHANGE, "threshold": "other"}).status_code == 404


def test_a_viewer_sees_the_history(sign_in: SignIn, admin: FlaskClient, sent: list[object]) -> None:
    post(admin, RULE, step="save", **CHANGE)
    assert sent
    page = sign_in(Role.VIEWER).get(RULE).text
    assert "Too many toys." in page
    assert 'name="value"' not in page


def test_a_change_that_is_refused_says_why(
    admin: FlaskClient, sent: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Refused("Someone changed this rule a moment ago: look at its new version first.")

    monkeypatch.setattr(rule_pages.rules, "change_threshold", refuse)
    answer = post(admin, RULE, step="save", **CHANGE)
    assert answer.status_code == 409 and "Someone changed this rule" in answer.text
    assert sent == []
