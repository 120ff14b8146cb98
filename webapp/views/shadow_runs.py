"""One shadow run: what it would have flagged, and the decision about it."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from rules.model import Rule
from webapp.extensions import app_pack, app_settings, db_session
from webapp.forms.rules import PromoteForm, RejectForm
from webapp.language import say
from webapp.models import Role, ShadowRun, User
from webapp.services import shadow, team
from webapp.tasks.rules import apply_pack
from webapp.tasks.sending import enqueue
from webapp.views.access import reader, requires

pages = Blueprint("shadow_runs", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/shadow-runs/<int:run_id>")
@requires(Role.VIEWER)
def show(run_id: int) -> str:
    return run_page(find_or_404(run_id), PromoteForm(formdata=None), RejectForm(formdata=None))


@pages.post("/shadow-runs/<int:run_id>/promote")
@requires(Role.LEAD)
def promote(run_id: int) -> Answer:
    run, form = find_or_404(run_id), PromoteForm()
    if not form.validate():
        return run_page(run, form, RejectForm(formdata=None)), 422
    changes = shadow.promote(db_session(), reader(), app_settings().pack, run_id, (form.note.data or "").strip())
    db_session().commit()
    number = changes[-1].version
    if enqueue(apply_pack):
        flash(say("Version %(number)s is in force. The queue is being updated.", number=number), "success")
    else:
        flash(say("Version %(number)s is in force. The queue follows once a worker runs.", number=number), "warning")
    return redirect(url_for("rules.version", rule_id=run.rule, number=number))


@pages.post("/shadow-runs/<int:run_id>/reject")
@requires(Role.LEAD)
def reject(run_id: int) -> Answer:
    run, form = find_or_404(run_id), RejectForm()
    if not form.validate():
        return run_page(run, PromoteForm(formdata=None), form), 422
    shadow.reject(db_session(), reader(), run_id, form.note.data.strip())
    db_session().commit()
    flash(say("Shadow run %(number)s is rejected. The rule stays as it is.", number=run_id), "success")
    return redirect(url_for("shadow_runs.show", run_id=run_id))


def find_or_404(run_id: int) -> ShadowRun:
    run = shadow.find(db_session(), run_id)
    return run if run is not None else abort(404)


def run_page(run: ShadowRun, promote_form: PromoteForm, reject_form: RejectForm) -> str:
    rule = app_pack().find_rule(run.rule)
    flags = request.args.get("side") != "lost"
    page = shadow.hits(db_session(), run, app_settings().pack, flags, request.args.get("before", type=int))
    return render_template(
        "rules/shadow_run.html",
        run=run,
        rule=rule,
        is_stale=is_stale(run, rule),
        may_promote=may_promote(run, reader()),
        progress=shadow.progress(db_session(), run),
        flags=flags,
        page=page,
        promote_form=promote_form,
        reject_form=reject_form,
    )


def is_stale(run: ShadowRun, rule: Rule | None) -> bool:
    return rule is None or rule.version != run.base_version


def may_promote(run: ShadowRun, user: User) -> bool:
    """A second person, or the first where the team allows that."""
    return run.user_id != user.id or team.choices(db_session()).lone_promotion
