"""Reports, and other systems that are told what happens."""

from datetime import datetime
from typing import Any, cast

from flask import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from webapp.api.access import caller, shown_token
from webapp.api.filters import Filters
from webapp.api.models import JobShape
from webapp.api.operations import Room
from webapp.api.paging import Note, Page, PageQuery, Strict, newest_first
from webapp.api.problems import Problem
from webapp.downloads import send_report_file
from webapp.exporters import FORMATS
from webapp.extensions import app_settings, db_session
from webapp.language import ENGLISH
from webapp.models import (
    DeliveryState,
    Job,
    PictureChoice,
    Redaction,
    Report,
    ReportFile,
    Role,
    Webhook,
    WebhookDelivery,
)
from webapp.services import report_files, report_jobs, reports, saved_filters, webhooks
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style
from webapp.services.report_jobs import MOST_STYLES
from webapp.services.tokens import Scope
from webapp.services.webhooks import Event
from webapp.tasks.jobs import write_job
from webapp.tasks.sending import enqueue
from webapp.tasks.webhooks import deliver

room = Room("reports", "Frozen sets of findings and decisions, and webhooks")


class FileShape(BaseModel):
    """One style of a report, written once: its bytes never change. notices: what it could not show, in its language.

    purged_at: when retention removed the bytes; the digest stays.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int
    format: str
    language: str
    redaction: Redaction
    pictures: PictureChoice
    sha256: str
    size_bytes: int
    notices: list[str]
    made_at: datetime
    purged_at: datetime | None


class ReportShape(BaseModel):
    """[from_at, to_at): the period. sha256: of the frozen content. filters: as the queue's page names them.

    corrects_id: the older report that this one puts right, correction: what was wrong with it; corrected_by: the
    newer ones that put this one right. purged_at: when retention removed the content; the digest stays.
    """

    id: int
    title: str
    from_at: datetime
    to_at: datetime
    filters: dict[str, Any]
    filters_name: str | None
    sha256: str
    size_bytes: int | None
    findings_count: int
    built_at: datetime
    built_by: str | None
    corrects_id: int | None
    correction: str
    corrected_by: list[int]
    purged_at: datetime | None
    files: list[FileShape]


class LookBody(Strict):
    """How files look. language: of sentences; it makes a difference to formats that hold some, pictures likewise."""

    language: str = Field(ENGLISH, max_length=16)
    redaction: Redaction = Redaction.NONE
    pictures: PictureChoice = PictureChoice.BLURRED

    def style_of(self, name: str) -> Style:
        return Style(name, self.language, self.redaction, self.pictures)


class ReportBody(LookBody):
    """Findings found or decided in [from_at, to_at). filter_id: a kept filter; filters go before what it says.

    formats: written once it is built, all in the same look. corrects_id: a report that this one puts right, and
    correction what was wrong with it.
    """

    from_at: AwareDatetime
    to_at: AwareDatetime
    title: str = Field("", max_length=200)
    filter_id: int | None = Field(None, ge=0, lt=2**31)
    filters: Filters | None = None
    formats: list[str] = Field(default_factory=list, max_length=MOST_STYLES)
    corrects_id: int | None = Field(None, ge=0, lt=2**31)
    correction: Note = ""


class FileBody(LookBody):
    format: str = Field(max_length=16)


class AskedShape(BaseModel):
    """file: where it is written already, or could be at once; else job: the one that writes it."""

    file: FileShape | None
    job: JobShape | None


class WebhookShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    url: str
    events: list[str]
    is_active: bool
    created_at: datetime


class NewWebhookShape(WebhookShape):
    """secret: given this once."""

    secret: str


class EventsBody(Strict):
    events: list[Event] = Field(min_length=1, max_length=20)
    is_active: bool = True


class NewWebhookBody(Strict):
    name: str = Field(min_length=1, max_length=80)
    url: str = Field(max_length=2000)
    events: list[Event] = Field(min_length=1, max_length=20)


class MessageShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    key: str
    event: str
    state: DeliveryState
    attempts: int
    status: int | None
    failure: str | None
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None


def shape_of_report(report: Report) -> ReportShape:
    same = set(ReportShape.model_fields) - {"built_by", "corrected_by", "files"}
    return ReportShape(
        **{name: getattr(report, name) for name in same},
        built_by=report.user.name if report.user else None,
        corrected_by=[newer.id for newer in report.corrections],
        files=[FileShape.model_validate(file) for file in report.files],
    )


@room.operation("GET", "/reports", Scope.READ, query=PageQuery, answer=Page[ReportShape])
def list_reports(query: PageQuery) -> Page[ReportShape]:
    """Reports with their files, the newest first."""
    beside = (joinedload(Report.user), selectinload(Report.files), selectinload(Report.corrections))
    rows, cursor = newest_first(db_session(), select(Report).options(*beside), Report.id, query)
    return Page[ReportShape](items=[shape_of_report(row) for row in rows], next_cursor=cursor)


@room.operation("POST", "/reports", Scope.REVIEW, Role.REVIEWER, body=ReportBody, answer=JobShape, status=202)
def build_report(body: ReportBody) -> JobShape:
    """Ask for a report: a job freezes the findings of a period and writes the files; its result names the report."""
    styles = [body.style_of(name) for name in body.formats]
    return queued(report_jobs.ask_report(db_session(), wanted_of(body), caller(), styles))


def wanted_of(body: ReportBody) -> Wanted:
    kept = saved_filters.find(db_session(), caller(), body.filter_id) if body.filter_id else None
    own = body.filters.to_arguments() if body.filters else {}
    arguments = {**(kept.arguments if kept else {}), **own}
    return Wanted(
        body.from_at,
        body.to_at,
        body.title,
        arguments,
        kept.name if kept and not own else None,
        saved_filters.filters_of(arguments),
        find_report(body.corrects_id) if body.corrects_id else None,
        body.correction,
    )


def queued(job: Job) -> JobShape:
    db_session().commit()
    enqueue(write_job, job.id)
    return JobShape.model_validate(job)


@room.operation("GET", "/reports/<int:report_id>", Scope.READ, answer=ReportShape)
def get_report(report_id: int) -> ReportShape:
    """One report with its files."""
    return shape_of_report(find_report(report_id))


@room.operation(
    "POST",
    "/reports/<int:report_id>/files",
    Scope.REVIEW,
    Role.REVIEWER,
    body=FileBody,
    answer=AskedShape,
    status=202,
)
def write_report(report_id: int, body: FileBody) -> AskedShape:
    """Ask for a report in a format: quick ones are given at once, for the others a job."""
    report, style = find_report(report_id), body.style_of(body.format)
    file = report_files.find_file(db_session(), report, style)
    if file is None and not report_files.is_quick(report, style):
        return AskedShape(file=None, job=queued(report_jobs.ask_file(db_session(), report, style, caller())))
    return AskedShape(file=FileShape.model_validate(file or write_now(report, style)), job=None)


def write_now(report: Report, style: Style) -> ReportFile:
    file = report_files.write_file(db_session(), app_settings(), report, style, caller())
    db_session().commit()
    return file


@room.operation(
    "GET", "/reports/<int:report_id>/files/<int:file_id>", Scope.READ, media_type="application/octet-stream"
)
def download_file(report_id: int, file_id: int) -> Response:
    """The bytes of a report's file, always the same."""
    return send(report_files.find(db_session(), report_id, file_id))


