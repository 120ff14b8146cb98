"""When sources are crawled without anybody asking."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import Source


class Overlap(StrEnum):
    """What a run that is due does while an older scan of the same source is not over.

    `skip`: it is left out. `queue`: it waits for the older one. `stop`: the older one is cancelled.
    """

    SKIP = "skip"
    QUEUE = "queue"
    STOP = "stop"


class Schedule(Base):
    """cron: five fields, read in `time_zone` (IANA name). jitter_s: each run is put off by up to so many seconds.

    due_at: the next moment of the expression; fires_at: the same with its jitter; both None while paused.
    note: what became of the last run that was due, in a sentence.
    """

    __tablename__ = "schedules"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), index=True)
    cron: Mapped[str] = mapped_column(String(120))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    jitter_s: Mapped[int] = mapped_column(default=0)
    overlap: Mapped[Overlap] = mapped_column(
        Enum(Overlap, native_enum=False, length=16, values_callable=list), default=Overlap.SKIP
    )
    is_paused: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime | None]
    fires_at: Mapped[datetime | None] = mapped_column(index=True)
    last_fired_at: Mapped[datetime | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    source: Mapped[Source] = relationship()
