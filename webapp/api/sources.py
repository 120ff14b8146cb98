"""Sources and their schedules."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from scanner.markets.options import options_of
from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, Strict
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.models import Overlap, Role, Schedule, Source
from webapp.services import schedules, sources
from webapp.services.schedules import Plan
from webapp.services.source_options import read_options, shown_all
from webapp.services.tokens import Scope

room = Room("sources", "Marketplaces that scans crawl, and when")


class SourceShape(BaseModel):
    """options: as people read them; secrets show the name of their variable alone."""

    id: int
    name: str
    kind: str
    options: dict[str, str]
    created_at: datetime


class OptionShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    kind: str
    is_required: bool
    help: str


class KindShape(BaseModel):
    """fault: why its plug-in can't be used, in a sentence."""

    name: str
    fault: str | None
    options: list[OptionShape]


class SourceBody(Strict):
    """options: each as a person would type it."""

    name: str = Field(min_length=1, max_length=sources.NAME_LETTERS)
    options: dict[str, str] = Field(default_factory=dict)


class NewSourceBody(SourceBody):
    kind: str


class ScheduleShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    source_id: int
    cron: str
    time_zone: str
    jitter_s: int
    overlap: Overlap
    is_paused: bool
    due_at: datetime | None
    last_fired_at: datetime | None
    note: str | None


class ScheduleBody(Strict):
    """cron: five fields, read in time_zone (an IANA name). jitter_s: each run is put off by up to so many seconds."""

    cron: str = Field(max_length=120)
    time_zone: str = Field("UTC", max_length=64)
    jitter_s: int = Field(0, ge=0, le=86_400)
    overlap: Overlap = Overlap.SKIP


def shape_of(source: Source) -> SourceShape:
    words = shown_all(sources.market_of(source), source.options)
    return SourceShape(id=source.id, name=source.name, kind=source.kind, options=words, created_at=source.created_at)


@room.operation("GET", "/sources", Scope.READ, answer=Page[SourceShape])
def list_sources() -> Page[SourceShape]:
    """All sources by name."""
    return Page[SourceShape](items=[shape_of(source) for source in sources.list_sources(db_session())])


@room.operation("GET", "/sources/kinds", Scope.READ, answer=Page[KindShape])
def list_kinds() -> Page[KindShape]:
    """Kinds of sources that can be added, with their options."""
    return Page[KindShape](items=[kind_shape(kind) for kind in sources.kinds()])


def kind_shape(kind: sources.Kind) -> KindShape:
    options = options_of(kind.market) if kind.market else ()
    return KindShape(name=kind.name, fault=kind.fault, options=[OptionShape.model_validate(one) for one in options])


@room.operation("POST", "/sources", Scope.ADMIN, Role.ADMIN, body=NewSourceBody, answer=SourceShape, status=201)
def create_source(body: NewSourceBody) -> SourceShape:
    """Add a source."""
    values = read_values(body.kind, body.options)
    source = sources.create(db_session(), body.name, body.kind, values, caller().name)
    db_session().commit()
    return shape_of(source)


def read_values(kind: str, texts: dict[str, str]) -> dict[str, Any]:
    """Raises Problem with every fault of the options."""
    market = sources.load_kind(kind).market
    if market is None:
        raise Problem(422, f"There is no kind of source named {kind} that can be used; /api/v1/sources/kinds has them.")
    reading = read_options(market, texts, app_settings())
    if reading.faults:
        faults = {f"/options/{name}" if name else "/options": said for name, said in reading.faults.items()}
        raise Problem(422, "The options can't be taken as they stand.", faults=faults)
    return reading.values


@room.operation("GET", "/sources/<int:source_id>", Scope.READ, answer=SourceShape)
def get_source(source_id: int) -> SourceShape:
    """One source."""
    return shape_of(sources.find(db_session(), source_id))


