"""Listings that vanished, and pictures that came back under another listing."""

from flask import Blueprint, render_template

from webapp.extensions import db_session
from webapp.models import ListingEventKind, Role
from webapp.services import removals, trends
from webapp.views.access import requires

pages = Blueprint("removals", __name__)

SHOWN = 200


@pages.get("/removals")
@requires(Role.VIEWER)
def index() -> str:
    return render_template(
        "removals/index.html",
        removed=removals.newest(db_session(), ListingEventKind.REMOVED, SHOWN),
        relisted=removals.newest(db_session(), ListingEventKind.RELISTED, SHOWN),
        by_source=trends.takedowns_by_source(db_session()),
        shown=SHOWN,
    )
