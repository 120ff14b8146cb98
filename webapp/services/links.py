"""One-time addresses to sign in by, which only a command on the machine makes: for when no other way is left."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import User
from webapp.services import audit
from webapp.services.errors import Refused
from webapp.services.sealing import seal, unseal

PURPOSE = "sign-in link"
LIFETIME = timedelta(minutes=10)


def make(session: Session, secret_key: str, user: User) -> str:
    """What stands in the address: who, until when, and the count of sign-ins that its use will raise."""
    until = int((now() + LIFETIME).timestamp())
    audit.record(session, audit.SYSTEM, "sign_in.link", f"user:{user.id}", name=user.name)
    return seal(secret_key, f"{user.id}:{user.sign_ins_from}:{until}", PURPOSE)


def take(session: Session, secret_key: str, sealed: str) -> User | None:
    """The user where the link is whole, in time and unused; it is used then, and ends their older sign-ins."""
    try:
        user_id, sign_ins_from, until = map(int, unseal(secret_key, sealed, PURPOSE).split(":"))
    except Refused:
        return None
    if until < now().timestamp():
        return None
    taken = session.execute(
        update(User)
        .where(User.id == user_id, User.is_active, User.sign_ins_from == sign_ins_from)
        .values(sign_ins_from=sign_ins_from + 1)
        .returning(User.id)
    ).first()
    if taken is None:
        return None
    user = session.get_one(User, user_id, populate_existing=True)
    audit.record(session, user.name, "sign_out.everywhere", f"user:{user.id}", name=user.name, by="link")
    return user
