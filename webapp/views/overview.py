"""What stands where, on one page."""

from flask import Blueprint, render_template

from webapp.extensions import db_session
from webapp.models import Role
from webapp.services import overview, queue
from webapp.views.access import requires

pages = Blueprint("overview", __name__)

PRESSING_SHOWN = 3


@pages.get("/")
@requires(Role.VIEWER)
def show() -> str:
    pressing = queue.queue_page(db_session(), queue.QueueFilters(), limit=PRESSING_SHOWN).rows
    return render_template("overview/show.html", figures=overview.figures(db_session()), pressing=pressing)
