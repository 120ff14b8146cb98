"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and one-time recovery codes beside it."""

import hashlib
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.language import say
from webapp.models import RecoveryCode, Role, User
from webapp.services import audit, team, users
from webapp.services.errors import Refused
from webapp.services.passwords import make_password
from webapp.services.sealing import seal, unseal

ISSUER = "Tuskline"
PURPOSE = "second factor"
STEP_S = 30
DRIFT = 1  # steps that the clock of a device may be behind or ahead
CODES = 10
CODE_GROUPS = 7


def is_on(user: User) -> bool:
    return user.totp_since is not None


def is_required(session: Session, user: User) -> bool:
    """Whether the team asks it of the person's role."""
    least = team.choices(session).second_factor_from
    return bool(least) and user.role.covers(Role(least))


def begin(session: Session, secret_key: str, user: User) -> str:
    """The secret to put into an app (base32); the same until it is confirmed. Raises Refused where one is in force."""
    if is_on(user):
        raise Refused(say("Your second factor is on already; switch it off before you set up another."))
    if user.totp_secret is None:
        user.totp_secret = seal(secret_key, pyotp.random_base32(), PURPOSE)
        session.flush()
    return unseal(secret_key, user.totp_secret, PURPOSE)


def address_of(user: User, secret: str) -> str:
    """What a QR code says to an authenticator app (otpauth://)."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=ISSUER)


def switch_on(session: Session, secret_key: str, user: User, code: str) -> list[str]:
    """Put the secret into force; the recovery codes, which are shown once. Raises Refused for a wrong code."""
    if is_on(user) or user.totp_secret is None or not take_code(session, secret_key, user, code):
        raise Refused(say("This code is not the one that the app shows now; check the device's clock, and try again."))
    user.totp_since = now()
    audit.record(session, user.name, "second_factor.on", f"user:{user.id}", name=user.name)
    return write_codes(session, user)


def take_code(session: Session, secret_key: str, user: User, code: str) -> bool:
    """Whether a code of the app counts. Each counts once: a step that was used, and all before it, are spent."""
    if user.totp_secret is None:
        return False
    step = step_of(unseal(secret_key, user.totp_secret, PURPOSE), digits_of(code), now())
    return step is not None and spend_step(session, user, step)


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The number of the 30-second step that the code is of, among those that count at that time."""
    totp, middle = pyotp.TOTP(secret), int(at.timestamp()) // STEP_S
    steps = range(middle - DRIFT, middle + DRIFT + 1)
    fitting = [step for step in steps if secrets.compare_digest(totp.at(step * STEP_S).encode(), code.encode())]
    return fitting[0] if fitting else None


def spend_step(session: Session, user: User, step: int) -> bool:
    """False where it was spent before; asked of the database, so that two requests at once can't both spend it."""
    is_later = or_(User.totp_step.is_(None), User.totp_step < step)
    spent = session.execute(
        update(User).where(User.id == user.id, is_later).values(totp_step=step).returning(User.id)
    ).first()
    session.refresh(user, ["totp_step"])
    return spent is not None


def take_recovery_code(session: Session, user: User, code: str) -> bool:
    """Whether it is one of the person's, not used before; it is used then."""
    taken = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == hash_of(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
        .returning(RecoveryCode.id)
    ).first()
    if taken is not None:
        audit.record(session, user.name, "second_factor.recovery", f"user:{user.id}", left=codes_left(session, user))
    return taken is not None


def take_any(session: Session, secret_key: str, user: User, code: str) -> bool:
    """A code of the app, or a recovery code."""
    return take_code(session, secret_key, user, code) or take_recovery_code(session, user, code)


def codes_left(session: Session, user: User) -> int:
    unused = select(func.count()).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def renew_codes(session: Session, secret_key: str, user: User, code: str) -> list[str]:
    """Ten new recovery codes; the older ones are void. Raises Refused for a wrong code."""
    if not is_on(user) or not take_code(session, secret_key, user, code):
        raise Refused(say("This code is not the one that the app shows now; wait for the next one, and try again."))
    audit.record(session, user.name, "second_factor.new_codes", f"user:{user.id}", name=user.name)
    return write_codes(session, user)


def write_codes(session: Session, user: User) -> list[str]:
    """138 bits each: of so many a hash without salt tells nothing."""
    codes = [make_password(CODE_GROUPS) for _ in range(CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    session.add_all(RecoveryCode(user_id=user.id, code_hash=hash_of(code)) for code in codes)
    session.flush()
    return codes


def switch_off(session: Session, actor: User | None, user: User) -> None:
    """By the person, who has shown password and code; by an admin or a command, for someone who lost the device."""
    if user.totp_secret is None:
        return
    was_on = is_on(user)
    # The step stays: a code that was used once is void for a secret that comes after, too.
    user.totp_secret, user.totp_since = None, None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    session.flush()
    if was_on:
        name = users.name_of(actor)
        audit.record(session, name, "second_factor.off", f"user:{user.id}", name=user.name)


def digits_of(code: str) -> str:
    return "".join(code.split())


def hash_of(code: str) -> str:
    """Of what matters: people leave out dashes, and capitals creep in."""
    letters = "".join(letter for letter in code.casefold() if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
