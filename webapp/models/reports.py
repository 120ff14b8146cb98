"""Frozen sets of findings and decisions, the files they were written as, and what makes and sends them by itself."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.people import SavedFilter, User
from webapp.models.webhooks import DeliveryState


class Redaction(StrEnum):
    """How much a file says of people (services.redaction): everything; sellers as a keyed hash, no ways to reach
    people; or nothing at all of sellers, reviewers and free text."""

    NONE = "none"
    HASHED = "hashed"
    MINIMAL = "minimal"


class PictureChoice(StrEnum):
    """How pictures stand in a file."""

    BLURRED = "blurred"
    PLAIN = "plain"
    NONE = "none"


class Report(Base):
    """Findings found or decided in [from_at, to_at); the content in reports/, under its SHA-256, never changes.

    filters: arguments of the queue's page that narrow it; filters_name: of the saved filter that they came from.
    corrects_id: the older report that this one puts right; correction: what was wrong with that one. purged_at: when
    the content was removed by retention; the row with its digest stays. schedule_id, due_at: both or none.
    """

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("schedule_id", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    filters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    filters_name: Mapped[str | None] = mapped_column(String(80))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    findings_count: Mapped[int]
    built_at: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("reports.id"), index=True)
    correction: Mapped[str] = mapped_column(default="")
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("report_schedules.id", ondelete="SET NULL"))
    due_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()
    corrects: Mapped["Report | None"] = relationship(remote_side=[id], back_populates="corrections")
    corrections: Mapped[list["Report"]] = relationship(back_populates="corrects", order_by="Report.id")
    files: Mapped[list["ReportFile"]] = relationship(back_populates="report", order_by="ReportFile.id")


class ReportFile(Base):
    """A report written once in one format; the bytes lie in report_files/, under their SHA-256.

    format: a name of webapp.exporters.FORMATS. notices: sentences in `language` on what the file could not show
    (letters without a font, pictures that are gone). purged_at: as the report's.
    """

    __tablename__ = "report_files"
    __table_args__ = (UniqueConstraint("report_id", "format", "language", "redaction", "pictures"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    format: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(16))
    redaction: Mapped[Redaction] = mapped_column(
        Enum(Redaction, native_enum=False, length=16, values_callable=list), default=Redaction.NONE
    )
    pictures: Mapped[PictureChoice] = mapped_column(
        Enum(PictureChoice, native_enum=False, length=16, values_callable=list), default=PictureChoice.BLURRED
    )
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    notices: Mapped[list[Any]] = mapped_column(default=list)
    made_at: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    purged_at: Mapped[datetime | None]

    report: Mapped[Report] = relationship(back_populates="files")


class Span(StrEnum):
    """The period of a scheduled report, in whole days of its time zone, ending before the day on which it is due."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    SINCE_LAST = "since_last"


class ReportSchedule(Base):
    """Builds a report whenever `cron` comes in `time_zone`, writes it in `formats`, and hands it over.

    filter_id: the saved filter that narrows it, None for everything. folder: below TUSKLINE_OUTBOX_URL, None for no
    copy there. mail_to: addresses. tells_webhooks: whether `report.delivered` is published. keep_days: how long the
    content and the files are kept here, None for as long as the team's retention says. due_at: the next moment; None
    while paused. note: what became of the last run, in a sentence.
    """

    __tablename__ = "report_schedules"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    cron: Mapped[str] = mapped_column(String(120))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    span: Mapped[Span] = mapped_column(Enum(Span, native_enum=False, length=16, values_callable=list))
    filter_id: Mapped[int | None] = mapped_column(ForeignKey("saved_filters.id", ondelete="SET NULL"))
    filter_name: Mapped[str | None] = mapped_column(String(80))
    formats: Mapped[list[Any]] = mapped_column(default=list)
    language: Mapped[str] = mapped_column(String(16), default="en")
    redaction: Mapped[Redaction] = mapped_column(
        Enum(Redaction, native_enum=False, length=16, values_callable=list), default=Redaction.NONE
    )
    pictures: Mapped[PictureChoice] = mapped_column(
        Enum(PictureChoice, native_enum=False, length=16, values_callable=list), default=PictureChoice.BLURRED
    )
    folder: Mapped[str | None] = mapped_column(String(200))
    mail_to: Mapped[list[Any]] = mapped_column(default=list)
    tells_webhooks: Mapped[bool] = mapped_column(default=False)
    keep_days: Mapped[int | None]
    is_paused: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    last_fired_at: Mapped[datetime | None]
    note: Mapped[str | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)

    filter: Mapped[SavedFilter | None] = relationship()
    user: Mapped[User | None] = relationship()


class DeliveryWay(StrEnum):
    FOLDER = "folder"
    MAIL = "mail"


class ReportDelivery(Base):
    """A report on its way to one target, with every file that its schedule asks for; tried again until it is there.

    target: the folder below the outbox, or an e-mail address. due_at: when it is tried next.
    """

    __tablename__ = "report_deliveries"
    __table_args__ = (
        UniqueConstraint("report_id", "way", "target"),
        Index("ix_report_deliveries_state_due_at", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("report_schedules.id", ondelete="SET NULL"), index=True)
    way: Mapped[DeliveryWay] = mapped_column(Enum(DeliveryWay, native_enum=False, length=16, values_callable=list))
    target: Mapped[str] = mapped_column(String(320))
    file_ids: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[DeliveryState] = mapped_column(
        Enum(DeliveryState, native_enum=False, length=16, values_callable=list), default=DeliveryState.PENDING
    )
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    lease_until: Mapped[datetime | None]
    failure: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    delivered_at: Mapped[datetime | None]

    report: Mapped[Report] = relationship()


class CaseFile(Base):
    """A signed bundle of the evidence on some findings; the bytes lie in cases/, under their SHA-256.

    selection: what was asked for, {"findings": [ids]} or {"seller", "source_id"}; manifest_sha256: what the signature
    is over. timestamp_at: the time that a timestamp server confirmed (RFC 3161), None without one.
    """

    __tablename__ = "case_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    selection: Mapped[dict[str, Any]]
    language: Mapped[str] = mapped_column(String(16), default="en")
    findings_count: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    timestamp_at: Mapped[datetime | None]
    notices: Mapped[list[Any]] = mapped_column(default=list)
    made_at: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    purged_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()
