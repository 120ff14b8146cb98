"""An identity provider (OpenID Connect) on loopback: discovery, keys, codes with PKCE, ID tokens that it signs.

`spoil` and `claims` make it answer as one must not, or as another person.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT_ID = "tuskline-test"
CLIENT_SECRET = "known to both"
LIFETIME_S = 300


class Provider:
    """A context manager. Whoever is sent to it is `subject` at once, without a password.

    algorithm: RS256 or ES256. claims: added to the ID token, over what stands there. spoil: ID token's claims and
    headers -> the token as it is sent, for what no honest provider sends. userinfo: what that endpoint says more.
    """

    def __init__(self, algorithm: str = "RS256") -> None:
        self.algorithm, self.subject = algorithm, "4711"
        self.claims: dict[str, Any] = {"preferred_username": "mirela"}
        self.userinfo: dict[str, Any] = {}
        self.spoil: Callable[[dict[str, Any]], str] = self.sign
        self.offered = [algorithm]
        self.codes: dict[str, dict[str, str]] = {}
        self.token_requests: list[dict[str, str]] = []
        self.key = make_key(algorithm)
        self.named: str | None = None

    def __enter__(self) -> Self:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/realm"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.named or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": self.offered,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """The address that a browser is sent back to."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, sent: dict[str, str]) -> dict[str, Any] | None:
        """Each code once, and only with the verifier of its challenge."""
        self.token_requests.append(sent)
        asked = self.codes.pop(sent.get("code", ""), None)
        if asked is None or challenge_of(sent.get("code_verifier", "")) != asked["code_challenge"]:
            return None
        return {
            "access_token": "access", "token_type": "Bearer", "expires_in": LIFETIME_S,
            "id_token": self.spoil(self.id_claims(asked)),
        }  # fmt: skip

    def id_claims(self, asked: dict[str, str]) -> dict[str, Any]:
        at = int(time.time())
        return {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "nonce": asked["nonce"],
            "iat": at, "exp": at + LIFETIME_S, **self.claims,
        }  # fmt: skip

    def sign(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])

    def rotate(self) -> None:
        self.key = make_key(self.algorithm)


def make_key(algorithm: str) -> RSAKey | ECKey:
    kid = secrets.token_hex(4)
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def unsigned(claims: dict[str, Any]) -> str:
    """A token that says of itself that nobody signed it."""
    return f"{words({'alg': 'none'})}.{words(claims)}."


def keyed(claims: dict[str, Any], secret: bytes) -> str:
    """A token with a check sum by `secret` in place of a signature; by the public key, say, which everybody has."""
    said = f"{words({'alg': 'HS256'})}.{words(claims)}"
    return f"{said}.{in_letters(hmac.digest(secret, said.encode(), 'sha256'))}"


def words(part: dict[str, Any]) -> str:
    return in_letters(json.dumps(part).encode())


def in_letters(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def challenge_of(verifier: str) -> str:
    return in_letters(hashlib.sha256(verifier.encode()).digest())


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            page = parts.path.removeprefix("/realm/")
            if page == "authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(flat(parts.query)))
                self.end_headers()
            elif page == ".well-known/openid-configuration":
                self.answer(provider.discovery())
            elif page == "keys":
                self.answer(KeySet([provider.key]).as_dict(private=False))
            elif page == "userinfo":
                self.answer({"sub": provider.subject, **provider.userinfo})
            else:
                self.answer({}, 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            tokens = provider.exchange(flat(body)) if self.knows_the_secret() else None
            self.answer(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)

        def knows_the_secret(self) -> bool:
            expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            return self.headers.get("Authorization") == f"Basic {expected}"

        def answer(self, value: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Tests are quiet."""

    return Handler


def flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
