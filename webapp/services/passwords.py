"""Passwords: how they are hashed, checked and made up."""

import hashlib
import re
import secrets
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from webapp.language import say
from webapp.services.errors import Refused

MIN_LENGTH = 12
MAX_LENGTH = 1000
# Of someone whom the identity provider alone knows: no password has this hash.
NONE = "!"
# Without letters and digits that are mistaken for one another: what is made up here is copied by hand.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
# What whoever guesses at an account of this team tries first; the person's own name is among it, too.
HOUSE_WORDS = (
    "tuskline",
    "tusk",
    "wildlife",
    "elephant",
    "ivory",
    "tiger",
    "pangolin",
    "reviewer",
    "admin",
    "password",
)
# What has to be left of a password without such words, and how many different letters it has at least.
LEFT_LENGTH = 8
LEAST_LETTERS = 5
# The first 8 bytes of the SHA-256 of 10,079 passwords of 12 letters and more that leaked most often (lower case),
# sorted: from SecLists' ten million (MIT), zxcvbn's list (MIT) and Django's (BSD).
COMMON = Path(__file__).with_name("common_passwords.bin")
DIGEST_BYTES = 8


class WeakPassword(Refused):
    """A password that will not do; the sentence says how to choose another."""


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


def hash_checked(password: str, name: str = "") -> str:
    """name: whose it is. Raises WeakPassword for one that is too short, too long, or among the first guesses."""
    if len(password) < MIN_LENGTH:
        raise WeakPassword(
            say("Use a password of at least %(least)s letters; a short sentence is easy to remember.", least=MIN_LENGTH)
        )
    if len(password) > MAX_LENGTH:
        raise WeakPassword(say("Shorten the password to %(most)s letters.", most=MAX_LENGTH))
    if is_common(password) or is_guessed(password, name):
        raise WeakPassword(
            say("This password is among the first that others guess; use a short sentence that nobody else knows.")
        )
    return hash_password(password)


def is_common(password: str) -> bool:
    """Whether it leaked often; capitals make no difference to whoever guesses."""
    return digest_of(password) in common_digests()


def digest_of(password: str) -> bytes:
    return hashlib.sha256(password.casefold().encode()).digest()[:DIGEST_BYTES]


@cache
def common_digests() -> frozenset[bytes]:
    held = COMMON.read_bytes()
    return frozenset(held[at : at + DIGEST_BYTES] for at in range(0, len(held), DIGEST_BYTES))


def is_guessed(password: str, name: str) -> bool:
    """Whether little is left of it without words of the house and the name, or it repeats a few letters."""
    plain = password.casefold()
    for word in (name.casefold(), *HOUSE_WORDS):
        plain = plain.replace(word, "") if len(word) > 2 else plain
    left = re.sub(r"[\W\d_]", "", plain)
    return len(set(password)) < LEAST_LETTERS or (plain != password.casefold() and len(left) < LEFT_LENGTH)


def make_password(groups: int = 4) -> str:
    """Groups of four letters and digits; four of them are 79 bits, seven 138."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(groups))
