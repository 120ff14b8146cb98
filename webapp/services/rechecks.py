"""Looking at decisions again: blind second looks, what a lead settles between two, and appeals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from secrets import SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from webapp.db import now
from webapp.language import say
from webapp.models import (
    Decision,
    DecisionUndo,
    FindingRow,
    FindingState,
    ListingRow,
    PhotoRow,
    Recheck,
    RecheckKind,
    RecheckPolicy,
    RecheckState,
    Role,
    Stage,
    User,
    Verdict,
)
from webapp.services import audit, sightings, team
from webapp.services.errors import NotFound, Refused

OPEN = (RecheckState.WAITING, RecheckState.DISPUTED)
FINAL = (Verdict.CONFIRM, Verdict.DISMISS)
DECIDED = (FindingState.CONFIRMED, FindingState.DISMISSED)
SECOND_LOOKS = (RecheckKind.RULE, RecheckKind.SAMPLE)
ESCALATE = "escalate"
CLAIM_LETTERS = 2000
NAME_LETTERS = 80
LISTED = 100

# Nobody can tell beforehand which decision is looked at again, not even who reads the code.
draw = SystemRandom().random


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


def note_decision(session: Session, decision: Decision) -> dict[str, Any] | None:
    """Void what was open on the finding, then draw whether this decision gets a second look.

    For every first decision, after it is flushed. The facts of the draw, for the decision's audit entry; None where
    nothing is drawn: an escalation goes to somebody else anyway.
    """
    if decision.stage is not Stage.FIRST:
        return None
    _void(session, Recheck.finding_id == decision.finding_id)
    if decision.verdict not in FINAL:
        return None
    kind, share = share_of(session, decision.finding.rule)
    drawn = draw()
    if drawn < share:
        session.add(Recheck(finding_id=decision.finding_id, kind=kind, first=decision))
        session.flush()
    return {"share": share, "drawn": round(drawn, 9)}


def note_undo(session: Session, decision: Decision) -> None:
    """Void what was open on a decision that was taken back."""
    _void(session, Recheck.first_id == decision.id)


def _void(session: Session, which: ColumnElement[bool]) -> None:
    ended = update(Recheck).where(which, Recheck.state.in_(OPEN))
    session.execute(ended.values(state=RecheckState.VOID, closed_at=now()))


def share_of(session: Session, rule: str) -> tuple[RecheckKind, float]:
    """The rule's own share where it has one, else the team's."""
    own = session.scalar(select(RecheckPolicy.share).where(RecheckPolicy.rule == rule))
    if own is not None:
        return RecheckKind.RULE, own
    return RecheckKind.SAMPLE, team.choices(session).second_look_percent / 100


def policies(session: Session) -> list[RecheckPolicy]:
    return list(
        session.scalars(select(RecheckPolicy).where(RecheckPolicy.rule.is_not(None)).order_by(RecheckPolicy.rule))
    )


def set_policy(session: Session, user: User, rule: str, percent: float | None) -> None:
    """Look again at `percent` of the decisions under `rule`; None: as many as of the others. Raises Refused."""
    if percent is not None and not 0 <= percent <= 100:
        raise Refused(say("Give a share from 0 to 100 per cent."))
    row = session.scalar(select(RecheckPolicy).where(RecheckPolicy.rule == rule))
    before = row.share if row else None
    share = None if percent is None else percent / 100
    if row is not None and share is None:
        session.delete(row)
    elif share is not None:
        row = row or RecheckPolicy(rule=rule, share=share)
        row.share, row.user_id, row.changed_at = share, user.id, now()
        session.add(row)
    audit.record(session, user.name, "recheck.policy", f"rule:{rule}", before=before, after=share)


def stands() -> ColumnElement[bool]:
    """Whether the first decision of a recheck is still the one in force: not taken back, corrected or overtaken."""
    later = aliased(Decision)
    undone = exists().where(DecisionUndo.decision_id == Recheck.first_id)
    revised = exists().where(
        later.finding_id == Recheck.finding_id,
        later.id > Recheck.first_id,
        later.stage == Stage.FIRST,
        ~exists().where(DecisionUndo.decision_id == later.id),
    )
    return ~undone & ~revised


def find(session: Session, recheck_id: int) -> Recheck:
    """With all that a page shows of it. Raises NotFound."""
    row: Recheck | None = session.scalar(_with_details(select(Recheck).where(Recheck.id == recheck_id)))
    if row is None:
        raise NotFound(f"There is no second look {recheck_id}.")
    return row


def open_cases(session: Session) -> list[Recheck]:
    """Disputes and appeals that wait for a lead, the oldest first; at most 100."""
    is_case = (Recheck.state == RecheckState.DISPUTED) | (
        (Recheck.state == RecheckState.WAITING) & (Recheck.kind == RecheckKind.APPEAL)
    )
    return list(
        session.scalars(_with_details(select(Recheck).where(is_case, stands()).order_by(Recheck.id).limit(LISTED)))
    )


def count_waiting(session: Session) -> int:
    """Second looks that nobody has taken yet: how many, never which."""
    waiting = (Recheck.state == RecheckState.WAITING, Recheck.kind.in_(SECOND_LOOKS), stands())
    return session.scalar(select(func.count()).select_from(Recheck).where(*waiting)) or 0


def _with_details(query: Any) -> Any:
    finding = joinedload(Recheck.finding)
    return query.options(
        finding.joinedload(FindingRow.listing).joinedload(ListingRow.source),
        finding.joinedload(FindingRow.photo).selectinload(PhotoRow.scores),
        joinedload(Recheck.first).joinedload(Decision.user),
        joinedload(Recheck.second).joinedload(Decision.user),
        joinedload(Recheck.final).joinedload(Decision.user),
    )


def answer(session: Session, user: User, recheck_id: int, look: Look) -> Recheck:
    """Keep a blind second look; the finding's state stays. Raises NotFound, Refused where it is not theirs to give."""
    recheck = _lock(session, recheck_id)
    finding = recheck.finding
    if (
        recheck.state is not RecheckState.WAITING
        or recheck.kind not in SECOND_LOOKS
        or not _still_stands(session, recheck)
    ):
        raise Refused(say("This item was settled meanwhile."))
    if recheck.first.user_id == user.id:
        raise Refused(say("Somebody else has to take this second look."))
    verdict = look.verdict_on(finding.concept)
    recheck.second = _add_decision(session, user, finding, verdict, Stage.SECOND, look)
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
        raise NotFound(f"There is no finding {finding_id}.")
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


