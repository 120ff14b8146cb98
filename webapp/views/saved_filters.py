"""Filters of the queue under a name: keeping, renaming, sharing, deleting, and the one to begin with."""

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.forms.queue import DefaultFilterForm, SavedFilterForm
from webapp.language import say
from webapp.models import Role
from webapp.services import saved_filters, sources
from webapp.views.access import reader, requires
from webapp.views.filtering import read_filters
from webapp.views.rows import found

pages = Blueprint("saved_filters", __name__)


@pages.post("/queue/filters")
@requires(Role.VIEWER)
def create() -> Response:
    """Keep the filters of the address."""
    filtering = read_filters(sources.list_sources(db_session()))
    form = SavedFilterForm()
    if not form.validate():
        flash(say("Give the filter a name of 1 to 80 letters."), "warning")
        return redirect(filtering.address("review.queue"))
    row = saved_filters.save(
        db_session(), reader(), form.name.data, filtering.arguments or {"state": "open"}, bool(form.is_shared.data)
    )
    db_session().commit()
    flash(say("Saved: the filter %(name)s.", name=row.name), "success")
    return redirect(url_for("review.queue", **row.arguments))


@pages.post("/queue/filters/<int:filter_id>")
@requires(Role.VIEWER)
def rename(filter_id: int) -> Response:
    form = SavedFilterForm()
    name = form.name.data or ""
    row = found(saved_filters.rename, reader(), filter_id, name, bool(form.is_shared.data))
    db_session().commit()
    flash(say("Saved: the filter %(name)s.", name=row.name), "success")
    return redirect(url_for("review.queue", **row.arguments))


@pages.post("/queue/filters/<int:filter_id>/delete")
@requires(Role.VIEWER)
def delete(filter_id: int) -> Response:
    name = found(saved_filters.delete, reader(), filter_id)
    db_session().commit()
    flash(say("Deleted: the filter %(name)s.", name=name), "success")
    return back()


@pages.post("/queue/filters/default")
@requires(Role.VIEWER)
def choose_default() -> Response:
    """What the queue begins with for this person."""
    form = DefaultFilterForm()
    chosen = form.filter.data if form.validate() else None
    found(saved_filters.choose_default, reader(), chosen)
    db_session().commit()
    said = say("Your queue begins with this filter.") if chosen else say("Your queue begins with all that is open.")
    flash(said, "success")
    return back()


def back() -> Response:
    """The queue under the filters that the page had."""
    return redirect(read_filters(sources.list_sources(db_session())).address("review.queue"))
