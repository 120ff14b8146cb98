"""Scans, hosts that no crawl asks, and listings that vanished."""

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from scanner.stages import StageName
from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict, newest_first
from webapp.extensions import app_settings, app_store, db_session
from webapp.models import ListingEvent, ListingEventKind, Role, Scan, ScanPhoto, ScanState
from webapp.services import archives, crawl_logs, hosts, scans, sources, stages
from webapp.services.tokens import Scope
from webapp.tasks.scans import run_scan, score_pictures
from webapp.tasks.sending import enqueue

room = Room("scans", "What was crawled and scored, what went wrong, and whom crawls leave alone")


class ScanShape(BaseModel):
    """models: for each that spoke {name, digest, role, source, photos}. note: why it is partial or failed."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    source_id: int
    state: ScanState
    requested_by: str
    schedule_id: int | None
    queued_at: datetime
    started_at: datetime | None
    crawled_at: datetime | None
    finished_at: datetime | None
    listings_expected: int | None
    listings_seen: int
    photos_seen: int
    photos_scored: int
    photos_failed: int
    findings_opened: int
    fetched_pages: int
    fetched_bytes: int
    models: list[Any]
    primary_absent: bool
    warnings: list[Any]
    note: str | None


class StageShape(BaseModel):
    """One stage, all machines together. Seconds are summed over its workers: at work; waiting for the stage before;
    held up by the stage behind. is_limit: it bound the others."""

    stage: StageName
    pictures: int
    busy_s: float
    waited_s: float
    blocked_s: float
    is_limit: bool


class OneScanShape(ScanShape):
    """stages: those that were measured, in their order. limit_words: which was the limit, in a sentence."""

    stages: list[StageShape]
    limit_words: str | None


class ScanQuery(PageQuery):
    source_id: int | None = None
    state: ScanState | None = None


class FailureShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    listing_id: int
    location: str
    failure: str | None
    failure_kind: str | None
    seen_at: datetime


class HostShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    host: str
    reason: str
    actor: str
    stopped_at: datetime


class HostBody(Strict):
    host: str = Field(max_length=2000)
    reason: str = Field(min_length=1, max_length=hosts.REASON_LETTERS)


class RemovalShape(BaseModel):
    """takedown_s: seconds from the first suspicion to the noticed removal; null where nothing was suspected."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    listing_id: int
    scan_id: int | None
    facts: dict[str, Any]
    takedown_s: int | None
    at: datetime


