"""Findings, their decisions, and the listings and pictures that they are about."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from webapp.api.access import caller, note_view
from webapp.api.filters import Filters
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict
from webapp.api.problems import Problem
from webapp.extensions import app_reason_codes, db_session
from webapp.models import Appearance, FindingRow, FindingState, ListingRow, Role, Stage, Verdict
from webapp.services import archiving, batches, decisions, desk, listings, queue, removals
from webapp.services.batches import Prospect
from webapp.services.decisions import Choice, Made
from webapp.services.errors import NotFound
from webapp.services.tokens import Scope

room = Room("findings", "What is suspected, why, and what people decided")

MOST_AT_ONCE = batches.LIMIT
GROUPED = ("concepts", "sources", "sellers")


class DecisionShape(BaseModel):
    """is_undone: it was taken back; what stands is the newest that is neither undone nor revised."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    finding_id: int
    verdict: Verdict
    stage: Stage
    reason: str | None
    concept: str | None
    note: str
    by: str
    role: str | None
    batch: str | None
    revises_id: int | None
    is_undone: bool
    seconds: float | None
    decided_at: datetime


class FindingShape(BaseModel):
    """A suspicion, not proof. priority: larger is sooner. score, threshold: in [0, 1], null where words decided."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    state: FindingState
    title: str
    concept: str
    severity: str
    priority: float
    rule: str
    rule_version: int
    pack_digest: str
    score: float | None
    threshold: float | None
    model: str | None
    model_digest: str | None
    primary_absent: bool
    why: str
    listing_id: int
    photo_sha256: str | None
    source_id: int
    seller: str | None
    language: str | None
    scan_id: int
    found_at: datetime


class WholeFinding(FindingShape):
    """reasons: the tree of what was compared."""

    reasons: dict[str, Any]
    decisions: list[DecisionShape]


class PhotoShape(BaseModel):
    sha256: str
    pixel_hash: str | None
    look_hash: str | None
    media_type: str | None
    size_bytes: int
    width_px: int | None
    height_px: int | None
    failure: str | None
    url: str
    scores: list[dict[str, Any]]


class ListingShape(BaseModel):
    """versions, events, captures: what it said before, what became of it, where the evidence lies."""

    id: int
    source_id: int
    url: str
    title: str
    description: str
    price: Decimal | None
    currency: str | None
    seller: str | None
    seller_url: str | None
    country: str | None
    language: str | None
    posted_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    removed_at: datetime | None
    photos: list[PhotoShape]
    finding_ids: list[int]
    versions: list[dict[str, Any]]
    events: list[dict[str, Any]]
    captures: list[dict[str, Any]]


class FindingQuery(Filters, PageQuery):
    """Unlike the page, which shows what is open, this gives every state unless one is named."""


class ChoiceBody(Strict):
    """reason: a code of the pack's for the verdict. concept: what the reviewer sees. seconds: how long they looked."""

    verdict: Verdict
    reason: str | None = Field(None, max_length=40)
    concept: str | None = Field(None, max_length=40)
    note: str = Field("", max_length=2000)
    seconds: float | None = Field(None, ge=0, le=86_400)

    def choice(self) -> Choice:
        """Raises Refused where the reason is none of the pack's for the verdict, as on the page."""
        choice = Choice(self.verdict, self.note.strip(), self.reason or None, self.concept, self.seconds)
        decisions.check_reason(choice, app_reason_codes())
        return choice


class DecisionBody(ChoiceBody):
    """also: other findings that are decided alike, as those of the same listing, or as `overrides` says by id."""

    also: list[int] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    overrides: dict[int, ChoiceBody] = Field(default_factory=dict, max_length=MOST_AT_ONCE)


class BatchBody(ChoiceBody):
    finding_ids: list[int] = Field(min_length=1, max_length=MOST_AT_ONCE)


