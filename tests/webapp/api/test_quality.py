from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores, make_source, make_user
from tests.webapp.api.conftest import Program, Write
from webapp.db import now
from webapp.models import FindingRow, FindingState, RecallItem, Recheck, RecheckPolicy, Role, Verdict
from webapp.services import adjudication, decisions, rechecks
from webapp.services.adjudication import Look
from webapp.services.decisions import Choice


@pytest.fixture
def lead(program: Write) -> Program:
    return program(Role.LEAD)


@pytest.fixture
def waiting(session: Session, monkeypatch: pytest.MonkeyPatch) -> Recheck:
    """Ann confirmed an elephant; a second look waits."""
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)
    finding = make_finding(session)
    decisions.decide(session, make_user(session, "ann"), finding.id, Choice(Verdict.CONFIRM, "tusks"))
    session.commit()
    return session.query(Recheck).one()


@pytest.fixture
def disputed(session: Session, waiting: Recheck) -> Recheck:
    adjudication.answer(session, make_user(session, "ben"), waiting.id, Look("other", "plush", 12.0))
    session.commit()
    return waiting


def figure(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in answer["figures"] if one["name"] == name)


def test_figures_have_intervals_or_say_why_there_are_none(program: Write, session: Session) -> None:
    for state in (FindingState.CONFIRMED, FindingState.CONFIRMED, FindingState.DISMISSED):
        make_finding(session, state=state)
    session.commit()
    told = program(Role.VIEWER).get("/quality")
    precision, kappa = figure(told, "precision"), figure(told, "kappa")
    assert (precision["n"], precision["value"]) == (3, pytest.approx(2 / 3))
    assert precision["low"] < 2 / 3 < precision["high"]
    assert kappa["value"] is None and kappa["reason"]
    assert (told["waiting"], told["sample_percent"]) == (0, 5)


def test_a_period_is_taken_as_it_is_given(program: Write, session: Session) -> None:
    make_finding(session, state=FindingState.CONFIRMED, found_at=now() - timedelta(days=100))
    session.commit()
    viewer = program(Role.VIEWER)
    assert figure(viewer.get("/quality"), "precision")["n"] == 0
    long_ago = (now() - timedelta(days=120)).isoformat().replace("+", "%2B")
    assert figure(viewer.get(f"/quality?from_at={long_ago}"), "precision")["n"] == 1
    assert viewer.ask("GET", "/quality?from_at=2026-02-01T00:00:00Z&to_at=2026-01-01T00:00:00Z").status_code == 409
    assert viewer.ask("GET", "/quality?from_at=2026-02-01T00:00:00").status_code == 422, "of which zone?"


@pytest.mark.usefixtures("disputed")
def test_agreement_is_told_by_rule_concept_and_pair(program: Write) -> None:
    told = program(Role.VIEWER).get("/quality/agreement")
    assert (told["overall"]["n"], told["overall"]["agreed"]["value"]) == (1, 0.0)
    assert told["overall"]["kappa"] is None and told["overall"]["reason"] == "1 pair is too few: it takes 20."
    assert [one["name"] for one in told["by_rule"]] == ["elephant_picture"]
    assert [one["name"] for one in told["by_concept"]] == ["elephant"]
    assert "ann" in told["by_pair"][0]["name"] and "ben" in told["by_pair"][0]["name"]


def test_a_lead_settles_a_dispute(program: Write, session: Session, disputed: Recheck) -> None:
    lead = program(Role.LEAD)
    (listed,) = program(Role.VIEWER).get("/cases")["items"]
    assert (listed["id"], listed["kind"], listed["state"]) == (disputed.id, "sample", "disputed")
    case = lead.get(f"/cases/{disputed.id}")
    assert (case["first"]["by"], case["second"]["by"], case["final"]) == ("ann", "ben", None)
    assert case["may_settle"] and case["why_not"] == ""
    path = f"/cases/{disputed.id}/settle"
    assert lead.post(path, verdict="escalate").status_code == 422, "nobody stands above a lead"
    done = lead.post(path, verdict="dismiss", note="a toy")
    assert done.status_code == 200, done.text
    assert (done.json["state"], done.json["final"]["by"]) == ("overturned", "lead")
    assert lead.post(path, verdict="dismiss").status_code == 409
    session.expire_all()
    assert session.get_one(FindingRow, disputed.finding_id).state is FindingState.DISMISSED


