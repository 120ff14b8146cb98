"""Sign-ins, as the audit log tells them: begun, and ended since by signing out here or from elsewhere.

A browser's cookie holds a random word; the log holds a digest of it, the mark, so that nobody who reads the log can
make the cookie.
"""

import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say
from webapp.models import AuditEntry, User
from webapp.services import audit, users
from webapp.services.errors import NotFound

BEGUN = "sign_in.done"
ENDED = "sign_out.done"
ALL_ENDED = ("sign_out.everywhere", "user.password")
RENEWED = "renewed"
SHOWN = 50


def make_word() -> str:
    """What the cookie of a new sign-in holds: 256 bits."""
    return secrets.token_urlsafe(32)


def mark_of(word: str) -> str:
    return sha256(word.encode()).hexdigest()[:32]


def note(session: Session, user: User, word: str, way: str, second: str = "") -> None:
    """way: password, link, openid, or renewed for a browser that stays as all others end. second: of a second step."""
    if way != RENEWED:
        user.signed_in_at = now()
    audit.record(session, user.name, BEGUN, f"user:{user.id}", way=way, second=second, mark=mark_of(word))


def end(session: Session, actor: User, user: User, mark: str) -> None:
    """It counts no more, in whichever browser and whoever has a copy of its cookie."""
    audit.record(session, users.name_of(actor), ENDED, f"user:{user.id}", mark=mark)


def is_ended(session: Session, user: User, word: str, lifetime: timedelta) -> bool:
    """lifetime: how long a sign-in may last; older ends need not be read."""
    return mark_of(word) in ended_marks(session, user, lifetime)


def ended_marks(session: Session, user: User, lifetime: timedelta) -> set[str]:
    entries = since(session, user, lifetime, (ENDED,))
    return {str(entry.facts.get("mark")) for entry in entries}


def in_force(session: Session, user: User, lifetime: timedelta) -> list[AuditEntry]:
    """Those that were not ended and are not too old, the newest first; some may have run out without a page."""
    entries = since(session, user, lifetime, (BEGUN, ENDED, *ALL_ENDED))
    ended = {entry.facts.get("mark") for entry in entries if entry.action == ENDED}
    last = max((entry.id for entry in entries if entry.action in ALL_ENDED), default=0)
    begun = [entry for entry in entries if entry.action == BEGUN and entry.id > last and entry.facts.get("mark")]
    return [entry for entry in reversed(begun) if entry.facts["mark"] not in ended][:SHOWN]


def find(session: Session, user: User, entry_id: int, lifetime: timedelta) -> AuditEntry:
    """Raises NotFound for one that is not theirs, or over."""
    for entry in in_force(session, user, lifetime):
        if entry.id == entry_id:
            return entry
    raise NotFound(say("This sign-in is over."))


def since(session: Session, user: User, lifetime: timedelta, actions: tuple[str, ...]) -> list[AuditEntry]:
    mine = select(AuditEntry).where(AuditEntry.subject == f"user:{user.id}", AuditEntry.action.in_(actions))
    return list(session.scalars(mine.where(AuditEntry.at > now() - lifetime).order_by(AuditEntry.id)))
