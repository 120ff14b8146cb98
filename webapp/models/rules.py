"""Thresholds that people changed: every change is a new version of its rule, and stays."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import ListingRow, PhotoRow
from webapp.models.people import User


class ThresholdChange(Base):
    """Version `version` of `rule` sets `threshold` to `value`, in [0, 1]; the rule file is version 1.

    user_id: who proposed it. shadow_run_id, approved_by_id: the run that tried it and who put it into force; None for
    changes of before there were such runs. restores_version: where it brings an older version's values back.
    """

    __tablename__ = "threshold_changes"
    __table_args__ = (UniqueConstraint("rule", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(String(80))
    version: Mapped[int]
    threshold: Mapped[str] = mapped_column(String(80))
    value: Mapped[float]
    reason: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(default=now)
    shadow_run_id: Mapped[int | None] = mapped_column(ForeignKey("shadow_runs.id"))
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    restores_version: Mapped[int | None]

    user: Mapped[User] = relationship(foreign_keys=[user_id])
    approved_by: Mapped[User | None] = relationship(foreign_keys=[approved_by_id])


class ShadowState(StrEnum):
    """`running`: new scans are judged by it beside the rule in force; `promoted`: it is in force."""

    RUNNING = "running"
    PROMOTED = "promoted"
    REJECTED = "rejected"


class ShadowRun(Base):
    """A proposed change of a rule's thresholds, tried on new scans without flagging anybody.

    base_version: the version of the rule that it would follow. thresholds: the new values by name. preview: what the
    change would have done on what is stored, as it was shown when proposed. listings_seen: judged under it so far.
    """

    __tablename__ = "shadow_runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(String(80), index=True)
    base_version: Mapped[int]
    thresholds: Mapped[dict[str, Any]]
    reason: Mapped[str]
    restores_version: Mapped[int | None]
    preview: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[ShadowState] = mapped_column(
        Enum(ShadowState, native_enum=False, length=16, values_callable=list), default=ShadowState.RUNNING, index=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(default=now)
    listings_seen: Mapped[int] = mapped_column(default=0)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")

    user: Mapped[User] = relationship(foreign_keys=[user_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])


class ShadowHit(Base):
    """Where a shadow run differs from the rule in force, on a listing that a scan judged meanwhile.

    flags: it would flag what the rule in force does not; else it would not flag what that does. appearance_key: as a
    finding's.
    """

    __tablename__ = "shadow_hits"
    __table_args__ = (
        UniqueConstraint("run_id", "appearance_key"),
        Index("ix_shadow_hits_run_id_flags", "run_id", "flags"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("shadow_runs.id"))
    scan_id: Mapped[int | None] = mapped_column(ForeignKey("scans.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    appearance_key: Mapped[str] = mapped_column(String(50))
    flags: Mapped[bool]
    score: Mapped[float | None]
    seen_at: Mapped[datetime] = mapped_column(default=now)

    listing: Mapped[ListingRow] = relationship()
    photo: Mapped[PhotoRow | None] = relationship()
