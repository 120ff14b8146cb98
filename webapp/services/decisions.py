"""Deciding findings: what a reviewer says of them, taking it back, and saying it anew. Nothing is ever deleted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from rules.evidence import CONCEPTS
from rules.reason_codes import OTHER, ReasonCodes
from webapp.db import insert_new, now
from webapp.language import say
from webapp.models import Decision, DecisionUndo, FindingRow, FindingState, Role, Stage, User, Verdict
from webapp.services import audit, desk, priority, rechecks, team, webhooks
from webapp.services.errors import NotFound, Refused

WAITING = (FindingState.OPEN, FindingState.ESCALATED, FindingState.WITHDRAWN)
LONGEST_S = 4 * 3600  # a page that stood open for longer was not looked at all the time


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person says of a finding.

    reason: a code of the pack's for the verdict. concept: what they see, one of rules.evidence.CONCEPTS. seconds: how
    long they had it before them, None where not measured.
    """

    verdict: Verdict
    note: str = ""
    reason: str | None = None
    concept: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A finding that was to be decided too and was not; why: a sentence."""

    finding_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Made:
    """What one act decided, all under one `batch`, and what it left out."""

    decisions: list[Decision] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    batch: str = ""


class AlreadyDecided(Refused):  # an answer, as in HTTP
    """Somebody was faster; `decision`: what stands, None where that can't be told."""

    def __init__(self, decision: Decision | None) -> None:
        self.decision = decision
        super().__init__(say("This finding was decided meanwhile: look at its decision, and revise it where it errs."))


def decide(
    session: Session,
    user: User,
    finding_id: int,
    choice: Choice,
    also: Iterable[int] = (),
    overrides: Mapping[int, Choice] | None = None,
) -> Made:
    """Record what `user` decided, the new states and the audit entries, all in the caller's transaction.

    also: other findings that are decided alike, or as `overrides` says; those that can't be are left out. Raises
    NotFound, AlreadyDecided, and Refused where another person has the listing or the choice does not hold together.
    """
    made = Made(batch=uuid4().hex)
    ids = list(dict.fromkeys((finding_id, *also)))
    # The seconds are the act's: counted once, not once a finding.
    untimed = replace(choice, seconds=None)
    choices = {one: (overrides or {}).get(one, untimed) for one in ids} | {finding_id: choice}
    rows, held = prepare(session, user, choices)
    if finding_id not in rows:
        raise NotFound(say("There is no finding %(number)s.", number=finding_id))
    add_one(session, user, rows[finding_id], choice, made, held)
    for left in made.left_out:
        if rows[finding_id].listing_id in held:
            raise Refused(left.why)
        raise AlreadyDecided(effective(of_findings(session, [finding_id])[finding_id]))
    for other_id in ids[1:]:
        add_known(session, user, other_id, rows, choices, made, held)
    return made


def decide_batch(session: Session, user: User, finding_ids: Iterable[int], choice: Choice) -> Made:
    """Decide all of them alike in the caller's transaction; what can't be decided is left out with its reason.

    The seconds are the act's, and stand with the first that is decided.
    """
    made = Made(batch=uuid4().hex)
    choices = dict.fromkeys(finding_ids, choice)
    rows, held = prepare(session, user, choices)
    for finding_id in choices:
        if made.decisions:
            choices[finding_id] = replace(choice, seconds=None)
        add_known(session, user, finding_id, rows, choices, made, held)
    return made


def prepare(
    session: Session, user: User, choices: Mapping[int, Choice]
) -> tuple[dict[int, FindingRow], dict[int, desk.Held]]:
    """The findings, locked, and which of their listings others have, by listing id."""
    for choice in dict.fromkeys(choices.values()):
        check(choice)
    rows = lock(session, choices)
    return rows, desk.held_by_others(session, user, {row.listing_id for row in rows.values()})


def check(choice: Choice) -> None:
    """Raises Refused for what no pack would take; `check_reason` asks the pack's own codes."""
    if choice.concept is not None and choice.concept not in CONCEPTS:
        raise Refused(say("Choose one of the concepts that are listed."))
    if choice.reason == OTHER and not choice.note.strip():
        raise Refused(say("Write in the note what the other reason is."))


