"""Trying a picture: sending one, and what the models say of it."""

from io import BytesIO

from flask import Blueprint, abort, flash, redirect, render_template, send_file, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from rules.evidence import CONCEPTS
from webapp.extensions import app_settings, db_session
from webapp.forms.models import TOO_LARGE, TryForm
from webapp.language import say
from webapp.models import Job, JobKind, Role
from webapp.security import SANDBOX
from webapp.services import jobs, trials
from webapp.tasks.jobs import run_job
from webapp.tasks.sending import enqueue
from webapp.views import models
from webapp.views.access import reader, requires
from webapp.views.jobs import find_or_404

pages = Blueprint("trials", __name__)

Answer = str | Response | tuple[str, int]


@pages.post("/models/try")
@requires(Role.REVIEWER)
def try_all() -> Answer:
    form = TryForm()
    return begin(form, None) if form.validate() else (models.models_page(form), 422)


@pages.post("/models/<name>/try")
@requires(Role.REVIEWER)
def try_one(name: str) -> Answer:
    chosen, form = models.choose(name), TryForm()
    return begin(form, chosen.model.name) if form.validate() else (models.model_page(chosen, form), 422)


@pages.errorhandler(RequestEntityTooLarge)
def refuse_size(_error: RequestEntityTooLarge) -> tuple[str, int]:
    form = TryForm(formdata=None)
    form.picture.errors = [TOO_LARGE]
    return models.models_page(form), 413


def begin(form: TryForm, name: str | None) -> Response:
    """One picture a person at a time: models are many and the worker is one."""
    upload = trials.keep(app_settings(), form.picture.data.read())
    who = reader().name
    job, is_new = jobs.ensure(db_session(), JobKind.TRY, who, name, f"try:{who}", upload=upload)
    db_session().commit()
    if not is_new:
        trials.drop(app_settings(), upload)
        flash(say("Your picture of before is still being looked at: this is it."), "info")
    elif not enqueue(run_job, job.id):
        flash(say("The queue does not answer. The models look at it once a worker runs."), "warning")
    return redirect(url_for("trials.show", job_id=job.id))


@pages.get("/tries/<int:job_id>")
@requires(Role.VIEWER)
def show(job_id: int) -> str:
    job = find_try(job_id)
    has_picture = trials.shown_of(app_settings(), job.options["upload"]).is_file()
    return render_template("trials/show.html", job=job, has_picture=has_picture, concepts=CONCEPTS)


@pages.get("/tries/<int:job_id>/picture")
@requires(Role.VIEWER)
def picture(job_id: int) -> Response:
    try:
        body = trials.shown_of(app_settings(), find_try(job_id).options["upload"]).read_bytes()
    except FileNotFoundError:
        abort(404)
    answer = send_file(BytesIO(body), mimetype="image/jpeg")
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer


def find_try(job_id: int) -> Job:
    job = find_or_404(job_id)
    return job if job.kind is JobKind.TRY else abort(404)
