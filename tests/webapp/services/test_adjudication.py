from collections.abc import Callable
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_user
from tests.webapp.services.conftest import AtOnce
from webapp.models import (
    AuditEntry,
    Decision,
    FindingRow,
    FindingState,
    Recheck,
    RecheckState,
    Role,
    Stage,
    User,
    Verdict,
)
from webapp.services import adjudication, decisions, rechecks
from webapp.services.adjudication import ESCALATE, Look
from webapp.services.decisions import Choice
from webapp.services.errors import NotFound, Refused

Decide = Callable[..., Recheck]


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "draw", lambda: 0.0)


@pytest.fixture
def people(session: Session) -> tuple[User, User, User]:
    """Ann, who decides first, bob, who looks again, and lea, a lead."""
    return make_user(session, "ann"), make_user(session, "bob"), make_user(session, "lea", Role.LEAD)


@pytest.fixture
def recheck(session: Session, people: tuple[User, User, User]) -> Recheck:
    """Ann confirmed an elephant; a second look waits."""
    finding = make_finding(session)
    decisions.decide(session, people[0], finding.id, Choice(Verdict.CONFIRM, "tusks"))
    return session.query(Recheck).one()


@pytest.fixture
def disputed(session: Session, recheck: Recheck, people: tuple[User, User, User]) -> Recheck:
    return adjudication.answer(session, people[1], recheck.id, Look("other", "plush", 12.0))


def test_the_same_concept_agrees_and_leaves_the_state(
    session: Session, recheck: Recheck, people: tuple[User, User, User]
) -> None:
    done = adjudication.answer(session, people[1], recheck.id, Look("elephant", "", 8.0))
    assert done.state is RecheckState.AGREED and done.closed_at
    assert done.second is not None
    assert (done.second.stage, done.second.verdict, done.second.concept) == (Stage.SECOND, Verdict.CONFIRM, "elephant")
    assert done.second.seconds == 8.0
    assert done.finding.state is FindingState.CONFIRMED


@pytest.mark.parametrize("answer", ["other", "tiger", ESCALATE])
def test_another_answer_is_a_dispute_and_still_leaves_the_state(
    session: Session, recheck: Recheck, people: tuple[User, User, User], answer: str
) -> None:
    done = adjudication.answer(session, people[1], recheck.id, Look(answer))
    assert (done.state, done.closed_at) == (RecheckState.DISPUTED, None)
    assert done.finding.state is FindingState.CONFIRMED
    assert adjudication.open_cases(session) == [done]


def test_what_only_the_second_look_saw_is_a_finding_of_its_own(
    session: Session, people: tuple[User, User, User]
) -> None:
    finding = make_finding(session)
    decisions.decide(session, people[0], finding.id, Choice(Verdict.DISMISS))
    done = adjudication.answer(session, people[1], session.query(Recheck).one().id, Look("tiger_skin", "a rug"))
    assert done.state is RecheckState.AGREED
    seen = session.scalars(select(FindingRow).where(FindingRow.rule == "second_look")).one()
    assert (seen.concept, seen.state, seen.photo_id) == ("tiger_skin", FindingState.OPEN, finding.photo_id)
    assert seen.title.startswith("Suspected tiger skin")


def test_who_decided_first_can_not_look_again(
    session: Session, recheck: Recheck, people: tuple[User, User, User]
) -> None:
    with pytest.raises(Refused, match="Somebody else"):
        adjudication.answer(session, people[0], recheck.id, Look("elephant"))


def test_a_second_answer_is_given_once(session: Session, disputed: Recheck, people: tuple[User, User, User]) -> None:
    with pytest.raises(Refused, match="settled meanwhile"):
        adjudication.answer(session, people[2], disputed.id, Look("elephant"))


def wait_for_the_other(monkeypatch: pytest.MonkeyPatch, both: Barrier, module: Any, name: str) -> None:
    """Whoever comes to this function waits for the other, unless the other can't come because it waits itself."""
    real = getattr(module, name)

    def slow(*given: Any) -> Any:
        with suppress(BrokenBarrierError):
            both.wait(timeout=1)
        return real(*given)

    monkeypatch.setattr(module, name, slow)