def test_nobody_is_told_of_a_second_look_that_waits(lead: Program, waiting: Recheck) -> None:
    assert lead.ask("GET", f"/cases/{waiting.id}").status_code == 404
    assert lead.get("/cases")["items"] == []


def test_a_decision_is_appealed_against(program: Write, waiting: Recheck) -> None:
    reviewer = program(Role.REVIEWER)
    path = f"/findings/{waiting.finding_id}/appeals"
    assert reviewer.post(path, claim="   ").status_code == 422
    made = reviewer.post(path, claim="It is resin.", raised_by="the seller")
    assert made.status_code == 201, made.text
    assert (made.json["raised_by"], made.json["kind"]) == ("the seller", "appeal")
    assert reviewer.post(path, claim="Again.").status_code == 409
    assert reviewer.post("/findings/999999/appeals", claim="What?").status_code == 404
    assert program(Role.LEAD).get(f"/cases/{made.json['id']}")["claim"] == "It is resin."


def test_a_rule_gets_a_share_of_second_looks_of_its_own(lead: Program, session: Session) -> None:
    assert lead.ask("PUT", "/quality/policies/elephant_seen", json={"percent": 12.5}).status_code == 204
    assert lead.get("/quality/policies")["items"] == [{"rule": "elephant_seen", "percent": 12.5}]
    assert lead.ask("PUT", "/quality/policies/no_rule", json={"percent": 5}).status_code == 404
    assert lead.ask("PUT", "/quality/policies/elephant_seen", json={"percent": 101}).status_code == 422
    assert lead.ask("PUT", "/quality/policies/elephant_seen", json={"percent": None}).status_code == 204
    assert session.query(RecheckPolicy).count() == 0


def test_a_recall_audit_is_planned_started_and_closed(lead: Program, session: Session) -> None:
    source = make_source(session)
    make_scan(session, source)
    for _ in range(3):
        make_scores(session, make_photo(session, make_listing(session, source)), elephant=0.01)
    session.commit()
    period = {"from_at": (now() - timedelta(days=1)).isoformat(), "to_at": (now() + timedelta(days=1)).isoformat()}
    plan = lead.post("/recall-audits/plan", **period, size=10).json
    assert (plan["population"], plan["size"]) == (3, 3)
    assert session.query(RecallItem).count() == 0
    assert lead.post("/recall-audits/plan", **period, size=9).status_code == 422
    made = lead.post("/recall-audits", **period, size=10)
    assert made.status_code == 201, made.text
    assert (made.json["size"], made.json["by"], made.json["closed_at"]) == (3, "lead", None)
    assert int(made.json["seed"]) < 2**62
    item = session.query(RecallItem).first()
    item.answer, item.answered_at = "elephant", now()
    session.commit()
    whole = lead.get(f"/recall-audits/{made.json['id']}")
    assert (whole["answered"], whole["misses"]["n"]) == (1, 1)
    assert whole["found"][0]["listing_id"] == item.listing_id
    assert sum(one["population"] for one in whole["strata"]) == 3
    assert lead.post(f"/recall-audits/{made.json['id']}/close").json["closed_at"]
    assert [one["id"] for one in lead.get("/recall-audits")["items"]] == [made.json["id"]]
    swapped = {"from_at": period["to_at"], "to_at": period["from_at"]}
    assert lead.post("/recall-audits", **swapped, size=10).status_code == 409
