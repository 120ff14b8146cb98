"""Reports that are built and sent by themselves, and what became of each delivery."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict, newest_first
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.language import ENGLISH
from webapp.models import (
    DeliveryState,
    DeliveryWay,
    PictureChoice,
    Redaction,
    ReportDelivery,
    ReportSchedule,
    Role,
    Span,
)
from webapp.services import deliveries, mailing, report_firing, report_schedules
from webapp.services.report_schedules import ReportPlan
from webapp.services.tokens import Scope
from webapp.tasks.jobs import write_job
from webapp.tasks.reports import deliver
from webapp.tasks.sending import enqueue

room = Room("report schedules", "Reports that are built and sent by themselves")


class ReportScheduleBody(Strict):
    """cron: five fields, read in time_zone (an IANA name). filter_id: of a filter that the team shares; null for all.

    folder: below the outbox, null for no copy there. mail_to: plain addresses. keep_days: null for as long as the team
    keeps reports.
    """

    name: str = Field(max_length=80)
    cron: str = Field(max_length=120)
    time_zone: str = Field("UTC", max_length=64)
    span: Span = Span.WEEK
    filter_id: int | None = Field(None, ge=1, lt=2**31)
    formats: list[str] = Field(min_length=1, max_length=20)
    language: str = Field(ENGLISH, max_length=16)
    redaction: Redaction = Redaction.NONE
    pictures: PictureChoice = PictureChoice.BLURRED
    folder: str | None = Field(None, max_length=200)
    mail_to: list[str] = Field(default_factory=list, max_length=50)
    tells_webhooks: bool = False
    keep_days: int | None = None


class ReportScheduleShape(BaseModel):
    """due_at: null while paused. mail_to: empty to whoever is no lead; mails: how many get one."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    cron: str
    time_zone: str
    span: Span
    filter_id: int | None
    filter_name: str | None
    formats: list[str]
    language: str
    redaction: Redaction
    pictures: PictureChoice
    folder: str | None
    mail_to: list[str]
    mails: int = 0
    tells_webhooks: bool
    keep_days: int | None
    is_paused: bool
    due_at: datetime | None
    last_fired_at: datetime | None
    note: str | None


