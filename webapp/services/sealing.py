"""Secrets that must be read again (a webhook's, a second factor's) are kept encrypted under the application's own."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.language import say
from webapp.services.errors import Refused


def seal(secret_key: str, text: str, purpose: str) -> str:
    """Encrypt and authenticate `text`; purpose: what it is for, so that one sealed value can't stand for another."""
    return key_for(secret_key, purpose).encrypt(text.encode()).decode()


def unseal(secret_key: str, sealed: str, purpose: str) -> str:
    """Raises Refused where it was sealed under another secret.key."""
    try:
        return key_for(secret_key, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Refused(
            say(
                "A stored secret can't be read: it was made under another secret.key. "
                "Bring that file back, or make the secret anew."
            )
        ) from None


def key_for(secret_key: str, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derive(secret_key, purpose)))


def derive(secret_key: str, purpose: str) -> bytes:
    """A key of 32 bytes, of its own for each purpose (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=f"tuskline {purpose}".encode()).derive(secret_key.encode())
