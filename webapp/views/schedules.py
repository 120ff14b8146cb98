"""Schedules: adding one to a source, changing, pausing and resuming it."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.forms.schedules import PRESETS, ScheduleForm, form_of
from webapp.language import say
from webapp.models import Role, Schedule
from webapp.services import schedules, sources
from webapp.services.moments import exact_time
from webapp.services.schedules import Plan
from webapp.views.access import reader, requires
from webapp.views.rows import found
from webapp.views.sources import source_page

pages = Blueprint("schedules", __name__)

Answer = str | Response | tuple[str, int]


@pages.post("/sources/<int:source_id>/schedules")
@requires(Role.ADMIN)
def create(source_id: int) -> Answer:
    source = found(sources.find, source_id)
    form = ScheduleForm()
    if not form.validate():
        return source_page(source, form), 422
    if request.form.get("step") != "save":
        return source_page(source, form, form.plan())
    schedule = schedules.create(db_session(), source_id, form.plan(), reader().name)
    db_session().commit()
    flash(
        say("Saved. The first run is due at %(when)s.", when=exact_time(schedule.due_at)),
        "success",
    )
    return to_source(schedule)


@pages.get("/schedules/<int:schedule_id>")
@requires(Role.ADMIN)
def show(schedule_id: int) -> str:
    schedule = found(schedules.find, schedule_id)
    form = form_of(schedule)
    if "cron" not in request.args:
        return schedule_page(schedule, form)
    form.cron.data = request.args["cron"]
    return schedule_page(schedule, form, form.preview())


@pages.post("/schedules/<int:schedule_id>")
@requires(Role.ADMIN)
def change(schedule_id: int) -> Answer:
    schedule = found(schedules.find, schedule_id)
    form = ScheduleForm()
    if not form.validate():
        return schedule_page(schedule, form), 422
    if request.form.get("step") != "save":
        return schedule_page(schedule, form, form.plan())
    schedules.change(db_session(), schedule, form.plan(), reader().name)
    db_session().commit()
    flash(say("Saved. It counts at once."), "success")
    return to_source(schedule)


@pages.post("/schedules/<int:schedule_id>/pause")
@requires(Role.REVIEWER)
def pause(schedule_id: int) -> Response:
    return do(schedule_id, schedules.pause, say("The schedule is paused. A scan that runs goes on."))


@pages.post("/schedules/<int:schedule_id>/resume")
@requires(Role.REVIEWER)
def resume(schedule_id: int) -> Response:
    return do(schedule_id, schedules.resume, say("The schedule runs again."))


@pages.post("/schedules/<int:schedule_id>/delete")
@requires(Role.ADMIN)
def delete(schedule_id: int) -> Response:
    return do(schedule_id, schedules.delete, say("The schedule is deleted. Its scans stay."))


def do(schedule_id: int, deed: Callable[[Session, Schedule, str], None], sentence: str) -> Response:
    schedule = found(schedules.find, schedule_id)
    deed(db_session(), schedule, reader().name)
    db_session().commit()
    flash(sentence, "success")
    return to_source(schedule)


def to_source(schedule: Schedule) -> Response:
    return redirect(url_for("sources.show", source_id=schedule.source_id))


def schedule_page(schedule: Schedule, form: ScheduleForm, preview: Plan | None = None) -> str:
    return render_template("schedules/show.html", schedule=schedule, form=form, preview=preview, presets=PRESETS)
