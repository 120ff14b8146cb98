"""A frozen set of findings and decisions of a period."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.people import User


class Report(Base):
    """Findings found or decided in [from_at, to_at); the content in reports/, under its SHA-256, never changes."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64))
    findings_count: Mapped[int]
    built_at: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    user: Mapped[User | None] = relationship()
