"""The trail of what was done."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.db import now
from webapp.models import AuditEntry
from webapp.services import chain
from webapp.services.verifying import AWRY, CLOCK_BACK, Verification

SYSTEM = "system"
VIEWED = "evidence.view"
VERIFIED = "audit.verify"
VIEW_AGAIN = timedelta(hours=1)
NAMES_OFFERED = 300


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """None is any. action: `decision.confirm`, or all that begins with `decision.`; subject: likewise with `finding:`.

    from_at, to_at: entries of [from_at, to_at).
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None


def record(session: Session, actor: str, action: str, subject: str, **facts: Any) -> AuditEntry:
    """Add an entry in the caller's transaction, so that a deed and its trace are committed together or not at all.

    action: `decision.confirm`, say; subject: `finding:12`; facts: JSON values. What the entry says is hashed here
    (services.chain); a seal takes it in later, so that no two writers wait for each other.
    """
    at = now()
    newest = session.scalar(select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1))
    if newest is not None and at < newest - AWRY:
        add(session, at, SYSTEM, CLOCK_BACK, "clock:system", {"from": newest.isoformat(), "to": at.isoformat()})
    return add(session, at, actor, action, subject, facts)


def add(session: Session, at: datetime, actor: str, action: str, subject: str, facts: Mapping[str, Any]) -> AuditEntry:
    plain = json.loads(json.dumps(facts, allow_nan=False))  # as the database will give it back
    content = chain.content_sha256(at, actor, action, subject, plain)
    entry = AuditEntry(at=at, actor=actor, action=action, subject=subject, facts=plain, content_sha256=content)
    session.add(entry)
    session.flush()
    return entry


def note_view(session: Session, actor: str, subject: str, **facts: Any) -> bool:
    """Note that a person looked at evidence, once an hour for each subject; the caller commits. Whether it was new."""
    known = select(AuditEntry.id).where(AuditEntry.subject == subject, AuditEntry.action == VIEWED)
    known = known.where(AuditEntry.actor == actor, AuditEntry.at > now() - VIEW_AGAIN)
    if session.scalar(known.limit(1)) is not None:
        return False
    record(session, actor, VIEWED, subject, **facts)
    return True


def recent(
    session: Session, limit: int, before_id: int | None = None, filters: AuditFilters | None = None
) -> list[AuditEntry]:
    """The newest first; before_id: only those older than that entry."""
    query = filtered(select(AuditEntry), filters or AuditFilters()).order_by(AuditEntry.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    return list(session.scalars(query))


def read_all(session: Session, filters: AuditFilters, step: int = 1000) -> Iterator[AuditEntry]:
    """All of them, the newest first, read in steps so that memory holds one step."""
    before_id = None
    while batch := recent(session, step, before_id, filters):
        yield from batch
        before_id = batch[-1].id
        for entry in batch:
            session.expunge(entry)


def filtered(query: Select[AuditEntry], filters: AuditFilters) -> Select[AuditEntry]:
    if filters.actor:
        query = query.where(AuditEntry.actor == filters.actor)
    for column, wanted, parting in (
        (AuditEntry.action, filters.action, "."),
        (AuditEntry.subject, filters.subject, ":"),
    ):
        if wanted:
            is_whole = not wanted.endswith(parting)
            query = query.where(column == wanted if is_whole else column.startswith(wanted, autoescape=True))
    if filters.from_at:
        query = query.where(AuditEntry.at >= filters.from_at)
    if filters.to_at:
        query = query.where(AuditEntry.at < filters.to_at)
    return query


def actions(session: Session) -> list[str]:
    """Every action that stands in the log."""
    return list(each_value(session, AuditEntry.action))


def actors(session: Session) -> list[str]:
    """Everyone who stands in the log."""
    return list(each_value(session, AuditEntry.actor))


def each_value(session: Session, column: InstrumentedAttribute[str]) -> Iterator[str]:
    """From one to the next through the column's index: to read a million rows for fifty names would be slow."""
    query, value = select(column).order_by(column).limit(1), session.scalar(select(column).order_by(column).limit(1))
    for _ in range(NAMES_OFFERED):
        if value is None:
            return
        yield value
        value = session.scalar(query.where(column > value))


def note_verification(session: Session, actor: str, result: Verification) -> None:
    """Who had the log verified, and what came of it; the caller commits."""
    record(session, actor, VERIFIED, "audit:log", **result.to_json())


def last_verification(session: Session) -> AuditEntry | None:
    """Its facts are a verification's, as JSON."""
    last = select(AuditEntry).where(AuditEntry.action == VERIFIED).order_by(AuditEntry.id.desc()).limit(1)
    return session.scalar(last)


def newest_id(session: Session) -> int:
    """About how many entries there are."""
    return session.scalar(select(func.max(AuditEntry.id))) or 0