def test_of_two_second_answers_at_once_one_counts(
    session: Session,
    recheck: Recheck,
    people: tuple[User, User, User],
    at_once: AtOnce,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session.commit()
    wait_for_the_other(monkeypatch, Barrier(2), rechecks, "still_stands")

    def answer(own: Session) -> Any:
        return adjudication.answer(own, own.merge(people[1], load=False), recheck.id, Look("other")).state

    came = at_once([answer, answer])
    assert sum(isinstance(one, Refused) for one in came) == 1
    assert session.query(Decision).filter_by(stage=Stage.SECOND).count() == 1


def test_an_answer_and_an_undo_at_once_do_not_fall_out(
    session: Session,
    recheck: Recheck,
    people: tuple[User, User, User],
    at_once: AtOnce,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = recheck.first.batch or ""
    session.commit()
    both = Barrier(2)
    wait_for_the_other(monkeypatch, both, rechecks, "still_stands")
    wait_for_the_other(monkeypatch, both, decisions, "of_findings")

    def answer(own: Session) -> Any:
        return adjudication.answer(own, own.merge(people[1], load=False), recheck.id, Look("other")).state

    def undo(own: Session) -> Any:
        return decisions.undo(own, own.merge(people[0], load=False), batch)

    at_once([answer, undo])
    session.expire_all()
    assert (recheck.state, recheck.finding.state) == (RecheckState.VOID, FindingState.OPEN)


@pytest.mark.parametrize(
    ("verdict", "state", "after"),
    [
        (Verdict.CONFIRM, RecheckState.UPHELD, FindingState.CONFIRMED),
        (Verdict.DISMISS, RecheckState.OVERTURNED, FindingState.DISMISSED),
    ],
)
def test_a_lead_has_the_last_word(
    session: Session,
    disputed: Recheck,
    people: tuple[User, User, User],
    verdict: Verdict,
    state: RecheckState,
    after: FindingState,
) -> None:
    done = adjudication.settle(session, people[2], disputed.id, verdict, "see the seam")
    assert (done.state, done.finding.state) == (state, after)
    assert done.final is not None and done.final.stage is Stage.ADJUDICATION and done.closed_at
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == f"recheck.{state.value}")).one()
    assert (entry.actor, entry.facts["after"], entry.facts["is_party"]) == ("lea", after.value, False)
    assert adjudication.open_cases(session) == []


def test_a_case_is_settled_once_and_with_a_real_answer(
    session: Session, disputed: Recheck, people: tuple[User, User, User]
) -> None:
    with pytest.raises(Refused, match="confirm or dismiss"):
        adjudication.settle(session, people[2], disputed.id, Verdict.ESCALATE, "")
    adjudication.settle(session, people[2], disputed.id, Verdict.CONFIRM, "")
    with pytest.raises(Refused, match="settled meanwhile"):
        adjudication.settle(session, people[2], disputed.id, Verdict.DISMISS, "")


def test_a_reviewer_settles_nothing(session: Session, disputed: Recheck) -> None:
    with pytest.raises(Refused, match="A lead"):
        adjudication.settle(session, make_user(session), disputed.id, Verdict.CONFIRM, "")


def test_a_lead_who_is_one_of_the_two_steps_back_where_another_is_there(session: Session) -> None:
    lea, max_ = make_user(session, "lea", Role.LEAD), make_user(session, "max", Role.ADMIN)
    decisions.decide(session, lea, make_finding(session).id, Choice(Verdict.CONFIRM))
    row = adjudication.answer(session, make_user(session), session.query(Recheck).one().id, Look("other"))
    with pytest.raises(Refused, match="another lead"):
        adjudication.settle(session, lea, row.id, Verdict.CONFIRM, "")
    max_.is_active = False
    session.flush()
    assert adjudication.fit_to_settle(session, lea, row) == adjudication.Fitness(True, is_party=True)
    adjudication.settle(session, lea, row.id, Verdict.CONFIRM, "")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "recheck.upheld")).one()
    assert entry.facts["is_party"] is True


def test_a_revision_meanwhile_ends_the_dispute(
    session: Session, disputed: Recheck, people: tuple[User, User, User]
) -> None:
    decisions.revise(session, people[0], disputed.first_id, Choice(Verdict.DISMISS))
    with pytest.raises(Refused, match="settled meanwhile"):
        adjudication.settle(session, people[2], disputed.id, Verdict.CONFIRM, "")
    assert adjudication.open_cases(session) == []


def appeal(session: Session, row: Recheck, user: User, claim: str = "It is plastic", who: str = "") -> Recheck:
    return adjudication.appeal(session, user, row.finding_id, claim, who)


def test_an_appeal_waits_for_a_lead_and_may_overturn(
    session: Session, recheck: Recheck, people: tuple[User, User, User]
) -> None:
    row = appeal(session, recheck, people[1], who="the seller")
    assert (row.raised_by, row.first_id) == ("the seller", recheck.first_id)
    assert adjudication.open_cases(session) == [row]
    done = adjudication.settle(session, people[2], row.id, Verdict.DISMISS, "mould line")
    assert (done.state, done.finding.state) == (RecheckState.OVERTURNED, FindingState.DISMISSED)
    assert done.final is not None and done.final.stage is Stage.APPEAL
    session.refresh(recheck)
    assert recheck.state is RecheckState.VOID, "a second look at what is no more"


def test_an_appeal_that_fails_leaves_the_decision(
    session: Session, recheck: Recheck, people: tuple[User, User, User]
) -> None:
    done = adjudication.settle(session, people[2], appeal(session, recheck, people[0]).id, Verdict.CONFIRM, "")
    assert (done.state, done.finding.state) == (RecheckState.UPHELD, FindingState.CONFIRMED)
    assert rechecks.count_waiting(session) == 1


def test_what_can_not_be_appealed_against(session: Session, recheck: Recheck, people: tuple[User, User, User]) -> None:
    ann = people[0]
    with pytest.raises(Refused, match="Write what"):
        appeal(session, recheck, ann, "  ")
    appeal(session, recheck, ann)
    with pytest.raises(Refused, match="already"):
        appeal(session, recheck, ann)
    with pytest.raises(Refused, match="Only a decided"):
        adjudication.appeal(session, ann, make_finding(session).id, "why", "")
    with pytest.raises(NotFound):
        adjudication.appeal(session, ann, 999, "why", "")
