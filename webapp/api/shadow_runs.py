"""Shadow runs: proposed thresholds, tried on new scans without flagging anybody, and what becomes of them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Note, Page, PageQuery, Strict, Words, newest_first
from webapp.extensions import app_settings, db_session
from webapp.models import FindingState, Role, ShadowHit, ShadowRun, ShadowState
from webapp.services import shadow
from webapp.services.errors import NotFound
from webapp.services.shadow import SeenHit
from webapp.services.tokens import Scope
from webapp.tasks.rules import apply_pack
from webapp.tasks.sending import enqueue

room = Room("shadow runs", "Proposed thresholds, tried on new scans without flagging anybody")


class ShadowRunShape(BaseModel):
    """thresholds: the new values by name. listings_seen: judged under it so far. preview: numbers as of the proposal.

    note: why it was put into force or not.
    """

    id: int
    rule: str
    base_version: int
    thresholds: dict[str, float]
    reason: str
    restores_version: int | None
    state: ShadowState
    by: str
    started_at: datetime
    listings_seen: int
    preview: dict[str, Any]
    decided_by: str | None
    decided_at: datetime | None
    note: str


class WholeShadowRun(ShadowRunShape):
    """new_flags, lost_flags: differences so far. lost_by_state: findings in force that it would not have made.

    hours: what the new flags would have cost reviewers.
    """

    new_flags: int
    lost_flags: int
    lost_by_state: dict[FindingState, int]
    hours: float


class RunQuery(PageQuery):
    rule: str | None = Field(None, max_length=80)
    state: ShadowState | None = None


class HitQuery(PageQuery):
    """side: what it would newly flag, or what it would flag no more."""

    side: Literal["new", "lost"] = "new"


class HitShape(BaseModel):
    """finding_id: the one that the rule in force made of it. reasons: null where the listing has changed since."""

    id: int
    listing_id: int
    photo_sha256: str | None
    score: float | None
    seen_at: datetime
    finding_id: int | None
    reasons: dict[str, Any] | None


class PromoteBody(Strict):
    note: Note = ""


class RejectBody(Strict):
    """note: why not, for whoever proposed it."""

    note: Words


def fields_of(run: ShadowRun) -> dict[str, Any]:
    apart = ("by", "decided_by")
    same = {name: getattr(run, name) for name in ShadowRunShape.model_fields if name not in apart}
    return same | {"by": run.user.name, "decided_by": run.decided_by.name if run.decided_by else None}


def begun(run: ShadowRun) -> ShadowRunShape:
    db_session().commit()
    return ShadowRunShape(**fields_of(run))


def find_run(run_id: int) -> ShadowRun:
    run = shadow.find(db_session(), run_id)
    if run is None:
        raise NotFound(f"There is no shadow run {run_id}.")
    return run


@room.operation("GET", "/shadow-runs", Scope.READ, query=RunQuery, answer=Page[ShadowRunShape])
def list_shadow_runs(query: RunQuery) -> Page[ShadowRunShape]:
    """Shadow runs, the newest first."""
    wanted = select(ShadowRun).options(joinedload(ShadowRun.user), joinedload(ShadowRun.decided_by))
    if query.rule is not None:
        wanted = wanted.where(ShadowRun.rule == query.rule)
    if query.state is not None:
        wanted = wanted.where(ShadowRun.state == query.state)
    rows, cursor = newest_first(db_session(), wanted, ShadowRun.id, query)
    return Page[ShadowRunShape](items=[ShadowRunShape(**fields_of(row)) for row in rows], next_cursor=cursor)


@room.operation("GET", "/shadow-runs/<int:run_id>", Scope.READ, answer=WholeShadowRun)
def get_shadow_run(run_id: int) -> WholeShadowRun:
    """One shadow run and what it would have done so far."""
    run = find_run(run_id)
    so_far = shadow.progress(db_session(), run)
    return WholeShadowRun(
        **fields_of(run),
        new_flags=so_far.new_flags,
        lost_flags=so_far.lost_flags,
        lost_by_state=dict(so_far.lost_by_state),
        hours=round(so_far.hours, 2),
    )


@room.operation("GET", "/shadow-runs/<int:run_id>/hits", Scope.READ, query=HitQuery, answer=Page[HitShape])
def list_shadow_hits(run_id: int, query: HitQuery) -> Page[HitShape]:
    """Where a shadow run differs from the rule in force, the newest first."""
    run = find_run(run_id)
    wanted = select(ShadowHit).where(ShadowHit.run_id == run.id, ShadowHit.flags.is_(query.side == "new"))
    rows, cursor = newest_first(db_session(), wanted.options(joinedload(ShadowHit.photo)), ShadowHit.id, query)
    seen = shadow.explain(db_session(), run, app_settings().pack, rows)
    return Page[HitShape](items=[hit_shape(one) for one in seen], next_cursor=cursor)


def hit_shape(one: SeenHit) -> HitShape:
    hit = one.hit
    return HitShape(
        id=hit.id,
        listing_id=hit.listing_id,
        photo_sha256=hit.photo.sha256 if hit.photo else None,
        score=hit.score,
        seen_at=hit.seen_at,
        finding_id=one.finding.id if one.finding else None,
        reasons=one.met.finding.result.to_json() if one.met else None,
    )


@room.operation(
    "POST", "/shadow-runs/<int:run_id>/promote", Scope.RULES, Role.LEAD, body=PromoteBody, answer=ShadowRunShape
)
def promote_shadow_run(run_id: int, body: PromoteBody) -> ShadowRunShape:
    """Put what was tried into force, as a second person unless the team lets one do it alone."""
    shadow.promote(db_session(), caller(), app_settings().pack, run_id, body.note)
    db_session().commit()
    enqueue(apply_pack)
    return ShadowRunShape(**fields_of(find_run(run_id)))


@room.operation(
    "POST", "/shadow-runs/<int:run_id>/reject", Scope.RULES, Role.LEAD, body=RejectBody, answer=ShadowRunShape
)
def reject_shadow_run(run_id: int, body: RejectBody) -> ShadowRunShape:
    """End a shadow run and leave the rule as it is."""
    run = shadow.reject(db_session(), caller(), run_id, body.note)
    db_session().commit()
    return ShadowRunShape(**fields_of(run))
