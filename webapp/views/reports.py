"""Reports: building one for a period, and downloading it."""

from datetime import timedelta
from io import BytesIO

from flask import Blueprint, abort, flash, redirect, render_template, send_file, url_for
from werkzeug.wrappers import Response

from webapp.db import now
from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Means
from webapp.extensions import app_settings, db_session
from webapp.forms.reports import PeriodForm
from webapp.language import say_many
from webapp.models import Report, Role
from webapp.services import audit, reports
from webapp.services.freezing import Wanted
from webapp.views.access import reader, requires

pages = Blueprint("reports", __name__)

DAYS_OFFERED = 30


@pages.get("/reports")
@requires(Role.VIEWER)
def index() -> str:
    today = now().date()
    form = PeriodForm(formdata=None, first_day=today - timedelta(days=DAYS_OFFERED), last_day=today)
    return reports_page(form)


@pages.post("/reports")
@requires(Role.REVIEWER)
def build() -> Response | tuple[str, int]:
    form = PeriodForm()
    if not form.validate():
        return reports_page(form), 422
    report = reports.build(db_session(), app_settings(), Wanted(form.from_at, form.to_at), reader())
    db_session().commit()
    flash(
        say_many(
            "Report %(number)s is built: %(num)s suspected finding.",
            "Report %(number)s is built: %(num)s suspected findings.",
            report.findings_count,
            number=report.id,
        ),
        "success",
    )
    return redirect(url_for("reports.index"))


@pages.get("/reports/<int:report_id>.<format_name>")
@requires(Role.VIEWER)
def download(report_id: int, format_name: str) -> Response:
    report = find_or_404(report_id)
    exporter = FORMATS.get(format_name)
    if exporter is None:
        abort(404)
    audit.record(db_session(), reader().name, "report.download", f"report:{report.id}", format=format_name)
    db_session().commit()
    body = BytesIO()
    choices = Choices(report_id=report.id, sha256=report.sha256)
    exporter.write(reports.read(app_settings(), report), choices, Means(), body)
    body.seek(0)
    name = f"tuskline-report-{report.id}{exporter.suffix}"
    return send_file(body, mimetype=exporter.media_type, as_attachment=True, download_name=name)


def find_or_404(report_id: int) -> Report:
    return reports.find(db_session(), report_id)


def reports_page(form: PeriodForm) -> str:
    return render_template(
        "reports/index.html", form=form, reports=reports.list_reports(db_session()), formats=FORMATS.values()
    )