@room.operation("PUT", "/sources/<int:source_id>", Scope.ADMIN, Role.ADMIN, body=SourceBody, answer=SourceShape)
def change_source(source_id: int, body: SourceBody) -> SourceShape:
    """Give a source another name and other options."""
    source = sources.find(db_session(), source_id)
    sources.change(db_session(), source, body.name, read_values(source.kind, body.options), caller().name)
    db_session().commit()
    return shape_of(source)


@room.operation("DELETE", "/sources/<int:source_id>", Scope.ADMIN, Role.ADMIN)
def delete_source(source_id: int) -> None:
    """Delete a source that was never scanned."""
    sources.delete(db_session(), sources.find(db_session(), source_id), caller().name)
    db_session().commit()


@room.operation("GET", "/schedules", Scope.READ, answer=Page[ScheduleShape])
def list_schedules() -> Page[ScheduleShape]:
    """All schedules."""
    rows = schedules.list_schedules(db_session())
    return Page[ScheduleShape](items=[ScheduleShape.model_validate(row) for row in rows])


@room.operation(
    "POST",
    "/sources/<int:source_id>/schedules",
    Scope.ADMIN,
    Role.ADMIN,
    body=ScheduleBody,
    answer=ScheduleShape,
    status=201,
)
def create_schedule(source_id: int, body: ScheduleBody) -> ScheduleShape:
    """Let a source be scanned on a schedule."""
    sources.find(db_session(), source_id)
    schedule = schedules.create(db_session(), source_id, plan_of(body), caller().name)
    db_session().commit()
    return ScheduleShape.model_validate(schedule)


def plan_of(body: ScheduleBody) -> Plan:
    """Raises Problem with every fault of the plan."""
    plan = Plan(body.cron, body.time_zone, body.jitter_s, body.overlap)
    faults = plan.check()
    if faults:
        raise Problem(422, "This plan can't be kept.", faults={f"/{name}": said for name, said in faults.items()})
    return plan


@room.operation("GET", "/schedules/<int:schedule_id>", Scope.READ, answer=ScheduleShape)
def get_schedule(schedule_id: int) -> ScheduleShape:
    """One schedule."""
    return ScheduleShape.model_validate(schedules.find(db_session(), schedule_id))


@room.operation("PUT", "/schedules/<int:schedule_id>", Scope.ADMIN, Role.ADMIN, body=ScheduleBody, answer=ScheduleShape)
def change_schedule(schedule_id: int, body: ScheduleBody) -> ScheduleShape:
    """Give a schedule another plan."""
    schedule = schedules.find(db_session(), schedule_id)
    schedules.change(db_session(), schedule, plan_of(body), caller().name)
    db_session().commit()
    return ScheduleShape.model_validate(schedule)


@room.operation("POST", "/schedules/<int:schedule_id>/pause", Scope.SCAN, Role.REVIEWER, answer=ScheduleShape)
def pause_schedule(schedule_id: int) -> ScheduleShape:
    """Pause a schedule."""
    return switched(schedules.find(db_session(), schedule_id), is_paused=True)


@room.operation("POST", "/schedules/<int:schedule_id>/resume", Scope.SCAN, Role.REVIEWER, answer=ScheduleShape)
def resume_schedule(schedule_id: int) -> ScheduleShape:
    """Let a paused schedule go on."""
    return switched(schedules.find(db_session(), schedule_id), is_paused=False)


def switched(schedule: Schedule, is_paused: bool) -> ScheduleShape:
    deed = schedules.pause if is_paused else schedules.resume
    deed(db_session(), schedule, caller().name)
    db_session().commit()
    return ScheduleShape.model_validate(schedule)


@room.operation("DELETE", "/schedules/<int:schedule_id>", Scope.ADMIN, Role.ADMIN)
def delete_schedule(schedule_id: int) -> None:
    """Delete a schedule; its scans stay."""
    schedules.delete(db_session(), schedules.find(db_session(), schedule_id), caller().name)
    db_session().commit()