class ReasonShape(BaseModel):
    """verdicts: those that it may stand for. needs_note: a decision under it has to say more in its note."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    title: str
    verdicts: list[Verdict]
    help: str
    needs_note: bool


class LeftOutShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    finding_id: int
    why: str


class ProspectBody(Strict):
    """finding_ids: those to look at; without them the first 500 under `filters`."""

    finding_ids: list[int] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    filters: Filters = Field(default_factory=lambda: Filters.model_validate({"state": "open"}))


class GroupShape(BaseModel):
    """How many of the findings share the value."""

    model_config = ConfigDict(from_attributes=True)

    name: str | None
    number: int


class ProspectShape(BaseModel):
    """finding_ids: what would be decided, on so many listings. held: what others have; decided_ids: no longer waits.

    missing: how many of the ids are no findings.
    """

    finding_ids: list[int]
    held: list[LeftOutShape]
    decided_ids: list[int]
    missing: int
    listings: int
    concepts: list[GroupShape]
    sources: list[GroupShape]
    sellers: list[GroupShape]


class MadeShape(BaseModel):
    """batch: under which it can be undone for a while. left_out: what was not decided, each with its reason."""

    batch: str
    decisions: list[DecisionShape]
    left_out: list[LeftOutShape]


class HeldShape(BaseModel):
    """Who has the listing, and until when."""

    listing_id: int
    by: str
    until: datetime


def decision_shape(row: Any) -> DecisionShape:
    names = ("id", "finding_id", "verdict", "stage", "reason", "concept", "note", "role", "batch", "revises_id")
    values = {name: getattr(row, name) for name in (*names, "seconds", "decided_at")}
    return DecisionShape(**values, by=row.user.name, is_undone=row.undo is not None)


def fields_of(row: FindingRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in FindingShape.model_fields if name != "photo_sha256"}
    return values | {"photo_sha256": row.photo.sha256 if row.photo else None}


def made_shape(made: Made) -> MadeShape:
    return MadeShape(
        batch=made.batch,
        decisions=[decision_shape(one) for one in made.decisions],
        left_out=[LeftOutShape.model_validate(one) for one in made.left_out],
    )


@room.operation("GET", "/reasons", Scope.READ, answer=Page[ReasonShape])
def list_reasons() -> Page[ReasonShape]:
    """The codes that a decision may give as its reason, in the order in which the page offers them."""
    return Page[ReasonShape](items=[ReasonShape.model_validate(one) for one in app_reason_codes().codes])


@room.operation("GET", "/findings", Scope.READ, query=FindingQuery, answer=Page[FindingShape])
def list_findings(query: FindingQuery) -> Page[FindingShape]:
    """Findings, the most pressing first."""
    if query.cursor is not None and queue.read_cursor(query.cursor) is None:
        raise Problem(422, "This cursor can't be read; begin again without one.")
    page = queue.queue_page(db_session(), query.to_filters(), query.cursor, query.limit)
    return Page[FindingShape](items=[FindingShape(**fields_of(row)) for row in page.rows], next_cursor=page.next_cursor)


@room.operation("GET", "/findings/<int:finding_id>", Scope.READ, answer=WholeFinding)
def get_finding(finding_id: int) -> WholeFinding:
    """One finding with its reasons and decisions."""
    return whole_of(find_finding(finding_id))


def whole_of(row: FindingRow) -> WholeFinding:
    note_view(f"finding:{row.id}", listing=row.listing_id)
    made = decisions.of_findings(db_session(), [row.id]).get(row.id, [])
    return WholeFinding(**fields_of(row), reasons=row.reasons, decisions=[decision_shape(one) for one in made])


def find_finding(finding_id: int) -> FindingRow:
    row = queue.find(db_session(), finding_id)
    if row is None:
        raise NotFound(f"There is no finding {finding_id}.")
    return row


@room.operation(
    "POST",
    "/findings/<int:finding_id>/decisions",
    Scope.REVIEW,
    Role.REVIEWER,
    body=DecisionBody,
    answer=MadeShape,
    status=201,
)
def decide_finding(finding_id: int, body: DecisionBody) -> MadeShape:
    """Decide a finding, and others with it."""
    apart = {number: choice.choice() for number, choice in body.overrides.items()}
    made = decisions.decide(db_session(), caller(), finding_id, body.choice(), body.also, apart)
    db_session().commit()
    return made_shape(made)


@room.operation("POST", "/decisions", Scope.REVIEW, Role.REVIEWER, body=BatchBody, answer=MadeShape, status=201)
def decide_findings(body: BatchBody) -> MadeShape:
    """Decide several findings alike; what can't be decided is left out, with its reason."""
    made = decisions.decide_batch(db_session(), caller(), body.finding_ids, body.choice())
    db_session().commit()
    return made_shape(made)


@room.operation("POST", "/decisions/preview", Scope.REVIEW, Role.REVIEWER, body=ProspectBody, answer=ProspectShape)
def preview_decisions(body: ProspectBody) -> ProspectShape:
    """What deciding several findings at once would do now; nothing is changed."""
    ids = body.finding_ids
    if ids is None:
        ids = queue.first_ids(db_session(), body.filters.to_filters(), MOST_AT_ONCE)
    return prospect_shape(batches.look_ahead(db_session(), caller(), ids))


def prospect_shape(found: Prospect) -> ProspectShape:
    groups = {name: [GroupShape.model_validate(one) for one in getattr(found, name)] for name in GROUPED}
    return ProspectShape(
        finding_ids=[row.id for row in found.rows],
        held=[LeftOutShape(finding_id=row.id, why=held.words) for row, held in found.held],
        decided_ids=[row.id for row in found.decided],
        missing=found.missing,
        listings=found.listings,
        **groups,
    )


