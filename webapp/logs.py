"""What processes write to their logs: one line a record, in UTC, with nothing in it that lets anybody in.

Text for people, or JSON for a log server (TUSKLINE_LOG_FORMAT). It goes to standard error, and nowhere else; whoever
starts the process (systemd, a container, `tuskline run`) keeps it. A process that a library's machine code kills says
there where each of its threads was: files, lines and functions, no values, and in no format but its own.
"""

import faulthandler
import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from webapp.settings import SECRET_FILE, Settings

SECURITY = "tuskline.security"
FACTS = "facts"
HIDDEN = "***"
# What follows these in a line lets in: user:password@ of an address, tokens, secrets, one-time links, fields of forms.
SECRET_PARTS = re.compile(
    r"""(?ix) (://[^\s/@:]*:) [^\s/]+ (?=@)
    | (\bbearer\s) \S+
    | (\btusk_) [\w-]{20,}
    | (\bwhsec_) [\w+/=-]{8,}
    | (/sign-in/link/) [\w=-]+
    | ([?&](?:code|state|nonce|token|secret|client_secret|api_key|key|password)=) [^&\s"']+
    """
)
LEAST_LETTERS = 6  # of a secret that is looked for: a shorter one would take half of all words out
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def set_up(settings: Settings, level: int = logging.INFO) -> None:
    """For this process, once, before anything is logged."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(make_formatter(settings))
    faulthandler.enable(2)  # the descriptor: it is written to when nothing of Python runs any more
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each picture fetched


def make_formatter(settings: Settings) -> "Lines":
    return (JsonLines if settings.log_format == "json" else Lines)(secrets_of(settings))


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret of the settings, the longest first, so that none leaves a piece of another."""
    held = [settings.oidc_client_secret, settings.smtp_password, settings.metrics_token]
    words = {secret.get_secret_value() for secret in held if secret}
    for address in (settings.database_url, settings.broker_url, settings.timestamp_url):
        words |= passwords_of(address or "")
    if settings.home.joinpath(SECRET_FILE).exists():
        words.add(settings.secret_key)
    return tuple(sorted((word for word in words if len(word) >= LEAST_LETTERS), key=len, reverse=True))


def passwords_of(address: str) -> set[str]:
    """As it stands in the address, and as it is meant; none where the address can't be read."""
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}


def note_security(event: str, **facts: Any) -> None:
    """An event that whoever watches over this installation may want to see: who was refused what, where."""
    said = " ".join(f"{name}={value}" for name, value in facts.items())
    logging.getLogger(SECURITY).warning("%s %s", event, said, extra={FACTS: {"event": event, **facts}})


class Lines(logging.Formatter):
    """`2027-01-02T03:04:05.678Z WARNING tuskline.security refused status=403`; a trace follows, each line set off."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        head = f"{moment_of(record)} {record.levelname} {record.name} "
        trace = "".join(f"\n  | {self.safe(line)}" for line in self.trace_of(record))
        return head + self.safe(record.getMessage()) + trace

    def trace_of(self, record: logging.LogRecord) -> list[str]:
        if record.exc_info and record.exc_info[0] is not None:
            return self.formatException(record.exc_info).splitlines()
        return (record.exc_text or "").splitlines()

    def safe(self, text: str) -> str:
        """Without secrets, and without what could look like another line."""
        return UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], self.hide(text))

    def hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return SECRET_PARTS.sub(lambda found: f"{next(filter(None, found.groups()))}{HIDDEN}", text)


class JsonLines(Lines):
    """An object a line: at, level, logger, process, message, and the facts of a security event or a trace."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "at": moment_of(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": self.hide(record.getMessage()),
        }
        said |= {name: self.hide(str(value)) for name, value in getattr(record, FACTS, {}).items()}
        if trace := self.trace_of(record):
            said["trace"] = [self.hide(line) for line in trace]
        return json.dumps(said)


def moment_of(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
