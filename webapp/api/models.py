"""Models and the work on them."""

from datetime import datetime
from typing import Any

from flask import request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from rules.model import Pack
from scanner.zoo.precisions import EngineName, Precision
from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, PageQuery, Strict, newest_first
from webapp.api.problems import Problem
from webapp.extensions import app_pack, app_settings, db_session
from webapp.models import Job, JobKind, JobState, Role
from webapp.services import jobs, lessons, models, trials
from webapp.services.models import ModelView, Zoo
from webapp.services.tokens import Scope
from webapp.tasks.jobs import run_job
from webapp.tasks.sending import enqueue

room = Room("models", "Classifiers: what is installed, what each can see, and work on them")

STARTABLE = (JobKind.INSTALL, JobKind.REMOVE, JobKind.VERIFY, JobKind.MEASURE)


class ModelShape(BaseModel):
    """rank: its place among those that speak, 1 for the first. sees: concepts.

    digest: SHA-256 of all that its scores depend on. engine, precision: those in which it runs here.
    """

    name: str
    title: str
    is_installed: bool
    is_primary: bool
    rank: int | None
    digest: str | None
    engine: EngineName | None
    precision: Precision | None
    sees: list[str]
    fault: str | None


class JobShape(BaseModel):
    """bytes_done, bytes_total: bytes that are fetched; of a training pictures, of a report findings."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: JobKind
    model: str | None
    state: JobState
    note: str | None
    bytes_done: int
    bytes_total: int | None
    result: dict[str, Any]
    actor: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobBody(Strict):
    kind: JobKind = Field(description="install, remove, verify or measure")


class TrainBody(Strict):
    """concepts: those to tell apart, besides `other`; each needs enough decided pictures."""

    name: str = Field(max_length=64)
    backbone: str = Field(max_length=80)
    concepts: list[str] = Field(max_length=20)


def shape_of(model: ModelView) -> ModelShape:
    return ModelShape(
        name=model.name,
        title=model.title,
        is_installed=model.installed is not None,
        is_primary=model.is_primary,
        rank=model.rank,
        digest=model.installed.digest if model.installed else None,
        engine=model.installed.engine if model.installed else None,
        precision=model.installed.precision if model.installed else None,
        sees=list(model.spec.sees) if model.spec else [],
        fault=model.fault,
    )


def view_zoo(pack: Pack) -> Zoo:
    settings = app_settings()
    return models.view_zoo(db_session(), settings.models_dir, pack.cascade, settings.device, settings.wishes)


@room.operation("GET", "/models", Scope.READ, answer=Page[ModelShape])
def list_models() -> Page[ModelShape]:
    """Every model that is known, installed or not."""
    return Page[ModelShape](items=[shape_of(model) for model in view_zoo(app_pack()).models])


@room.operation("GET", "/models/<name>", Scope.READ, answer=ModelShape)
def get_model(name: str) -> ModelShape:
    """One model."""
    return shape_of(models.find(view_zoo(app_pack()), name))


@room.operation("POST", "/models/<name>/jobs", Scope.ADMIN, Role.ADMIN, body=JobBody, answer=JobShape, status=202)
def start_job(name: str, body: JobBody) -> JobShape:
    """Install, remove, verify or measure a model; where it is worked on already, that job is given."""
    if body.kind not in STARTABLE:
        raise Problem(422, "Choose install, remove, verify or measure.", faults={"/kind": ["This is not one of them."]})
    model = models.find(view_zoo(app_pack()), name)
    job, _ = jobs.ensure(db_session(), body.kind, caller().name, model.name)
    return queued(job)


@room.operation("POST", "/models/train", Scope.ADMIN, Role.ADMIN, body=TrainBody, answer=JobShape, status=202)
def train_model(body: TrainBody) -> JobShape:
    """Train a model on what people decided."""
    zoo = view_zoo(app_pack())
    return queued(lessons.ask(db_session(), app_settings(), zoo, caller(), body.name, body.backbone, body.concepts))


def queued(job: Job) -> JobShape:
    db_session().commit()
    enqueue(run_job, job.id)
    return JobShape.model_validate(job)


@room.operation("POST", "/models/<name>/primary", Scope.ADMIN, Role.ADMIN, answer=ModelShape)
def put_model_first(name: str) -> ModelShape:
    """Let a model speak first from the next scan on."""
    pack = app_pack()
    model = models.find(view_zoo(pack), name)
    models.make_primary(db_session(), app_settings().models_dir, pack.cascade, model.name, caller())
    db_session().commit()
    return shape_of(models.find(view_zoo(pack), name))


@room.operation("GET", "/jobs", Scope.READ, query=PageQuery, answer=Page[JobShape])
def list_jobs(query: PageQuery) -> Page[JobShape]:
    """Work on models, reports and case files, the newest first; tries belong to whoever made them and are left out."""
    wanted = select(Job).where(Job.kind != JobKind.TRY)
    rows, cursor = newest_first(db_session(), wanted, Job.id, query)
    return Page[JobShape](items=[JobShape.model_validate(row) for row in rows], next_cursor=cursor)


@room.operation("GET", "/jobs/<int:job_id>", Scope.READ, answer=JobShape)
def get_job(job_id: int) -> JobShape:
    """One job; of a try, what the models said of the picture."""
    job = jobs.find(db_session(), job_id)
    if job.kind is JobKind.TRY and job.actor != caller().name:
        raise Problem(404, "There is no such job of yours.")
    return JobShape.model_validate(job)


@room.operation(
    "POST",
    "/models/<name>/try",
    Scope.REVIEW,
    Role.REVIEWER,
    answer=JobShape,
    status=202,
    upload_bytes=trials.UPLOAD_BYTES,
)
def try_model(name: str) -> JobShape:
    """Show a picture to a model, sent as the body; the job's result is what it says."""
    model = models.find(view_zoo(app_pack()), name)
    if not model.is_whole:
        raise Problem(409, f"{model.title} is not installed.")
    return begin_try(model.name)


@room.operation(
    "POST", "/models/try", Scope.REVIEW, Role.REVIEWER, answer=JobShape, status=202, upload_bytes=trials.UPLOAD_BYTES
)
def try_models() -> JobShape:
    """Show a picture to the models as a scan does, sent as the body; the job's result is what they say."""
    return begin_try(None)


def begin_try(name: str | None) -> JobShape:
    """One picture a person at a time. Raises Problem where the one before is still being looked at."""
    body = request.get_data(cache=False)
    if not body:
        raise Problem(422, "Send the picture's bytes as the body.")
    upload, who = trials.keep(app_settings(), body), caller().name
    job, is_new = jobs.ensure(db_session(), JobKind.TRY, who, name, f"try:{who}", upload=upload)
    if not is_new:
        trials.drop(app_settings(), upload)
        raise Problem(409, f"Your picture of before is still being looked at, as job {job.id}.")
    return queued(job)
