"""Reports that are built and sent by themselves: adding, changing, pausing, and what became of each delivery."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from webapp.db import now
from webapp.exporters import FORMATS
from webapp.extensions import app_settings, db_session
from webapp.forms.report_schedules import SPAN_WORDS, MailTrialForm, ReportScheduleForm, form_of
from webapp.forms.reports import PICTURE_WORDS, REDACTION_WORDS
from webapp.language import languages, say
from webapp.models import ReportSchedule, Role, User
from webapp.services import deliveries, mailing, report_firing, report_schedules
from webapp.services.errors import Refused
from webapp.services.moments import exact_time
from webapp.services.report_schedules import ReportPlan
from webapp.tasks.jobs import write_job
from webapp.tasks.reports import deliver
from webapp.tasks.sending import enqueue
from webapp.views.access import reader, requires
from webapp.views.rows import found

pages = Blueprint("report_schedules", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/reports/schedules")
@requires(Role.VIEWER)
def index() -> str:
    return index_page(MailTrialForm(formdata=None))


@pages.get("/reports/schedules/new")
@requires(Role.LEAD)
def new() -> str:
    form = ReportScheduleForm(formdata=None)
    offer(form)
    form.tick_default()
    return form_page(form)


@pages.post("/reports/schedules/new")
@requires(Role.LEAD)
def create() -> Answer:
    form = ReportScheduleForm()
    plan = read_plan(form)
    if plan is None:
        return form_page(form), 422
    if request.form.get("step") != "save":
        return form_page(form, preview=plan)
    schedule = report_schedules.create(db_session(), plan, reader())
    db_session().commit()
    flash(say("Saved. The first report is due at %(when)s.", when=exact_time(schedule.due_at)), "success")
    return to_page(schedule)


@pages.get("/reports/schedules/<int:schedule_id>")
@requires(Role.VIEWER)
def show(schedule_id: int) -> str:
    schedule = found(report_schedules.find, schedule_id)
    return render_template(
        "report_schedules/show.html",
        schedule=schedule,
        runs=[] if schedule.is_paused else report_schedules.next_runs(schedule),
        reports=report_schedules.recent_reports(db_session(), schedule_id),
        deliveries=deliveries.list_deliveries(db_session(), schedule_id),
        job=report_firing.under_way(db_session(), schedule_id),
        outbox=app_settings().outbox,
        sends_mail=bool(app_settings().smtp_host),
        **words(),
    )


@pages.get("/reports/schedules/<int:schedule_id>/edit")
@requires(Role.LEAD)
def edit(schedule_id: int) -> str:
    schedule = found(report_schedules.find, schedule_id)
    form = form_of(schedule, report_schedules.lost_filter(schedule) is not None)
    offer(form, schedule)
    return form_page(form, schedule)


@pages.post("/reports/schedules/<int:schedule_id>/edit")
@requires(Role.LEAD)
def change(schedule_id: int) -> Answer:
    schedule, form = found(report_schedules.find, schedule_id), ReportScheduleForm()
    plan = read_plan(form, schedule)
    if plan is None:
        return form_page(form, schedule), 422
    if request.form.get("step") != "save":
        return form_page(form, schedule, plan)
    report_schedules.change(db_session(), schedule, plan, reader())
    db_session().commit()
    flash(say("Saved. It counts at once."), "success")
    return to_page(schedule)


def offer(form: ReportScheduleForm, schedule: ReportSchedule | None = None) -> None:
    is_lost = schedule is not None and report_schedules.lost_filter(schedule) is not None
    form.offer()
    form.offer_filters(
        report_schedules.shared_filters(db_session()), schedule.filter_name if schedule and is_lost else None
    )


def read_plan(form: ReportScheduleForm, schedule: ReportSchedule | None = None) -> ReportPlan | None:
    """None where something is wrong, which the form then says."""
    offer(form, schedule)
    if not form.validate():
        return None
    plan = form.plan()
    faults = report_schedules.check(db_session(), plan, schedule.id if schedule else None)
    form.take_faults(faults)
    return None if faults else plan


@pages.post("/reports/schedules/<int:schedule_id>/pause")
@requires(Role.LEAD)
def pause(schedule_id: int) -> Response:
    sentence = say("The schedule is paused. What is built or on its way goes on.")
    return do(schedule_id, report_schedules.pause, sentence)


@pages.post("/reports/schedules/<int:schedule_id>/resume")
@requires(Role.LEAD)
def resume(schedule_id: int) -> Response:
    return do(schedule_id, report_schedules.resume, say("The schedule runs again."))


def do(schedule_id: int, deed: Callable[[Session, ReportSchedule, User], None], sentence: str) -> Response:
    schedule = found(report_schedules.find, schedule_id)
    deed(db_session(), schedule, reader())
    db_session().commit()
    flash(sentence, "success")
    return to_page(schedule)


@pages.post("/reports/schedules/<int:schedule_id>/run")
@requires(Role.LEAD)
def run(schedule_id: int) -> Response:
    """Build and send its report now, as if it were due."""
    schedule = found(report_schedules.find, schedule_id)
    job_id = report_firing.run_now(db_session(), schedule, reader())
    db_session().commit()
    if enqueue(write_job, job_id):
        flash(say("The report is being built; it is sent once it is done."), "success")
    else:
        flash(say("It is noted, but the queue does not answer. It starts once a worker runs."), "warning")
    return to_page(schedule)


@pages.post("/reports/schedules/<int:schedule_id>/delete")
@requires(Role.LEAD)
def delete(schedule_id: int) -> Response:
    report_schedules.delete(db_session(), found(report_schedules.find, schedule_id), reader())
    db_session().commit()
    flash(say("The schedule is deleted. Its reports stay."), "success")
    return redirect(url_for("report_schedules.index"))


@pages.post("/reports/deliveries/<int:delivery_id>/again")
@requires(Role.LEAD)
def deliver_again(delivery_id: int) -> Response:
    row = found(deliveries.find, delivery_id)
    deliveries.send_again(db_session(), row, reader())
    db_session().commit()
    enqueue(deliver)
    flash(say("It is sent again; load this page again to see what became of it."), "info")
    if row.schedule_id is None:
        return redirect(url_for("report_schedules.index"))
    return redirect(url_for("report_schedules.show", schedule_id=row.schedule_id))


@pages.post("/reports/schedules/test-mail")
@requires(Role.LEAD)
def send_test_mail() -> Answer:
    form = MailTrialForm()
    if not form.validate():
        return index_page(form), 422
    try:
        mailing.send_test(db_session(), app_settings(), form.to.data.strip(), reader())
    except Refused as fault:
        form.to.errors = [str(fault)]
        return index_page(form), 422
    db_session().commit()
    flash(say("The mail server took the mail for %(address)s.", address=form.to.data.strip()), "success")
    return redirect(url_for("report_schedules.index"))


def to_page(schedule: ReportSchedule) -> Response:
    return redirect(url_for("report_schedules.show", schedule_id=schedule.id))


def index_page(form: MailTrialForm) -> str:
    return render_template(
        "report_schedules/index.html",
        schedules=report_schedules.list_schedules(db_session()),
        counts=deliveries.count_states(db_session()),
        failing=report_firing.failures(db_session(), now()),
        form=form,
        sends_mail=bool(app_settings().smtp_host),
    )


def form_page(
    form: ReportScheduleForm, schedule: ReportSchedule | None = None, preview: ReportPlan | None = None
) -> str:
    return render_template(
        "report_schedules/form.html",
        form=form,
        schedule=schedule,
        preview=preview,
        days=report_firing.first_days(preview) if preview else None,
        outbox=app_settings().outbox,
        sends_mail=bool(app_settings().smtp_host),
    )


def words() -> dict[str, object]:
    """What the choices of a schedule are called."""
    return {
        "spans": SPAN_WORDS,
        "redactions": REDACTION_WORDS,
        "picture_choices": PICTURE_WORDS,
        "formats": FORMATS,
        "language_names": languages(),
    }
