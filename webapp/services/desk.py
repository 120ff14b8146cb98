"""Who has which listing before them: a claim a listing, so that no two people work on one by accident."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from webapp.db import now
from webapp.language import say, say_many
from webapp.models import FindingRow, FindingState, ReviewClaim, ReviewSkip, Role, User
from webapp.services import audit, queue, team
from webapp.services.errors import NotFound, Refused
from webapp.services.queue import QueueFilters

WAITING = (FindingState.OPEN, FindingState.ESCALATED)
MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Held:
    """Whose a listing is, and until when."""

    listing_id: int
    user_id: int
    owner: str
    until: datetime

    @property
    def minutes_left(self) -> int:
        """Begun minutes: the last one counts."""
        return max(int((self.until - now()).total_seconds()) // 60 + 1, 0)

    @property
    def words(self) -> str:
        left = say_many("%(num)s minute", "%(num)s minutes", self.minutes_left)
        return say("%(name)s has this listing, for %(left)s at most.", name=self.owner, left=left)


def take(session: Session, user: User, listing_id: int) -> Held:
    """Claim the listing, or renew the claim; whose it is then, in the caller's transaction. Commit soon."""
    upsert(session, user, listing_id, over_others=False)
    held = holder(session, listing_id)
    if held is None:
        raise NotFound(say("There is no listing %(number)s.", number=listing_id))
    return held


def take_over(session: Session, user: User, listing_id: int) -> Held:
    """A lead takes the listing from whoever has it, which is recorded. Raises Refused for anybody else."""
    if not user.role.covers(Role.LEAD):
        raise Refused(say("Only a lead may take over what another person has: wait, or ask one."))
    before = holder(session, listing_id)
    upsert(session, user, listing_id, over_others=True)
    if before is not None and before.user_id != user.id:
        audit.record(session, user.name, "review.take_over", f"listing:{listing_id}", from_user=before.owner)
    return take(session, user, listing_id)


def upsert(session: Session, user: User, listing_id: int, *, over_others: bool) -> None:
    """One statement: of two people at once the database lets one through."""
    at = now()
    until = at + timedelta(minutes=team.choices(session).claim_minutes)
    new = insert_of(session)(ReviewClaim).values(listing_id=listing_id, user_id=user.id, claimed_at=at, until=until)
    is_mine = ReviewClaim.user_id == user.id
    began = case((is_mine & (ReviewClaim.until > at), ReviewClaim.claimed_at), else_=at)
    changes = {"user_id": user.id, "claimed_at": began, "until": until}
    free = None if over_others else is_mine | (ReviewClaim.until <= at)
    session.connection().execute(new.on_conflict_do_update(index_elements=["listing_id"], set_=changes, where=free))


def insert_of(session: Session) -> Any:
    """The one that knows what to do about a row that is there."""
    return sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert


def release(session: Session, user: User, listing_id: int) -> None:
    """Let go what this person has; what another has stays theirs."""
    mine = (ReviewClaim.listing_id == listing_id, ReviewClaim.user_id == user.id)
    session.execute(delete(ReviewClaim).where(*mine))


def holder(session: Session, listing_id: int) -> Held | None:
    """Who has the listing now; None where it is free."""
    return next(iter(holders(session, [listing_id]).values()), None)


def holders(session: Session, listing_ids: Collection[int]) -> dict[int, Held]:
    """By listing id, those that somebody has."""
    running = (ReviewClaim.listing_id.in_(list(listing_ids)), ReviewClaim.until > now())
    query = select(ReviewClaim).where(*running).options(joinedload(ReviewClaim.user))
    rows = session.scalars(query, execution_options={"populate_existing": True})
    return {row.listing_id: Held(row.listing_id, row.user_id, row.user.name, row.until) for row in rows}


def held_by_others(session: Session, user: User, listing_ids: Collection[int]) -> dict[int, Held]:
    return {number: held for number, held in holders(session, listing_ids).items() if held.user_id != user.id}


def skip(session: Session, user: User, finding: FindingRow) -> datetime:
    """Leave what waits of the finding's listing to others; until when it does not come back to this person."""
    until = now() + timedelta(hours=team.choices(session).skip_hours)
    waiting = FindingRow.listing_id == finding.listing_id, FindingRow.state.in_(WAITING)
    ids = set(session.scalars(select(FindingRow.id).where(*waiting))) | {finding.id}
    insert = insert_of(session)(ReviewSkip)
    again = insert.on_conflict_do_update(index_elements=["user_id", "finding_id"], set_={"until": until})
    rows = [{"user_id": user.id, "finding_id": finding_id, "until": until} for finding_id in sorted(ids)]
    session.connection().execute(again, rows)  # one statement: a key that was hit twice is no fault
    release(session, user, finding.listing_id)
    session.flush()
    return until


def take_next(session: Session, user: User, after: FindingRow | None, filters: QueueFilters) -> FindingRow | None:
    """The next free finding, its listing now this person's; commits. Viewers claim nothing and get it all the same."""
    passed: set[int] = set()
    for _ in range(MOST_TRIES):
        row = queue.next_open(session, user, after, filters, passed)
        if row is None or not user.role.covers(Role.REVIEWER) or row.state not in WAITING:
            return row
        held = take(session, user, row.listing_id)
        session.commit()
        if held.user_id == user.id:
            return row
        passed.add(row.id)  # somebody was faster in this very moment
    return None
