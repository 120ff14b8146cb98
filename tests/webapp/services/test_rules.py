from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, event, select, text
from sqlalchemy.orm import Session

from tests.factories import make_listing, make_photo, make_scan, make_scores, make_source, make_user
from tests.webapp.services.proposals import put_into_force
from tests.webapp.services.scene import write_pack
from webapp.models import FindingRow, FindingState, Verdict
from webapp.services import decisions, findings, rules, versions
from webapp.services.errors import Refused

RULE = "elephant_seen"


@pytest.fixture
def pack_name(tmp_path: Path) -> str:
    return str(write_pack(tmp_path / "pack"))


@pytest.fixture
def stored(session: Session, pack_name: str) -> None:
    """Three listings with elephants of 0.9, 0.6 and 0.4, and one that names ivory; the pack was applied."""
    source = make_source(session)
    make_scan(session, source)
    for score in (0.9, 0.6, 0.4):
        make_scores(session, make_photo(session, make_listing(session, source)), elephant=score)
    make_listing(session, source, title="An ivory comb")
    session.commit()
    applied = rules.apply_pack(session, rules.current_pack(session, pack_name))
    assert applied == rules.Applied(opened=3, withdrawn=0, kept=0)


def test_the_file_is_version_1_and_each_change_is_the_next(session: Session, pack_name: str) -> None:
    before = rules.current_pack(session, pack_name)
    assert rule_of(session, pack_name).version == 1
    for value in (0.7, 0.8):
        put_into_force(session, pack_name, value)
    after = rule_of(session, pack_name)
    assert (after.version, after.thresholds[RULE].value) == (3, 0.8)
    assert [change.version for change in versions.history(session, RULE)] == [3, 2]
    assert rules.current_pack(session, pack_name).digest != before.digest


@pytest.mark.usefixtures("stored")
def test_findings_are_withdrawn_and_come_back_with_the_threshold(session: Session, pack_name: str) -> None:
    assert apply(session, pack_name, 0.7) == rules.Applied(opened=0, withdrawn=1, kept=2)
    assert states(session) == {0.9: FindingState.OPEN, 0.6: FindingState.WITHDRAWN}
    assert apply(session, pack_name, 0.5) == rules.Applied(opened=1, withdrawn=0, kept=2)
    assert states(session) == {0.9: FindingState.OPEN, 0.6: FindingState.OPEN}


@pytest.mark.usefixtures("stored")
def test_open_findings_show_the_new_version_threshold_and_reason(session: Session, pack_name: str) -> None:
    apply(session, pack_name, 0.7)
    row = session.scalars(select(FindingRow).where(FindingRow.score == 0.9)).one()
    assert (row.rule_version, row.threshold) == (2, 0.7)
    assert "0.70" in row.why
    assert row.pack_digest == rules.current_pack(session, pack_name).digest


@pytest.mark.usefixtures("stored")
def test_decided_findings_are_never_touched(session: Session, pack_name: str) -> None:
    row = session.scalars(select(FindingRow).where(FindingRow.score == 0.6)).one()
    decisions.decide(session, make_user(session), row.id, decisions.Choice(Verdict.CONFIRM))
    session.commit()
    apply(session, pack_name, 0.7)
    session.refresh(row)
    assert (row.state, row.rule_version, row.threshold) == (FindingState.CONFIRMED, 1, 0.5)


@pytest.mark.usefixtures("stored")
def test_applying_the_same_pack_again_changes_nothing(session: Session, pack_name: str) -> None:
    pack = rules.current_pack(session, pack_name)
    assert rules.apply_pack(session, pack) == rules.Applied(opened=0, withdrawn=0, kept=3)


@pytest.mark.usefixtures("stored")
def test_batches_reach_every_listing(session: Session, pack_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "BATCH", 1)
    assert apply(session, pack_name, 0.3) == rules.Applied(opened=1, withdrawn=0, kept=3)


@pytest.mark.usefixtures("stored")
def test_a_decision_of_this_moment_is_stronger_than_a_withdrawal(session: Session) -> None:
    row = session.scalars(select(FindingRow).where(FindingRow.score == 0.6)).one()
    other = Session(session.get_bind())
    other.get_one(FindingRow, row.id).state = FindingState.DISMISSED
    other.commit()
    other.close()
    assert not findings.withdraw(session, row)
    session.refresh(row)
    assert row.state is FindingState.DISMISSED


def rule_of(session: Session, pack_name: str) -> rules.Rule:
    rule = rules.current_pack(session, pack_name).find_rule(RULE)
    assert rule is not None
    return rule


def apply(session: Session, pack_name: str, value: float) -> rules.Applied:
    put_into_force(session, pack_name, value)
    session.commit()
    return rules.apply_pack(session, rules.current_pack(session, pack_name))


def states(session: Session) -> dict[float | None, FindingState]:
    session.expire_all()
    return {row.score: row.state for row in session.scalars(select(FindingRow).where(FindingRow.rule == RULE))}


def test_whether_a_pack_is_applied_reads_an_index_and_not_the_findings(session: Session, pack_name: str) -> None:
    """At every tick, and of a million open findings mostly none follows another pack."""
    pack = rules.current_pack(session, pack_name)
    rules.apply_pack(session, pack)
    asked: list[Select[Any]] = []
    listen = lambda state: asked.append(state.statement)  # noqa: E731
    event.listen(session, "do_orm_execute", listen)
    assert rules.is_applied(session, pack)
    event.remove(session, "do_orm_execute", listen)
    queries = [query for query in asked if "FROM findings" in str(query)]
    assert len(queries) == 2
    for query in queries if session.get_bind().dialect.name == "sqlite" else []:
        words = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
        plan = str(session.execute(text(f"EXPLAIN QUERY PLAN {words}")).all())
        assert "ix_findings_pack (state=? AND pack_digest" in plan, plan


@pytest.mark.usefixtures("stored")
def test_a_pack_is_applied_until_a_threshold_changes_or_an_older_scan_opens_a_finding(
    session: Session, pack_name: str
) -> None:
    assert rules.is_applied(session, rules.current_pack(session, pack_name))
    put_into_force(session, pack_name, 0.7)
    changed = rules.current_pack(session, pack_name)
    assert not rules.is_applied(session, changed)
    rules.apply_pack(session, changed)
    assert rules.is_applied(session, changed)
    finding = session.scalars(select(FindingRow).where(FindingRow.state == FindingState.OPEN)).first()
    assert finding is not None
    finding.pack_digest = "0" * 64
    session.flush()
    assert not rules.is_applied(session, changed)


def test_two_people_who_change_a_rule_at_once_do_not_overwrite_each_other(session: Session, pack_name: str) -> None:
    user, before = make_user(session), rule_of(session, pack_name)
    rules.add_versions(session, before, {RULE: 0.7}, "the first", user)
    with pytest.raises(Refused, match="Someone changed this rule"):
        rules.add_versions(session, before, {RULE: 0.2}, "the second, who had read version 1", user)
    assert [change.value for change in versions.history(session, RULE)] == [0.7]
