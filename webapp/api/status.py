"""What stands where: the overview's figures, and whether workers work."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from webapp.api.operations import Room
from webapp.api.paging import Page, Strict
from webapp.extensions import app_settings, db_session
from webapp.models import FindingState, ScanState, WorkerProcess
from webapp.services import figures, health, overview, processes, trends
from webapp.services.health import Part
from webapp.services.tokens import Scope

room = Room("status", "What stands where, and whether workers work")


class OverviewShape(BaseModel):
    """by_concept: open findings. models, primary_absent: of the last scan in which one spoke.

    oldest_open_s: how long the oldest open finding has waited; null where none is open.
    """

    by_state: dict[FindingState, int]
    by_concept: dict[str, int]
    last_scan_id: int | None
    models: list[Any]
    primary_absent: bool
    oldest_open_s: float | None


class SignShape(BaseModel):
    """words: one sentence. is_well: nobody has to do anything."""

    model_config = ConfigDict(from_attributes=True)

    part: Part
    is_well: bool
    words: str


class SourceCountShape(BaseModel):
    source_id: int
    name: str
    findings: int


class SellerCountShape(BaseModel):
    seller: str
    findings: int


class BandShape(BaseModel):
    """from_days, to_days: the age of findings that wait; to_days null for all that are older."""

    model_config = ConfigDict(from_attributes=True)

    from_days: int
    to_days: int | None
    count: int


class SpreadShape(BaseModel):
    """Seconds: the median, and between which quartiles half of them lie; null where there are none."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    median: float | None
    low: float | None
    high: float | None


class TrendsShape(BaseModel):
    """steps: the first day of each step, a day or (is_weekly) a week; lists of counts have one number a step.

    flagged: findings, of the period. waiting, waiting_by_age: open or escalated now. takedown: from the suspicion to
    the noticed removal; still_up: confirmed listings of the period that stand. decision: from shown to decided.
    """

    days: int
    is_weekly: bool
    steps: list[date]
    flagged: int
    flagged_by_state: dict[FindingState, list[int]]
    flagged_by_concept: dict[str, list[int]]
    by_source: list[SourceCountShape]
    by_seller: list[SellerCountShape]
    waiting: int
    waiting_by_age: list[BandShape]
    oldest_at: datetime | None
    takedown: SpreadShape
    still_up: int
    decisions: list[int]
    decision: SpreadShape
    counted_at: datetime


class TrendsQuery(Strict):
    """days: up to today in UTC."""

    days: Literal["7", "30", "90", "365"] = "30"


class WorkShape(BaseModel):
    """What scans counted over all of them, and what waits. oldest_waiting_s: 0 where nothing waits.

    schedules_late: those whose moment passed 2 minutes ago and more. removals: listings that vanished.
    """

    scans_by_state: dict[ScanState, int]
    photos_scored: int
    photos_failed: int
    photos_waiting: int
    oldest_waiting_s: float
    fetched_pages: int
    fetched_bytes: int
    crawl_errors: int
    removals: int
    schedules_late: int
    last_fired_at: datetime | None
    next_fires_at: datetime | None


class ProcessShape(BaseModel):
    """is_alive: it was heard within 45 seconds."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str
    host: str
    pid: int
    queues: list[str]
    started_at: datetime
    seen_at: datetime
    is_alive: bool


class WorkersShape(BaseModel):
    """unserved: queues that no living worker takes work from."""

    items: list[ProcessShape]
    unserved: list[str]


@room.operation("GET", "/overview", Scope.READ, answer=OverviewShape)
def get_overview() -> OverviewShape:
    """Findings by state and concept, and how long they have waited."""
    found = overview.figures(db_session())
    age = found.oldest_open_age
    return OverviewShape(
        by_state=found.by_state,
        by_concept=found.by_concept,
        last_scan_id=found.last_scan.id if found.last_scan else None,
        models=found.models,
        primary_absent=found.primary_absent,
        oldest_open_s=age.total_seconds() if age else None,
    )


@room.operation("GET", "/trends", Scope.READ, query=TrendsQuery, answer=TrendsShape)
def get_trends(query: TrendsQuery) -> TrendsShape:
    """What was flagged, decided and taken down over time, and what waits."""
    told = trends.trends(db_session(), int(query.days))
    flagged, period = told.flagged, told.period
    return TrendsShape(
        days=period.days,
        is_weekly=period.is_weekly,
        steps=period.steps,
        flagged=flagged.total,
        flagged_by_state=flagged.by_state,
        flagged_by_concept=flagged.by_concept,
        by_source=[SourceCountShape(source_id=id_, name=name, findings=n) for id_, name, n in flagged.by_source],
        by_seller=[SellerCountShape(seller=seller, findings=n) for seller, n in flagged.by_seller],
        waiting=told.backlog.total,
        waiting_by_age=[BandShape.model_validate(band) for band in told.backlog.bands],
        oldest_at=told.backlog.oldest_at,
        takedown=SpreadShape.model_validate(told.takedowns.gone),
        still_up=told.takedowns.still_up,
        decisions=told.speed.by_step,
        decision=SpreadShape.model_validate(told.speed.seconds),
        counted_at=told.at,
    )


@room.operation("GET", "/health", Scope.READ, answer=Page[SignShape])
def list_signs() -> Page[SignShape]:
    """Whether anything is stuck, what is amiss first."""
    spoken = overview.last_spoken(db_session())
    found = health.signs(db_session(), app_settings().home, spoken.primary_absent if spoken else False)
    return Page[SignShape](items=[SignShape.model_validate(one) for one in found])


@room.operation("GET", "/work", Scope.READ, answer=WorkShape)
def get_work() -> WorkShape:
    """What was crawled and scored, and what waits."""
    scans, waiting = figures.count_scans(db_session()), figures.count_waiting(db_session())
    ticks = figures.read_ticks(db_session())
    summed = {name: getattr(scans, name) for name in (*figures.SUMMED, "crawl_errors")}
    return WorkShape(
        **summed,
        scans_by_state=dict.fromkeys(ScanState, 0) | scans.by_state,
        photos_waiting=waiting.pictures,
        oldest_waiting_s=waiting.oldest_s,
        removals=figures.count_removals(db_session()),
        schedules_late=ticks.late,
        last_fired_at=ticks.last_fired_at,
        next_fires_at=ticks.next_fires_at,
    )


@room.operation("GET", "/workers", Scope.READ, answer=WorkersShape)
def list_workers() -> WorkersShape:
    """Workers and beats that were heard within the last hour."""
    known = processes.recent(db_session())
    living = [one for one in known if processes.is_alive(one)]
    return WorkersShape(items=[process_shape(one) for one in known], unserved=processes.unserved(living))


def process_shape(row: WorkerProcess) -> ProcessShape:
    names = [name for name in ProcessShape.model_fields if name != "is_alive"]
    return ProcessShape(**{name: getattr(row, name) for name in names}, is_alive=processes.is_alive(row))
