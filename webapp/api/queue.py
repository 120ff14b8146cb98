"""Working through the queue: the next finding, filters that are kept, and items that are looked at blind."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from rules.evidence import CONCEPTS
from webapp.api.access import caller, note_view
from webapp.api.filters import Filters
from webapp.api.findings import WholeFinding, find_finding, whole_of
from webapp.api.operations import Room
from webapp.api.paging import Note, Page, Strict
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.models import FindingState, Role, SavedFilter
from webapp.services import blind, desk, saved_filters
from webapp.services.adjudication import ESCALATE, Look
from webapp.services.blind import BlindItem
from webapp.services.tokens import Scope

room = Room("queue", "What comes next: the queue, kept filters, blind items")

ANSWERS = (*CONCEPTS, ESCALATE)
MOVED_ON = "This item was settled meanwhile, or somebody else has it: take the next one."


class NextBody(Filters):
    """after: the finding that was worked on; its listing is let go, and what comes next lies behind it."""

    state: FindingState | None = FindingState.OPEN
    after: int | None = Field(None, ge=0, lt=2**31)


class NextShape(BaseModel):
    """finding: null where nothing waits for you under these filters; its listing is yours up to held_until.

    blind_waiting: how many blind items wait that you may take (at most 400 are counted).
    """

    finding: WholeFinding | None
    held_until: datetime | None
    blind_waiting: int


class FilterShape(BaseModel):
    """is_default: your queue's page begins with it."""

    id: int
    name: str
    by: str
    is_shared: bool
    is_default: bool
    filters: Filters


class NameBody(Strict):
    name: str = Field(max_length=300)
    is_shared: bool = False


class FilterBody(NameBody):
    filters: Filters


class DefaultBody(Strict):
    """filter_id: null for all that is open."""

    filter_id: int | None = Field(ge=0, lt=2**31)


class BlindShape(BaseModel):
    """One listing, of which nothing is said of what anybody or any model thought, or whether anybody did.

    photo_sha256: the picture to look at first; null where there is none. seal: to be sent with the answer.
    """

    listing_id: int
    source: str
    url: str
    title: str
    description: str
    price: Decimal | None
    currency: str | None
    seller: str | None
    country: str | None
    language: str | None
    posted_at: datetime | None
    photo_sha256: str | None
    other_photos: list[str]
    seal: str


class NextBlindShape(BaseModel):
    """item: null where nothing waits for a blind look by you."""

    item: BlindShape | None


class SkipBody(Strict):
    """skip: the listing to leave to others; it comes again only where nothing else waits."""

    skip: int | None = Field(None, ge=0, lt=2**31)


def known(answer: str) -> str:
    if answer not in ANSWERS:
        raise ValueError(f"Choose one of {', '.join(ANSWERS)}.")
    return answer


class LookBody(Strict):
    """answer: the concept that you suspect, `other` for nothing, or `escalate`. seconds: how long you looked."""

    answer: Annotated[str, AfterValidator(known), Field(json_schema_extra={"enum": list(ANSWERS)})]
    note: Note = ""
    seconds: float | None = Field(None, ge=0, le=86_400)
    seal: str = Field(max_length=64)


@room.operation("POST", "/queue/next", Scope.REVIEW, Role.REVIEWER, body=NextBody, answer=NextShape)
def take_next(body: NextBody) -> NextShape:
    """Take the next free finding; its listing is claimed for you, so that nobody else gets it meanwhile."""
    after = find_finding(body.after) if body.after is not None else None
    if after is not None:
        desk.release(db_session(), caller(), after.listing_id)
        db_session().commit()
    row = desk.take_next(db_session(), caller(), after, body.to_filters())
    held = desk.holder(db_session(), row.listing_id) if row else None
    return NextShape(
        finding=whole_of(find_finding(row.id)) if row else None,
        held_until=held.until if held else None,
        blind_waiting=blind.count_waiting(db_session(), caller()),
    )


def shape_of(row: SavedFilter) -> FilterShape:
    default = saved_filters.default_of(db_session(), caller())
    return FilterShape(
        id=row.id,
        name=row.name,
        by=row.user.name,
        is_shared=row.is_shared,
        is_default=default is not None and default.id == row.id,
        filters=Filters.from_arguments(row.arguments),
    )


@room.operation("GET", "/filters", Scope.READ, answer=Page[FilterShape])
def list_filters() -> Page[FilterShape]:
    """Filters of the queue that you keep, and those that others share."""
    rows = saved_filters.seen_by(db_session(), caller())
    return Page[FilterShape](items=[shape_of(row) for row in rows])


@room.operation("POST", "/filters", Scope.ACCOUNT, body=FilterBody, answer=FilterShape, status=201)
def save_filter(body: FilterBody) -> FilterShape:
    """Keep filters under a name; your own of that name are replaced."""
    arguments = body.filters.to_arguments() or {"state": FindingState.OPEN.value}
    row = saved_filters.save(db_session(), caller(), body.name, arguments, body.is_shared)
    db_session().commit()
    return shape_of(row)


@room.operation("PUT", "/filters/<int:filter_id>", Scope.ACCOUNT, body=NameBody, answer=FilterShape)
def rename_filter(filter_id: int, body: NameBody) -> FilterShape:
    """Give your own filter another name, share it or stop that."""
    row = saved_filters.rename(db_session(), caller(), filter_id, body.name, body.is_shared)
    db_session().commit()
    return shape_of(row)


@room.operation("DELETE", "/filters/<int:filter_id>", Scope.ACCOUNT)
def delete_filter(filter_id: int) -> None:
    """Delete your own filter, or as a lead a shared one."""
    saved_filters.delete(db_session(), caller(), filter_id)
    db_session().commit()


@room.operation("PUT", "/filters/default", Scope.ACCOUNT, body=DefaultBody)
def choose_default_filter(body: DefaultBody) -> None:
    """Choose what your queue's page begins with."""
    saved_filters.choose_default(db_session(), caller(), body.filter_id)
    db_session().commit()


@room.operation("POST", "/blind/next", Scope.REVIEW, Role.REVIEWER, body=SkipBody, answer=NextBlindShape)
def take_blind_item(body: SkipBody) -> NextBlindShape:
    """Take a blind item: a second look or one of a recall audit, and nothing tells which."""
    if body.skip is not None:
        desk.release(db_session(), caller(), body.skip)
        db_session().commit()
    item = blind.next_for(db_session(), caller(), body.skip)
    if item is not None:
        note_view(f"listing:{item.listing.id}", blind=True)
    return NextBlindShape(item=blind_shape(item) if item else None)


def blind_shape(item: BlindItem) -> BlindShape:
    listing = item.listing
    names = ("url", "title", "description", "price", "currency", "seller", "country", "language", "posted_at")
    return BlindShape(
        listing_id=listing.id,
        source=listing.source.name,
        photo_sha256=item.photo.sha256 if item.photo else None,
        other_photos=[photo.sha256 for photo in item.others],
        seal=blind.seal_of(app_settings().secret_key, caller(), item),
        **{name: getattr(listing, name) for name in names},
    )


@room.operation("POST", "/blind/<int:listing_id>", Scope.REVIEW, Role.REVIEWER, body=LookBody)
def answer_blind_item(listing_id: int, body: LookBody) -> None:
    """Say what you saw in a blind item; 409 where it was settled meanwhile."""
    item = blind.find(db_session(), caller(), listing_id)
    if item is None or not blind.is_sealed(app_settings().secret_key, caller(), item, body.seal):
        raise Problem(409, MOVED_ON)
    blind.answer(db_session(), caller(), item, Look(body.answer, body.note, body.seconds))
    db_session().commit()
