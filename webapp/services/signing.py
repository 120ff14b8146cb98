"""The key with which this installation signs what others may check: the audit log's seals, and whatever is handed out.

Ed25519 (RFC 8032). The key lies in the home folder as `signing.key`, made on first use, readable by its owner alone.
Public keys of before, or of other machines of the same installation, may stand in `trusted_keys.txt`, one a line (hex).
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from webapp.language import say
from webapp.services.errors import Refused

FILE = "signing.key"
TRUSTED = "trusted_keys.txt"


@dataclass(frozen=True)
class PublicKey:
    """public: 32 bytes as hex, to be handed to whoever checks."""

    public: str

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.public)


@dataclass(frozen=True)
class SigningKey(PublicKey):
    private: Ed25519PrivateKey

    def sign(self, message: bytes) -> str:
        """64 bytes as hex."""
        return self.private.sign(message).hex()


def signing_key(home: Path) -> SigningKey:
    """The key of this home folder, made where there is none. Raises Refused where the file can't be read."""
    path = home / FILE
    if not path.exists():
        write_key(path, Ed25519PrivateKey.generate())
    return read_key(path)


def find_key(home: Path) -> SigningKey | None:
    """As signing_key; None where there is none yet."""
    path = home / FILE
    return read_key(path) if path.exists() else None


def write_key(path: Path, private: Ed25519PrivateKey) -> None:
    """Aside, then linked: it is there as a whole or not at all, and of two processes the first one's stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{uuid4()}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        pass
    finally:
        aside.unlink()


def read_key(path: Path) -> SigningKey:
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Refused(
            say("The signing key %(path)s can't be read (%(why)s): bring it back from a backup.", path=path, why=error)
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise Refused(say("The signing key %(path)s is not of the kind Ed25519: bring the right one back.", path=path))
    return SigningKey(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(), private)


def trusted_keys(home: Path) -> frozenset[str]:
    """The public keys (hex) whose signatures count: our own, and those of `trusted_keys.txt`."""
    own = find_key(home)
    try:
        lines = (home / TRUSTED).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        lines = []
    return frozenset([*(word.lower() for word in lines), *([own.public] if own else [])])


def fingerprint_of(public: str) -> str:
    """SHA-256 (hex) of a public key, in groups of eight digits: what people compare."""
    digits = sha256(bytes.fromhex(public)).hexdigest()
    return " ".join(digits[start : start + 8] for start in range(0, 64, 8))


def is_signed(public: str, signature: str, message: bytes) -> bool:
    """Whether the signature (hex) is of that key (hex) over that message."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
