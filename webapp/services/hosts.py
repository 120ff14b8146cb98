"""Hosts that no crawl asks, until somebody lets it again."""

import ipaddress
import logging
import re
import threading
import time
from collections.abc import Callable

import httpx2
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from scanner.fetch import AddressError
from scanner.fetch.addresses import check_text
from webapp.db import insert_new
from webapp.language import say, say_later
from webapp.models import StoppedHost
from webapp.services import audit
from webapp.services.errors import NotFound, Refused

logger = logging.getLogger(__name__)

HOST_LETTERS = 253
REASON_LETTERS = 2000
# A stop is felt by a crawl that runs within this time.
RECHECK_S = 5.0
NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
NO_HOST = say_later("Enter the name of one host as in www.example.com, or its address.")


def stop(session: Session, host: str, reason: str, actor: str) -> StoppedHost:
    """Let no crawl ask `host` (a name, an IP address, or an address on the web that names it).

    Raises Refused where it names no host or is stopped already, or where no reason is given.
    """
    name, reason = host_of(host), reason.strip()
    if not reason:
        raise Refused(say("Say why, so that whoever reads it later knows when to let the host again."))
    if not insert_new(session, StoppedHost, host=name, reason=reason[:REASON_LETTERS], actor=actor):
        raise Refused(say("%(name)s is stopped already.", name=name))
    row = session.scalars(select(StoppedHost).where(StoppedHost.host == name)).one()
    audit.record(session, actor, "host.stop", f"host:{row.id}", host=name, reason=row.reason)
    return row


def allow(session: Session, host_id: int, actor: str) -> str:
    """Let crawls ask the host again; its name. Raises NotFound."""
    row = session.get(StoppedHost, host_id)
    if row is None:
        raise NotFound(say("There is no stopped host %(host_id)s.", host_id=host_id))
    session.delete(row)
    audit.record(session, actor, "host.allow", f"host:{host_id}", host=row.host)
    return row.host


def list_stopped(session: Session) -> list[StoppedHost]:
    return list(session.scalars(select(StoppedHost).order_by(StoppedHost.host)))


def stopped(session: Session) -> dict[str, str]:
    """Why each stopped host is not asked, in a sentence."""
    return {
        row.host: f"{row.host} is not asked: {row.actor} stopped it ({row.reason})." for row in list_stopped(session)
    }


def host_of(text: str) -> str:
    """The host as it is kept: in small letters, an international name in ASCII (IDNA), an IPv6 address bare.

    Raises Refused.
    """
    text = text.strip()
    address = text if "://" in text else f"http://{bracketed(text)}"
    try:
        check_text(address)
        url = httpx2.URL(address)
        host = url.raw_host.decode("ascii").lower().strip("[]").rstrip(".")
    except (AddressError, httpx2.InvalidURL, ValueError):
        raise Refused(NO_HOST) from None
    is_named = url.scheme in ("http", "https") and not url.userinfo
    if not is_named or not (is_address(host) or (NAME.fullmatch(host) and len(host) <= HOST_LETTERS)):
        raise Refused(NO_HOST)
    return host


def bracketed(text: str) -> str:
    return f"[{text}]" if is_address(text) and ":" in text else text


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class StopList:
    """Says of a host why it is not asked (None where it may be), after the database; may be shared between threads.

    The table is read again every RECHECK_S at most. While the database does not answer, what was read last counts;
    raises SQLAlchemyError where nothing was read yet.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._sentences: dict[str, str] | None = None
        self._stale_at = clock()

    def __call__(self, host: str) -> str | None:
        sentences = self._current()
        try:
            return sentences.get(host_of(host)) if sentences else None
        except Refused:
            return None  # no host at all: whoever asks it refuses it

    def _current(self) -> dict[str, str]:
        with self._lock:
            if self._sentences is None or self._clock() >= self._stale_at:
                self._sentences = self._read(self._sentences)
                self._stale_at = self._clock() + RECHECK_S
            return self._sentences

    def _read(self, before: dict[str, str] | None) -> dict[str, str]:
        try:
            with Session(self._engine) as session:
                return stopped(session)
        except SQLAlchemyError as error:
            if before is None:
                raise
            logger.warning("the stopped hosts were not read, trying again: %s", error)
            return before
