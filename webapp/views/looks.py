"""How pictures and keys behave for a person: remembered by the server, so that it holds from the first paint on."""

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_pack_files, db_session
from webapp.models import Role
from webapp.services import graphic, preferences
from webapp.views.access import local_path, reader, requires
from webapp.views.answering import facts, is_scripted

pages = Blueprint("looks", __name__)

SWITCHES = ("blur", "grey", "keys")


@pages.post("/look")
@requires(Role.VIEWER)
def change() -> Response:
    """Turn one of the switches, or show another country's law."""
    name, value = request.form.get("name", ""), request.form.get("value", "")
    if name in SWITCHES and value in ("0", "1"):
        preferences.keep(db_session(), reader(), **{name: value == "1"})
    elif name == "country" and value in app_pack_files().law.countries:
        preferences.keep(db_session(), reader(), country=value)
    else:
        abort(400)
    db_session().commit()
    if is_scripted():
        left = graphic.allowance(db_session(), reader())
        return facts(limit=left.words if left.is_used_up else None)
    return redirect(local_path(request.form.get("back")) or url_for("review.queue"))
