"""What comes of looking again: blind second answers, what a lead settles between two, and appeals."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say
from webapp.models import (
    DECIDED,
    Decision,
    FindingRow,
    Recheck,
    RecheckKind,
    RecheckState,
    Role,
    Stage,
    User,
    Verdict,
)
from webapp.services import audit, decisions, rechecks, sightings
from webapp.services.decisions import Choice
from webapp.services.errors import NotFound, Refused

ESCALATE = "escalate"
CLAIM_LETTERS = 2000
NAME_LETTERS = 80
LISTED = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What a blind look came to. answer: a concept, `other` for nothing suspected, or ESCALATE. seconds: how long it
    took, None where not measured."""

    answer: str
    note: str = ""
    seconds: float | None = None

    def verdict_on(self, concept: str) -> Verdict:
        if self.answer == ESCALATE:
            return Verdict.ESCALATE
        return Verdict.CONFIRM if self.answer == concept else Verdict.DISMISS

    @property
    def concept(self) -> str | None:
        return None if self.answer == ESCALATE else self.answer


@dataclass(frozen=True, slots=True)
class Fitness:
    """Whether a person may settle a case. is_party: they decided in it themselves, and there is no other lead.

    reason: why they may not, in a sentence.
    """

    may: bool
    is_party: bool = False
    reason: str = ""


def open_cases(session: Session) -> list[Recheck]:
    """Disputes and appeals that wait for a lead, the oldest first; at most 100."""
    is_case = (Recheck.state == RecheckState.DISPUTED) | (
        (Recheck.state == RecheckState.WAITING) & (Recheck.kind == RecheckKind.APPEAL)
    )
    return list(
        session.scalars(
            rechecks.with_details(select(Recheck).where(is_case, rechecks.stands()).order_by(Recheck.id).limit(LISTED))
        )
    )


def is_open(session: Session, recheck: Recheck) -> bool:
    """Whether a lead can settle it now."""
    waits_for = RecheckState.WAITING if recheck.kind is RecheckKind.APPEAL else RecheckState.DISPUTED
    return recheck.state is waits_for and rechecks.still_stands(session, recheck)


def answer(session: Session, user: User, recheck_id: int, look: Look) -> Recheck:
    """Keep a blind second look; the finding's state stays. Raises NotFound, Refused where it is not theirs to give."""
    recheck = _lock(session, recheck_id)
    finding = recheck.finding
    if (
        recheck.state is not RecheckState.WAITING
        or recheck.kind not in rechecks.SECOND_LOOKS
        or not rechecks.still_stands(session, recheck)
    ):
        raise Refused(say("This item was settled meanwhile."))
    if recheck.first.user_id == user.id:
        raise Refused(say("Somebody else has to take this second look."))
    verdict = look.verdict_on(finding.concept)
    recheck.second = _decide(session, user, finding, verdict, Stage.SECOND, look)
    agrees = verdict is recheck.first.verdict
    recheck.state = RecheckState.AGREED if agrees else RecheckState.DISPUTED
    recheck.closed_at = now() if agrees else None
    session.flush()
    _record(session, user, "recheck.second", recheck, recheck.second, answer=look.answer)
    if look.concept not in (None, "other", finding.concept):
        sightings.open_seen(
            session, finding.listing, finding.photo_id, str(look.concept), sightings.SECOND_LOOK, look.note
        )
    return recheck


def appeal(session: Session, user: User, finding_id: int, claim: str, raised_by: str = "") -> Recheck:
    """Ask for another decision. claim: what is said; raised_by: who says it, where that isn't `user`.

    Raises NotFound; Refused where nothing is decided, nothing is said, or this decision has its appeal.
    """
    finding = session.get(FindingRow, finding_id, with_for_update=True)
    if finding is None:
        raise NotFound(say("There is no finding %(finding_id)s.", finding_id=finding_id))
    if not (claim := claim.strip()):
        raise Refused(say("Write what speaks against the decision."))
    decision = deciding(session, finding)
    if decision is None:
        raise Refused(say("Only a decided finding can be appealed against."))
    if session.scalar(select(Recheck.id).where(Recheck.first_id == decision.id, Recheck.kind == RecheckKind.APPEAL)):
        raise Refused(say("There is an appeal against this decision already."))
    who = raised_by.strip()[:NAME_LETTERS] or user.name
    row = Recheck(finding=finding, kind=RecheckKind.APPEAL, claim=claim[:CLAIM_LETTERS], raised_by=who, first=decision)
    session.add(row)
    session.flush()
    audit.record(
        session, user.name, "recheck.appeal", f"finding:{finding.id}", recheck=row.id, raised_by=who, claim=row.claim
    )
    return row


