"""A mail server on loopback, as strict as a test asks, and the certificate that it shows."""

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "tuskline", "a word for the mail server"


@dataclass
class Postbox:
    """What arrived. refuse: the server's answer to a recipient or, for None, to the data; None lets it in."""

    messages: list[EmailMessage] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    were_secret: list[bool] = field(default_factory=list)
    refuse: Callable[[str | None], str | None] = lambda _to: None

    async def handle_RCPT(  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.refuse(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.refuse(None)
        if answer is None:
            message: Any = message_from_bytes(envelope.original_content or b"", policy=default)
            self.messages.append(message)
            self.were_secret.append(session.ssl is not None)
        return answer or "250 OK"

    def sign_in(self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, said: Any) -> AuthResult:
        is_right = (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        if is_right:
            self.signed_in.append(said.login.decode())
        return AuthResult(success=is_right, handled=is_right)


class FreePort(Controller):
    """On a port that is free; the library knows it only once it is asked for."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@dataclass(frozen=True)
class Server:
    port: int
    postbox: Postbox


@contextmanager
def mail_server(certificate: Path | None = None, is_tls_at_once: bool = False, **more: Any) -> Iterator[Server]:
    """certificate: file with key and certificate; with it STARTTLS is offered, or TLS spoken from the first byte."""
    postbox = Postbox()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    secure: dict[str, Any] = {"ssl_context": context} if is_tls_at_once else {"tls_context": context}
    controller = FreePort(postbox, hostname="127.0.0.1", port=0, server_hostname="localhost", **secure, **more)
    controller.start()
    try:
        yield Server(controller.port, postbox)
    finally:
        controller.stop()


def make_certificate(folder: Path, name: str = "localhost") -> Path:
    """A file that holds a key and a certificate of `name`, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    at = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(pem, pkcs8, plain) + certificate.public_bytes(pem))
    return path
