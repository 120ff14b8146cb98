"""How long things are kept, legal holds, and what was removed."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict, Words, newest_first
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.models import HoldScope, Kept, LegalHold, Purge, RetentionPolicy, Role
from webapp.services import holds, purging, retention
from webapp.services.purging import Preview
from webapp.services.retention import KINDS, MOST_DAYS, Terms
from webapp.services.tokens import Scope
from webapp.storage import StoreError

room = Room("retention", "How long evidence, reports and case files are kept, and legal holds")


class PolicyShape(BaseModel):
    """days: null for ever. acts_at: from when on a purge follows it, null without a policy; least_days: no fewer."""

    kind: Kept
    days: int | None
    least_days: int
    set_by: str | None
    set_at: datetime | None
    acts_at: datetime | None


class PoliciesShape(BaseModel):
    policies: list[PolicyShape]


class DaysQuery(Strict):
    """Periods in days to try out in place of those that are set; 0 for ever."""

    unflagged: int | None = Field(None, ge=0, le=MOST_DAYS)
    dismissed: int | None = Field(None, ge=0, le=MOST_DAYS)
    confirmed: int | None = Field(None, ge=0, le=MOST_DAYS)
    reports: int | None = Field(None, ge=0, le=MOST_DAYS)
    cases: int | None = Field(None, ge=0, le=MOST_DAYS)


class LineShape(BaseModel):
    """sort: photos, archives, crawls (their logs), reports (contents), report_files, cases."""

    model_config = ConfigDict(from_attributes=True)

    policy: Kept
    sort: str
    files: int
    size_bytes: int


class PreviewShape(BaseModel):
    """is_cut: there is more than was counted."""

    model_config = ConfigDict(from_attributes=True)

    files: int
    size_bytes: int
    is_cut: bool
    lines: list[LineShape]


class PolicyBody(Strict):
    """days: null for ever. files: how many would go by the preview under these days, to show that it was looked at."""

    days: int | None = Field(ge=1, le=MOST_DAYS)
    files: int = Field(0, ge=0)


class HoldShape(BaseModel):
    """target_id: of the finding, listing, source, report or case file; of a seller the source's."""

    id: int
    scope: HoldScope
    target_id: int
    seller: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    release_reason: str | None
    released_by: str | None
    released_at: datetime | None


class HoldQuery(PageQuery):
    released: bool = False


class HoldBody(Strict):
    scope: HoldScope
    target_id: int = Field(ge=1, le=2**31 - 1)
    seller: str | None = Field(None, max_length=300)
    reason: Words


class ReasonBody(Strict):
    reason: Words


class PurgeShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    sha256: str
    size_bytes: int
    policy: Kept | None
    reason: str
    actor: str
    purged_at: datetime


class PurgeQuery(PageQuery):
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


@room.operation("GET", "/retention/policies", Scope.READ, answer=PoliciesShape)
def list_retention_policies() -> PoliciesShape:
    """How long each kind is kept."""
    rows = retention.policies(db_session())
    return PoliciesShape(policies=[policy_shape(kind, rows) for kind in Kept])


def policy_shape(kind: Kept, rows: dict[Kept, RetentionPolicy]) -> PolicyShape:
    row = rows.get(kind)
    return PolicyShape(
        kind=kind,
        days=row.days if row else None,
        least_days=KINDS[kind].least_days,
        set_by=row.user.name if row and row.user else None,
        set_at=row.changed_at if row else None,
        acts_at=row.changed_at + retention.GRACE if row else None,
    )


@room.operation("GET", "/retention/preview", Scope.READ, query=DaysQuery, answer=PreviewShape)
def preview_purge(query: DaysQuery) -> PreviewShape:
    """What the next purge would remove, under the periods that are set or others; nothing is removed."""
    days = {**retention.set_terms(db_session()).days}
    days |= {kind: given for kind in Kept if (given := getattr(query, kind.value)) is not None}
    return PreviewShape.model_validate(preview({kind: number for kind, number in days.items() if number}))


def preview(days: dict[Kept, int]) -> Preview:
    try:
        return purging.preview(db_session(), app_settings(), Terms(days))
    except StoreError as error:
        raise Problem(503, str(error)) from None


@room.operation("PUT", "/retention/policies/<kind>", Scope.ADMIN, Role.ADMIN, body=PolicyBody, answer=PolicyShape)
def set_retention_policy(kind: str, body: PolicyBody) -> PolicyShape:
    """Set how long one kind is kept; 409 unless `files` is what the preview under these days says."""
    if kind not in list(Kept):
        raise Problem(404, f"The kinds are {', '.join(Kept)}.")
    chosen = Kept(kind)
    retention.check(chosen, body.days)
    days = {**retention.set_terms(db_session()).days}
    days.pop(chosen, None)
    found = preview({**days, chosen: body.days} if body.days else days)
    if found.files != body.files:
        raise Problem(
            409, f"{found.files} files would go under these days: look at the preview, then send that number."
        )
    retention.change(db_session(), caller(), {chosen: body.days})
    db_session().commit()
    return policy_shape(chosen, retention.policies(db_session()))


@room.operation("GET", "/retention/purges", Scope.READ, query=PurgeQuery, answer=Page[PurgeShape])
def list_purges(query: PurgeQuery) -> Page[PurgeShape]:
    """What was removed, the newest first."""
    wanted = select(Purge).where(Purge.sha256 == query.sha256) if query.sha256 else select(Purge)
    rows, cursor = newest_first(db_session(), wanted, Purge.id, query)
    return Page[PurgeShape](items=[PurgeShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("GET", "/holds", Scope.READ, Role.LEAD, query=HoldQuery, answer=Page[HoldShape])
def list_holds(query: HoldQuery) -> Page[HoldShape]:
    """Legal holds in force, or those that were released, the newest first."""
    is_over = LegalHold.released_at.is_not(None) if query.released else holds.active()
    rows, cursor = newest_first(db_session(), select(LegalHold).where(is_over), LegalHold.id, query)
    return Page[HoldShape](items=[hold_shape(row) for row in rows], next_cursor=cursor)


@room.operation("POST", "/holds", Scope.REVIEW, Role.LEAD, body=HoldBody, answer=HoldShape, status=201)
def place_hold(body: HoldBody) -> HoldShape:
    """Hold a finding, listing, seller, source, report or case file with all that belongs to it."""
    hold = holds.place(db_session(), caller(), body.scope, body.target_id, body.reason, body.seller)
    db_session().commit()
    return hold_shape(hold)


@room.operation("POST", "/holds/<int:hold_id>/release", Scope.REVIEW, Role.LEAD, body=ReasonBody, answer=HoldShape)
def release_hold(hold_id: int, body: ReasonBody) -> HoldShape:
    """Release a hold: policies may remove again what it covered."""
    hold = holds.release(db_session(), caller(), hold_id, body.reason)
    db_session().commit()
    return hold_shape(hold)


def hold_shape(row: LegalHold) -> HoldShape:
    same = ("id", "scope", "target_id", "seller", "reason", "placed_at", "release_reason", "released_at")
    return HoldShape(
        **{name: getattr(row, name) for name in same},
        placed_by=row.placed_by.name if row.placed_by else "system",
        released_by=(row.released_by.name if row.released_by else "system") if row.released_at else None,
    )
