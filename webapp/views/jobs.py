"""Jobs: how far each is, and how it ended."""

from flask import Blueprint, abort, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.filters import job_words, translated
from webapp.models import Job, JobKind, Role
from webapp.services import jobs
from webapp.services.errors import NotFound
from webapp.views.access import reader, requires
from webapp.wording import word

pages = Blueprint("jobs", __name__)


@pages.get("/jobs/<int:job_id>")
@requires(Role.VIEWER)
def show(job_id: int) -> str | Response:
    job = find_or_404(job_id)
    if job.kind is JobKind.TRY:
        return redirect(url_for("trials.show", job_id=job_id))
    return render_template("jobs/show.html", job=job)


@pages.get("/jobs/<int:job_id>/progress")
@requires(Role.VIEWER)
def progress(job_id: int) -> Response:
    return jsonify(progress_of(find_or_404(job_id)))


def progress_of(job: Job) -> dict[str, object]:
    return {
        "state": job.state.value,
        "state_words": word(job.state),
        "is_over": job.state.is_over,
        "note": translated(job.note),
        "bytes": job_words(job),
        "bar_value": job.bytes_done,
        "bar_max": job.bytes_total,
    }


def find_or_404(job_id: int) -> Job:
    """A picture that somebody tried is theirs, and the admins'."""
    try:
        job = jobs.find(db_session(), job_id)
    except NotFound:
        abort(404)
    if job.kind is JobKind.TRY and job.actor != reader().name and not reader().role.covers(Role.ADMIN):
        abort(404)
    return job
