"""Items that are looked at blind: second looks and the slice of a recall audit, mixed so that nobody can tell which.

Both are asked the same of a listing: what does it show, as far as you suspect? What an item is for is known here only;
its address is the listing's, and which of those that wait comes next is drawn.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from secrets import SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from webapp.db import now
from webapp.language import say
from webapp.models import (
    Appearance,
    Decision,
    FindingRow,
    ListingRow,
    PhotoRow,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckState,
    ReviewClaim,
    ReviewSkip,
    Role,
    User,
)
from webapp.services import adjudication, desk, recall, rechecks, team
from webapp.services.adjudication import Look
from webapp.services.errors import NotFound, Refused

# Of so many that wait one is drawn: neither the order of decisions nor that of an audit shows.
DRAWN_FROM = 200

draw = SystemRandom()


@dataclass(frozen=True, slots=True)
class BlindItem:
    """What one person is asked about. photo: the picture that it is about, None where that is the words.

    key: `second:12` or `recall:12`; never to be shown.
    """

    key: str
    listing: ListingRow
    photo: PhotoRow | None
    others: tuple[PhotoRow, ...]


def should_interleave(session: Session, user: User) -> bool:
    """Whether the queue should now hand out a blind item: by the team's share, while some wait that `user` may take."""
    if not user.role.covers(Role.REVIEWER):
        return False
    percent = team.choices(session).blind_percent
    return draw.random() * 100 < percent and has_waiting(session, user)


def has_waiting(session: Session, user: User) -> bool:
    return any(session.scalar(query.limit(1)) is not None for query in _queries(user))


def count_waiting(session: Session, user: User) -> int:
    """How many blind items wait that `user` may take, of both kinds together; at most 200 of each are counted."""
    return sum(_count(session, query) for query in _queries(user))


def next_for(session: Session, user: User, not_listing: int | None = None) -> BlindItem | None:
    """One that waits, now claimed by `user`; None where none does. Commits.

    not_listing: what they just left to others; it comes again only where nothing else waits.
    """
    for _ in range(3):  # somebody else may be faster
        listing_id = _draw_listing(session, user, not_listing)
        if listing_id is None:
            return None
        held = desk.take(session, user, listing_id)
        session.commit()
        if held.user_id == user.id:
            return find(session, user, listing_id)
    return None


def find(session: Session, user: User, listing_id: int) -> BlindItem | None:
    """What waits for `user` on this listing; None where nothing does (any more)."""
    seconds, recalls = _queries(user)
    recheck_id = session.scalar(
        seconds.where(FindingRow.listing_id == listing_id).with_only_columns(Recheck.id).order_by(Recheck.id).limit(1)
    )
    if recheck_id is not None:
        return _item(session, f"second:{recheck_id}", listing_id, session.get_one(Recheck, recheck_id).finding.photo_id)
    item = session.execute(
        recalls.where(RecallItem.listing_id == listing_id)
        .with_only_columns(RecallItem.id, RecallItem.photo_id)
        .order_by(RecallItem.id)
        .limit(1)
    ).first()
    return _item(session, f"recall:{item.id}", listing_id, item.photo_id) if item else None


def answer(session: Session, user: User, item: BlindItem, look: Look) -> None:
    """Keep what `user` saw and let go of the listing. Raises Refused where it was settled meanwhile, NotFound."""
    kind, _, number = item.key.partition(":")
    if kind == "second":
        adjudication.answer(session, user, int(number), look)
    else:
        recall.answer(session, user, int(number), look)
    desk.release(session, user, item.listing.id)


def seal_of(secret_key: str, user: User, item: BlindItem) -> str:
    """Tells items apart, so that no answer lands on another that took its place, and nothing of what they are for."""
    return hmac.new(secret_key.encode(), f"blind:{user.id}:{item.key}".encode(), hashlib.sha256).hexdigest()


def is_sealed(secret_key: str, user: User, item: BlindItem, seal: str) -> bool:
    return hmac.compare_digest(seal_of(secret_key, user, item).encode(), seal.encode())


def claim(session: Session, user: User, listing_id: int) -> None:
    """Raises Refused where somebody else has the listing before them; the caller commits."""
    held = desk.take(session, user, listing_id)
    if held.user_id != user.id:
        raise Refused(held.words)


def _item(session: Session, key: str, listing_id: int, photo_id: int | None) -> BlindItem:
    pictures = selectinload(ListingRow.appearances).joinedload(Appearance.photo)
    query = select(ListingRow).where(ListingRow.id == listing_id).options(pictures, joinedload(ListingRow.source))
    listing = session.scalar(query)
    if listing is None:
        raise NotFound(say("There is no listing %(listing_id)s.", listing_id=listing_id))
    photos = [one.photo for one in listing.appearances]
    first = next((photo for photo in photos if photo.id == photo_id), photos[0] if photos else None)
    return BlindItem(key, listing, first, tuple(photo for photo in photos if photo is not first))


def _queries(user: User) -> tuple[Select[Any], Select[Any]]:
    """Listing ids of second looks and of recall items that `user` may take now: not on another's desk, not theirs."""
    at = now()
    seconds = (
        select(FindingRow.listing_id)
        .join(Recheck, Recheck.finding_id == FindingRow.id)
        .where(
            Recheck.state == RecheckState.WAITING,
            Recheck.kind.in_(rechecks.SECOND_LOOKS),
            rechecks.stands(),
            ~_is_biased(user, FindingRow.listing_id),
            _is_free(user, FindingRow.listing_id, at),
        )
    )
    recalls = (
        select(RecallItem.listing_id)
        .join(RecallAudit, RecallItem.audit_id == RecallAudit.id)
        .where(
            RecallItem.answer.is_(None),
            RecallAudit.closed_at.is_(None),
            ~_is_biased(user, RecallItem.listing_id),
            _is_free(user, RecallItem.listing_id, at),
        )
    )
    return seconds, recalls


def _is_biased(user: User, listing_id: Any) -> ColumnElement[bool]:
    """Whoever decided or left to others anything of a listing has seen what was suspected of it, and whoever answered
    for it in a recall audit has raised the suspicion, or none: they are not blind."""
    known = FindingRow.__table__.alias("known_findings")
    of_listing = known.c.listing_id == listing_id
    answered = aliased(RecallItem)
    return or_(
        exists().where(of_listing, Decision.finding_id == known.c.id, Decision.user_id == user.id),
        exists().where(of_listing, ReviewSkip.finding_id == known.c.id, ReviewSkip.user_id == user.id),
        exists().where(answered.listing_id == listing_id, answered.user_id == user.id),
    )


def _is_free(user: User, listing_id: Any, at: datetime) -> ColumnElement[bool]:
    taken = (ReviewClaim.listing_id == listing_id, ReviewClaim.user_id != user.id, ReviewClaim.until > at)
    return ~exists().where(*taken)


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(DRAWN_FROM).subquery())) or 0


def _draw_listing(session: Session, user: User, not_listing: int | None) -> int | None:
    """Each that waits is as likely as any other, whatever it is for."""
    seconds, recalls = _queries(user)
    ordered = (seconds.order_by(Recheck.id), recalls.order_by(RecallItem.id))
    waiting = [session.scalars(query.limit(DRAWN_FROM)).all() for query in ordered]
    ids = [listing_id for part in waiting for listing_id in part]
    others = [listing_id for listing_id in ids if listing_id != not_listing]
    return draw.choice(others or ids) if ids else None
