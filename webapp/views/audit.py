"""Who did what, newest first."""

from flask import Blueprint, render_template, request

from webapp.extensions import db_session
from webapp.models import Role
from webapp.services import audit
from webapp.views.access import requires

pages = Blueprint("audit", __name__)

ENTRIES_SHOWN = 50


@pages.get("/audit")
@requires(Role.ADMIN)
def index() -> str:
    before_id = request.args.get("before", type=int)
    entries = audit.recent(db_session(), ENTRIES_SHOWN + 1, before_id)
    older_id = entries[ENTRIES_SHOWN - 1].id if len(entries) > ENTRIES_SHOWN else None
    return render_template(
        "audit/index.html", entries=entries[:ENTRIES_SHOWN], older_id=older_id, is_first=before_id is None
    )