def appeal_of(session: Session, finding: FindingRow) -> Recheck | None:
    """The newest appeal against one of the finding's decisions."""
    mine = (Recheck.finding_id == finding.id, Recheck.kind == RecheckKind.APPEAL)
    newest: Recheck | None = session.scalar(
        _with_details(select(Recheck).where(*mine).order_by(Recheck.id.desc()).limit(1))
    )
    return newest


def deciding(session: Session, finding: FindingRow) -> Decision | None:
    """The decision that the finding's state comes from; None where it isn't confirmed or dismissed."""
    if finding.state not in DECIDED:
        return None
    mine = (Decision.finding_id == finding.id, Decision.stage != Stage.SECOND)
    undone = exists().where(DecisionUndo.decision_id == Decision.id)
    found = session.scalar(select(Decision).where(*mine, ~undone).order_by(Decision.id.desc()).limit(1))
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
    waits_for = RecheckState.WAITING if is_appeal else RecheckState.DISPUTED
    if recheck.state is not waits_for or not _still_stands(session, recheck):
        raise Refused(say("This case was settled meanwhile."))
    if verdict not in FINAL:
        raise Refused(say("Choose confirm or dismiss: nobody stands above a lead."))
    fitness = fit_to_settle(session, user, recheck)
    if not fitness.may:
        raise Refused(fitness.reason)
    finding = session.get_one(FindingRow, recheck.finding_id, with_for_update=True)
    look = Look(finding.concept if verdict is Verdict.CONFIRM else "other", note)
    stage = Stage.APPEAL if is_appeal else Stage.ADJUDICATION
    recheck.final = _add_decision(session, user, finding, verdict, stage, look)
    upheld = verdict is recheck.first.verdict
    recheck.state = RecheckState.UPHELD if upheld else RecheckState.OVERTURNED
    recheck.closed_at = now()
    finding.state = verdict.state
    session.flush()
    if not upheld:  # what else was open here spoke of a decision that is no more
        _void(session, Recheck.finding_id == finding.id)
    facts = {"before": recheck.final.state_before, "after": finding.state.value, "is_party": fitness.is_party}
    _record(session, user, f"recheck.{recheck.state.value}", recheck, recheck.final, **facts)
    return recheck


def _lock(session: Session, recheck_id: int) -> Recheck:
    if session.get(Recheck, recheck_id, with_for_update=True, populate_existing=True) is None:
        raise NotFound(f"There is no second look {recheck_id}.")
    return find(session, recheck_id)


def _still_stands(session: Session, recheck: Recheck) -> bool:
    return session.scalar(select(Recheck.id).where(Recheck.id == recheck.id, stands())) is not None


def _add_decision(
    session: Session, user: User, finding: FindingRow, verdict: Verdict, stage: Stage, look: Look
) -> Decision:
    decision = Decision(
        finding=finding,
        user=user,
        verdict=verdict,
        note=look.note,
        stage=stage,
        concept=look.concept,
        state_before=finding.state.value,
        seconds=look.seconds,
        role=user.role.value,
    )
    session.add(decision)
    session.flush()
    return decision


def _record(session: Session, user: User, action: str, recheck: Recheck, decision: Decision, **facts: Any) -> None:
    same = {"recheck": recheck.id, "kind": recheck.kind.value, "first": recheck.first_id, "decision": decision.id}
    said = {"verdict": decision.verdict.value, "note": decision.note}
    audit.record(session, user.name, action, f"finding:{recheck.finding_id}", **same, **said, **facts)


def second_looks(session: Session, from_at: datetime, to_at: datetime) -> list[Recheck]:
    """Those whose second answer was given in [from_at, to_at), void ones left out."""
    second = aliased(Decision)
    query = select(Recheck).join(second, Recheck.second_id == second.id)
    return _pairs(session, query.where(second.decided_at >= from_at, second.decided_at < to_at))


def looks_on(session: Session, from_at: datetime, to_at: datetime) -> list[Recheck]:
    """Those with a second answer whose finding was found in [from_at, to_at), void ones left out."""
    query = select(Recheck).join(Recheck.finding).where(Recheck.second_id.is_not(None))
    return _pairs(session, query.where(FindingRow.found_at >= from_at, FindingRow.found_at < to_at))


def _pairs(session: Session, query: Select[Any]) -> list[Recheck]:
    pair = (joinedload(one).joinedload(Decision.user) for one in (Recheck.first, Recheck.second))
    rows = query.where(Recheck.state != RecheckState.VOID).options(*pair, joinedload(Recheck.finding))
    return list(session.scalars(rows.order_by(Recheck.id)))


def settled(rows: Iterable[Recheck]) -> list[Recheck]:
    """Those that are over: both agreed, or a lead said which holds."""
    return [row for row in rows if row.state in (RecheckState.AGREED, RecheckState.UPHELD, RecheckState.OVERTURNED)]
