"""Legal holds: placing, listing, releasing them, and saying on other pages that something is held."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session
from webapp.forms.holds import ReasonForm
from webapp.language import say
from webapp.models import FindingRow, HoldScope, LegalHold, ListingRow, Role, Source
from webapp.services import holds
from webapp.services.errors import NotFound, Refused
from webapp.views.access import local_path, reader, requires
from webapp.views.rows import found

pages = Blueprint("holds", __name__)

Answer = str | Response | tuple[str, int]

RELEASED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Target:
    """What a hold is on, in words, and where it is looked at (None where there is no page)."""

    words: str
    address: str | None = None


@pages.get("/holds")
@requires(Role.VIEWER)
def index() -> str:
    return holds_page()


@pages.get("/holds/new")
@requires(Role.LEAD)
def new() -> str:
    scope, number, seller = asked(request.args)
    return new_page(ReasonForm(formdata=None), scope, number, seller)


@pages.post("/holds/new")
@requires(Role.LEAD)
def place() -> Answer:
    (scope, number, seller), form = asked(request.form), ReasonForm()
    if not form.validate():
        return new_page(form, scope, number, seller), 422
    hold = found(holds.place, reader(), scope, number, form.reason.data, seller)
    db_session().commit()
    flash(say("Hold %(number)s is in force: nothing that it covers is removed from now on.", number=hold.id), "success")
    return redirect(local_path(request.form.get("back")) or url_for("holds.index"))


@pages.post("/holds/<int:hold_id>/release")
@requires(Role.LEAD)
def release(hold_id: int) -> Answer:
    form = ReasonForm()
    if not form.validate():
        return holds_page(form, hold_id), 422
    try:
        found(holds.release, reader(), hold_id, form.reason.data)
    except Refused as fault:
        db_session().rollback()
        flash(str(fault), "warning")
        return redirect(url_for("holds.index"))
    db_session().commit()
    flash(say("Hold %(number)s is released: policies may remove again what it covered.", number=hold_id), "success")
    return redirect(url_for("holds.index"))


def asked(sent: Any) -> tuple[HoldScope, int, str | None]:
    """What is to be held, as the address or the form names it."""
    number = sent.get("target", type=int)
    if number is None or sent.get("scope") not in list(HoldScope):
        abort(404)
    return HoldScope(sent["scope"]), number, sent.get("seller") or None


def new_page(form: ReasonForm, scope: HoldScope, number: int, seller: str | None) -> str:
    try:
        holds.check_target(db_session(), scope, number, seller)
    except NotFound:
        abort(404)
    back = local_path(request.values.get("back")) or ""
    target = target_of(scope, number, seller)
    return render_template(
        "holds/new.html", form=form, scope=scope, number=number, seller=seller, target=target, back=back
    )


def holds_page(form: ReasonForm | None = None, faulty_id: int | None = None) -> str:
    return render_template(
        "holds/index.html",
        form=form or ReasonForm(formdata=None),
        faulty_id=faulty_id,
        holds=holds.list_holds(db_session()),
        released=holds.list_holds(db_session(), released=True, limit=RELEASED_SHOWN),
        target_of=lambda hold: target_of(hold.scope, hold.target_id, hold.seller),
    )


def target_of(scope: HoldScope, number: int, seller: str | None = None) -> Target:
    if scope is HoldScope.FINDING:
        return Target(say("Finding %(number)s", number=number), url_for("review.finding", finding_id=number))
    if scope is HoldScope.LISTING:
        row = db_session().get(ListingRow, number)
        return Target(say("Listing %(number)s: %(title)s", number=number, title=row.title if row else ""))
    if scope is HoldScope.REPORT:
        return Target(say("Report %(number)s", number=number), url_for("reports.show", report_id=number))
    if scope is HoldScope.CASE:
        return Target(say("Case file %(number)s", number=number), url_for("case_files.show", case_id=number))
    source = db_session().get(Source, number)
    name, address = source.name if source else str(number), url_for("sources.show", source_id=number)
    if scope is HoldScope.SELLER:
        return Target(say("Seller %(seller)s in %(source)s", seller=seller, source=name), address)
    return Target(say("Source %(source)s", source=name), address)


@pages.app_context_processor
def page_facts() -> dict[str, Any]:
    """For pages of other rooms: what is held, and why."""
    return {"holds_on": holds_on, "holds_of_finding": holds_of_finding}


def holds_on(scope: str, number: int) -> list[LegalHold]:
    """Those in force on a source, a report or a case file itself."""
    return holds.on(db_session(), HoldScope(scope), number)


def holds_of_finding(finding: FindingRow) -> list[LegalHold]:
    """Those that cover its listing."""
    return holds.of_listing(db_session(), app_settings(), finding.listing)