def check_reason(choice: Choice, codes: ReasonCodes) -> None:
    """Raises Refused where the pack has no such reason for the verdict, or where the reason asks for a note."""
    if choice.reason is None:
        return
    code = codes.find(choice.reason)
    if code is None or choice.verdict.value not in code.verdicts:
        raise Refused(say("This reason does not fit the decision: choose one that is listed for it."))
    if code.needs_note and not choice.note.strip():
        raise Refused(say("The reason “%(title)s” asks for a note: write one.", title=say(code.title)))


def lock(session: Session, ids: Iterable[int]) -> dict[int, FindingRow]:
    """In the order of ids, so that two acts over the same findings wait for each other instead of falling out."""
    rows = select(FindingRow).where(FindingRow.id.in_(list(ids))).order_by(FindingRow.id).with_for_update()
    return {row.id: row for row in session.scalars(rows, execution_options={"populate_existing": True})}


def add_known(
    session: Session,
    user: User,
    finding_id: int,
    rows: Mapping[int, FindingRow],
    choices: Mapping[int, Choice],
    made: Made,
    held: Mapping[int, desk.Held],
) -> None:
    if finding_id in rows:
        add_one(session, user, rows[finding_id], choices[finding_id], made, held)
    else:
        made.left_out.append(LeftOut(finding_id, say("There is no finding %(number)s.", number=finding_id)))


def add_one(
    session: Session, user: User, row: FindingRow, choice: Choice, made: Made, held: Mapping[int, desk.Held]
) -> None:
    """Into `made`, as a decision or as left out."""
    owner = held.get(row.listing_id)
    if owner is not None:
        made.left_out.append(LeftOut(row.id, owner.words))
        return
    decision = record(session, user, row, choice, batch=made.batch) if row.state in WAITING else None
    if decision is None:
        made.left_out.append(LeftOut(row.id, say("It was decided meanwhile.")))
        return
    made.decisions.append(decision)
    desk.release(session, user, row.listing_id)


def record(
    session: Session,
    user: User,
    row: FindingRow,
    choice: Choice,
    stage: Stage = Stage.FIRST,
    batch: str | None = None,
    revises: Decision | None = None,
) -> Decision | None:
    """Add the decision, move the finding to what it says (a second look leaves it), and write the audit entry.

    None where the finding is no longer in the state that `row` shows. The caller asks whether the person may.
    """
    before = row.state
    after = before if stage is Stage.SECOND else choice.verdict.state
    if not move(session, row, before, after):
        return None
    decision = Decision(
        finding=row,
        user=user,
        verdict=choice.verdict,
        note=choice.note,
        reason=choice.reason,
        concept=choice.concept,
        seconds=measured(choice.seconds),
        stage=stage,
        batch=batch,
        state_before=before.value,
        revises_id=revises.id if revises else None,
        role=user.role.value,
    )
    session.add(decision)
    session.flush()
    note_decision(session, user, row, decision, before)
    return decision


def move(session: Session, row: FindingRow, before: FindingState, after: FindingState) -> bool:
    """Whether it still stood in `before`: SQLite locks no rows, so that the change itself has to ask."""
    still = update(FindingRow).where(FindingRow.id == row.id, FindingRow.state == before)
    moved = session.scalar(still.values(state=after).returning(FindingRow.id)) is not None
    if moved:
        priority.follow_seller(session, row)
    return moved


def measured(seconds: float | None) -> float | None:
    return round(seconds, 1) if seconds is not None and 0 <= seconds <= LONGEST_S else None


def note_decision(session: Session, user: User, row: FindingRow, decision: Decision, before: FindingState) -> None:
    said = {name: getattr(decision, name) for name in ("note", "reason", "concept", "batch", "revises_id")}
    said["second_look"] = rechecks.note_decision(session, decision)
    audit.record(
        session,
        user.name,
        f"decision.{decision.verdict.value}",
        f"finding:{row.id}",
        decision=decision.id,
        stage=decision.stage.value,
        before=before.value,
        after=row.state.value,
        rule=row.rule,
        rule_version=row.rule_version,
        **{name: value for name, value in said.items() if value is not None},
    )
    if decision.stage is not Stage.SECOND:  # which decides nothing, and is nobody's business until it is settled
        tell_others(session, row, decision, is_undone=False)


