"""The rules, and changing a threshold."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from rules.model import Pack, Rule
from webapp.extensions import app_settings, db_session
from webapp.forms.rules import ThresholdForm
from webapp.models import Role
from webapp.services import rules
from webapp.tasks.rules import apply_pack
from webapp.views.access import reader, requires
from webapp.views.queueing import enqueue

pages = Blueprint("rules", __name__)

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Chosen:
    pack: Pack
    rule: Rule


@pages.get("/rules")
@requires(Role.VIEWER)
def index() -> str:
    return render_template("rules/index.html", pack=current_pack())


@pages.get("/rules/<rule_id>")
@requires(Role.VIEWER)
def show(rule_id: str) -> str:
    return rule_page(choose(rule_id))


@pages.post("/rules/<rule_id>")
@requires(Role.ADMIN)
def change(rule_id: str) -> Answer:
    chosen = choose(rule_id)
    form = ThresholdForm()
    if form.threshold.data not in chosen.rule.thresholds:
        abort(404)
    if not form.validate():
        return rule_page(chosen, form), 422
    if request.form.get("step") != "save":
        return rule_page(chosen, form, preview_of(chosen, form))
    return save(chosen, form)


def save(chosen: Chosen, form: ThresholdForm) -> Response:
    saved = rules.change_threshold(
        db_session(),
        reader(),
        app_settings().pack,
        chosen.rule.id,
        form.threshold.data,
        form.value.data,
        form.reason.data.strip(),
    )
    db_session().commit()
    if enqueue(apply_pack):
        flash(f"Saved as version {saved.version}. The queue is being updated.", "success")
    else:
        flash(f"Saved as version {saved.version}. The queue follows once a worker runs.", "warning")
    return redirect(url_for("rules.show", rule_id=chosen.rule.id))


def preview_of(chosen: Chosen, form: ThresholdForm) -> rules.Preview:
    return rules.preview_threshold(
        db_session(), app_settings().pack, chosen.rule.id, form.threshold.data, form.value.data
    )


def current_pack() -> Pack:
    return rules.current_pack(db_session(), app_settings().pack)


def choose(rule_id: str) -> Chosen:
    pack = current_pack()
    rule = pack.find_rule(rule_id)
    return Chosen(pack, rule) if rule is not None else abort(404)


def rule_page(chosen: Chosen, form: ThresholdForm | None = None, preview: rules.Preview | None = None) -> str:
    history = rules.history(db_session(), chosen.rule.id)
    forms = {name: form_of(chosen.rule, name, form) for name in chosen.rule.thresholds}
    return render_template(
        "rules/show.html", pack=chosen.pack, rule=chosen.rule, forms=forms, preview=preview, sent=form, history=history
    )


def form_of(rule: Rule, name: str, sent: ThresholdForm | None) -> ThresholdForm:
    """What was sent for this threshold keeps what was typed; the others show the value that stands."""
    if sent is not None and sent.threshold.data == name:
        return sent
    return ThresholdForm(formdata=None, threshold=name, value=rule.thresholds[name].value)