@room.operation("GET", "/reports/<int:report_id>/<format_name>", Scope.READ, media_type="application/octet-stream")
def download_report(report_id: int, format_name: str) -> Response:
    """A report in one of its formats, in English, pictures blurred, with all of people's data."""
    report, style = find_report(report_id), Style(format_name)
    if format_name not in FORMATS:
        raise Problem(404, f"Reports come as {', '.join(FORMATS)}.")
    file = report_files.find_file(db_session(), report, style)
    if file is None and not report_files.is_quick(report, style):
        raise Problem(409, f"Nobody has written it yet: ask for it by POST /reports/{report.id}/files.")
    return send(file or write_now(report, style))


def send(file: ReportFile) -> Response:
    """That it was taken away is in the log before it goes out."""
    body = report_files.read_file(app_settings(), file)
    report_files.note_download(db_session(), caller().name, file, token=shown_token().head)
    db_session().commit()
    return cast(Response, send_report_file(file, body))


def find_report(report_id: int) -> Report:
    return reports.find(db_session(), report_id)


@room.operation("GET", "/webhooks", Scope.ADMIN, Role.ADMIN, answer=Page[WebhookShape])
def list_webhooks() -> Page[WebhookShape]:
    """All webhooks by name."""
    return Page[WebhookShape](items=[shape_of(hook) for hook in webhooks.list_webhooks(db_session())])


