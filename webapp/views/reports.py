"""Reports: asking for one, what it holds, its files, and putting it right by another."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from webapp.db import now
from webapp.downloads import send_report_file
from webapp.exporters import FORMATS
from webapp.extensions import app_settings, db_session
from webapp.figures import Figure, sentence_of
from webapp.forms.queue import DAYS, NAMES
from webapp.forms.reports import (
    PICTURE_WORDS,
    PRESETS,
    REDACTION_WORDS,
    CorrectionForm,
    FileForm,
    NarrowForm,
    ReportForm,
)
from webapp.language import languages, say, spoken
from webapp.models import Job, Report, ReportFile, Role, Source
from webapp.services import queue, report_files, report_jobs, reports, saved_filters, sources
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style
from webapp.services.reports import ReportError
from webapp.services.saved_filters import read_day
from webapp.storage import StoreError
from webapp.tasks.jobs import write_job
from webapp.tasks.sending import enqueue
from webapp.views.access import reader, requires
from webapp.views.rows import found

pages = Blueprint("reports", __name__)

Answer = str | Response | tuple[str, int]

REPORTS_SHOWN = 20
# What the form shows of the queue's filters: days of finding become the period.
ASKED = tuple(name for name in NAMES if name not in DAYS)
DEFAULT_PRESET = "last_30_days"


@dataclass
class Asking:
    """The form for a new report, with the filters below it."""

    form: ReportForm
    narrow: NarrowForm
    is_narrow_open: bool = False


@pages.get("/reports")
@requires(Role.VIEWER)
def index() -> str:
    preset = request.args.get("period", "" if asked_days() else DEFAULT_PRESET)
    first_day, last_day = PRESETS.get(preset, PRESETS[DEFAULT_PRESET])[1](now().date())
    days = {"first_day": first_day, "last_day": last_day, **(asked_days() if preset not in PRESETS else {})}
    form = ReportForm(formdata=None, saved=request.args.get("saved", ""), **days)
    form.tick_default()
    return reports_page(fill(form, request.args), preset)


def asked_days() -> dict[str, date]:
    """The queue's days of finding, by the fields of the form: a report has its period in their place."""
    days = {}
    for name, field in (("found_from", "first_day"), ("found_to", "last_day")):
        with suppress(ValueError):
            days[field] = read_day(request.args.get(name, ""))
    return days


@pages.post("/reports")
@requires(Role.REVIEWER)
def build() -> Answer:
    asking = fill(ReportForm(), request.form)
    chosen, is_readable = asking.narrow.read(request.form)
    if not asking.form.validate() or not is_readable:
        asking.is_narrow_open = not is_readable
        return reports_page(asking), 422
    wanted = wanted_of(asking.form, chosen)
    begin(report_jobs.ask_report(db_session(), wanted, reader(), asking.form.styles))
    return redirect(url_for("reports.index"))


def fill(form: ReportForm, sent: Mapping[str, str]) -> Asking:
    form.offer()
    form.offer_filters(saved_filters.seen_by(db_session(), reader()))
    narrow = NarrowForm(MultiDict({name: value for name, value in sent.items() if value.strip()}))
    narrow.offer(sources.list_sources(db_session()), queue.rules_of(db_session()))
    return Asking(form, narrow, bool(narrow.chosen()) if sent is request.args else False)


def wanted_of(form: ReportForm, chosen: Mapping[str, str]) -> Wanted:
    """What was chosen by hand goes before what the saved filter says, which then is not what narrowed it."""
    saved = found(saved_filters.find, reader(), int(form.saved.data)) if form.saved.data else None
    arguments = {**(saved.arguments if saved else {}), **chosen}
    return Wanted(
        form.from_at,
        form.to_at,
        (form.title.data or "").strip(),
        arguments,
        saved.name if saved and not chosen else None,
        saved_filters.filters_of(arguments),
    )


def begin(job: Job) -> None:
    db_session().commit()
    if not enqueue(write_job, job.id):
        flash(say("It is noted, but the queue does not answer. It starts once a worker runs."), "warning")


@pages.get("/reports/<int:report_id>")
@requires(Role.VIEWER)
def show(report_id: int) -> str:
    return report_page(found(reports.find, report_id))


@pages.post("/reports/<int:report_id>/files")
@requires(Role.REVIEWER)
def write(report_id: int) -> Answer:
    """At once where that is quick, else by a worker."""
    report, form = found(reports.find, report_id), FileForm()
    form.offer()
    if not form.validate():
        return report_page(report, form), 422
    if known := report_files.find_file(db_session(), report, form.style):
        flash(say("This file is there already: it is file %(number)s.", number=known.id), "info")
    elif report_files.is_quick(report, form.style):
        write_now(report, form.style)
        flash(say("The file is written."), "success")
    else:
        begin(report_jobs.ask_file(db_session(), report, form.style, reader()))
    return redirect(url_for("reports.show", report_id=report.id))


