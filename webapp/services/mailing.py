"""Mail by the server of the settings: over TLS whose certificate is checked, and to addresses that are just that."""

import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy.orm import Session

from webapp.db import now
from webapp.echoes import say_again
from webapp.language import say
from webapp.models import User
from webapp.services import audit, users
from webapp.services.errors import Refused
from webapp.settings import LOOPBACK, Settings

PATIENCE_S = 60.0  # some servers look through a mail before they answer
TEST_PATIENCE_S = 10.0  # a page waits for it
LETTERS, BOX_LETTERS = 254, 64
# As RFC 5321 has a plain address; no quotes, no comments, no names: what is not here can't smuggle in a second one.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"(?P<box>{ATOM}(?:\.{ATOM})*)@(?P<domain>{LABEL}(?:\.{LABEL})*)")
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
SUBJECT_LETTERS = 200
UNAVAILABLE = 421  # the server closes, whoever asks


class MailError(Exception):
    """A mail that did not go, in one sentence.

    is_final: it was refused for good, so that none tries again. is_own: another mail may go through all the same.
    """

    def __init__(self, sentence: str, is_final: bool = False, is_own: bool = False) -> None:
        super().__init__(sentence)
        self.is_final, self.is_own = is_final, is_own or is_final


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """key: the left part of its Message-ID, the same when it is sent again."""

    to: str
    subject: str
    text: str
    key: str
    attachments: Sequence[Attachment] = ()


def is_address(text: str) -> bool:
    """Whether it is one plain address, `ann@team.example`, in ASCII and without a name."""
    match = ADDRESS.fullmatch(text)
    return bool(match and len(text) <= LETTERS and len(match["box"]) <= BOX_LETTERS)


def domain_of(settings: Settings) -> str:
    """What Message-IDs end in, and what we call ourselves to the server."""
    public = urlsplit(settings.public_url or "").hostname
    return public or settings.mail_from.rpartition("@")[2]


def one_line(text: str) -> str:
    """Fit for a header: whatever could end one is a space."""
    return " ".join(UNWRITABLE.sub(" ", text).split())[:SUBJECT_LETTERS]


def compose(settings: Settings, letter: Letter, at: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail_from
    message["To"] = letter.to
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{letter.key}@{domain_of(settings)}>"
    # RFC 3834: no holiday answers, and no two robots that thank each other for ever.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    for one in letter.attachments:
        kind, _, more = one.media_type.partition(";")[0].partition("/")
        message.add_attachment(one.body, maintype=kind, subtype=more, filename=one.name)
    return message


def send(settings: Settings, letter: Letter, lean: Letter | None = None, patience_s: float = PATIENCE_S) -> None:
    """Hand it to the mail server. lean: what goes instead where it takes none so large. Raises MailError."""
    if not is_address(letter.to):
        raise MailError(f"{letter.to} is no e-mail address.", is_final=True)
    with opened(settings, patience_s) as server:
        message = compose(settings, letter, now())
        if lean and is_too_large(server, message):
            message = compose(settings, lean, now())
        server.send_message(message, settings.mail_from, [letter.to])


def is_too_large(server: smtplib.SMTP, message: EmailMessage) -> bool:
    """By what the server said of itself (RFC 1870); 0 is no limit."""
    said = server.esmtp_features.get("size", "")
    return said.isdecimal() and 0 < int(said) < len(message.as_bytes())


@contextmanager
def opened(settings: Settings, patience_s: float) -> Iterator[smtplib.SMTP]:
    """A server that takes mail, signed in where the settings say so. Raises MailError, in place of what it raises."""
    check(settings)
    with telling(settings):
        server = connect(settings, patience_s)
        try:
            server.ehlo_or_helo_if_needed()
            if settings.smtp_user:
                password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
                server.login(settings.smtp_user, password)
            yield server
        finally:
            # A mail that was taken is sent, however the conversation ends.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


def check(settings: Settings) -> None:
    """Raises MailError where the settings lack something."""
    if not settings.smtp_host:
        raise MailError("No mail server is set: set TUSKLINE_SMTP_HOST, and start the workers again.")
    if not is_address(settings.mail_from):
        raise MailError("The sender is no e-mail address: set TUSKLINE_MAIL_FROM.")
    is_open = settings.smtp_security == "none"
    if is_open and (settings.smtp_user or settings.smtp_host not in LOOPBACK):
        raise MailError("Neither a password nor a report is sent in the clear: set TUSKLINE_SMTP_SECURITY to starttls.")


def connect(settings: Settings, patience_s: float) -> smtplib.SMTP:
    """Over TLS from the first byte, or from STARTTLS on; the certificate must be the host's."""
    host, port, name = str(settings.smtp_host), settings.smtp_port, domain_of(settings)
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=patience_s, context=context)
    server = smtplib.SMTP(host, port, local_hostname=name, timeout=patience_s)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


@contextmanager
def telling(settings: Settings) -> Iterator[None]:
    """Whatever goes wrong between us and the server becomes a MailError."""
    place = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        yield
    except smtplib.SMTPNotSupportedError:
        raise MailError(f"The mail server {place} does not offer what is asked of it: check the settings.") from None
    except smtplib.SMTPAuthenticationError as error:
        words = words_of(error.smtp_code, error.smtp_error)
        raise MailError(f"The mail server {place} refuses our sign-in ({words}): check the settings.") from None
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        raise refusal(place, code, answer) from None
    except smtplib.SMTPResponseException as error:
        raise refusal(place, error.smtp_code, error.smtp_error) from None
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message
        raise MailError(f"The certificate of the mail server {place} can't be trusted ({why}).") from None
    except (smtplib.SMTPException, OSError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MailError(f"The mail server {place} does not answer as it should ({one_line(why)}).") from None


def refusal(place: str, code: int, words: bytes | str) -> MailError:
    """5xx is for good (RFC 5321, 4.2.1); anything else may pass."""
    is_final, said = 500 <= code < 600, words_of(code, words)
    return MailError(f"The mail server {place} refused the mail ({said}).", is_final, is_own=code != UNAVAILABLE)


def words_of(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {one_line(text)}"


def send_test(session: Session, settings: Settings, to: str, user: User | None) -> None:
    """A mail that says nothing, to try the way, at once; the caller commits. Raises Refused with what went wrong."""
    who = user.name if user else say("the command line")
    text = say("This mail tries the way from Tuskline to you. %(name)s asked for it. There is nothing to do.", name=who)
    try:
        send(settings, Letter(to, say("Test mail of Tuskline"), text, f"test.{uuid4().hex}"), None, TEST_PATIENCE_S)
    except MailError as error:
        raise Refused(say_again(str(error))) from None
    audit.record(session, users.name_of(user), "mail.test", "mail:test", to=to)