@room.operation("POST", "/decisions/batches/<batch>/undo", Scope.REVIEW, Role.REVIEWER, answer=Page[DecisionShape])
def undo_decisions(batch: str) -> Page[DecisionShape]:
    """Take back what one act decided, within the time that the team allows."""
    undone = decisions.undo(db_session(), caller(), batch)
    db_session().commit()
    for one in undone:
        db_session().refresh(one)
    return Page[DecisionShape](items=[decision_shape(one) for one in undone])


@room.operation(
    "POST",
    "/decisions/<int:decision_id>/revisions",
    Scope.REVIEW,
    Role.REVIEWER,
    body=ChoiceBody,
    answer=DecisionShape,
    status=201,
)
def revise_decision(decision_id: int, body: ChoiceBody) -> DecisionShape:
    """Correct a decision; the old one stays beside it."""
    revised = decisions.revise(db_session(), caller(), decision_id, body.choice())
    db_session().commit()
    return decision_shape(revised)


@room.operation("PUT", "/listings/<int:listing_id>/claim", Scope.REVIEW, Role.REVIEWER, answer=HeldShape)
def claim_listing(listing_id: int) -> HeldShape:
    """Take a listing on the desk for a while; where somebody has it, it stays theirs, as the answer tells."""
    find_listing(listing_id)
    held = desk.take(db_session(), caller(), listing_id)
    db_session().commit()
    return HeldShape(listing_id=listing_id, by=held.owner, until=held.until)


@room.operation(
    "POST", "/listings/<int:listing_id>/claim/take-over", Scope.REVIEW, Role.LEAD, answer=HeldShape, status=200
)
def take_over_listing(listing_id: int) -> HeldShape:
    """Take a listing from whoever has it, which the audit log says."""
    find_listing(listing_id)
    held = desk.take_over(db_session(), caller(), listing_id)
    db_session().commit()
    return HeldShape(listing_id=listing_id, by=held.owner, until=held.until)


@room.operation("DELETE", "/listings/<int:listing_id>/claim", Scope.REVIEW, Role.REVIEWER)
def release_listing(listing_id: int) -> None:
    """Put a listing back."""
    find_listing(listing_id)
    desk.release(db_session(), caller(), listing_id)
    db_session().commit()


@room.operation("POST", "/findings/<int:finding_id>/skip", Scope.REVIEW, Role.REVIEWER)
def skip_finding(finding_id: int) -> None:
    """Leave a finding to others for a while."""
    desk.skip(db_session(), caller(), find_finding(finding_id))
    db_session().commit()


def find_listing(listing_id: int) -> ListingRow:
    row = db_session().get(
        ListingRow,
        listing_id,
        options=[selectinload(ListingRow.appearances).joinedload(Appearance.photo), joinedload(ListingRow.source)],
    )
    if row is None:
        raise NotFound(f"There is no listing {listing_id}.")
    return row


@room.operation("GET", "/listings/<int:listing_id>", Scope.READ, answer=ListingShape)
def get_listing(listing_id: int) -> ListingShape:
    """One listing with its pictures, its history and where the evidence of it lies."""
    row = find_listing(listing_id)
    note_view(f"listing:{row.id}")
    own = {name: getattr(row, name) for name in ListingShape.model_fields if hasattr(row, name)}
    ids = select(FindingRow.id).where(FindingRow.listing_id == row.id).order_by(FindingRow.id)
    return ListingShape(
        **own,
        photos=[photo_shape(one) for one in row.appearances],
        finding_ids=list(db_session().scalars(ids)),
        versions=[
            {"seen_at": one.seen_at.isoformat(), "content_sha256": one.content_sha256, "fields": one.fields}
            for one in listings.versions(db_session(), row.id)
        ],
        events=[
            {"kind": one.kind.value, "at": one.at.isoformat(), "takedown_s": one.takedown_s, "facts": one.facts}
            for one in removals.events_of(db_session(), row.id)
        ],
        captures=[
            {
                "url": one.url,
                "archive": one.archive,
                "record_id": one.record_id,
                "sha256": one.sha256,
                "captured_at": one.captured_at.isoformat(),
            }
            for one in archiving.captures_of(db_session(), row.id)
        ],
    )


def photo_shape(one: Appearance) -> PhotoShape:
    names = [name for name in PhotoShape.model_fields if name not in ("url", "scores")]
    scores = [
        {
            "model": said.model,
            "model_digest": said.model_digest,
            "by_concept": said.by_concept,
            "top_labels": said.top_labels,
            "scored_at": said.scored_at.isoformat(),
        }
        for said in one.photo.scores
    ]
    return PhotoShape(**{name: getattr(one.photo, name) for name in names}, url=one.url, scores=scores)
