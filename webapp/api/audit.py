"""The audit log: who did what, and whether it is what it was."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select

from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, newest_first
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.models import AuditEntry, Role
from webapp.services import audit, chain, verifying
from webapp.services.audit import AuditFilters
from webapp.services.tokens import Scope
from webapp.tasks.audit import verify as verify_later
from webapp.tasks.sending import enqueue

room = Room("audit", "Who did what, and whether the log of it is whole")

AT_ONCE = 20_000  # entries; a longer log is read in the background, or whoever asks would wait for long


class EntryShape(BaseModel):
    """content_sha256: what the chain of seals holds of it; null for entries of before the chain."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    facts: dict[str, Any]
    content_sha256: str | None


class EntryQuery(PageQuery):
    """action: `decision.confirm`, or all that begins with `decision.`; subject: likewise with `finding:`.

    [from_at, to_at): when.
    """

    actor: str | None = Field(None, max_length=80)
    action: str | None = Field(None, max_length=60)
    subject: str | None = Field(None, max_length=120)
    from_at: AwareDatetime | None = None
    to_at: AwareDatetime | None = None

    def to_filters(self) -> AuditFilters:
        return AuditFilters(**self.model_dump(exclude={"cursor", "limit"}))


class VerificationShape(BaseModel):
    """result: seals, entries, unsealed, faults and the first of them; null while it is still under way.

    entry_id: where it stands in the log.
    """

    by: str
    at: datetime | None
    is_whole: bool | None
    result: dict[str, Any] | None
    entry_id: int | None


class HeadShape(BaseModel):
    """The signed end of the chain: who keeps it can tell later that nothing before it was rewritten."""

    format: str
    number: int
    seal_sha256: str
    sealed_at: str
    key: str
    signature: str


class LastHeadShape(BaseModel):
    """head: null while nothing is sealed. unsealed: entries that wait for a seal."""

    head: HeadShape | None
    unsealed: int


@room.operation("GET", "/audit/entries", Scope.READ, Role.LEAD, query=EntryQuery, answer=Page[EntryShape])
def list_entries(query: EntryQuery) -> Page[EntryShape]:
    """Who did what, the newest first."""
    wanted = audit.filtered(select(AuditEntry), query.to_filters())
    rows, cursor = newest_first(db_session(), wanted, AuditEntry.id, query)
    return Page[EntryShape](items=[EntryShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("GET", "/audit/verification", Scope.READ, Role.LEAD, answer=VerificationShape, may_be_none=True)
def get_verification() -> VerificationShape:
    """What came of it when the log was last verified."""
    return last_verification()


def last_verification() -> VerificationShape:
    entry = audit.last_verification(db_session())
    if entry is None:
        raise Problem(404, "The log was never verified.")
    whole = not entry.facts["faults"]
    return VerificationShape(by=entry.actor, at=entry.at, is_whole=whole, result=entry.facts, entry_id=entry.id)


@room.operation("POST", "/audit/verifications", Scope.REVIEW, Role.LEAD, answer=VerificationShape, status=202)
def verify_log() -> VerificationShape:
    """Read the log through, at once where it is short, else in the background; the result is an entry of it."""
    if audit.newest_id(db_session()) > AT_ONCE:
        if not enqueue(verify_later, caller().name):
            raise Problem(503, "The queue does not answer: run `tuskline audit verify` in a terminal.")
        return VerificationShape(by=caller().name, at=None, is_whole=None, result=None, entry_id=None)
    result = verifying.verify_home(db_session(), app_settings().home)
    audit.note_verification(db_session(), caller().name, result)
    db_session().commit()
    return last_verification()


@room.operation("GET", "/audit/head", Scope.READ, Role.LEAD, answer=LastHeadShape)
def get_head() -> LastHeadShape:
    """The end of the chain, to be kept elsewhere; that it was taken away is in the log."""
    head = chain.head(db_session())
    audit.record(db_session(), caller().name, "audit.head", "audit:log", seal=head.number if head else None)
    db_session().commit()
    shape = HeadShape(**head.to_json()) if head else None
    return LastHeadShape(head=shape, unsealed=chain.count_unsealed(db_session()))
