"""Findings that wait for a person, and what the person decided."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import ListingRow, PhotoRow
from webapp.models.people import User
from webapp.models.scans import Scan


class FindingState(StrEnum):
    """`withdrawn`: nobody had decided, and under the changed rule the evidence flags no more."""

    OPEN = "open"
    ESCALATED = "escalated"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    ESCALATE = "escalate"

    @property
    def state(self) -> FindingState:
        return {
            Verdict.CONFIRM: FindingState.CONFIRMED,
            Verdict.DISMISS: FindingState.DISMISSED,
            Verdict.ESCALATE: FindingState.ESCALATED,
        }[self]


class FindingRow(Base):
    """One rule met by one picture of one listing (or by the listing's words alone: photo_id is None).

    priority: larger is sooner; severity rank plus score, in (1, 5]. reasons: Result.to_json().
    appearance_key: `listing id:photo id or 0`, so that the uniqueness below also holds where photo_id is NULL.
    """

    __tablename__ = "findings"
    __table_args__ = (
        UniqueConstraint("appearance_key", "rule"),
        Index("ix_findings_queue", "state", "priority", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    appearance_key: Mapped[str] = mapped_column(String(50))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"), index=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), index=True)
    rule: Mapped[str] = mapped_column(String(80), index=True)
    rule_version: Mapped[int]
    pack_digest: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    concept: Mapped[str] = mapped_column(String(40), index=True)
    severity: Mapped[str] = mapped_column(String(16))
    threshold: Mapped[float | None]
    score: Mapped[float | None]
    model: Mapped[str | None] = mapped_column(String(80))
    model_digest: Mapped[str | None] = mapped_column(String(64))
    primary_absent: Mapped[bool] = mapped_column(default=False)
    why: Mapped[str]
    reasons: Mapped[dict[str, Any]]
    priority: Mapped[float]
    state: Mapped[FindingState] = mapped_column(
        Enum(FindingState, native_enum=False, length=16, values_callable=list), default=FindingState.OPEN
    )
    found_at: Mapped[datetime] = mapped_column(default=now, index=True)

    listing: Mapped[ListingRow] = relationship()
    photo: Mapped[PhotoRow | None] = relationship()
    scan: Mapped[Scan] = relationship()
    decisions: Mapped[list["Decision"]] = relationship(back_populates="finding", order_by="Decision.id")


class Decision(Base):
    """What a reviewer decided; never changed, a later one stands beside it."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[Verdict] = mapped_column(Enum(Verdict, native_enum=False, length=16, values_callable=list))
    note: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime] = mapped_column(default=now, index=True)

    finding: Mapped[FindingRow] = relationship(back_populates="decisions")
    user: Mapped[User] = relationship()