@pages.post("/reports/<int:report_id>/correction")
@requires(Role.REVIEWER)
def correct(report_id: int) -> Answer:
    """Build another of the same period and filters, which names this one and says why."""
    report, form = found(reports.find, report_id), CorrectionForm(prefix="correct-")
    form.offer()
    if not form.validate():
        return report_page(report, correction=form), 422
    wanted = Wanted(
        report.from_at,
        report.to_at,
        report.title,
        report.filters,
        report.filters_name,
        saved_filters.filters_of(report.filters),
        report,
        form.correction.data.strip(),
    )
    begin(report_jobs.ask_report(db_session(), wanted, reader(), form.styles))
    return redirect(url_for("reports.index"))


@pages.get("/reports/<int:report_id>/files/<int:file_id>")
@requires(Role.VIEWER)
def download(report_id: int, file_id: int) -> Response:
    return send(found(report_files.find, report_id, file_id))


@pages.get("/reports/<int:report_id>.<format_name>")
@requires(Role.VIEWER)
def download_format(report_id: int, format_name: str) -> Response:
    """The file of that format in its plainest style; written now where nobody did, if that is quick."""
    report = found(reports.find, report_id)
    if format_name not in FORMATS:
        abort(404)
    style = Style(format_name, spoken())
    file = report_files.find_file(db_session(), report, style)
    if file is None and not report_files.is_quick(report, style):
        flash(say("Nobody has written this file yet: ask for it below."), "info")
        return redirect(url_for("reports.show", report_id=report.id))
    return send(file or write_now(report, style))


def write_now(report: Report, style: Style) -> ReportFile:
    file = report_files.write_file(db_session(), app_settings(), report, style, reader())
    db_session().commit()
    return file


def send(file: ReportFile) -> Response:
    """That it was taken away is in the log before it goes out."""
    body = report_files.read_file(app_settings(), file)
    report_files.note_download(db_session(), reader().name, file)
    db_session().commit()
    return send_report_file(file, body)


def reports_page(asking: Asking, preset: str = "") -> str:
    before_id = request.args.get("before", type=int)
    rows = reports.list_reports(db_session(), REPORTS_SHOWN + 1, before_id)
    shown = rows[:REPORTS_SHOWN]
    return render_template(
        "reports/index.html",
        asking=asking,
        form=asking.form,
        presets={name: words for name, (words, _) in PRESETS.items()},
        preset=preset,
        kept={name: value for name, value in request.args.items() if name in ("saved", *ASKED)},
        reports=shown,
        filters={report.id: filter_words(report.filters) for report in shown if report.filters},
        older_id=shown[-1].id if len(rows) > REPORTS_SHOWN else None,
        is_first=before_id is None,
        formats=FORMATS,
        under_way=report_jobs.under_way(db_session()),
        failed=report_jobs.failed_lately(db_session()),
    )


def report_page(report: Report, form: FileForm | None = None, correction: CorrectionForm | None = None) -> str:
    head, problem = read_head(report)
    sent = correction is not None
    form, correction = form or FileForm(formdata=None), correction or CorrectionForm(formdata=None, prefix="correct-")
    form.offer()
    correction.offer()
    if not sent:
        correction.formats.data = list(dict.fromkeys(file.format for file in report.files if file.format in FORMATS))
    return render_template(
        "reports/show.html",
        report=report,
        head=head,
        problem=problem,
        quality=[sentence_of(Figure.from_json(one)) for one in (head or {}).get("quality", [])],
        filters=filter_words(report.filters),
        formats=FORMATS,
        form=form,
        correction=correction,
        is_correcting=sent,
        language_names=languages(),
        redactions=REDACTION_WORDS,
        picture_choices=PICTURE_WORDS,
        under_way=report_jobs.under_way(db_session(), report),
        failed=report_jobs.failed_lately(db_session(), report),
    )


def read_head(report: Report) -> tuple[Mapping[str, Any] | None, str]:
    """The frozen head, or why it can't be read: then the page still says what there is."""
    try:
        return reports.read(app_settings(), report).head, ""
    except (ReportError, StoreError) as error:
        return None, str(error)


def filter_words(arguments: Mapping[str, str]) -> list[tuple[str, str]]:
    """What narrowed a report, as the queue's page calls it; what there no longer is by its bare value."""
    if not arguments:
        return []
    form = NarrowForm(formdata=None)
    form.offer(list_sources(), list(queue.rules_of(db_session())))
    return [(str(form[name].label.text), value_words(form[name], value)) for name, value in arguments.items()]


def list_sources() -> Sequence[Source]:
    return sources.list_sources(db_session())


def value_words(field: Any, value: str) -> str:
    choices = {choice.value: str(choice.label) for choice in getattr(field, "choices", None) or ()}
    return choices.get(value, value)
