"""Which decisions are looked at again, by a draw, and which looks still stand; what comes of it: adjudication."""

from collections.abc import Iterable
from datetime import datetime
from secrets import SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from webapp.db import insert_new, now
from webapp.language import say
from webapp.models import (
    Decision,
    DecisionUndo,
    FindingRow,
    ListingRow,
    PhotoRow,
    Recheck,
    RecheckKind,
    RecheckPolicy,
    RecheckState,
    Stage,
    User,
    Verdict,
)
from webapp.services import audit, team
from webapp.services.errors import NotFound, Refused

OPEN = (RecheckState.WAITING, RecheckState.DISPUTED)
FINAL = (Verdict.CONFIRM, Verdict.DISMISS)
SECOND_LOOKS = (RecheckKind.RULE, RecheckKind.SAMPLE)

# Nobody can tell beforehand which decision is looked at again, not even who reads the code.
draw = SystemRandom().random


def note_decision(session: Session, decision: Decision) -> dict[str, Any] | None:
    """Void what was open on the finding, then draw whether this decision gets a second look.

    For every first decision, after it is flushed. The facts of the draw, for the decision's audit entry; None where
    nothing is drawn: an escalation goes to somebody else anyway.
    """
    if decision.stage is not Stage.FIRST:
        return None
    void(session, Recheck.finding_id == decision.finding_id)
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
    void(session, Recheck.first_id == decision.id)


def void(session: Session, which: ColumnElement[bool]) -> None:
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
        said = {"share": share, "user_id": user.id, "changed_at": now()}
        if not insert_new(session, RecheckPolicy, rule=rule, **said):
            session.execute(update(RecheckPolicy).where(RecheckPolicy.rule == rule).values(**said))
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


def still_stands(session: Session, recheck: Recheck) -> bool:
    return session.scalar(select(Recheck.id).where(Recheck.id == recheck.id, stands())) is not None


def find(session: Session, recheck_id: int) -> Recheck:
    """With all that a page shows of it. Raises NotFound."""
    row: Recheck | None = session.scalar(with_details(select(Recheck).where(Recheck.id == recheck_id)))
    if row is None:
        raise NotFound(say("There is no second look %(recheck_id)s.", recheck_id=recheck_id))
    return row


def count_waiting(session: Session) -> int:
    """Second looks that nobody has taken yet: how many, never which."""
    waiting = (Recheck.state == RecheckState.WAITING, Recheck.kind.in_(SECOND_LOOKS), stands())
    return session.scalar(select(func.count()).select_from(Recheck).where(*waiting)) or 0


def with_details(query: Any) -> Any:
    finding = joinedload(Recheck.finding)
    return query.options(
        finding.joinedload(FindingRow.listing).joinedload(ListingRow.source),
        finding.joinedload(FindingRow.photo).selectinload(PhotoRow.scores),
        joinedload(Recheck.first).joinedload(Decision.user),
        joinedload(Recheck.second).joinedload(Decision.user),
        joinedload(Recheck.final).joinedload(Decision.user),
    )


def second_looks(session: Session, from_at: datetime, to_at: datetime) -> list[Recheck]:
    """Those whose second answer was given in [from_at, to_at), unless the first was taken back.

    Void ones too: where the first person corrects themselves after a dispute, the two still disagreed.
    """
    second = aliased(Decision)
    undone = exists().where(DecisionUndo.decision_id == Recheck.first_id)
    query = select(Recheck).join(second, Recheck.second_id == second.id).where(~undone)
    return _pairs(session, query.where(second.decided_at >= from_at, second.decided_at < to_at))


def looks_on(session: Session, from_at: datetime, to_at: datetime) -> list[Recheck]:
    """Those with a second answer whose finding was found in [from_at, to_at), void ones left out."""
    query = select(Recheck).join(Recheck.finding).where(Recheck.second_id.is_not(None))
    query = query.where(Recheck.state != RecheckState.VOID)
    return _pairs(session, query.where(FindingRow.found_at >= from_at, FindingRow.found_at < to_at))


def _pairs(session: Session, query: Select[Any]) -> list[Recheck]:
    pair = (joinedload(one).joinedload(Decision.user) for one in (Recheck.first, Recheck.second))
    rows = query.options(*pair, joinedload(Recheck.finding))
    return list(session.scalars(rows.order_by(Recheck.id)))


def settled(rows: Iterable[Recheck]) -> list[Recheck]:
    """Those that are over: both agreed, or a lead said which holds."""
    return [row for row in rows if row.state in (RecheckState.AGREED, RecheckState.UPHELD, RecheckState.OVERTURNED)]