def shape_of(hook: Webhook) -> WebhookShape:
    return WebhookShape.model_validate(hook)


@room.operation("POST", "/webhooks", Scope.ADMIN, Role.ADMIN, body=NewWebhookBody, answer=NewWebhookShape, status=201)
def create_webhook(body: NewWebhookBody) -> NewWebhookShape:
    """Let another system be told of events; its secret is given this once."""
    hook, secret = webhooks.create(db_session(), caller(), app_settings(), body.name, body.url, body.events)
    db_session().commit()
    return NewWebhookShape(**shape_of(hook).model_dump(), secret=secret)


@room.operation("GET", "/webhooks/<int:webhook_id>", Scope.ADMIN, Role.ADMIN, answer=WebhookShape)
def get_webhook(webhook_id: int) -> WebhookShape:
    """One webhook."""
    return shape_of(webhooks.find(db_session(), webhook_id))


@room.operation("PUT", "/webhooks/<int:webhook_id>", Scope.ADMIN, Role.ADMIN, body=EventsBody, answer=WebhookShape)
def change_webhook(webhook_id: int, body: EventsBody) -> WebhookShape:
    """Choose a webhook's events, and whether messages are sent."""
    hook = webhooks.find(db_session(), webhook_id)
    webhooks.change(db_session(), caller(), hook, body.events, body.is_active)
    db_session().commit()
    return shape_of(hook)


@room.operation("DELETE", "/webhooks/<int:webhook_id>", Scope.ADMIN, Role.ADMIN)
def delete_webhook(webhook_id: int) -> None:
    """Delete a webhook with its messages."""
    webhooks.remove(db_session(), caller(), webhooks.find(db_session(), webhook_id))
    db_session().commit()


@room.operation("POST", "/webhooks/<int:webhook_id>/ping", Scope.ADMIN, Role.ADMIN, answer=MessageShape, status=202)
def ping_webhook(webhook_id: int) -> MessageShape:
    """Send a message that says nothing, to try the way."""
    return sent(webhooks.ping(db_session(), caller(), webhooks.find(db_session(), webhook_id)))


@room.operation(
    "GET", "/webhooks/<int:webhook_id>/messages", Scope.ADMIN, Role.ADMIN, query=PageQuery, answer=Page[MessageShape]
)
def list_messages(webhook_id: int, query: PageQuery) -> Page[MessageShape]:
    """A webhook's messages, the newest first, and what became of each."""
    hook = webhooks.find(db_session(), webhook_id)
    mine = select(WebhookDelivery).where(WebhookDelivery.webhook_id == hook.id)
    rows, cursor = newest_first(db_session(), mine, WebhookDelivery.id, query)
    return Page[MessageShape](items=[MessageShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation(
    "POST", "/webhooks/messages/<int:message_id>/again", Scope.ADMIN, Role.ADMIN, answer=MessageShape, status=202
)
def send_message_again(message_id: int) -> MessageShape:
    """Send a message once more, under the same key."""
    return sent(webhooks.send_again(db_session(), caller(), message_id))


def sent(message: WebhookDelivery) -> MessageShape:
    db_session().commit()
    enqueue(deliver)
    return MessageShape.model_validate(message)
