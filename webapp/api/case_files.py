"""Case files: signed bundles of the evidence on some findings."""

from datetime import datetime
from typing import Any

from flask import Response, send_file
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from webapp.api.access import caller, note_view, shown_token
from webapp.api.filters import Filters
from webapp.api.models import JobShape
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict, newest_first
from webapp.api.problems import Problem
from webapp.extensions import app_settings, db_session
from webapp.language import ENGLISH, languages
from webapp.models import CaseFile, Role
from webapp.services import case_files, signing
from webapp.services.case_files import MOST_FINDINGS, TITLE_LETTERS, Asked
from webapp.services.tokens import Scope
from webapp.tasks.jobs import write_job
from webapp.tasks.sending import enqueue

room = Room("case files", "Signed bundles of the evidence on findings, which can be checked without Tuskline")


class CaseFileShape(BaseModel):
    """sha256: of the bundle; manifest_sha256: of what is signed. notices: what is gone, changed or left out."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    selection: dict[str, Any]
    language: str
    findings_count: int
    sha256: str
    manifest_sha256: str
    size_bytes: int
    timestamp_at: datetime | None
    notices: list[str]
    made_at: datetime
    purged_at: datetime | None


class CaseFileBody(Strict):
    """What it is to hold: finding_ids, or a seller in a source, or all under filters of the queue."""

    finding_ids: list[int] | None = Field(None, min_length=1, max_length=MOST_FINDINGS)
    seller: str | None = Field(None, min_length=1, max_length=300)
    source_id: int | None = Field(None, ge=0, lt=2**31)
    filters: Filters | None = None
    title: str = Field("", max_length=TITLE_LETTERS)
    language: str = Field(ENGLISH, max_length=16)

    @model_validator(mode="after")
    def check_choice(self) -> "CaseFileBody":
        if sum(one is not None for one in (self.finding_ids, self.seller, self.filters)) != 1:
            raise ValueError("give finding_ids, or seller with source_id, or filters")
        if (self.seller is None) != (self.source_id is None):
            raise ValueError("seller and source_id belong together")
        if self.language not in languages():
            raise ValueError(f"there is no such language: take one of {', '.join(languages())}")
        return self

    def to_asked(self) -> Asked:
        if self.seller is not None and self.source_id is not None:
            return Asked.of_seller(self.seller, self.source_id, self.title, self.language)
        if self.filters is not None:
            ids = case_files.filtered_ids(db_session(), self.filters.to_filters())
            return Asked.of_findings(ids, self.title, self.language)
        return Asked.of_findings(self.finding_ids or [], self.title, self.language)


class CaseFileProspect(BaseModel):
    """What a case file would hold; picture_bytes: of the pictures that are still kept."""

    finding_ids: list[int]
    title: str
    listings: int
    pictures: int
    picture_bytes: int


class KeyShape(BaseModel):
    """The key that signs, in hex, and its fingerprint: what people compare over another way."""

    public: str
    fingerprint: str


@room.operation("GET", "/case-files", Scope.READ, Role.REVIEWER, query=PageQuery, answer=Page[CaseFileShape])
def list_case_files(query: PageQuery) -> Page[CaseFileShape]:
    """Case files, the newest first."""
    done = select(CaseFile).where(CaseFile.sha256 != "")
    rows, cursor = newest_first(db_session(), done, CaseFile.id, query)
    return Page[CaseFileShape](items=[CaseFileShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("POST", "/case-files/preview", Scope.REVIEW, Role.REVIEWER, body=CaseFileBody, answer=CaseFileProspect)
def preview_case_file(body: CaseFileBody) -> CaseFileProspect:
    """What a case file would hold; nothing is made."""
    prospect = case_files.look_ahead(db_session(), body.to_asked())
    names = [name for name in CaseFileProspect.model_fields if name != "finding_ids"]
    facts = {name: getattr(prospect, name) for name in names}
    return CaseFileProspect(finding_ids=list(prospect.finding_ids), **facts)


@room.operation("POST", "/case-files", Scope.REVIEW, Role.REVIEWER, body=CaseFileBody, answer=JobShape, status=202)
def make_case_file(body: CaseFileBody) -> JobShape:
    """Have a case file made; the job's result names it once it is done."""
    job = case_files.ask(db_session(), body.to_asked(), caller())
    db_session().commit()
    enqueue(write_job, job.id)
    return JobShape.model_validate(job)


@room.operation("GET", "/case-files/key", Scope.READ, answer=KeyShape)
def get_signing_key() -> KeyShape:
    """The public key that signs case files and the audit log."""
    key = signing.signing_key(app_settings().home)
    return KeyShape(public=key.public, fingerprint=key.fingerprint)


@room.operation("GET", "/case-files/<int:case_file_id>", Scope.READ, Role.REVIEWER, answer=CaseFileShape)
def get_case_file(case_file_id: int) -> CaseFileShape:
    """One case file."""
    row = case_files.find(db_session(), case_file_id)
    note_view(f"case:{row.id}")
    return CaseFileShape.model_validate(row)


@room.operation("GET", "/case-files/<int:case_file_id>/bundle", Scope.READ, Role.REVIEWER, media_type="application/zip")
def download_case_file(case_file_id: int) -> Response:
    """The bundle of a case file; the audit log notes that it was taken."""
    row = case_files.find(db_session(), case_file_id)
    try:
        body = case_files.open_bundle(app_settings(), row)
    except case_files.CaseFileError as error:
        raise Problem(410, str(error)) from None
    case_files.note_download(db_session(), caller().name, row, token=shown_token().head)
    db_session().commit()
    name = case_files.file_name(row)
    return send_file(body, mimetype="application/zip", as_attachment=True, download_name=name, etag=False)
