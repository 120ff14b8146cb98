"""How good the findings are: figures, agreement, disputes and appeals, recall audits, and who is looked at again."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response

from webapp.db import now
from webapp.extensions import app_pack, db_session
from webapp.forms.quality import AppealForm, LastWordForm, PolicyForm, SliceForm
from webapp.language import say
from webapp.models import RecallAudit, RecheckKind, RecheckState, Role, Verdict
from webapp.services import adjudication, agreement, blind, items, quality, recall, rechecks, team
from webapp.services.errors import Refused
from webapp.views.access import reader, requires
from webapp.views.evidence import note_view
from webapp.views.review import chosen_of, look_of
from webapp.views.rows import found

pages = Blueprint("quality", __name__)

PERIODS = (7, 30, 90, 365)
DAYS_SHOWN = 30

Answer = str | Response | tuple[str, int]


@pages.get("/quality")
@requires(Role.VIEWER)
def show() -> str:
    return quality_page(PolicyForm(formdata=None))


@pages.post("/quality/policies")
@requires(Role.LEAD)
def set_policy() -> Answer:
    form = PolicyForm()
    form.rule.choices = rule_choices()
    if not form.validate():
        return quality_page(form), 422
    rechecks.set_policy(db_session(), reader(), form.rule.data, form.percent.data)
    db_session().commit()
    flash(say("The share of second looks is set."), "success")
    return redirect(url_for("quality.show"))


@pages.get("/rechecks/<int:recheck_id>")
@requires(Role.LEAD)
def case(recheck_id: int) -> str:
    note_view(f"finding:{found(rechecks.find, recheck_id).finding_id}", recheck=recheck_id)
    return case_page(recheck_id, LastWordForm(formdata=None))


@pages.post("/rechecks/<int:recheck_id>")
@requires(Role.LEAD)
def settle(recheck_id: int) -> Answer:
    found(rechecks.find, recheck_id)
    form = LastWordForm()
    if not form.validate():
        return case_page(recheck_id, form), 422
    verdict, note = Verdict(form.verdict.data), (form.note.data or "").strip()
    recheck = adjudication.settle(db_session(), reader(), recheck_id, verdict, note)
    db_session().commit()
    upheld = recheck.state is RecheckState.UPHELD
    flash(say("The first decision is upheld.") if upheld else say("The first decision is overturned."), "success")
    return redirect(url_for("quality.show"))


@pages.post("/findings/<int:finding_id>/appeal")
@requires(Role.REVIEWER)
def appeal(finding_id: int) -> Response:
    form = AppealForm()
    if form.validate():
        try:
            found(adjudication.appeal, reader(), finding_id, form.claim.data, form.raised_by.data or "")
        except Refused as refusal:
            db_session().rollback()
            flash(str(refusal), "danger")
        else:
            db_session().commit()
            flash(say("The appeal waits for a lead."), "success")
    else:
        flash(" ".join(str(error) for errors in form.errors.values() for error in errors), "danger")
    return redirect(url_for("review.finding", finding_id=finding_id))


@pages.get("/quality/recall/new")
@requires(Role.LEAD)
def plan() -> Answer:
    form = SliceForm(request.args, meta={"csrf": False})
    if not form.validate():
        return quality_page(PolicyForm(formdata=None), form), 422
    try:
        planned = recall.plan(db_session(), app_pack(), form.from_at, form.to_at, form.size.data)
    except Refused as refusal:
        form.size.errors = [str(refusal)]
        return quality_page(PolicyForm(formdata=None), form), 422
    days = {"first_day": form.first_day.data, "last_day": form.last_day.data}
    return render_template("quality/plan.html", plan=planned, form=SliceForm(formdata=None, data=form.data), **days)


@pages.post("/quality/recall")
@requires(Role.LEAD)
def start() -> Answer:
    form = SliceForm()
    if not form.validate():
        return quality_page(PolicyForm(formdata=None), form), 422
    row = recall.start(db_session(), app_pack(), reader(), form.from_at, form.to_at, form.size.data)
    db_session().commit()
    flash(say("The recall audit is started: its items come into the queue blind."), "success")
    return redirect(url_for("quality.audit", audit_id=row.id))


@pages.get("/quality/recall/<int:audit_id>")
@requires(Role.VIEWER)
def audit(audit_id: int) -> str:
    row = found(recall.find, audit_id)
    return render_template("quality/audit.html", audit=row, **figures_of(row), finds=recall.finds(db_session(), row))


@pages.post("/quality/recall/<int:audit_id>/close")
@requires(Role.LEAD)
def close(audit_id: int) -> Response:
    found(recall.close, reader(), audit_id)
    db_session().commit()
    flash(say("The recall audit is ended as it stands."), "success")
    return redirect(url_for("quality.audit", audit_id=audit_id))


def quality_page(policy: PolicyForm, slice_form: SliceForm | None = None) -> str:
    session = db_session()
    days = request.args.get("days", DAYS_SHOWN, type=int)
    days = days if days in PERIODS else DAYS_SHOWN
    policy.rule.choices = rule_choices()
    to_at = now()
    from_at = to_at - timedelta(days=days)
    today = to_at.date()
    offered = SliceForm(formdata=None, first_day=today - timedelta(days=DAYS_SHOWN), last_day=today)
    return render_template(
        "quality/show.html",
        days=days,
        periods=PERIODS,
        figures=quality.figures(session, from_at, to_at),
        agreements=agreement.agreements(session, from_at, to_at),
        cases=adjudication.open_cases(session),
        waiting=rechecks.count_waiting(session),
        mine=blind.count_waiting(session, reader()) if reader().role.covers(Role.REVIEWER) else 0,
        audits=[(row, figures_of(row)) for row in recall.audits(session)],
        policies=rechecks.policies(session),
        sample_percent=team.choices(session).second_look_percent,
        policy_form=policy,
        slice_form=slice_form or offered,
    )


def case_page(recheck_id: int, form: LastWordForm) -> str:
    recheck = found(rechecks.find, recheck_id)
    if recheck.kind is not RecheckKind.APPEAL and recheck.second is None:
        abort(404)  # it waits for its second look, and nobody is told of it
    pictures = items.pictures_of(recheck.finding)
    return render_template(
        "quality/case.html",
        recheck=recheck,
        form=form,
        fitness=adjudication.fit_to_settle(db_session(), reader(), recheck),
        is_open=adjudication.is_open(db_session(), recheck),
        pictures=pictures,
        chosen=chosen_of(recheck.finding, pictures),
        look_now=look_of(pictures),
    )


def figures_of(row: RecallAudit) -> dict[str, object]:
    estimate = recall.estimate(db_session(), row)
    missed, share = quality.recall_of_audit(db_session(), row, estimate)
    return {"estimate": estimate, "missed": missed, "share": share}


def rule_choices() -> list[tuple[str, str]]:
    return [(rule.id, rule.id) for rule in app_pack().rules]


@pages.record_once
def add_filters(setup: BlueprintSetupState) -> None:
    for name, function in FILTERS.items():
        setup.app.add_template_filter(function, name)


FILTERS: dict[str, Callable[..., str]] = {
    "figure_title": quality.title_of,
    "figure_words": quality.words_of,
    "kappa_words": quality.kappa_words,
    "stage_words": adjudication.stage_words,
    "stratum_words": quality.stratum_words,
}
