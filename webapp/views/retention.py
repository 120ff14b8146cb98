"""How long things are kept, what the next purge would remove, and what was removed."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session
from webapp.forms.retention import PolicyForm, filled
from webapp.language import say
from webapp.models import Role
from webapp.services import holds, purging, retention
from webapp.services.purging import Preview
from webapp.services.retention import KINDS, Terms
from webapp.storage import StoreError
from webapp.views.access import reader, requires

pages = Blueprint("retention", __name__)

Answer = str | Response | tuple[str, int]

PURGES_SHOWN = 50
PREVIEWED = 5_000  # files: a page does not count more


@pages.get("/retention")
@requires(Role.VIEWER)
def index() -> str:
    return retention_page(filled(retention.set_terms(db_session())))


@pages.post("/retention")
@requires(Role.ADMIN)
def change() -> Answer:
    """First what it would mean is shown; it is done once that was confirmed."""
    form = PolicyForm()
    if not form.validate():
        return retention_page(form), 422
    before, wanted = retention.set_terms(db_session()).days, form.wanted()
    changes = [(kind, before.get(kind), days) for kind, days in wanted.items() if days != before.get(kind)]
    if not changes:
        flash(say("Nothing was changed."), "info")
        return redirect(url_for("retention.index"))
    if request.form.get("sure") != "y":
        terms = Terms({kind: days for kind, days in wanted.items() if days is not None})
        found = preview(terms)
        return render_template("retention/confirm.html", form=form, changes=changes, found=found, kinds=KINDS)
    retention.change(db_session(), reader(), wanted)
    db_session().commit()
    flash(say("Saved. A period acts a day after it was set: until then nothing is removed because of it."), "success")
    return redirect(url_for("retention.index"))


def retention_page(form: PolicyForm) -> str:
    before_id, sha256 = request.args.get("before", type=int), request.args.get("sha256", "").strip().lower()
    shown = retention.purges(db_session(), PURGES_SHOWN + 1, before_id, sha256 or None)
    return render_template(
        "retention/index.html",
        form=form,
        kinds=KINDS,
        policies=retention.policies(db_session()),
        acting=retention.terms(db_session()).days,
        grace=retention.GRACE,
        found=preview(retention.set_terms(db_session())),
        held=len(holds.list_holds(db_session())),
        purges=shown[:PURGES_SHOWN],
        older_id=shown[PURGES_SHOWN - 1].id if len(shown) > PURGES_SHOWN else None,
        is_first=before_id is None,
        sha256=sha256,
    )


def preview(terms: Terms) -> Preview | None:
    """None where the store does not answer."""
    try:
        return purging.preview(db_session(), app_settings(), terms, PREVIEWED)
    except StoreError:
        return None
