"""The rules, and the workbench on which a new threshold is weighed before it is proposed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from rules.model import Pack, Rule
from webapp.charts import LineChart
from webapp.extensions import app_pack, app_settings, db_session
from webapp.forms.rules import ReasonForm, ThresholdForm
from webapp.language import say
from webapp.models import Role, ShadowRun, ShadowState
from webapp.services import curves, shadow, versions, workbench
from webapp.services.errors import NotFound
from webapp.services.versions import Tally, Version
from webapp.services.workbench import Preview
from webapp.views.access import reader, requires
from webapp.views.rule_charts import chart_of

pages = Blueprint("rules", __name__)

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Chosen:
    pack: Pack
    rule: Rule


@dataclass(frozen=True)
class Weighed:
    """What was sent for a threshold, and what it would do; empty where nothing was sent."""

    form: ThresholdForm | None = None
    preview: Preview | None = None
    values: Mapping[str, float] = field(default_factory=dict)


@pages.get("/rules")
@requires(Role.VIEWER)
def index() -> str:
    return render_template(
        "rules/index.html",
        pack=app_pack(),
        tallies=versions.tally_rules(db_session()),
        running=versions.count_running(db_session()),
        nothing=Tally(),
    )


@pages.get("/rules/<rule_id>")
@requires(Role.VIEWER)
def show(rule_id: str) -> str:
    return rule_page(choose(rule_id))


@pages.post("/rules/<rule_id>")
@requires(Role.LEAD)
def change(rule_id: str) -> Answer:
    """Shows what a new threshold would do, or proposes it."""
    chosen = choose(rule_id)
    form = ThresholdForm()
    if form.threshold.data not in chosen.rule.thresholds:
        abort(404)
    if not form.validate():
        return rule_page(chosen, Weighed(form)), 422
    values = {form.threshold.data: form.value.data}
    if request.form.get("step") == "propose":
        run = shadow.propose(db_session(), reader(), app_settings().pack, rule_id, values, form.reason.data.strip())
        return begin(run)
    return rule_page(chosen, Weighed(form, workbench.preview(db_session(), chosen.pack, chosen.rule, values), values))


@pages.get("/rules/<rule_id>/versions/<int:number>")
@requires(Role.VIEWER)
def version(rule_id: str, number: int) -> str:
    return version_page(choose(rule_id), number, ReasonForm(formdata=None))


@pages.post("/rules/<rule_id>/versions/<int:number>")
@requires(Role.LEAD)
def restore(rule_id: str, number: int) -> Answer:
    """Shows what an older version's values would do now, or proposes them."""
    chosen, form = choose(rule_id), ReasonForm()
    older = find_version(versions_of(chosen), number)
    if not form.validate():
        return version_page(chosen, number, form), 422
    if request.form.get("step") == "propose":
        run = shadow.propose_restoring(
            db_session(), reader(), app_settings().pack, rule_id, number, form.reason.data.strip()
        )
        return begin(run)
    values = shadow.changed_values(chosen.rule, older.values)
    return version_page(chosen, number, form, workbench.preview(db_session(), chosen.pack, chosen.rule, values))


@pages.get("/rules/<rule_id>/compare")
@requires(Role.VIEWER)
def compare(rule_id: str) -> str:
    """Two versions side by side; the newest two unless others are asked for."""
    chosen = choose(rule_id)
    found = versions_of(chosen)
    newest = found[0].number
    first = find_version(found, request.args.get("first", max(newest - 1, 1), type=int))
    second = find_version(found, request.args.get("second", newest, type=int))
    return render_template(
        "rules/compare.html", rule=chosen.rule, versions=found, pair=sorted((first, second), key=lambda one: one.number)
    )


def begin(run: ShadowRun) -> Response:
    db_session().commit()
    flash(
        say("Shadow run %(number)s has begun. New scans are judged by it too, and it flags nobody.", number=run.id),
        "success",
    )
    return redirect(url_for("shadow_runs.show", run_id=run.id))


def choose(rule_id: str) -> Chosen:
    pack = app_pack()
    rule = pack.find_rule(rule_id)
    return Chosen(pack, rule) if rule is not None else abort(404)


def versions_of(chosen: Chosen) -> list[Version]:
    return versions.versions(db_session(), app_settings().pack, chosen.rule.id)


def find_version(found: list[Version], number: int) -> Version:
    try:
        return versions.find_version(found, number)
    except NotFound:
        abort(404)


def rule_page(chosen: Chosen, weighed: Weighed | None = None) -> str:
    weighed = weighed or Weighed()
    rule, runs = chosen.rule, shadow.runs_of(db_session(), chosen.rule.id)
    tried = [value for run in runs if run.state is ShadowState.RUNNING for value in run.thresholds.values()]
    traced = curves.curves(db_session(), chosen.pack, rule, [*weighed.values.values(), *tried])
    return render_template(
        "rules/show.html",
        pack=chosen.pack,
        rule=rule,
        forms={name: form_of(rule, name, weighed.form) for name in rule.thresholds},
        sent=weighed.form,
        values=weighed.values,
        preview=weighed.preview,
        curves=traced,
        charts=charts_of(rule, traced, proposed_values(runs, rule) | dict(weighed.values)),
        runs=runs,
        versions=versions_of(chosen),
        tally=versions.tally_rule(db_session(), rule.id),
    )


def charts_of(rule: Rule, traced: Mapping[str, curves.Curve], proposed: Mapping[str, float]) -> dict[str, LineChart]:
    return {name: chart_of(curve, rule.thresholds[name].value, proposed.get(name)) for name, curve in traced.items()}


def proposed_values(runs: list[ShadowRun], rule: Rule) -> dict[str, float]:
    """By threshold name, of the shadow runs that are under way; the newest counts."""
    values: dict[str, float] = {}
    for run in reversed(runs):
        if run.state is ShadowState.RUNNING and run.base_version == rule.version:
            values |= run.thresholds
    return values


def version_page(chosen: Chosen, number: int, form: ReasonForm, preview: Preview | None = None) -> str:
    found = versions_of(chosen)
    return render_template(
        "rules/version.html",
        rule=chosen.rule,
        version=find_version(found, number),
        before=next((one for one in found if one.number == number - 1), None),
        form=form,
        preview=preview,
    )


def form_of(rule: Rule, name: str, sent: ThresholdForm | None) -> ThresholdForm:
    """What was sent for this threshold keeps what was typed; the others show the value that stands."""
    if sent is not None and sent.threshold.data == name:
        return sent
    return ThresholdForm(formdata=None, threshold=name, value=rule.thresholds[name].value)
