"""Passwords: how they are hashed, checked and made up."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from webapp.language import say
from webapp.services.errors import Refused

MIN_LENGTH = 12
# Of someone whom the identity provider alone knows: no password has this hash.
NONE = "!"
# Without letters and digits that are mistaken for one another: what is made up here is copied by hand.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_hasher = PasswordHasher()
# Checked where there is no such user, so that the time an answer takes does not tell which names exist.
NOBODYS = _hasher.hash(secrets.token_hex())


def is_right(password_hash: str, password: str) -> bool:
    """As long for someone without a password as for everybody else."""
    try:
        return _hasher.verify(NOBODYS if password_hash == NONE else password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def is_dated(password_hash: str) -> bool:
    """Whether it was made with weaker parameters than those of today."""
    return _hasher.check_needs_rehash(password_hash)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def hash_checked(password: str) -> str:
    """Raises Refused for a password that is too short."""
    if len(password) < MIN_LENGTH:
        raise Refused(
            say("Use a password of at least %(least)s letters; a short sentence is easy to remember.", least=MIN_LENGTH)
        )
    return hash_password(password)


def make_password() -> str:
    """Four groups of four letters and digits: 79 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))
