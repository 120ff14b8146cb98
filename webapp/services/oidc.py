"""Whom an identity provider (OpenID Connect) lets in, once its word was checked (webapp.views.openid)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.language import say
from webapp.models import Role, User
from webapp.services import audit, users
from webapp.services.errors import Refused
from webapp.services.passwords import NONE
from webapp.settings import Settings

NAME_LETTERS = 80
SUBJECT_LETTERS = 255  # as the standard has it


class Unknown(Refused):
    """Nobody here is that person; subject: what the provider calls them, for an administrator to enter."""

    def __init__(self, subject: str) -> None:
        super().__init__(say("The identity provider knows you, but Tuskline does not."))
        self.subject = subject


def sign_in(session: Session, settings: Settings, claims: Mapping[str, Any]) -> User:
    """The person of these checked claims, by issuer and subject alone: a name or a mail address may change hands.

    Raises Unknown for somebody new where newcomers are not let in, Refused for an account that is switched off.
    """
    identity = identity_of(settings, str(claims["sub"]))
    user = session.scalar(select(User).where(User.oidc_subject == identity))
    if user is None:
        user = welcome(session, settings, claims, identity)
    if not user.is_active:
        raise Refused(say("Your account is switched off; ask an administrator."))
    apply_roles(session, settings, user, claims)
    return user


def is_subject(text: str) -> bool:
    """Whether a provider may call somebody so, and a column can hold it."""
    return len(text) <= SUBJECT_LETTERS and text.isprintable()


def identity_of(settings: Settings, subject: str) -> str:
    return f"{settings.oidc_issuer}|{subject}"


def welcome(session: Session, settings: Settings, claims: Mapping[str, Any], identity: str) -> User:
    if not settings.oidc_newcomers:
        raise Unknown(str(claims["sub"]))
    name = free_name(session, str(claims.get(settings.oidc_name_claim) or claims["sub"]))
    user = User(name=name, password_hash=NONE, role=Role.VIEWER, oidc_subject=identity)
    session.add(user)
    session.flush()
    audit.record(session, audit.SYSTEM, "user.create", f"user:{user.id}", name=name, role=user.role.value, way="openid")
    return user


def free_name(session: Session, wanted: str) -> str:
    """Another person's name is never taken over: a number behind it tells the two apart."""
    printable = "".join(letter for letter in wanted if letter.isprintable()).strip()[: NAME_LETTERS - 6]
    number, name = 2, printable or "person"
    while users.find_user(session, name) is not None:
        number, name = number + 1, f"{printable or 'person'}-{number}"
    return name


def apply_roles(session: Session, settings: Settings, user: User, claims: Mapping[str, Any]) -> None:
    """Where roles come from the provider, they do so at each sign-in; nobody's claim takes the last admin away."""
    if not settings.oidc_role_claim:
        return
    role = role_of(settings, claims)
    if role is user.role:
        return
    try:
        users.change_access(session, None, user, role, user.is_active)
    except Refused as fault:
        audit.record(session, audit.SYSTEM, "user.access_kept", f"user:{user.id}", name=user.name, why=str(fault))


def role_of(settings: Settings, claims: Mapping[str, Any]) -> Role:
    """The highest that is mapped; a viewer where none is."""
    said = values_of(claims, settings.oidc_role_claim or "")
    roles = [Role(settings.oidc_roles[value]) for value in said if value in settings.oidc_roles]
    return max(roles, key=list(Role).index, default=Role.VIEWER)


def values_of(claims: Mapping[str, Any], path: str) -> list[str]:
    """A claim of that very name, or what the dots lead to; one value or a list of them."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def link(session: Session, settings: Settings, actor: User | None, user: User, subject: str) -> None:
    """Say who somebody is at the provider; empty for nobody. Raises Refused where another person is that already."""
    subject = subject.strip()
    if len(subject) > SUBJECT_LETTERS:
        raise Refused(say("Shorten the subject to %(most)s letters.", most=SUBJECT_LETTERS))
    identity = identity_of(settings, subject) if subject else None
    other = session.scalar(select(User).where(User.oidc_subject == identity, User.id != user.id)) if identity else None
    if other is not None:
        raise Refused(say("%(name)s has this subject already; take it away there first.", name=other.name))
    before, user.oidc_subject = user.oidc_subject, identity
    actor_name = users.name_of(actor)
    audit.record(session, actor_name, "user.identity", f"user:{user.id}", name=user.name, before=before, after=identity)


def subject_of(settings: Settings, user: User) -> str:
    """What the provider of the settings calls the person; empty where it does not know them."""
    start = identity_of(settings, "")
    identity = user.oidc_subject or ""
    return identity.removeprefix(start) if identity.startswith(start) else ""
