import pytest
from sqlalchemy.orm import Session

from tests.factories import (
    add,
    make_elephant,
    make_finding,
    make_listing,
    make_shadow_run,
    make_user,
)
from tests.webapp.api.conftest import Program, Write
from webapp.models import FindingRow, FindingState, FindingTerm, Role, ShadowHit, ShadowRun, ThresholdChange
from webapp.services import team

RULE = "elephant_seen"
PROPOSAL = {"thresholds": {RULE: 0.95}, "reason": "Too many toys."}


@pytest.fixture
def lead(program: Write) -> Program:
    return program(Role.LEAD)


@pytest.fixture
def finding(session: Session) -> FindingRow:
    """An elephant of 0.91, flagged by the rule in force and confirmed."""
    row = make_elephant(session, state=FindingState.CONFIRMED)
    session.commit()
    return row


@pytest.mark.usefixtures("finding")
def test_rules_are_told_with_how_right_they_were(program: Write, session: Session) -> None:
    make_finding(session, rule=RULE)
    make_shadow_run(session)
    session.commit()
    viewer = program(Role.VIEWER)
    rules = {one["id"]: one for one in viewer.get("/rules")["items"]}
    one = rules[RULE]
    assert (one["version"], one["concept"], one["shadow_runs"]) == (1, "elephant", 1)
    assert one["when"] and one["citations"] and one["thresholds"][0]["name"] == RULE
    assert (one["tally"]["flagged"], one["tally"]["decided"], one["tally"]["by_state"]["open"]) == (2, 1, 1)
    assert one["tally"]["precision"]["value"] == 1.0 and one["tally"]["precision"]["low"] < 1.0
    assert rules["tiger_seen"]["tally"]["precision"] is None
    whole = viewer.get(f"/rules/{RULE}")
    assert whole["versions"][0] == {
        "number": 1,
        "values": {RULE: one["thresholds"][0]["value"]},
        "by": None,
        "approved_by": None,
        "reason": None,
        "changed_at": None,
        "shadow_run_id": None,
        "restores_version": None,
        "tally": one["tally"],
    }


@pytest.mark.usefixtures("finding")
def test_precision_and_recall_are_told_over_the_threshold(program: Write) -> None:
    (curve,) = program(Role.VIEWER).get(f"/rules/{RULE}/curves")["items"]
    assert (curve["name"], curve["items"], curve["confirmed"]) == (RULE, 1, 1)
    at = {point["threshold"]: point for point in curve["points"]}
    assert at[0.9]["precision"]["value"] == 1.0
    assert (at[0.95]["flagged"], at[0.95]["precision"]) == (0, None)


def test_a_preview_says_what_would_change_sides_and_changes_nothing(
    lead: Program, session: Session, finding: FindingRow
) -> None:
    told = lead.post(f"/rules/{RULE}/preview", thresholds={RULE: 0.95})
    assert told.status_code == 200, told.text
    assert (told.json["listings"], told.json["judged"], told.json["flags"]["total"]) == (1, 1, 0)
    unflags = told.json["unflags"]
    assert (unflags["total"], unflags["by_state"]) == (1, {"confirmed": 1})
    assert unflags["shown"][0]["listing_id"] == finding.listing_id
    assert unflags["shown"][0]["photo_sha256"] == finding.photo.sha256
    assert session.query(ShadowRun).count() == 0
    for thresholds, status in (({"other": 0.5}, 404), ({RULE: 1.5}, 422), ({}, 422)):
        assert lead.post(f"/rules/{RULE}/preview", thresholds=thresholds).status_code == status


@pytest.mark.usefixtures("finding")
def test_a_change_is_proposed_by_one_and_put_into_force_by_another(
    program: Write, session: Session, sent: list[str]
) -> None:
    lead, admin = program(Role.LEAD), program(Role.ADMIN)
    made = lead.post(f"/rules/{RULE}/shadow-runs", **PROPOSAL)
    assert made.status_code == 201, made.text
    assert (made.json["state"], made.json["by"], made.json["preview"]["unflags"]) == ("running", "lead", 1)
    assert lead.post(f"/rules/{RULE}/shadow-runs", **PROPOSAL).status_code == 409, "it is tried already"
    path = f"/shadow-runs/{made.json['id']}"
    assert lead.post(f"{path}/promote", note="Looks right.").status_code == 409, "another person has to"
    done = admin.post(f"{path}/promote", note="Looks right.")
    assert done.status_code == 200, done.text
    assert (done.json["state"], done.json["decided_by"], done.json["note"]) == ("promoted", "admin", "Looks right.")
    assert sent == ["apply"]
    change = session.query(ThresholdChange).one()
    assert (change.version, change.value) == (2, 0.95)
    assert admin.post(f"{path}/promote", note="").status_code == 409
    newest = lead.get(f"/rules/{RULE}")["versions"][0]
    assert (newest["number"], newest["by"], newest["approved_by"]) == (2, "lead", "admin")