class DeliveryShape(BaseModel):
    """target: the folder, or the address, which is null to whoever is no lead."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    report_id: int
    schedule_id: int | None
    way: DeliveryWay
    target: str | None
    state: DeliveryState
    attempts: int
    failure: str | None
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None


class RunShape(BaseModel):
    """The job that builds the report."""

    job_id: int


class MailBody(Strict):
    to: str = Field(max_length=254)


def shape_of(schedule: ReportSchedule) -> ReportScheduleShape:
    shape = ReportScheduleShape.model_validate(schedule)
    seen = shape.mail_to if sees_addresses() else []
    return shape.model_copy(update={"mails": len(shape.mail_to), "mail_to": seen})


def delivery_shape(row: ReportDelivery) -> DeliveryShape:
    shape = DeliveryShape.model_validate(row)
    is_shown = row.way is DeliveryWay.FOLDER or sees_addresses()
    return shape if is_shown else shape.model_copy(update={"target": None})


def sees_addresses() -> bool:
    return caller().role.covers(Role.LEAD)


def plan_of(body: ReportScheduleBody, schedule_id: int | None = None) -> ReportPlan:
    """Raises Problem with every fault of the plan."""
    values = {name: getattr(body, name) for name in report_schedules.FIELDS}
    plan = ReportPlan(**values | {"formats": tuple(body.formats), "mail_to": tuple(body.mail_to)})
    faults = report_schedules.check(db_session(), plan, schedule_id)
    if faults:
        raise Problem(422, "This plan can't be kept.", faults={f"/{name}": said for name, said in faults.items()})
    return plan


def find(schedule_id: int) -> ReportSchedule:
    return report_schedules.find(db_session(), schedule_id)


@room.operation("GET", "/report-schedules", Scope.READ, answer=Page[ReportScheduleShape])
def list_report_schedules() -> Page[ReportScheduleShape]:
    """All report schedules by name."""
    rows = report_schedules.list_schedules(db_session())
    return Page[ReportScheduleShape](items=[shape_of(row) for row in rows])


@room.operation(
    "POST",
    "/report-schedules",
    Scope.REVIEW,
    Role.LEAD,
    body=ReportScheduleBody,
    answer=ReportScheduleShape,
    status=201,
)
def create_report_schedule(body: ReportScheduleBody) -> ReportScheduleShape:
    """Let a report be built and sent by itself."""
    schedule = report_schedules.create(db_session(), plan_of(body), caller())
    db_session().commit()
    return shape_of(schedule)


@room.operation("GET", "/report-schedules/<int:schedule_id>", Scope.READ, answer=ReportScheduleShape)
def get_report_schedule(schedule_id: int) -> ReportScheduleShape:
    """One report schedule."""
    return shape_of(find(schedule_id))


@room.operation(
    "PUT",
    "/report-schedules/<int:schedule_id>",
    Scope.REVIEW,
    Role.LEAD,
    body=ReportScheduleBody,
    answer=ReportScheduleShape,
)
def change_report_schedule(schedule_id: int, body: ReportScheduleBody) -> ReportScheduleShape:
    """Give a report schedule another plan."""
    schedule = find(schedule_id)
    report_schedules.change(db_session(), schedule, plan_of(body, schedule_id), caller())
    db_session().commit()
    return shape_of(schedule)


@room.operation("DELETE", "/report-schedules/<int:schedule_id>", Scope.REVIEW, Role.LEAD)
def delete_report_schedule(schedule_id: int) -> None:
    """Delete a report schedule; its reports stay."""
    report_schedules.delete(db_session(), find(schedule_id), caller())
    db_session().commit()


@room.operation(
    "POST", "/report-schedules/<int:schedule_id>/pause", Scope.REVIEW, Role.LEAD, answer=ReportScheduleShape
)
def pause_report_schedule(schedule_id: int) -> ReportScheduleShape:
    """Pause a report schedule."""
    return switched(find(schedule_id), is_paused=True)


@room.operation(
    "POST", "/report-schedules/<int:schedule_id>/resume", Scope.REVIEW, Role.LEAD, answer=ReportScheduleShape
)
def resume_report_schedule(schedule_id: int) -> ReportScheduleShape:
    """Let a paused report schedule go on."""
    return switched(find(schedule_id), is_paused=False)


def switched(schedule: ReportSchedule, is_paused: bool) -> ReportScheduleShape:
    deed = report_schedules.pause if is_paused else report_schedules.resume
    deed(db_session(), schedule, caller())
    db_session().commit()
    return shape_of(schedule)


@room.operation("POST", "/report-schedules/<int:schedule_id>/run", Scope.REVIEW, Role.LEAD, answer=RunShape, status=202)
def run_report_schedule(schedule_id: int) -> RunShape:
    """Build and send its report now, as if it were due."""
    job_id = report_firing.run_now(db_session(), find(schedule_id), caller())
    db_session().commit()
    enqueue(write_job, job_id)
    return RunShape(job_id=job_id)


@room.operation(
    "GET",
    "/report-schedules/<int:schedule_id>/deliveries",
    Scope.READ,
    query=PageQuery,
    answer=Page[DeliveryShape],
)
def list_deliveries(schedule_id: int, query: PageQuery) -> Page[DeliveryShape]:
    """Deliveries of a schedule's reports, the newest first, and what became of each."""
    mine = select(ReportDelivery).where(ReportDelivery.schedule_id == find(schedule_id).id)
    rows, cursor = newest_first(db_session(), mine, ReportDelivery.id, query)
    return Page[DeliveryShape](items=[delivery_shape(row) for row in rows], next_cursor=cursor)


@room.operation(
    "POST", "/reports/deliveries/<int:delivery_id>/again", Scope.REVIEW, Role.LEAD, answer=DeliveryShape, status=202
)
def deliver_again(delivery_id: int) -> DeliveryShape:
    """Send a report once more to one target; its receiver knows it again."""
    row = deliveries.find(db_session(), delivery_id)
    deliveries.send_again(db_session(), row, caller())
    db_session().commit()
    enqueue(deliver)
    return delivery_shape(row)


@room.operation("POST", "/report-schedules/test-mail", Scope.REVIEW, Role.LEAD, body=MailBody)
def send_test_mail(body: MailBody) -> None:
    """Send a mail that says nothing, to try the mail server; 409 says what went wrong."""
    mailing.send_test(db_session(), app_settings(), body.to, caller())
    db_session().commit()
