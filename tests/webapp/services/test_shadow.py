"""A shadow run flags nobody, sees what new scans bring, and becomes the rule only by a second person."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import make_shadow_run, make_user
from tests.webapp.services.conftest import Run
from tests.webapp.services.proposals import RULE, lead_of, put_into_force
from tests.webapp.services.scene import Scene
from webapp.models import (
    AuditEntry,
    FindingRow,
    Role,
    Scan,
    ShadowHit,
    ShadowRun,
    ShadowState,
    ThresholdChange,
)
from webapp.services import rules, shadow, team, versions
from webapp.services.errors import NotFound, Refused


@pytest.fixture
def pack_name(scene: Scene) -> str:
    return str(scene.folder)


def propose(session: Session, pack_name: str, value: float, who: str = "ann") -> ShadowRun:
    return shadow.propose(session, lead_of(session, who), pack_name, RULE, {RULE: value}, "measured")


def hits_of(session: Session, run: ShadowRun) -> list[tuple[bool, float | None]]:
    rows = session.scalars(select(ShadowHit).where(ShadowHit.run_id == run.id).order_by(ShadowHit.score))
    return [(hit.flags, hit.score) for hit in rows]


def findings_of(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(FindingRow)) or 0


def test_a_scan_is_judged_by_it_too_and_nobody_is_flagged(
    session: Session, pack_name: str, scan: Scan, run: Run
) -> None:
    lower, higher = propose(session, pack_name, 0.15), propose(session, pack_name, 0.95, "ben")
    done = run(scan)
    session.expire_all()
    assert hits_of(session, lower) == [(True, 0.2)]
    assert hits_of(session, higher) == [(False, 0.9)]
    assert done.findings_opened == findings_of(session) == 3, "one elephant of 0.9, two that name ivory"
    assert lower.listings_seen >= 4 and lower.listings_seen == higher.listings_seen


def test_a_listing_that_comes_again_is_one_hit(
    session: Session, pack_name: str, scan: Scan, run: Run, scene: Scene
) -> None:
    tried = propose(session, pack_name, 0.15)
    run(scan)
    rules_pack = rules.current_pack(session, pack_name)
    from webapp.services.opening import judge_listings

    ids = list(session.scalars(select(ShadowHit.listing_id)))
    judge_listings(session, scan, rules_pack, ids, [scene.model.digest])
    session.commit()
    assert hits_of(session, tried) == [(True, 0.2)]


def test_hits_say_what_a_reviewer_would_read(session: Session, pack_name: str, scan: Scan, run: Run) -> None:
    tried = propose(session, pack_name, 0.95)
    run(scan)
    session.expire_all()
    (one,) = shadow.hits(session, tried, pack_name, flags=False).hits
    assert one.met is not None and "0.90 reached the threshold 0.50" in one.met.finding.why
    assert one.finding is not None and one.finding.score == 0.9
    progress = shadow.progress(session, tried)
    assert (progress.new_flags, progress.lost_flags) == (0, 1)
    assert progress.lost_by_state == {one.finding.state: 1}
    assert shadow.hits(session, tried, pack_name, flags=True).hits == []


def test_hits_come_page_by_page(
    session: Session, pack_name: str, scan: Scan, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "HITS_SHOWN", 1)
    tried = propose(session, pack_name, 0.05)
    run(scan)
    session.expire_all()
    first = shadow.hits(session, tried, pack_name, flags=True)
    second = shadow.hits(session, tried, pack_name, flags=True, before_id=first.next_id)
    assert first.next_id and second.next_id is None
    assert {one.hit.score for one in (*first.hits, *second.hits)} == {0.2, 0.1}


def test_a_run_of_an_older_version_rests(session: Session, pack_name: str, scan: Scan, run: Run) -> None:
    tried = propose(session, pack_name, 0.15)
    put_into_force(session, pack_name, 0.6)
    run(scan)
    session.expire_all()
    assert hits_of(session, tried) == [] and tried.listings_seen == 0


def test_a_run_of_a_rule_that_is_gone_harms_no_scan(session: Session, scan: Scan, run: Run) -> None:
    make_shadow_run(session, rule="no_such_rule")
    assert run(scan).findings_opened == 3


def test_a_second_person_makes_it_the_next_version(session: Session, pack_name: str) -> None:
    tried = propose(session, pack_name, 0.7)
    (change,) = shadow.promote(session, lead_of(session, "ben"), pack_name, tried.id, "Looked at ten.")
    assert (change.version, change.value, change.reason) == (2, 0.7, "measured")
    assert (change.user.name, change.approved_by and change.approved_by.name) == ("ann", "ben")
    assert tried.state is ShadowState.PROMOTED and tried.note == "Looked at ten."
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "rule.promote")).one()
    assert entry.actor == "ben" and entry.subject == f"rule:{RULE}"
    assert entry.facts["before"] == {RULE: 0.5} and entry.facts["after"] == {RULE: 0.7} and not entry.facts["lone"]


def test_the_proposer_may_not_unless_the_team_allows_it_and_then_that_is_recorded(
    session: Session, pack_name: str
) -> None:
    tried = propose(session, pack_name, 0.7)
    with pytest.raises(Refused, match="another lead"):
        shadow.promote(session, lead_of(session, "ann"), pack_name, tried.id)
    team.choose(session, None, lone_promotion=True)
    shadow.promote(session, lead_of(session, "ann"), pack_name, tried.id)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "rule.promote")).one()
    assert entry.facts["lone"] is True


def test_a_reviewer_decides_about_no_rule(session: Session, pack_name: str) -> None:
    tried = propose(session, pack_name, 0.7)
    reviewer = make_user(session, role=Role.REVIEWER)
    with pytest.raises(Refused, match="Leads and admins"):
        shadow.promote(session, reviewer, pack_name, tried.id)
    with pytest.raises(Refused, match="Leads and admins"):
        shadow.reject(session, reviewer, tried.id, "no")


def test_a_rule_that_changed_meanwhile_needs_a_new_proposal(session: Session, pack_name: str) -> None:
    first, second = propose(session, pack_name, 0.7), propose(session, pack_name, 0.8)
    shadow.promote(session, lead_of(session, "ben"), pack_name, first.id)
    with pytest.raises(Refused, match="propose it anew"):
        shadow.promote(session, lead_of(session, "ben"), pack_name, second.id)
    assert second.state is ShadowState.RUNNING
    assert session.scalar(select(func.count()).select_from(ThresholdChange)) == 1


@pytest.mark.parametrize("state", [ShadowState.PROMOTED, ShadowState.REJECTED])
def test_what_is_over_is_decided_once(session: Session, pack_name: str, state: ShadowState) -> None:
    over = make_shadow_run(session, state=state)
    for deed in (
        lambda: shadow.promote(session, lead_of(session, "ben"), pack_name, over.id),
        lambda: shadow.reject(session, lead_of(session, "ben"), over.id, "no"),
    ):
        with pytest.raises(Refused, match="over already"):
            deed()


def test_a_rejection_is_kept_with_its_note(session: Session, pack_name: str) -> None:
    tried = propose(session, pack_name, 0.7)
    shadow.reject(session, lead_of(session, "ben"), tried.id, "Too few flags.")
    assert (tried.state, tried.note) == (ShadowState.REJECTED, "Too few flags.")
    assert rules.current_pack(session, pack_name).find_rule(RULE).version == 1  # type: ignore[union-attr]


def test_a_proposal_is_in_the_audit_with_both_values_and_the_reason(session: Session, pack_name: str) -> None:
    tried = propose(session, pack_name, 0.7)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "rule.propose")).one()
    assert entry.actor == "ann"
    assert entry.facts == {
        "shadow_run": tried.id,
        "base": 1,
        "before": {RULE: 0.5},
        "after": {RULE: 0.7},
        "reason": "measured",
        "restores": None,
    }


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_outside_0_to_1_is_refused(session: Session, pack_name: str, value: float) -> None:
    with pytest.raises(Refused, match="from 0 to 1"):
        propose(session, pack_name, value)


def test_what_is_in_force_or_tried_already_is_refused(session: Session, pack_name: str) -> None:
    with pytest.raises(Refused, match="in force"):
        propose(session, pack_name, 0.5)
    propose(session, pack_name, 0.6)
    with pytest.raises(Refused, match="tries the same value"):
        propose(session, pack_name, 0.6, "ben")


def test_what_is_not_there_is_not_found(session: Session, pack_name: str) -> None:
    ann = lead_of(session, "ann")
    with pytest.raises(NotFound):
        shadow.propose(session, ann, pack_name, RULE, {"other": 0.5}, "")
    with pytest.raises(NotFound):
        shadow.propose(session, ann, pack_name, "other", {RULE: 0.5}, "")
    with pytest.raises(NotFound):
        shadow.promote(session, ann, pack_name, 99)


def test_an_older_version_comes_back_by_the_same_way(session: Session, pack_name: str) -> None:
    put_into_force(session, pack_name, 0.7)
    put_into_force(session, pack_name, 0.8)
    back = shadow.propose_restoring(session, lead_of(session, "ann"), pack_name, RULE, 2, "it was better")
    assert back.thresholds == {RULE: 0.7} and back.restores_version == 2
    (change,) = shadow.promote(session, lead_of(session, "ben"), pack_name, back.id)
    assert (change.version, change.value, change.restores_version) == (4, 0.7, 2)
    with pytest.raises(Refused, match="in force"):
        shadow.propose_restoring(session, lead_of(session, "ann"), pack_name, RULE, 4, "again")
    with pytest.raises(NotFound):
        shadow.propose_restoring(session, lead_of(session, "ann"), pack_name, RULE, 9, "never")


def test_versions_say_what_each_flagged_and_what_became_of_it(
    session: Session, pack_name: str, scan: Scan, run: Run
) -> None:
    run(scan)
    put_into_force(session, pack_name, 0.95)
    session.commit()
    rules.apply_pack(session, rules.current_pack(session, pack_name))
    newest, first = versions.versions(session, pack_name, RULE)
    assert (first.number, first.values, first.change) == (1, {RULE: 0.5}, None)
    assert (newest.number, newest.values, newest.tally.flagged) == (2, {RULE: 0.95}, 0)
    assert first.tally.count("withdrawn") == first.tally.flagged == 1


def test_two_thresholds_at_once_are_two_versions_of_one_run(session: Session) -> None:
    rule = "ivory_coded_with_picture"
    wanted = {"ivory_hinted": 0.4, "elephant_hinted": 0.3}
    tried = shadow.propose(session, lead_of(session, "ann"), "wildlife", rule, wanted, "both")
    changes = shadow.promote(session, lead_of(session, "ben"), "wildlife", tried.id)
    assert [(change.version, change.shadow_run_id) for change in changes] == [(2, tried.id), (3, tried.id)]
    now = rules.find_rule(rules.current_pack(session, "wildlife"), rule)
    assert now.version == 3 and {name: now.thresholds[name].value for name in wanted} == wanted


def test_every_version_stays_as_it_was_written(session: Session, pack_name: str, tmp_path: Path) -> None:
    assert tmp_path.exists()
    change = put_into_force(session, pack_name, 0.7)
    put_into_force(session, pack_name, 0.8)
    session.refresh(change)
    assert (change.version, change.value) == (2, 0.7)
