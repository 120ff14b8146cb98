"""API tokens: what a program shows to act as its user."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say, say_later
from webapp.models import ApiToken, Role, User
from webapp.services import audit, users
from webapp.services.errors import NotFound, Refused

PREFIX = "tusk_"
HEAD_LETTERS = 12
NAME_LETTERS = 80
MAX_DAYS = 3650
# How exact the time of the last use is: a write for every request would cost more than the request.
USED_EVERY = timedelta(minutes=1)


class Scope(StrEnum):
    READ = "read"
    ACCOUNT = "account"
    REVIEW = "review"
    SCAN = "scan"
    RULES = "rules"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """words: what a token of the scope may do; role: the least that its user must have."""

    words: str
    role: Role


GRANTS = {
    Scope.READ: Grant(say_later("Read what the pages show"), Role.VIEWER),
    Scope.ACCOUNT: Grant(say_later("Change its user's own settings, filters and tokens"), Role.VIEWER),
    Scope.REVIEW: Grant(say_later("Claim and decide findings"), Role.REVIEWER),
    Scope.SCAN: Grant(say_later("Start, pause and cancel scans"), Role.REVIEWER),
    Scope.RULES: Grant(say_later("Propose and change thresholds"), Role.LEAD),
    Scope.ADMIN: Grant(say_later("See to users, sources, models and the system"), Role.ADMIN),
}


def offered_to(role: Role) -> list[Scope]:
    return [scope for scope, grant in GRANTS.items() if role.covers(grant.role)]


def create(
    session: Session,
    actor: User | None,
    user: User,
    name: str,
    scopes: list[Scope],
    days: int | None,
    parent: ApiToken | None = None,
) -> tuple[ApiToken, str]:
    """A token of `user`, and its text, which is shown once and kept nowhere.

    days: until it expires; None for never. parent: the token that was shown to make it, if one was. Raises Refused for
    a name that will not do, no scope, one above the user's role, or days out of bounds.
    """
    name = name.strip()
    check(user, name, scopes, days)
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user_id=user.id,
        name=name,
        head=text[:HEAD_LETTERS],
        token_hash=hash_of(text),
        scopes=[scope.value for scope in Scope if scope in scopes],
        expires_at=now() + timedelta(days=days) if days else None,
    )
    session.add(token)
    session.flush()
    facts = {"name": name, "scopes": token.scopes, "days": days, "owner": user.name}
    note(session, actor, "token.create", token, **facts, **({"parent": parent.head} if parent else {}))
    return token, text


def check(user: User, name: str, scopes: list[Scope], days: int | None) -> None:
    if not 1 <= len(name) <= NAME_LETTERS:
        raise Refused(say("Give the token a name of 1 to %(most)s letters.", most=NAME_LETTERS))
    if not scopes:
        raise Refused(say("Choose at least one thing that the token may do."))
    if not set(scopes) <= set(offered_to(user.role)):
        raise Refused(say("A token may not do what its user may not; choose fewer scopes."))
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Refused(say("Choose from 1 to %(most)s days.", most=MAX_DAYS))


def create_by(
    session: Session, parent: ApiToken, name: str, scopes: list[Scope], days: int | None
) -> tuple[ApiToken, str]:
    """As `create`, by a program that shows `parent`: no token makes one that may more, and none that outlives it."""
    if not {scope.value for scope in scopes} <= set(parent.scopes):
        raise Refused(say("A token makes others with its own scopes only; make this one on the settings page."))
    made, text = create(session, parent.user, parent.user, name, scopes, days, parent)
    if parent.expires_at is not None:
        made.expires_at = min(made.expires_at or parent.expires_at, parent.expires_at)
        session.flush()
    return made, text


def authenticate(session: Session, text: str) -> ApiToken | None:
    """The token where it counts and its user may sign in. The caller commits, for the time of the last use.

    It is looked up by its hash: how long that takes tells nothing of the tokens that there are.
    """
    token = session.scalar(select(ApiToken).where(ApiToken.token_hash == hash_of(text)))
    if token is None or not is_good(token) or not token.user.is_active:
        return None
    note_use(session, token)
    return token


def is_good(token: ApiToken) -> bool:
    """Neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now())


def note_use(session: Session, token: ApiToken) -> None:
    at = now()
    if token.last_used_at is None or token.last_used_at <= at - USED_EVERY:
        is_old = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= at - USED_EVERY)
        session.execute(update(ApiToken).where(ApiToken.id == token.id, is_old).values(last_used_at=at))


def allows(token: ApiToken, scope: Scope) -> bool:
    """Whether it has the scope and its user, whose role may have changed since, still has the role for it."""
    return scope.value in token.scopes and token.user.role.covers(GRANTS[scope].role)


def list_tokens(session: Session, user: User | None = None) -> list[ApiToken]:
    """Those of a user, or all; the newest first, also those that count no more."""
    query = select(ApiToken).order_by(ApiToken.id.desc())
    return list(session.scalars(query.where(ApiToken.user_id == user.id) if user else query))


def count_good(session: Session) -> dict[int, int]:
    """By the user's id, how many of their tokens count."""
    counts = (
        select(ApiToken.user_id, func.count())
        .where(ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now()))
        .group_by(ApiToken.user_id)
    )
    return dict(iter(session.execute(counts)))


def find(session: Session, token_id: int, user: User | None = None) -> ApiToken:
    """user: only if it is theirs. Raises NotFound."""
    token = session.get(ApiToken, token_id)
    if token is None or (user is not None and token.user_id != user.id):
        raise NotFound(say("There is no token of that number."))
    return token


def revoke(session: Session, actor: User | None, token: ApiToken) -> None:
    """It counts no more, from the next request on."""
    if token.revoked_at is None:
        token.revoked_at = now()
        note(session, actor, "token.revoke", token, name=token.name, owner=token.user.name)


def note(session: Session, actor: User | None, action: str, token: ApiToken, **facts: object) -> None:
    audit.record(session, users.name_of(actor), action, f"token:{token.id}", head=token.head, **facts)


def hash_of(text: str) -> str:
    """Without salt: there are 256 bits to guess."""
    return hashlib.sha256(text.encode()).hexdigest()