@room.operation("GET", "/scans", Scope.READ, query=ScanQuery, answer=Page[ScanShape])
def list_scans(query: ScanQuery) -> Page[ScanShape]:
    """Scans, the newest first."""
    wanted = select(Scan)
    if query.source_id is not None:
        wanted = wanted.where(Scan.source_id == query.source_id)
    if query.state is not None:
        wanted = wanted.where(Scan.state == query.state)
    rows, cursor = newest_first(db_session(), wanted, Scan.id, query)
    return Page[ScanShape](items=[ScanShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("POST", "/sources/<int:source_id>/scans", Scope.SCAN, Role.REVIEWER, answer=ScanShape, status=202)
def start_scan(source_id: int) -> ScanShape:
    """Scan a source; where a scan of it is under way, that one is given."""
    sources.find(db_session(), source_id)
    scan = scans.unfinished(db_session(), source_id) or scans.create(db_session(), source_id, caller().name)
    db_session().commit()
    enqueue(run_scan, scan.id)
    return ScanShape.model_validate(scan)


@room.operation("GET", "/scans/<int:scan_id>", Scope.READ, answer=OneScanShape)
def get_scan(scan_id: int) -> OneScanShape:
    """One scan as it stands now, and where its time went."""
    shape = ScanShape.model_validate(scans.progress(db_session(), scan_id))
    course = stages.of_scan(db_session(), scan_id)
    told = [stage_shape(one) for one in course.stages]
    return OneScanShape(**dict(shape), stages=told, limit_words=course.words)


def stage_shape(told: stages.Told) -> StageShape:
    time = told.time
    return StageShape(
        stage=told.name,
        pictures=time.pictures,
        busy_s=time.busy_s,
        waited_s=time.waited_s,
        blocked_s=time.blocked_s,
        is_limit=told.is_limit,
    )


@room.operation("GET", "/scans/<int:scan_id>/failures", Scope.READ, query=PageQuery, answer=Page[FailureShape])
def list_failures(scan_id: int, query: PageQuery) -> Page[FailureShape]:
    """Pictures of a scan that were not scored, with the reason."""
    scans.progress(db_session(), scan_id)
    failed = select(ScanPhoto).where(ScanPhoto.scan_id == scan_id, ScanPhoto.failure.is_not(None))
    rows, cursor = newest_first(db_session(), failed, ScanPhoto.id, query)
    return Page[FailureShape](items=[FailureShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("GET", "/scans/<int:scan_id>/log", Scope.READ, media_type="application/jsonl")
def get_scan_log(scan_id: int) -> Response:
    """Every request of a crawl, one JSON object a line."""
    scans.progress(db_session(), scan_id)
    lines = crawl_logs.read_logs(app_store(), archives.archives_dir(app_settings()), scan_id)
    return Response(lines, mimetype="application/jsonl")


@room.operation("POST", "/scans/<int:scan_id>/cancel", Scope.SCAN, Role.REVIEWER, answer=ScanShape)
def cancel_scan(scan_id: int) -> ScanShape:
    """Cancel a scan; what was scored stays."""
    scans.cancel(db_session(), scans.progress(db_session(), scan_id).id, caller().name)
    return committed(scan_id)


@room.operation("POST", "/scans/<int:scan_id>/pause", Scope.SCAN, Role.REVIEWER, answer=ScanShape)
def pause_scan(scan_id: int) -> ScanShape:
    """Pause a scan."""
    scans.pause(db_session(), scans.progress(db_session(), scan_id).id, caller().name)
    return committed(scan_id)


@room.operation("POST", "/scans/<int:scan_id>/resume", Scope.SCAN, Role.REVIEWER, answer=ScanShape)
def resume_scan(scan_id: int) -> ScanShape:
    """Let a paused scan go on."""
    done = scans.resume(db_session(), scans.progress(db_session(), scan_id).id, caller().name)
    shape = committed(scan_id)
    if done:
        enqueue(run_scan, scan_id)
        enqueue(score_pictures)
    return shape


def committed(scan_id: int) -> ScanShape:
    """The scan after the deed; somebody else may have been faster, which its state tells."""
    db_session().commit()
    return ScanShape.model_validate(scans.progress(db_session(), scan_id))


@room.operation("GET", "/hosts", Scope.READ, answer=Page[HostShape])
def list_hosts() -> Page[HostShape]:
    """Hosts that no crawl asks."""
    return Page[HostShape](items=[HostShape.model_validate(row) for row in hosts.list_stopped(db_session())])


@room.operation("POST", "/hosts", Scope.SCAN, Role.REVIEWER, body=HostBody, answer=HostShape, status=201)
def stop_host(body: HostBody) -> HostShape:
    """Let no crawl ask a host from now on."""
    row = hosts.stop(db_session(), body.host, body.reason, caller().name)
    db_session().commit()
    return HostShape.model_validate(row)


@room.operation("DELETE", "/hosts/<int:host_id>", Scope.SCAN, Role.REVIEWER)
def allow_host(host_id: int) -> None:
    """Let crawls ask a host again."""
    hosts.allow(db_session(), host_id, caller().name)
    db_session().commit()


@room.operation("GET", "/removals", Scope.READ, query=PageQuery, answer=Page[RemovalShape])
def list_removals(query: PageQuery) -> Page[RemovalShape]:
    """Listings that are gone from their marketplace, the newest first."""
    gone = select(ListingEvent).where(ListingEvent.kind == ListingEventKind.REMOVED)
    rows, cursor = newest_first(db_session(), gone, ListingEvent.id, query)
    return Page[RemovalShape](items=[RemovalShape.model_validate(row) for row in rows], next_cursor=cursor)
