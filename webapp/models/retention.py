"""How long evidence is kept, what must be kept whatever happens, and what was removed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.people import User


class Kept(StrEnum):
    """What a retention policy speaks of: evidence of listings on which nothing was found, on which everything was
    dismissed, on which something was confirmed; reports with their files; case files."""

    UNFLAGGED = "unflagged"
    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"
    REPORTS = "reports"
    CASES = "cases"


class RetentionPolicy(Base):
    """days: how long it is kept after it was last seen, decided or built; without a row it is kept for ever."""

    __tablename__ = "retention_policies"

    kind: Mapped[Kept] = mapped_column(Enum(Kept, native_enum=False, length=16, values_callable=list), primary_key=True)
    days: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User | None] = relationship()


class HoldScope(StrEnum):
    """What a legal hold covers, with all that belongs to it."""

    FINDING = "finding"
    LISTING = "listing"
    SELLER = "seller"
    SOURCE = "source"
    REPORT = "report"
    CASE = "case"


class LegalHold(Base):
    """While it is not released, nothing that it covers is ever removed.

    target_id: of the finding, listing, source, report or case file; of a seller the source's, with `seller` the name.
    """

    __tablename__ = "legal_holds"
    __table_args__ = (Index("ix_legal_holds_scope_target_id", "scope", "target_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[HoldScope] = mapped_column(Enum(HoldScope, native_enum=False, length=16, values_callable=list))
    target_id: Mapped[int]
    seller: Mapped[str | None] = mapped_column(String(300))
    reason: Mapped[str]
    placed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    placed_at: Mapped[datetime] = mapped_column(default=now)
    release_reason: Mapped[str | None]
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    released_at: Mapped[datetime | None] = mapped_column(index=True)

    placed_by: Mapped[User | None] = relationship(foreign_keys=[placed_by_id])
    released_by: Mapped[User | None] = relationship(foreign_keys=[released_by_id])


class PendingPurge(Base):
    """A file that is about to be removed, noted before its bytes go, so that whatever is gone has a row.

    Once the bytes are gone it becomes a Purge; where a hold came first it is dropped. The columns are those of Purge.
    """

    __tablename__ = "pending_purges"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    policy: Mapped[Kept] = mapped_column(Enum(Kept, native_enum=False, length=16, values_callable=list))
    reason: Mapped[str]
    actor: Mapped[str] = mapped_column(String(80))
    noted_at: Mapped[datetime] = mapped_column(default=now)


class Purge(Base):
    """One file that was removed from the store: only ever added, so that what is gone leaves its digest and reason.

    name: where it lay in the store; policy: why it went, or None where a person asked for it; reason: in a sentence.
    """

    __tablename__ = "purges"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(300), index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    policy: Mapped[Kept | None] = mapped_column(Enum(Kept, native_enum=False, length=16, values_callable=list))
    reason: Mapped[str]
    actor: Mapped[str] = mapped_column(String(80))
    purged_at: Mapped[datetime] = mapped_column(default=now)
