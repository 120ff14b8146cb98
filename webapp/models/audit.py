"""What was done, by whom, when: rows are only ever added (triggers in the first migration refuse the rest)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import Base, now


class AuditEntry(Base):
    """actor: the user's name, or `system`. action: a verb phrase such as `decision.confirm`. subject: `finding:12`.

    content_sha256: of what the entry says (services.chain), made when it is written; None on entries of before there
    was a chain, which the first seal takes in.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_actor_id", "actor", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(120), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    content_sha256: Mapped[str | None] = mapped_column(String(64))


class AuditSeal(Base):
    """A batch of entries, sealed after it was written, so that no writer waits for another: only ever added, too.

    Seal `number` (from 1, without gaps) covers `count` entries between two ids; seal_sha256 is over them and the seal
    before.
    key, signature: who signed the seal (public key) and how (Ed25519), in hex; services.chain tells over what.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[int]
    last_id: Mapped[int]
    count: Mapped[int]
    entries_sha256: Mapped[str] = mapped_column(String(64))
    previous_sha256: Mapped[str] = mapped_column(String(64))
    seal_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_at: Mapped[datetime] = mapped_column(default=now)
    key: Mapped[str | None] = mapped_column(String(64))
    signature: Mapped[str | None] = mapped_column(String(128))


class SealedEntry(Base):
    """Which seal an entry is in: ids may be committed out of order, so a seal is no range.

    content_sha256: what the entry's was when it was sealed, so that what is wrong later can be named by its entry.
    """

    __tablename__ = "sealed_entries"

    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entries.id"), primary_key=True)
    seal_number: Mapped[int] = mapped_column(ForeignKey("audit_seals.number"), index=True)
    content_sha256: Mapped[str] = mapped_column(String(64))
