"""Pictures that a person sees without blur: each counts once an hour, and a team may limit how many."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say
from webapp.models import PhotoRow, Reveal, User
from webapp.services import audit, team
from webapp.services.errors import Refused

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """limit: pictures an hour, 0 for none. seen: in the last hour. free_at: when there is room again, if not now."""

    limit: int
    seen: int
    free_at: datetime | None

    @property
    def is_used_up(self) -> bool:
        return self.free_at is not None

    @property
    def words(self) -> str:
        """Kind, and with the time: a limit that is not understood is worked around."""
        at = f"{self.free_at:%H:%M} UTC" if self.free_at else ""
        return say(
            "You have seen %(limit)s pictures without blur within an hour, which is as many as your team takes for"
            " healthy. Pictures stay blurred until %(time)s: a good moment for a break.",
            limit=self.limit,
            time=at,
        )


class LimitReached(Refused):  # an answer
    """No more pictures without blur for now."""


def allowance(session: Session, user: User) -> Allowance:
    limit = team.choices(session).graphic_limit
    recent = Reveal.user_id == user.id, Reveal.at > now() - WINDOW
    seen = session.scalar(select(func.count()).select_from(Reveal).where(*recent)) or 0
    if not limit or seen < limit:
        return Allowance(limit, seen, None)
    # Room comes when so many have passed out of the hour that less than the limit is left.
    leaving = session.scalars(select(Reveal.at).where(*recent).order_by(Reveal.at).limit(seen - limit + 1)).all()
    return Allowance(limit, seen, (leaving[-1] if leaving else now()) + WINDOW)


def revealed(session: Session, user: User, photo_ids: Collection[int]) -> set[int]:
    """Those that this person saw without blur in the last hour."""
    seen = select(Reveal.photo_id).where(Reveal.user_id == user.id, Reveal.at > now() - WINDOW)
    return set(session.scalars(seen.where(Reveal.photo_id.in_(list(photo_ids)))))


def reveal(session: Session, user: User, photo: PhotoRow) -> None:
    """Count the picture as seen, once an hour, in the caller's transaction. Raises LimitReached."""
    if revealed(session, user, [photo.id]):
        return
    # One after the other: two pictures at once must not both be the last one.
    session.execute(select(User.id).where(User.id == user.id).with_for_update())
    row = Reveal(user_id=user.id, photo_id=photo.id)
    session.add(row)
    session.flush()
    left = allowance(session, user)
    if left.limit and left.seen > left.limit:
        session.delete(row)
        session.flush()
        raise LimitReached(allowance(session, user).words)
    audit.record(session, user.name, "photo.reveal", f"photo:{photo.id}", sha256=photo.sha256)
