"""Sources: what is crawled, and adding one."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from scanner.markets.base import Market
from scanner.markets.options import options_of
from webapp.extensions import app_settings, db_session
from webapp.forms.schedules import PRESETS, ScheduleForm
from webapp.forms.sources import SourceForm, filled_form, help_of, source_form
from webapp.language import say
from webapp.models import Role, Source
from webapp.services import hosts, inbox, schedules, sources
from webapp.services.errors import Refused
from webapp.services.schedules import Plan
from webapp.services.source_options import Reading, read_options
from webapp.views.access import reader, requires
from webapp.views.errors import show_error
from webapp.views.rows import found
from webapp.views.uploads import FILES

pages = Blueprint("sources", __name__)

Answer = str | Response | tuple[str, int]

SCANS_SHOWN = 10


@pages.get("/sources")
@requires(Role.VIEWER)
def index() -> str:
    return render_template(
        "sources/index.html",
        summaries=sources.summaries(db_session()),
        kinds={kind.name: kind for kind in sources.kinds()},
        stopped_count=len(hosts.list_stopped(db_session())),
    )


@pages.get("/sources/new")
@requires(Role.ADMIN)
def choose() -> str:
    return render_template("sources/choose.html", kinds=sources.kinds())


@pages.get("/sources/new/<kind>")
@requires(Role.ADMIN)
def new(kind: str) -> str:
    market = market_or_404(kind)
    return form_page(source_form(market, app_settings(), formdata=None))


@pages.post("/sources/new/<kind>")
@requires(Role.ADMIN)
def create(kind: str) -> Answer:
    form = source_form(market_or_404(kind), app_settings())
    reading = read_form(form)
    if reading is None:
        return form_page(form), 422
    try:
        source = sources.create(db_session(), form.name.data, kind, reading.values, reader().name)
    except Refused as fault:
        form.name.errors = [str(fault)]
        return form_page(form), 422
    db_session().commit()
    flash(
        say("%(name)s is known now. Scan it once to see what comes, then give it a schedule.", name=source.name),
        "success",
    )
    return redirect(url_for("sources.show", source_id=source.id))


@pages.get("/sources/<int:source_id>")
@requires(Role.VIEWER)
def show(source_id: int) -> str:
    source = found(sources.find, source_id)
    form = ScheduleForm(formdata=None, cron=request.args.get("cron", ""))
    return source_page(source, form, form.preview() if form.cron.data else None)


@pages.get("/sources/<int:source_id>/edit")
@requires(Role.ADMIN)
def edit(source_id: int) -> str:
    source = found(sources.find, source_id)
    market = market_or_404(source.kind)
    return form_page(filled_form(market, app_settings(), source.name, source.options), source)


@pages.post("/sources/<int:source_id>/edit")
@requires(Role.ADMIN)
def change(source_id: int) -> Answer:
    source = found(sources.find, source_id)
    form = source_form(market_or_404(source.kind), app_settings())
    reading = read_form(form)
    if reading is None:
        return form_page(form, source), 422
    try:
        sources.change(db_session(), source, form.name.data, kept_options(source, form) | reading.values, reader().name)
    except Refused as fault:
        form.name.errors = [str(fault)]
        return form_page(form, source), 422
    db_session().commit()
    flash(say("Saved. It counts from the next scan on."), "success")
    return redirect(url_for("sources.show", source_id=source.id))


@pages.post("/sources/<int:source_id>/delete")
@requires(Role.ADMIN)
def delete(source_id: int) -> Response:
    source = found(sources.find, source_id)
    sources.delete(db_session(), source, reader().name)
    db_session().commit()
    flash(say("%(name)s is deleted.", name=source.name), "success")
    return redirect(url_for("sources.index"))


@pages.errorhandler(RequestEntityTooLarge)
def refuse_size(error: RequestEntityTooLarge) -> tuple[str, int] | HTTPException:
    """What was typed is lost with the file: nothing of so large a request was read."""
    if request.endpoint not in FILES:
        return show_error(error)
    return render_template("sources/too_large.html", sentence=inbox.TOO_LARGE, address=request.path), 413


def read_form(form: SourceForm) -> Reading | None:
    """The options as they can be stored; None where the form has faults, which it says then."""
    is_right = form.validate()
    if not form.keep_uploads(app_settings()) or not is_right:
        return None
    reading = read_options(form.market, form.texts(), app_settings())
    form.form_errors = [sentence for sentences in reading.faults.values() for sentence in sentences]
    return None if reading.faults else reading


def kept_options(source: Source, form: SourceForm) -> dict[str, Any]:
    """What the form does not ask for: options of an older or newer version of the market."""
    asked = {option.name for option in options_of(form.market)}
    return {name: value for name, value in source.options.items() if name not in asked}


def market_or_404(kind: str) -> Market:
    market = sources.load_kind(kind).market
    return market if market is not None else abort(404)


def form_page(form: SourceForm, source: Source | None = None) -> str:
    return render_template(
        "sources/form.html",
        form=form,
        market=form.market,
        source=source,
        help_of=help_of,
        inbox=app_settings().inbox_dir,
    )


def source_page(source: Source, form: ScheduleForm, preview: Plan | None = None) -> str:
    kind = sources.load_kind(source.kind)
    return render_template(
        "sources/show.html",
        source=source,
        kind=kind,
        options=sources.described(source),
        schedules=[(one, schedules.next_runs(one)) for one in schedules.list_schedules(db_session(), source.id)],
        scans=sources.recent_scans(db_session(), source.id, SCANS_SHOWN),
        listings_count=sources.count_listings(db_session(), source.id),
        is_unused=sources.is_unused(db_session(), source),
        form=form,
        preview=preview,
        presets=PRESETS,
    )
