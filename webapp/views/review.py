"""The queue, and the page on which one finding is decided."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from rules.evidence import CONCEPTS
from webapp.extensions import db_session
from webapp.filters import marks_of
from webapp.forms.review import DecisionForm
from webapp.models import Decision, FindingRow, FindingState, Role, Verdict
from webapp.services import archiving, decisions, listings, queue, removals, sources
from webapp.views.access import reader, requires
from webapp.views.evidence import note_view
from webapp.views.filtering import Filtering, read_filters
from webapp.views.trail import step_back

pages = Blueprint("review", __name__)

Answer = str | Response | tuple[str, int]
DONE = {Verdict.CONFIRM: "Confirmed", Verdict.DISMISS: "Dismissed", Verdict.ESCALATE: "Escalated"}


@pages.get("/queue", endpoint="queue")
@requires(Role.VIEWER)
def queue_page() -> str:
    filtering = read_filters(sources.list_sources(db_session()))
    page = queue.queue_page(db_session(), filtering.filters, request.args.get("after"))
    counts = queue.counts(db_session())
    return render_template("review/queue.html", page=page, filtering=filtering, counts=counts, states=FindingState)


@pages.get("/queue/next")
@requires(Role.VIEWER)
def start() -> Response:
    """The first that waits: the way in for someone who only wants to work."""
    return redirect(address_of_next(None, read_filters(sources.list_sources(db_session()))))


@pages.get("/findings/<int:finding_id>")
@requires(Role.VIEWER)
def finding(finding_id: int) -> str:
    row = find_or_404(finding_id)
    note_view(f"finding:{row.id}", listing=row.listing_id)
    return finding_page(row, DecisionForm(formdata=None, with_siblings=True))


@pages.post("/findings/<int:finding_id>")
@requires(Role.REVIEWER)
def decide(finding_id: int) -> Answer:
    row = find_or_404(finding_id)
    form = DecisionForm()
    if not form.validate():
        return finding_page(row, form), 422
    verdict = Verdict(form.verdict.data)
    made = decisions.decide(
        db_session(), reader(), finding_id, verdict, (form.note.data or "").strip(), bool(form.with_siblings.data)
    )
    db_session().commit()
    report_decision(row, verdict, made)
    return redirect(address_of_next(row, read_filters(sources.list_sources(db_session()))))


def find_or_404(finding_id: int) -> FindingRow:
    row = queue.find(db_session(), finding_id)
    return row if row is not None else abort(404)


def finding_page(row: FindingRow, form: DecisionForm) -> str:
    filtering = read_filters(sources.list_sources(db_session()))
    return render_template(
        "review/finding.html",
        finding=row,
        form=form,
        filtering=filtering,
        marks=marks_of(row.reasons) or {row.concept: row.threshold},
        siblings=decisions.siblings(db_session(), row),
        relistings=decisions.relistings(db_session(), row),
        events=removals.events_of(db_session(), row.listing_id),
        versions=listings.versions(db_session(), row.listing_id),
        captures=archiving.captures_of(db_session(), row.listing_id),
        next_row=queue.next_open(db_session(), reader(), row, filtering.filters),
        previous_id=step_back(row.id),
        concepts=CONCEPTS,
    )


def report_decision(row: FindingRow, verdict: Verdict, made: list[Decision]) -> None:
    more = f" (and {len(made) - 1} more of this listing)" if len(made) > 1 else ""
    flash(
        {
            "text": f"{DONE[verdict]}: {row.title}{more}.",
            "address": url_for("review.finding", finding_id=row.id),
            "link": "Go back to it",
        },  # type: ignore[arg-type]  # the cookie keeps any JSON value
        "success",
    )


def address_of_next(row: FindingRow | None, filtering: Filtering) -> str:
    following = queue.next_open(db_session(), reader(), row, filtering.filters)
    if following is None:
        flash("Nothing else waits under these filters.", "info")
        return filtering.address("review.queue")
    return filtering.address("review.finding", finding_id=following.id)
