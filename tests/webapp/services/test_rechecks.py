import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_user
from webapp.models import AuditEntry, Decision, Recheck, RecheckKind, RecheckState, Verdict
from webapp.services import decisions, rechecks, team
from webapp.services.decisions import Choice
from webapp.services.errors import Refused


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has a share above 0 is drawn."""
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


def decide(session: Session, verdict: Verdict = Verdict.CONFIRM, **fields: str) -> Decision:
    finding = make_finding(session, **fields)
    return decisions.decide(session, make_user(session), finding.id, Choice(verdict)).decisions[0]


def states(session: Session) -> list[RecheckState]:
    return list(session.scalars(select(Recheck.state).order_by(Recheck.id)))


@pytest.mark.usefixtures("always")
def test_a_drawn_decision_gets_a_second_look(session: Session) -> None:
    decision = decide(session)
    row = session.query(Recheck).one()
    assert (row.first_id, row.kind, row.state) == (decision.id, RecheckKind.SAMPLE, RecheckState.WAITING)


@pytest.mark.usefixtures("always")
def test_the_draw_stands_in_the_audit(session: Session) -> None:
    decide(session)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "decision.confirm")).one()
    assert entry.facts["second_look"] == {"share": 0.05, "drawn": 0.0}


def test_what_is_not_drawn_gets_none(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.05)
    decide(session)
    assert states(session) == []


@pytest.mark.usefixtures("always")
def test_an_escalation_gets_none_and_a_share_of_nothing_neither(session: Session) -> None:
    decide(session, Verdict.ESCALATE)
    team.choose(session, None, second_look_percent=0)
    decide(session)
    assert states(session) == []


@pytest.mark.parametrize(("drawn", "opened"), [(0.79, 1), (0.81, 0)])
def test_a_rule_has_its_own_share(session: Session, monkeypatch: pytest.MonkeyPatch, drawn: float, opened: int) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: drawn)
    rechecks.set_policy(session, make_user(session), "tiger_seen", 80)
    decide(session, rule="tiger_seen")
    decide(session, rule="ivory_seen")
    kinds = list(session.scalars(select(Recheck.kind)))
    assert kinds == [RecheckKind.RULE] * opened


def test_a_share_is_set_changed_and_taken_away(session: Session) -> None:
    ann = make_user(session)
    for percent in (80, 20, None):
        rechecks.set_policy(session, ann, "tiger_seen", percent)
        session.flush()
    assert rechecks.policies(session) == []
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "recheck.policy").order_by(AuditEntry.id))
    assert [(one.facts["before"], one.facts["after"]) for one in entries] == [(None, 0.8), (0.8, 0.2), (0.2, None)]
    with pytest.raises(Refused, match="from 0 to 100"):
        rechecks.set_policy(session, ann, "tiger_seen", 101)


@pytest.mark.usefixtures("always")
def test_a_decision_that_is_taken_back_voids_its_second_look(session: Session) -> None:
    finding, ann = make_finding(session), make_user(session)
    made = decisions.decide(session, ann, finding.id, Choice(Verdict.CONFIRM))
    decisions.undo(session, ann, made.batch)
    assert states(session) == [RecheckState.VOID]
    assert rechecks.count_waiting(session) == 0


@pytest.mark.usefixtures("always")
def test_a_revised_decision_voids_the_first_one_s_and_is_drawn_anew(session: Session) -> None:
    decision = decide(session)
    decisions.revise(session, decision.user, decision.id, Choice(Verdict.DISMISS))
    assert states(session) == [RecheckState.VOID, RecheckState.WAITING]
    assert rechecks.count_waiting(session) == 1