@pytest.mark.usefixtures("sent")
def test_an_older_version_is_restored_on_the_same_way(lead: Program, session: Session) -> None:
    team.choose(session, None, lone_promotion=True)
    session.commit()
    run = lead.post(f"/rules/{RULE}/shadow-runs", **PROPOSAL).json
    assert lead.post(f"/shadow-runs/{run['id']}/promote", note="").status_code == 200
    made = lead.post(f"/rules/{RULE}/versions/1/shadow-runs", reason="It was better.")
    assert made.status_code == 201, made.text
    assert (made.json["restores_version"], made.json["base_version"]) == (1, 2)
    assert lead.post(f"/rules/{RULE}/versions/7/shadow-runs", reason="It was better.").status_code == 404
    assert lead.post("/rules/no_rule/versions/1/shadow-runs", reason="It was better.").status_code == 404


def test_a_run_is_rejected_with_the_reason(lead: Program, session: Session) -> None:
    run = make_shadow_run(session)
    session.commit()
    path = f"/shadow-runs/{run.id}/reject"
    assert lead.post(path, note=" ").status_code == 422, "say why"
    done = lead.post(path, note="It would miss tusks.")
    assert (done.json["state"], done.json["note"]) == ("rejected", "It would miss tusks.")
    assert session.query(ThresholdChange).count() == 0
    assert lead.post("/shadow-runs/999999/reject", note="What?").status_code == 404


def test_runs_and_their_hits_come_page_by_page(program: Write, session: Session, finding: FindingRow) -> None:
    user = make_user(session, "ann", Role.LEAD)
    runs = [make_shadow_run(session, user, thresholds={RULE: value}) for value in (0.6, 0.95)]
    make_shadow_run(session, user, rule="tiger_seen")
    rows = [make_listing(session) for _ in range(3)]
    for row in rows:
        hit = ShadowHit(run_id=runs[1].id, listing_id=row.id, appearance_key=f"{row.id}:0", flags=True, score=0.4)
        add(session, hit)
    lost = ShadowHit(
        run_id=runs[1].id,
        listing_id=finding.listing_id,
        photo_id=finding.photo_id,
        appearance_key=finding.appearance_key,
        flags=False,
        score=0.91,
    )
    add(session, lost)
    session.commit()
    viewer = program(Role.VIEWER)
    first = viewer.get(f"/shadow-runs?rule={RULE}&state=running&limit=1")
    second = viewer.get(f"/shadow-runs?rule={RULE}&limit=1&cursor={first['next_cursor']}")
    assert [page["items"][0]["id"] for page in (first, second)] == [runs[1].id, runs[0].id]
    assert second["next_cursor"] is None
    whole = viewer.get(f"/shadow-runs/{runs[1].id}")
    assert (whole["new_flags"], whole["lost_flags"], whole["lost_by_state"]) == (3, 1, {"confirmed": 1})
    path, seen = f"/shadow-runs/{runs[1].id}/hits?limit=2", []
    while path:
        page = viewer.get(path)
        seen += [one["listing_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        path = f"/shadow-runs/{runs[1].id}/hits?limit=2&cursor={cursor}" if cursor else ""
    assert seen == [row.id for row in reversed(rows)]
    (one,) = viewer.get(f"/shadow-runs/{runs[1].id}/hits?side=lost")["items"]
    assert (one["finding_id"], one["photo_sha256"]) == (finding.id, finding.photo.sha256)
    assert one["reasons"]["met"] is True
    assert viewer.ask("GET", f"/shadow-runs/{runs[1].id}/hits?side=both").status_code == 422


def test_words_are_told_with_what_came_of_them(program: Write, session: Session) -> None:
    for state in (FindingState.CONFIRMED, FindingState.DISMISSED, FindingState.OPEN):
        row = make_finding(session, words_only=True, state=state)
        session.add(FindingTerm(finding_id=row.id, language="en", term="ivory"))
    session.commit()
    viewer = program(Role.VIEWER)
    found = {one["term"]: one for one in viewer.get("/lexicon?language=en&concept=ivory")["items"]}
    ivory = found["ivory"]
    assert (ivory["flagged"], ivory["decided"], ivory["confirmed"], ivory["kind"]) == (3, 2, 1, "plain")
    assert ivory["precision"]["value"] == 0.5 and ivory["not_in"]
    coded = viewer.get("/lexicon?kind=coded&q=ox-bone")["items"]
    assert [one["term"] for one in coded] == ["ox bone"] and coded[0]["precision"] is None
    assert viewer.ask("GET", "/lexicon?kind=secret").status_code == 422
