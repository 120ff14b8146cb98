"""Who may sign in, and as what."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Role, User
from webapp.services import audit
from webapp.services.errors import Refused

MIN_LENGTH = 12
FIRST_ADMIN = "admin"
# Without letters and digits that are mistaken for one another: the first password is copied by hand.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_hasher = PasswordHasher()
# Checked where there is no such user, so that the time an answer takes does not tell which names exist.
_nobody = _hasher.hash(secrets.token_hex())


def authenticate(session: Session, name: str, password: str) -> User | None:
    """The user where name and password are right and the account is active; a hash of old parameters is renewed."""
    user = find_user(session, name)
    right = is_right(user.password_hash if user else _nobody, password)
    if user is None or not right or not user.is_active:
        return None
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    return user


def is_right(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def find_user(session: Session, name: str) -> User | None:
    return session.scalar(select(User).where(User.name == name))


def list_users(session: Session) -> list[User]:
    return list(session.scalars(select(User).order_by(User.name)))


def create_user(session: Session, actor: User | None, name: str, password: str, role: Role) -> User:
    """Add a user; actor: who does it, None for the system.

    Raises Refused for a name that is taken or empty, or a password that is too short.
    """
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Refused("Give a name of 1 to 80 letters.")
    if find_user(session, name) is not None:
        raise Refused(f"There is a user named {name} already; choose another name.")
    user = User(name=name, password_hash=_hasher.hash(checked(password)), role=role)
    session.add(user)
    session.flush()
    audit.record(session, name_of(actor), "user.create", f"user:{user.id}", name=name, role=role.value)
    return user


def set_password(session: Session, actor: User | None, user: User, password: str) -> None:
    """Raises Refused for a password that is too short."""
    user.password_hash = _hasher.hash(checked(password))
    audit.record(session, name_of(actor), "user.password", f"user:{user.id}", name=user.name)


def change_access(session: Session, actor: User | None, user: User, role: Role, is_active: bool) -> None:
    """Give another role, or let sign in or not. Raises Refused where no active admin would be left."""
    before = {"role": user.role.value, "is_active": user.is_active}
    after = {"role": role.value, "is_active": is_active}
    if (role is not Role.ADMIN or not is_active) and is_last_admin(session, user):
        raise Refused(f"{user.name} is the only active admin; make another user admin first.")
    user.role, user.is_active = role, is_active
    audit.record(session, name_of(actor), "user.access", f"user:{user.id}", name=user.name, before=before, after=after)


def is_last_admin(session: Session, user: User) -> bool:
    # Locked, where the database can: two admins who demote each other at once must not both succeed.
    admins = select(User.id).where(User.role == Role.ADMIN, User.is_active).with_for_update()
    return list(session.scalars(admins)) == [user.id]


def ensure_first_admin(session: Session) -> tuple[str, str] | None:
    """Where nobody can sign in yet: make an admin and give (name, password), which is shown once and kept nowhere."""
    if session.scalar(select(User.id).limit(1)) is not None:
        return None
    password = make_password()
    create_user(session, None, FIRST_ADMIN, password, Role.ADMIN)
    return FIRST_ADMIN, password


def make_password() -> str:
    """Four groups of four letters and digits: 79 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def checked(password: str) -> str:
    if len(password) < MIN_LENGTH:
        raise Refused(f"Use a password of at least {MIN_LENGTH} letters; a short sentence is easy to remember.")
    return password


def name_of(actor: User | None) -> str:
    return actor.name if actor else audit.SYSTEM
