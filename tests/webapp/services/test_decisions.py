from collections.abc import Callable
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.load import find_pack, load_pack
from tests.factories import make_finding, make_listing, make_source, make_user
from tests.webapp.services.conftest import AtOnce
from webapp.db import now
from webapp.models import (
    AuditEntry,
    Decision,
    FindingRow,
    FindingState,
    Recheck,
    Role,
    Stage,
    Verdict,
    Webhook,
    WebhookDelivery,
)
from webapp.services import adjudication, decisions, desk, rechecks, team, webhooks
from webapp.services.adjudication import Look
from webapp.services.decisions import AlreadyDecided, Choice
from webapp.services.errors import NotFound, Refused

CONFIRM, DISMISS, ESCALATE = (Choice(verdict) for verdict in Verdict)


def entries(session: Session) -> list[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.action.startswith("decision."))
    return list(session.scalars(query.order_by(AuditEntry.id)))


def standing(session: Session, row: FindingRow) -> Decision | None:
    return decisions.effective(decisions.of_findings(session, [row.id])[row.id])


def let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The clock of decisions as it will be by then."""
    monkeypatch.setattr(decisions, "now", lambda: now() + timedelta(seconds=seconds))


def test_a_decision_is_a_row_a_state_and_an_audit_entry_of_one_transaction(session: Session) -> None:
    finding, user = make_finding(session), make_user(session, name="ann")
    session.commit()
    choice = Choice(Verdict.ESCALATE, "ask the zoo", "needs_expert", "elephant", 12.34)
    decisions.decide(session, user, finding.id, choice)
    session.rollback()
    session.refresh(finding)
    assert (finding.state, finding.decisions, entries(session)) == (FindingState.OPEN, [], [])

    made = decisions.decide(session, user, finding.id, choice)
    session.commit()
    (one,) = made.decisions
    (entry,) = entries(session)
    assert (one.verdict, one.note, one.user, one.reason) == (Verdict.ESCALATE, "ask the zoo", user, "needs_expert")
    assert (one.concept, one.seconds, one.role, one.state_before) == ("elephant", 12.3, "reviewer", "open")
    assert one.batch == made.batch and one.stage is Stage.FIRST
    assert finding.state is FindingState.ESCALATED
    assert (entry.actor, entry.action, entry.subject) == ("ann", "decision.escalate", f"finding:{finding.id}")
    assert (entry.facts["before"], entry.facts["after"], entry.facts["batch"]) == ("open", "escalated", made.batch)


def test_what_was_decided_is_not_decided_again_but_revised(session: Session) -> None:
    finding, user = make_finding(session), make_user(session)
    decisions.decide(session, user, finding.id, DISMISS)
    with pytest.raises(AlreadyDecided) as caught:
        decisions.decide(session, make_user(session), finding.id, CONFIRM)
    assert caught.value.decision and caught.value.decision.user is user
    assert finding.state is FindingState.DISMISSED


def test_an_escalated_finding_waits_for_its_decision(session: Session) -> None:
    finding = make_finding(session)
    decisions.decide(session, make_user(session), finding.id, ESCALATE)
    decisions.decide(session, make_user(session), finding.id, CONFIRM)
    assert finding.state is FindingState.CONFIRMED


def test_a_finding_that_is_not_there_can_not_be_decided(session: Session) -> None:
    with pytest.raises(NotFound):
        decisions.decide(session, make_user(session), 99, CONFIRM)


def test_one_act_covers_others_with_an_override_and_leaves_out_what_it_must(session: Session) -> None:
    first, alike, unlike, decided, held = (make_finding(session) for _ in range(5))
    user, other = make_user(session), make_user(session, "bob")
    decisions.decide(session, other, decided.id, CONFIRM)
    desk.take(session, other, held.listing_id)
    ids = [alike.id, unlike.id, decided.id, held.id, 999]
    made = decisions.decide(session, user, first.id, Choice(Verdict.DISMISS, seconds=9), ids, {unlike.id: ESCALATE})
    states = [row.state for row in (first, alike, unlike, decided, held)]
    assert states == [
        FindingState.DISMISSED,
        FindingState.DISMISSED,
        FindingState.ESCALATED,
        FindingState.CONFIRMED,
        FindingState.OPEN,
    ]
    assert {one.batch for one in made.decisions} == {made.batch}
    assert [one.seconds for one in made.decisions] == [9.0, None, None], "the time is the act's, not each finding's"
    why = {left.finding_id: left.why for left in made.left_out}
    assert why.keys() == {decided.id, held.id, 999}
    assert "bob has this listing" in why[held.id]


def test_what_another_has_is_not_decided(session: Session) -> None:
    finding, owner, user = make_finding(session), make_user(session, "bob"), make_user(session)
    desk.take(session, owner, finding.listing_id)
    with pytest.raises(Refused, match="bob has this listing, for 15 minutes at most"):
        decisions.decide(session, user, finding.id, CONFIRM)
    decisions.decide(session, owner, finding.id, CONFIRM)
    assert desk.holder(session, finding.listing_id) is None, "deciding puts the listing back"


def test_a_batch_says_what_it_left_out(session: Session) -> None:
    rows = [make_finding(session) for _ in range(3)]
    decisions.decide(session, make_user(session), rows[1].id, CONFIRM)
    choice = Choice(Verdict.DISMISS, seconds=90)
    made = decisions.decide_batch(session, make_user(session), [row.id for row in (rows[1], rows[0], rows[2])], choice)
    assert [one.finding_id for one in made.decisions] == [rows[0].id, rows[2].id]
    assert [left.finding_id for left in made.left_out] == [rows[1].id]
    assert [one.seconds for one in made.decisions] == [90.0, None], "the time is the act's, not each finding's"


def test_an_act_is_undone_whole_and_nothing_is_deleted(session: Session) -> None:
    first, second, user = make_finding(session), make_finding(session), make_user(session)
    decisions.decide(session, make_user(session), second.id, ESCALATE)
    made = decisions.decide(session, user, first.id, CONFIRM, [second.id])
    session.commit()
    decisions.undo(session, user, made.batch)
    session.commit()
    assert (first.state, second.state) == (FindingState.OPEN, FindingState.ESCALATED)
    assert session.query(Decision).count() == 3
    assert standing(session, first) is None
    assert [entry.action for entry in entries(session)][-2:] == ["decision.undo"] * 2
    decisions.decide(session, user, first.id, DISMISS)
    assert first.state is FindingState.DISMISSED


def test_undoing_has_its_time(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    finding, user = make_finding(session), make_user(session)
    made = decisions.decide(session, user, finding.id, CONFIRM)
    team.choose(session, None, undo_seconds=30)
    let_pass(monkeypatch, 31)
    with pytest.raises(Refused, match="too late"):
        decisions.undo(session, user, made.batch)
    assert finding.state is FindingState.CONFIRMED


def test_nobody_undoes_what_another_decided_or_what_was_decided_since(session: Session) -> None:
    finding, user, lead = make_finding(session), make_user(session), make_user(session, role=Role.LEAD)
    made = decisions.decide(session, user, finding.id, CONFIRM)
    with pytest.raises(NotFound):
        decisions.undo(session, lead, made.batch)
    decisions.revise(session, lead, made.decisions[0].id, DISMISS)
    with pytest.raises(Refused, match="decided or taken back since"):
        decisions.undo(session, user, made.batch)


def test_an_undone_act_is_not_undone_again(session: Session) -> None:
    finding, user = make_finding(session), make_user(session)
    made = decisions.decide(session, user, finding.id, CONFIRM)
    decisions.undo(session, user, made.batch)
    with pytest.raises(Refused):
        decisions.undo(session, user, made.batch)


def test_a_revision_stands_beside_what_it_corrects(session: Session) -> None:
    finding, user = make_finding(session), make_user(session)
    old = decisions.decide(session, user, finding.id, CONFIRM).decisions[0]
    new = decisions.revise(session, user, old.id, Choice(Verdict.DISMISS, "resin after all"))
    assert (new.revises_id, new.state_before, finding.state) == (old.id, "confirmed", FindingState.DISMISSED)
    assert standing(session, finding) is new
    assert session.query(Decision).count() == 2
    with pytest.raises(Refused, match="stands no more"):
        decisions.revise(session, user, old.id, CONFIRM)
    decisions.undo(session, user, str(new.batch))
    assert standing(session, finding) is old, "what was corrected stands again"
    assert finding.state is FindingState.CONFIRMED


@pytest.mark.parametrize(
    ("role", "is_author", "may"),
    [
        (Role.REVIEWER, True, True),
        (Role.REVIEWER, False, False),
        (Role.LEAD, False, True),
        (Role.ADMIN, False, True),
        (Role.VIEWER, True, False),
    ],
)
def test_its_author_or_a_lead_may_revise(session: Session, role: Role, is_author: bool, may: bool) -> None:
    finding, author = make_finding(session), make_user(session)
    old = decisions.decide(session, author, finding.id, CONFIRM).decisions[0]
    user = author if is_author else make_user(session, role=role)
    user.role = role
    if may:
        decisions.revise(session, user, old.id, DISMISS)
    else:
        with pytest.raises(Refused, match="a lead"):
            decisions.revise(session, user, old.id, DISMISS)
    assert finding.state is (FindingState.DISMISSED if may else FindingState.CONFIRMED)


def test_a_second_look_leaves_the_finding_as_it_is(session: Session) -> None:
    finding = make_finding(session)
    first = decisions.decide(session, make_user(session), finding.id, CONFIRM).decisions[0]
    decisions.record(session, make_user(session), finding, DISMISS, Stage.SECOND)
    assert finding.state is FindingState.CONFIRMED
    assert standing(session, finding) is first


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(Verdict.CONFIRM, reason="look_alike_material"), "does not fit"),
        (Choice(Verdict.CONFIRM, reason="no such code"), "does not fit"),
        (Choice(Verdict.DISMISS, reason="other"), "asks for a note"),
        (Choice(Verdict.DISMISS, " ", reason="documented_antique"), "asks for a note"),
    ],
)
def test_a_reason_is_one_of_the_packs_for_that_verdict(choice: Choice, words: str) -> None:
    codes = load_pack(find_pack("wildlife")).reason_codes
    with pytest.raises(Refused, match=words):
        decisions.check_reason(choice, codes)


def test_a_reason_that_fits_is_taken() -> None:
    codes = load_pack(find_pack("wildlife")).reason_codes
    decisions.check_reason(Choice(Verdict.DISMISS, reason="look_alike_material"), codes)
    decisions.check_reason(Choice(Verdict.DISMISS, "of 1900", reason="other"), codes)


@pytest.mark.parametrize(
    "choice", [Choice(Verdict.CONFIRM, reason="other"), Choice(Verdict.CONFIRM, concept="unicorn")]
)
def test_a_choice_that_does_not_hold_together_is_refused(session: Session, choice: Choice) -> None:
    finding = make_finding(session)
    with pytest.raises(Refused):
        decisions.decide(session, make_user(session), finding.id, choice)
    assert finding.state is FindingState.OPEN


@pytest.mark.parametrize(("given", "kept"), [(-1.0, None), (0.04, 0.0), (5 * 3600.0, None), (None, None)])
def test_a_time_that_cannot_be_is_not_kept(session: Session, given: float | None, kept: float | None) -> None:
    made = decisions.decide(
        session, make_user(session), make_finding(session).id, Choice(Verdict.CONFIRM, seconds=given)
    )
    assert made.decisions[0].seconds == kept


def test_of_two_who_decide_at_once_one_is_told(session: Session, at_once: AtOnce) -> None:
    finding = make_finding(session)
    users = [make_user(session) for _ in range(4)]
    session.commit()
    choices = [CONFIRM, DISMISS, CONFIRM, DISMISS]

    def decide(number: int) -> Callable[[Session], Any]:
        def deed(own: Session) -> Any:
            user = own.merge(users[number], load=False)
            return len(decisions.decide(own, user, finding.id, choices[number]).decisions)

        return deed

    came = at_once([decide(number) for number in range(4)])
    assert came.count(1) == 1
    assert sum(isinstance(one, AlreadyDecided) for one in came) == 3
    session.expire_all()
    (decision,) = session.query(Decision)
    assert finding.state is decision.verdict.state


def test_batches_over_the_same_findings_do_not_fall_out(session: Session, at_once: AtOnce) -> None:
    ids = [make_finding(session).id for _ in range(8)]
    users = [make_user(session) for _ in range(2)]
    session.commit()

    def decide(number: int) -> Callable[[Session], Any]:
        def deed(own: Session) -> Any:
            user = own.merge(users[number], load=False)
            made = decisions.decide_batch(own, user, ids if number else ids[::-1], DISMISS)
            return len(made.decisions)

        return deed

    assert sum(at_once([decide(0), decide(1)])) == 8
    assert session.query(Decision).count() == 8


def test_two_who_decide_findings_of_one_seller_do_not_fall_out(session: Session, at_once: AtOnce) -> None:
    """Each one's decision moves the seller's other findings, the one that the other decides among them."""
    source = make_source(session)
    rows = [
        make_finding(session, make_listing(session, source, seller="lin"), seller="lin", priority=5.0 - number)
        for number in range(3)
    ]
    users = [make_user(session) for _ in range(2)]
    session.commit()
    both = Barrier(2)

    def decide(number: int) -> Callable[[Session], Any]:
        def deed(own: Session) -> Any:
            decisions.lock(own, [rows[number].id])
            both.wait(timeout=30)
            return decisions.decide(own, own.merge(users[number], load=False), rows[number].id, CONFIRM)

        return deed

    at_once([decide(0), decide(1)])
    session.expire_all()
    assert [row.state for row in rows] == [FindingState.CONFIRMED, FindingState.CONFIRMED, FindingState.OPEN]


def test_an_undo_and_a_revision_at_once_leave_one_truth(session: Session, at_once: AtOnce) -> None:
    finding, user, lead = make_finding(session), make_user(session), make_user(session, role=Role.LEAD)
    made = decisions.decide(session, user, finding.id, CONFIRM)
    session.commit()
    old = made.decisions[0].id

    def undo(own: Session) -> Any:
        return decisions.undo(own, own.merge(user, load=False), made.batch) and "undone"

    def revise(own: Session) -> Any:
        return decisions.revise(own, own.merge(lead, load=False), old, DISMISS) and "revised"

    came = at_once([undo, revise])
    assert sum(isinstance(one, Refused) for one in came) == 1
    session.expire_all()
    expected = FindingState.OPEN if "undone" in came else FindingState.DISMISSED
    assert finding.state is expected
    one = standing(session, finding)
    assert (one.verdict if one else None) == (Verdict.DISMISS if "revised" in came else None)


def test_siblings_of_a_listing_share_its_claim(session: Session) -> None:
    listing = make_listing(session)
    first, second = make_finding(session, listing), make_finding(session, listing)
    owner = make_user(session, "bob")
    desk.take(session, owner, listing.id)
    made = decisions.decide_batch(session, make_user(session), [first.id, second.id], CONFIRM)
    assert not made.decisions
    assert len(made.left_out) == 2


def test_other_systems_hear_what_is_decided_and_what_is_taken_back(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)
    event = webhooks.Event.FINDING_DECIDED.value
    session.add(Webhook(name="desk", url="https://desk.example", secret="sealed", events=[event]))
    finding, user, other = make_finding(session), make_user(session), make_user(session)
    made = decisions.decide(session, user, finding.id, CONFIRM)
    adjudication.answer(session, other, session.query(Recheck).one().id, Look("other"))
    decisions.undo(session, user, made.batch)
    told = [message.payload["data"] for message in session.query(WebhookDelivery).order_by(WebhookDelivery.id)]
    assert [(one["state"], one["is_undone"]) for one in told] == [("confirmed", False), ("open", True)], (
        "a blind second look is nobody's business"
    )