def deciding(session: Session, finding: FindingRow) -> Decision | None:
    """The decision that the finding's state comes from; None where it isn't confirmed or dismissed."""
    if finding.state not in DECIDED:
        return None
    found = decisions.effective(decisions.of_findings(session, [finding.id])[finding.id])
    return found if found and found.verdict.state is finding.state else None


def fit_to_settle(session: Session, user: User, recheck: Recheck) -> Fitness:
    """A lead who decided neither; one of the two only where there is no other active lead or admin."""
    if not user.role.covers(Role.LEAD):
        return Fitness(False, reason=say("A lead settles this."))
    parties = parties_of(recheck)
    if user.id not in parties:
        return Fitness(True)
    able = (User.is_active, User.role.in_((Role.LEAD, Role.ADMIN)), User.id.not_in(parties))
    if session.scalar(select(exists().where(*able))):
        return Fitness(False, reason=say("You decided in this case yourself: another lead settles it."))
    return Fitness(True, is_party=True)


def parties_of(recheck: Recheck) -> set[int]:
    return {one.user_id for one in (recheck.first, recheck.second) if one is not None}


def settle(session: Session, user: User, recheck_id: int, verdict: Verdict, note: str) -> Recheck:
    """A lead's last word: it sets the finding's state. Raises NotFound, Refused."""
    recheck = _lock(session, recheck_id)
    is_appeal = recheck.kind is RecheckKind.APPEAL
    if not is_open(session, recheck):
        raise Refused(say("This case was settled meanwhile."))
    if verdict not in rechecks.FINAL:
        raise Refused(say("Choose confirm or dismiss: nobody stands above a lead."))
    fitness = fit_to_settle(session, user, recheck)
    if not fitness.may:
        raise Refused(fitness.reason)
    finding = recheck.finding
    look = Look(finding.concept if verdict is Verdict.CONFIRM else "other", note)
    stage = Stage.APPEAL if is_appeal else Stage.ADJUDICATION
    recheck.final = _decide(session, user, finding, verdict, stage, look)
    upheld = verdict is recheck.first.verdict
    recheck.state = RecheckState.UPHELD if upheld else RecheckState.OVERTURNED
    recheck.closed_at = now()
    session.flush()
    if not upheld:  # what else was open here spoke of a decision that is no more
        rechecks.void(session, Recheck.finding_id == finding.id)
    facts = {"before": recheck.final.state_before, "after": finding.state.value, "is_party": fitness.is_party}
    _record(session, user, f"recheck.{recheck.state.value}", recheck, recheck.final, **facts)
    return recheck


def _lock(session: Session, recheck_id: int) -> Recheck:
    """The recheck, ours until the commit. Raises NotFound.

    Its finding goes first, as when one is decided, undone or revised: in another order the two would wait for each
    other. The row is written as it is, since SQLite locks none that is only read, and an answer counts once.
    """
    finding_id = session.scalar(select(Recheck.finding_id).where(Recheck.id == recheck_id))
    if finding_id is None:
        raise NotFound(say("There is no second look %(recheck_id)s.", recheck_id=recheck_id))
    decisions.lock(session, [finding_id])
    touched = update(Recheck).where(Recheck.id == recheck_id).values(state=Recheck.state)
    session.execute(touched, execution_options={"synchronize_session": False})
    session.get(Recheck, recheck_id, populate_existing=True)
    return rechecks.find(session, recheck_id)


def _decide(session: Session, user: User, finding: FindingRow, verdict: Verdict, stage: Stage, look: Look) -> Decision:
    choice = Choice(verdict, look.note, concept=look.concept, seconds=look.seconds)
    decision = decisions.record(session, user, finding, choice, stage)
    if decision is None:
        raise Refused(say("This case was settled meanwhile."))
    return decision


def _record(session: Session, user: User, action: str, recheck: Recheck, decision: Decision, **facts: Any) -> None:
    same = {"recheck": recheck.id, "kind": recheck.kind.value, "first": recheck.first_id, "decision": decision.id}
    said = {"verdict": decision.verdict.value, "note": decision.note}
    audit.record(session, user.name, action, f"finding:{recheck.finding_id}", **same, **said, **facts)


def stage_words(decision: Decision) -> str:
    """What kind of look a decision was, where it wasn't the first."""
    return {
        Stage.FIRST: "",
        Stage.SECOND: say("a second look, blind"),
        Stage.ADJUDICATION: say("settled a dispute"),
        Stage.APPEAL: say("on an appeal"),
    }[decision.stage]
