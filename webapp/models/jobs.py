"""Long work done by a worker: on models (installing, checking, training), on reports and on case files."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import Base, now


class JobKind(StrEnum):
    INSTALL = "install"
    REMOVE = "remove"
    VERIFY = "verify"
    MEASURE = "measure"
    TRY = "try"
    TRAIN = "train"
    REPORT = "report"
    WRITE = "write"
    CASE = "case"

    @property
    def is_of_models(self) -> bool:
        """The others freeze a report, write one in a format, or make a case file."""
        return self not in (JobKind.REPORT, JobKind.WRITE, JobKind.CASE)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED)


class Job(Base):
    """A job is owned by the worker whose lease runs; when `lease_until` passes, another takes it over.

    model: the model's name, None where all that are installed are meant. actor: the name of who asked for it.
    holds: what no second unfinished job may touch (`model:NAME`, say); None as soon as it is over.
    options: what the work needs, result: what it found (JSON values); note: the step at hand, then why it failed.
    bytes_done, bytes_total: of what is fetched; of a training they count pictures, of reports and case files findings.
    attempts: how often a worker began it: one that kills its workers must not be begun for ever.
    """

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(Enum(JobKind, native_enum=False, length=16, values_callable=list))
    model: Mapped[str | None] = mapped_column(String(80), index=True)
    state: Mapped[JobState] = mapped_column(
        Enum(JobState, native_enum=False, length=16, values_callable=list), default=JobState.QUEUED, index=True
    )
    holds: Mapped[str | None] = mapped_column(String(120), unique=True)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes_total: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    actor: Mapped[str] = mapped_column(String(80))
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
