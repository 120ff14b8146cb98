"""One decision over many findings: first what it will do, then doing it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_reason_codes, db_session
from webapp.forms.review import ReasonedForm
from webapp.language import say, say_many
from webapp.models import Role, Verdict
from webapp.services import batches, decisions, queue, sources
from webapp.services.decisions import Choice, Made
from webapp.services.errors import Refused
from webapp.views.access import reader, requires
from webapp.views.filtering import Filtering, read_filters

pages = Blueprint("batches", __name__)

Answer = str | Response | tuple[str, int]
ID_DIGITS = 9
LEFT_OUT_TOLD = 5


@pages.post("/queue/batch")
@requires(Role.REVIEWER)
def preview() -> Answer:
    """What a decision over what is ticked would do, or over all under the filters of the address."""
    filtering = current_filters()
    ids = queue.first_ids(db_session(), filtering.filters) if request.form.get("all") else ticked()
    if not ids:
        flash(say("Tick at least one finding first."), "warning")
        return redirect(filtering.address("review.queue"))
    return preview_page(ids, ReasonedForm(formdata=None), filtering)


@pages.post("/queue/batch/decide")
@requires(Role.REVIEWER)
def decide() -> Answer:
    filtering, ids, form = current_filters(), ticked(), ReasonedForm()
    if not ids:
        flash(say("Nothing was ticked, so nothing was decided."), "warning")
        return redirect(filtering.address("review.queue"))
    if not form.validate():
        return preview_page(ids, form, filtering), 422
    try:
        choice = form.choice(app_reason_codes())
        made = decisions.decide_batch(db_session(), reader(), ids, choice)
    except Refused as error:
        db_session().rollback()
        form.verdict.errors = [str(error)]
        return preview_page(ids, form, filtering), 422
    db_session().commit()
    tell(choice, made)
    return redirect(filtering.address("review.queue"))


def current_filters() -> Filtering:
    return read_filters(sources.list_sources(db_session()))


def ticked() -> list[int]:
    """Ids of findings; what is none is passed over."""
    numbers = request.form.getlist("finding")[: batches.LIMIT]
    return [int(number) for number in numbers if number.isdecimal() and len(number) <= ID_DIGITS]


def preview_page(ids: list[int], form: ReasonedForm, filtering: Filtering) -> str:
    prospect = batches.look_ahead(db_session(), reader(), ids)
    return render_template(
        "review/batch.html",
        prospect=prospect,
        form=form,
        filtering=filtering,
        codes=app_reason_codes(),
        limit=batches.LIMIT,
    )


def tell(choice: Choice, made: Made) -> None:
    """What was decided, with the way to take it back, and what was left out."""
    if made.decisions:
        address = url_for("review.finding", finding_id=made.decisions[0].finding_id)
        said = {"text": done_words(choice.verdict, len(made.decisions)), "address": address}
        flash({**said, "link": say("Look at the first"), "batch": made.batch}, "success")  # type: ignore[arg-type]  # the cookie keeps any JSON value
    for left in made.left_out[:LEFT_OUT_TOLD]:
        flash(say("Left out: finding %(number)s. %(why)s", number=left.finding_id, why=left.why), "warning")
    if (more := len(made.left_out) - LEFT_OUT_TOLD) > 0:
        flash(say_many("One more was left out.", "%(num)s more were left out.", more), "warning")


def done_words(verdict: Verdict, number: int) -> str:
    if verdict is Verdict.CONFIRM:
        return say_many("Confirmed: one finding.", "Confirmed: %(num)s findings.", number)
    if verdict is Verdict.DISMISS:
        return say_many("Dismissed: one finding.", "Dismissed: %(num)s findings.", number)
    return say_many("Escalated: one finding.", "Escalated: %(num)s findings.", number)