def tell_others(session: Session, row: FindingRow, decision: Decision, *, is_undone: bool) -> None:
    """Other systems hear of both: who was told that a finding is confirmed has to know when it is open again."""
    webhooks.publish(
        session,
        webhooks.Event.FINDING_DECIDED,
        finding_id=row.id,
        decision_id=decision.id,
        verdict=decision.verdict.value,
        is_undone=is_undone,
        state=row.state.value,
        rule=row.rule,
        concept=row.concept,
    )


def undo(session: Session, user: User, batch: str) -> list[Decision]:
    """Take back all that one act of this person decided: each finding goes to what it was before.

    Raises NotFound, and Refused where it is too late, was taken back already, or somebody decided since.
    """
    made = list(session.scalars(select(Decision).where(Decision.batch == batch, Decision.user_id == user.id)))
    if not made:
        raise NotFound(say("There is no decision of yours to take back."))
    rows = lock(session, (decision.finding_id for decision in made))
    standing = of_findings(session, rows)
    limit_s = team.choices(session).undo_seconds
    if now() - min(decision.decided_at for decision in made) > timedelta(seconds=limit_s):
        raise Refused(say("It is too late to take this back: revise the decision on its page instead."))
    if any(effective(standing[decision.finding_id]) is not decision for decision in made):
        raise Refused(say("This was decided or taken back since, so there is nothing to undo: look at the finding."))
    for decision in made:
        undo_one(session, user, decision, rows[decision.finding_id])
    return made


def undo_one(session: Session, user: User, decision: Decision, row: FindingRow) -> None:
    before = FindingState(decision.state_before or FindingState.OPEN)
    moved = move(session, row, decision.verdict.state, before)
    if not moved or not insert_new(session, DecisionUndo, decision_id=decision.id, user_id=user.id, undone_at=now()):
        raise Refused(say("This was decided or taken back since, so there is nothing to undo: look at the finding."))
    session.expire(decision, ["undo"])
    rechecks.note_undo(session, decision)
    facts = {"decision": decision.id, "batch": decision.batch, "before": decision.verdict.state.value}
    audit.record(session, user.name, "decision.undo", f"finding:{row.id}", after=before.value, **facts)
    tell_others(session, row, decision, is_undone=True)


def may_revise(user: User, decision: Decision) -> bool:
    """Its author, as long as they may decide, or a lead."""
    is_author = user.id == decision.user_id and user.role.covers(Role.REVIEWER)
    return is_author or user.role.covers(Role.LEAD)


def revise(session: Session, user: User, decision_id: int, choice: Choice) -> Decision:
    """Put a new decision in the place of the one that stands; the old one is kept beside it.

    Raises NotFound, and Refused where it stands no more, or where the person may not.
    """
    check(choice)
    old = session.get(Decision, decision_id)
    if old is None:
        raise NotFound(say("There is no decision %(number)s.", number=decision_id))
    if not may_revise(user, old):
        raise Refused(say("Only who decided this, or a lead, may revise it: ask one of them."))
    row = lock(session, [old.finding_id])[old.finding_id]
    if effective(of_findings(session, [row.id])[row.id]) is not old:
        raise Refused(say("This decision stands no more: look at the newest one, and revise that."))
    decision = record(session, user, row, choice, old.stage, uuid4().hex, revises=old)
    if decision is None:
        raise AlreadyDecided(None)
    return decision


def of_findings(session: Session, ids: Iterable[int]) -> dict[int, list[Decision]]:
    """All decisions of each finding as they stand in the database, the oldest first."""
    query = select(Decision).where(Decision.finding_id.in_(list(ids))).order_by(Decision.id)
    details = (joinedload(Decision.user), joinedload(Decision.undo))
    found: dict[int, list[Decision]] = defaultdict(list)
    for decision in session.scalars(query.options(*details), execution_options={"populate_existing": True}):
        found[decision.finding_id].append(decision)
    return found


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that were neither undone nor revised (by one that was not undone itself), the oldest first."""
    kept = [decision for decision in decisions if decision.undo is None]
    revised = {decision.revises_id for decision in kept}
    return sorted((one for one in kept if one.id not in revised), key=lambda one: one.id)


def effective(decisions: Iterable[Decision]) -> Decision | None:
    """Of one finding's decisions the one that stands and set its state; a blind second look never does."""
    return next((one for one in reversed(standing(decisions)) if one.stage is not Stage.SECOND), None)
