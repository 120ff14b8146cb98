"""Reports, and other systems that are told what happens."""

from datetime import datetime
from io import BytesIO

from flask import Response, send_file
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select

from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict, newest_first
from webapp.api.problems import Problem
from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Means
from webapp.extensions import app_settings, db_session
from webapp.models import DeliveryState, Report, Role, Webhook, WebhookDelivery
from webapp.services import reports, webhooks
from webapp.services.freezing import Wanted
from webapp.services.tokens import Scope
from webapp.services.webhooks import Event
from webapp.tasks.sending import enqueue
from webapp.tasks.webhooks import deliver

room = Room("reports", "Frozen sets of findings and decisions, and webhooks")


class ReportShape(BaseModel):
    """[from_at, to_at): the period. sha256: of the frozen content."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    from_at: datetime
    to_at: datetime
    sha256: str
    findings_count: int
    built_at: datetime


class PeriodBody(Strict):
    from_at: AwareDatetime
    to_at: AwareDatetime


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


@room.operation("GET", "/reports", Scope.READ, query=PageQuery, answer=Page[ReportShape])
def list_reports(query: PageQuery) -> Page[ReportShape]:
    """Reports, the newest first."""
    rows, cursor = newest_first(db_session(), select(Report), Report.id, query)
    return Page[ReportShape](items=[ReportShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("POST", "/reports", Scope.REVIEW, Role.REVIEWER, body=PeriodBody, answer=ReportShape, status=201)
def build_report(body: PeriodBody) -> ReportShape:
    """Freeze the findings found or decided in a period."""
    report = reports.build(db_session(), app_settings(), Wanted(body.from_at, body.to_at), caller())
    db_session().commit()
    return ReportShape.model_validate(report)


@room.operation("GET", "/reports/<int:report_id>", Scope.READ, answer=ReportShape)
def get_report(report_id: int) -> ReportShape:
    """One report."""
    return ReportShape.model_validate(find_report(report_id))


@room.operation("GET", "/reports/<int:report_id>/<format_name>", Scope.READ, media_type="application/octet-stream")
def download_report(report_id: int, format_name: str) -> Response:
    """A report's content in one of its formats: csv, json."""
    report, exporter = find_report(report_id), FORMATS.get(format_name)
    if exporter is None:
        raise Problem(404, f"Reports come as {', '.join(FORMATS)}.")
    body = BytesIO()
    choices = Choices(report_id=report.id, sha256=report.sha256)
    exporter.write(reports.read(app_settings(), report), choices, Means(), body)
    body.seek(0)
    name = f"tuskline-report-{report.id}{exporter.suffix}"
    return send_file(body, mimetype=exporter.media_type, as_attachment=True, download_name=name)


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
