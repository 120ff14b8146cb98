"""Deciding findings: what a reviewer says of one, and of those that go with it."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Appearance, Decision, FindingRow, FindingState, ListingRow, PhotoRow, User, Verdict
from webapp.services import audit, queue, rechecks
from webapp.services.errors import NotFound

RELISTINGS_SHOWN = 100


def siblings(session: Session, finding: FindingRow) -> list[FindingRow]:
    """The other findings of the same listing, in the queue's order."""
    others = select(FindingRow).where(FindingRow.listing_id == finding.listing_id, FindingRow.id != finding.id)
    return list(session.scalars(queue.with_details(queue.in_order(others))))


def relistings(session: Session, finding: FindingRow) -> list[ListingRow]:
    """Other listings with the same picture: the same bytes, or other bytes that decode to the same pixels."""
    if finding.photo is None:
        return []
    same = PhotoRow.id == finding.photo.id
    if finding.photo.pixel_hash:
        same = or_(same, PhotoRow.pixel_hash == finding.photo.pixel_hash)
    shown = select(Appearance.listing_id).join(Appearance.photo).where(same)
    others = select(ListingRow).where(ListingRow.id.in_(shown), ListingRow.id != finding.listing_id)
    ordered = others.options(joinedload(ListingRow.source)).order_by(ListingRow.first_seen_at, ListingRow.id)
    return list(session.scalars(ordered.limit(RELISTINGS_SHOWN)))


def decide(
    session: Session, user: User, finding_id: int, verdict: Verdict, note: str, with_siblings: bool
) -> list[Decision]:
    """Record what `user` decided, the finding's new state and the audit entry, all in the caller's transaction.

    with_siblings: the listing's other open findings are decided alike. Raises NotFound.
    """
    finding = session.get(FindingRow, finding_id, with_for_update=True)
    if finding is None:
        raise NotFound(f"There is no finding {finding_id}.")
    alike = [row for row in siblings(session, finding) if row.state is FindingState.OPEN] if with_siblings else []
    return [decide_one(session, user, row, verdict, note) for row in (finding, *alike)]


def decide_one(session: Session, user: User, finding: FindingRow, verdict: Verdict, note: str) -> Decision:
    before = finding.state
    decision = Decision(finding=finding, user=user, verdict=verdict, note=note)
    session.add(decision)
    finding.state = verdict.state
    session.flush()
    audit.record(
        session,
        user.name,
        f"decision.{verdict.value}",
        f"finding:{finding.id}",
        decision=decision.id,
        before=before.value,
        after=finding.state.value,
        rule=finding.rule,
        rule_version=finding.rule_version,
        note=note,
        second_look=rechecks.note_decision(session, decision),
    )
    return decision
