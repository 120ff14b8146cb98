"""Who may sign in, and as what."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.language import say
from webapp.models import Role, User
from webapp.services import audit
from webapp.services.errors import Refused
from webapp.services.passwords import NOBODYS, NONE, hash_checked, hash_password, is_dated, is_right, make_password

FIRST_ADMIN = "admin"


def authenticate(session: Session, name: str, password: str) -> User | None:
    """The user where name and password are right and the account is active; a hash of old parameters is renewed."""
    user = find_user(session, name)
    right = is_right(user.password_hash if user else NOBODYS, password)
    if user is None or not right or not user.is_active:
        return None
    if is_dated(user.password_hash):
        user.password_hash = hash_password(password)
    return user


def find_user(session: Session, name: str) -> User | None:
    return session.scalar(select(User).where(User.name == name))


def list_users(session: Session) -> list[User]:
    return list(session.scalars(select(User).order_by(User.name)))


def create_user(session: Session, actor: User | None, name: str, password: str, role: Role) -> User:
    """Add a user; actor: who does it, None for the system.

    Raises Refused for a name that is taken or empty, or a password that will not do (services.passwords).
    """
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Refused(say("Give a name of 1 to 80 letters."))
    if find_user(session, name) is not None:
        raise Refused(say("There is a user named %(name)s already; choose another name.", name=name))
    user = User(name=name, password_hash=hash_checked(password, name), role=role)
    session.add(user)
    session.flush()
    audit.record(session, name_of(actor), "user.create", f"user:{user.id}", name=name, role=role.value)
    return user


def set_password(session: Session, actor: User | None, user: User, password: str) -> None:
    """Raises Refused for a password that will not do."""
    user.password_hash = hash_checked(password, user.name)
    audit.record(session, name_of(actor), "user.password", f"user:{user.id}", name=user.name)


def change_access(session: Session, actor: User | None, user: User, role: Role, is_active: bool) -> None:
    """Give another role, or let sign in or not. Raises Refused where no active admin would be left."""
    before = {"role": user.role.value, "is_active": user.is_active}
    after = {"role": role.value, "is_active": is_active}
    if (role is not Role.ADMIN or not is_active) and is_last_admin(session, user):
        raise Refused(say("%(name)s is the only active admin; make another user admin first.", name=user.name))
    user.role, user.is_active = role, is_active
    audit.record(session, name_of(actor), "user.access", f"user:{user.id}", name=user.name, before=before, after=after)


def is_last_admin(session: Session, user: User) -> bool:
    # Locked, where the database can: two admins who demote each other at once must not both succeed.
    admins = select(User.id).where(User.role == Role.ADMIN, User.is_active).with_for_update()
    return list(session.scalars(admins)) == [user.id]


def has_password(user: User) -> bool:
    return user.password_hash != NONE


def has_own_password(user: User, password: str) -> bool:
    """Whether it is theirs; for deeds that whoever finds a page open must not do."""
    return is_right(user.password_hash, password)


def end_sign_ins(session: Session, actor: User | None, user: User) -> None:
    """Every browser in which the person is signed in asks for a sign-in at its next page."""
    user.sign_ins_from += 1
    audit.record(session, name_of(actor), "sign_out.everywhere", f"user:{user.id}", name=user.name)


def ensure_first_admin(session: Session) -> tuple[str, str] | None:
    """Where nobody can sign in yet: make an admin and give (name, password), which is shown once and kept nowhere."""
    if session.scalar(select(User.id).limit(1)) is not None:
        return None
    password = make_password()
    create_user(session, None, FIRST_ADMIN, password, Role.ADMIN)
    return FIRST_ADMIN, password


def name_of(actor: User | None) -> str:
    return actor.name if actor else audit.SYSTEM
