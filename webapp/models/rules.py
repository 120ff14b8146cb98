"""Thresholds that people changed: every change is a new version of its rule, and stays."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.people import User


class ThresholdChange(Base):
    """Version `version` of `rule` sets `threshold` to `value`, in [0, 1]; the rule file is version 1."""

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

    user: Mapped[User] = relationship()
