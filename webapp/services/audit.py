"""The trail of what was done."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import AuditEntry

SYSTEM = "system"


def record(session: Session, actor: str, action: str, subject: str, **facts: Any) -> AuditEntry:
    """Add an entry in the caller's transaction, so that a deed and its trace are committed together or not at all.

    action: `decision.confirm`, say; subject: `finding:12`; facts: JSON values.
    """
    entry = AuditEntry(actor=actor, action=action, subject=subject, facts=facts)
    session.add(entry)
    session.flush()
    return entry


def recent(session: Session, limit: int, before_id: int | None = None) -> list[AuditEntry]:
    """The newest first; before_id: only those older than that entry."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    return list(session.scalars(query))
