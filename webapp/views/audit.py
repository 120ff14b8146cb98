"""Who did what, newest first; whether the log is what it was; the log as a file."""

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, stream_with_context, url_for
from werkzeug.wrappers import Response as Answer

from webapp.exporters import log
from webapp.extensions import app_settings, db_session
from webapp.forms.audit import AuditForm
from webapp.language import say
from webapp.models import Role
from webapp.services import audit, chain, signing, verifying
from webapp.tasks.audit import verify as verify_later
from webapp.tasks.sending import enqueue
from webapp.views.access import reader, requires

pages = Blueprint("audit", __name__)

ENTRIES_SHOWN = 50
AT_ONCE = 20_000  # entries: a page that verifies more would let its reader wait for longer than a second


@pages.get("/audit")
@requires(Role.LEAD)
def index() -> str:
    form = AuditForm(request.args)
    filters, before_id = form.read(), request.args.get("before", type=int)
    entries = audit.recent(db_session(), ENTRIES_SHOWN + 1, before_id, filters)
    return render_template(
        "audit/index.html",
        entries=entries[:ENTRIES_SHOWN],
        older_id=entries[ENTRIES_SHOWN - 1].id if len(entries) > ENTRIES_SHOWN else None,
        is_first=before_id is None,
        form=form,
        actions=audit.actions(db_session()),
        actors=audit.actors(db_session()),
        head=chain.head(db_session()),
        key=signing.signing_key(app_settings().home),
        unsealed=chain.count_unsealed(db_session()),
        verified=audit.last_verification(db_session()),
    )


@pages.post("/audit/verify")
@requires(Role.LEAD)
def verify() -> Answer:
    """At once where the log is short, else in the background; the result is an entry of the log itself."""
    if audit.newest_id(db_session()) > AT_ONCE:
        if enqueue(verify_later, reader().name):
            flash(
                say("The log is being verified. The result stands here in a minute or so; load the page again."), "info"
            )
        else:
            flash(say("The queue does not answer: run `tuskline audit verify` in a terminal."), "warning")
        return redirect(url_for("audit.index"))
    result = verifying.verify_home(db_session(), app_settings().home)
    audit.note_verification(db_session(), reader().name, result)
    db_session().commit()
    flash(result.words, "success" if result.is_whole else "warning")
    return redirect(url_for("audit.index"))


@pages.get("/audit/entries.csv")
@requires(Role.LEAD)
def download() -> Answer:
    """The entries under the filters of the address; that they were taken away is in the log too."""
    form = AuditForm(request.args)
    filters = form.read()
    audit.record(db_session(), reader().name, "audit.export", "audit:log", format="csv", filters=form.arguments)
    db_session().commit()
    rows = log.lines(audit.read_all(db_session(), filters))
    answer = Response(stream_with_context(rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=tuskline-audit.csv"
    return answer


@pages.get("/audit/head.json")
@requires(Role.LEAD)
def export_head() -> Answer:
    """The signed end of the chain, to be kept elsewhere; an empty object while nothing is sealed."""
    head = chain.head(db_session())
    audit.record(db_session(), reader().name, "audit.head", "audit:log", seal=head.number if head else None)
    db_session().commit()
    answer = jsonify(head.to_json() if head else {})
    answer.headers["Content-Disposition"] = "attachment; filename=tuskline-audit-head.json"
    return answer
