"""Which workers there are, so that a dead one is seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import Base, now


class WorkerProcess(Base):
    """A worker or a beat, as it last said of itself. kind: `worker` or `beat`; queues: what it takes work from."""

    __tablename__ = "worker_processes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(253))
    pid: Mapped[int]
    queues: Mapped[list[Any]] = mapped_column(default=list)
    started_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now, index=True)
