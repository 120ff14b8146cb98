"""Case files: what one would hold, having one made, and downloading it."""

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session
from webapp.forms.cases import CaseForm
from webapp.language import say, spoken
from webapp.models import CaseFile, Role
from webapp.services import batches, case_files, signing
from webapp.services.case_files import Asked, Prospect
from webapp.services.errors import NotFound, Refused
from webapp.tasks.jobs import write_job
from webapp.tasks.sending import enqueue
from webapp.views.access import local_path, reader, requires
from webapp.views.evidence import note_view

pages = Blueprint("case_files", __name__)

Answer = str | Response | tuple[str, int]
ID_DIGITS = 9


@pages.get("/cases")
@requires(Role.REVIEWER)
def index() -> str:
    return render_template(
        "cases/index.html",
        cases=case_files.list_cases(db_session()),
        under_way=case_files.unfinished_jobs(db_session()),
        failed=case_files.failed_jobs(db_session()),
        key=signing.signing_key(app_settings().home),
    )


@pages.get("/cases/new")
@requires(Role.REVIEWER)
def new() -> Answer:
    """What a case of the findings or of the seller in the address would hold."""
    return new_page(CaseForm(formdata=None, language=spoken()))


@pages.post("/cases/new")
@requires(Role.REVIEWER)
def preview() -> Answer:
    """The same for what is ticked in the queue."""
    return new_page(CaseForm(formdata=None, language=spoken()))


@pages.post("/cases")
@requires(Role.REVIEWER)
def create() -> Answer:
    form = CaseForm()
    if not form.validate():
        return new_page(form, 422)
    try:
        job = case_files.ask(db_session(), asked(form), reader())
    except (Refused, NotFound) as error:
        return turn_back(error)
    db_session().commit()
    if enqueue(write_job, job.id):
        flash(say("The case file is being made: it is listed here once it is done."), "success")
    else:
        flash(say("It is noted, but the queue does not answer. It starts once a worker runs."), "warning")
    return redirect(url_for("case_files.index"))


@pages.get("/cases/<int:case_id>")
@requires(Role.REVIEWER)
def show(case_id: int) -> str:
    row = find_or_404(case_id)
    key = case_files.key_of(db_session(), row, app_settings().home)
    note_view(f"case:{row.id}")
    return render_template(
        "cases/show.html",
        case=row,
        finding_ids=case_files.findings_of(db_session(), row),
        key=key,
        command=f'python3 verify.py {case_files.file_name(row)} --fingerprint "{key.fingerprint}"',
    )


@pages.get("/cases/<int:case_id>.zip")
@requires(Role.REVIEWER)
def download(case_id: int) -> Response:
    row = find_or_404(case_id)
    try:
        body = case_files.open_bundle(app_settings(), row)
    except case_files.CaseFileError as error:
        flash(str(error), "warning")
        return redirect(url_for("case_files.show", case_id=row.id))
    case_files.note_download(db_session(), reader().name, row)
    db_session().commit()
    name = case_files.file_name(row)
    return send_file(body, mimetype="application/zip", as_attachment=True, download_name=name, etag=False)


def find_or_404(case_id: int) -> CaseFile:
    try:
        return case_files.find(db_session(), case_id)
    except NotFound:
        abort(404)


def asked(form: CaseForm) -> Asked:
    title, language = form.title.data or "", form.language.data or spoken()
    seller, source_id = request.values.get("seller"), request.values.get("source", type=int)
    if seller and source_id is not None:
        return Asked.of_seller(seller, source_id, title, language)
    return Asked.of_findings(ticked(), title, language)


def ticked() -> list[int]:
    """Ids of findings; what is none is passed over."""
    numbers = request.values.getlist("finding")[: batches.LIMIT]
    return [int(number) for number in numbers if number.isdecimal() and len(number) <= ID_DIGITS]


def new_page(form: CaseForm, status: int = 200) -> Answer:
    try:
        prospect: Prospect = case_files.look_ahead(db_session(), asked(form))
    except (Refused, NotFound) as error:
        return turn_back(error)
    if form.title.data is None:
        form.title.data = prospect.title
    page = render_template("cases/new.html", form=form, prospect=prospect, selection=prospect.asked.selection)
    return page, status


def turn_back(error: Exception) -> Response:
    """Back to where the choice was made, with the sentence that says what to choose."""
    flash(str(error), "warning")
    return redirect(local_path(request.values.get("back")) or url_for("review.queue"))
