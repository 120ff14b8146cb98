"""The models: what is installed, what each is worth, and the work on them."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from rules.evidence import CONCEPTS
from rules.model import Pack
from webapp.extensions import app_pack, app_settings, app_store, db_session
from webapp.forms.models import TrainForm, TryForm
from webapp.language import say
from webapp.models import JobKind, Role
from webapp.services import jobs, lessons, models, reviewed
from webapp.services.errors import NotFound, Refused
from webapp.services.models import ModelView, Zoo
from webapp.tasks.jobs import run_job
from webapp.tasks.sending import enqueue
from webapp.views.access import reader, requires

pages = Blueprint("models", __name__)

Answer = str | Response | tuple[str, int]

JOBS_SHOWN = 15


@dataclass(frozen=True)
class Chosen:
    """One model among all, under the pack in force."""

    pack: Pack
    zoo: Zoo
    model: ModelView


@pages.get("/models")
@requires(Role.VIEWER)
def index() -> str:
    return models_page(TryForm(formdata=None))


@pages.get("/models/<name>")
@requires(Role.VIEWER)
def show(name: str) -> str:
    return model_page(choose(name), TryForm(formdata=None))


@pages.post("/models/<name>/<any(install, remove, verify, measure):kind>")
@requires(Role.ADMIN)
def start(name: str, kind: str) -> Response:
    model = choose(name).model
    job, is_new = jobs.ensure(db_session(), JobKind(kind), reader().name, model.name)
    db_session().commit()
    if not is_new:
        flash(say("%(title)s is being worked on already: that has to end first.", title=model.title), "info")
    elif not enqueue(run_job, job.id):
        flash(say("It is noted, but the queue does not answer. It starts once a worker runs."), "warning")
    return redirect(url_for("models.show", name=model.name))


@pages.post("/models/<name>/primary")
@requires(Role.ADMIN)
def put_first(name: str) -> Response:
    chosen = choose(name)
    models.make_primary(db_session(), app_settings().models_dir, chosen.pack.cascade, chosen.model.name, reader())
    db_session().commit()
    flash(say("%(title)s speaks first from the next scan on.", title=chosen.model.title), "success")
    return redirect(url_for("models.show", name=chosen.model.name))


@pages.post("/models/train")
@requires(Role.ADMIN)
def train() -> Answer:
    zoo, form = view_zoo(app_pack()), TrainForm()
    offer(form, zoo)
    if not form.validate():
        return models_page(TryForm(formdata=None), form), 422
    try:
        job = lessons.ask(
            db_session(), app_settings(), zoo, reader(), form.name.data, form.backbone.data, form.concepts.data
        )
    except Refused as error:
        form.name.errors = [str(error)]
        return models_page(TryForm(formdata=None), form), 422
    db_session().commit()
    if not enqueue(run_job, job.id):
        flash(say("It is noted, but the queue does not answer. It starts once a worker runs."), "warning")
    return redirect(url_for("jobs.show", job_id=job.id))


def offer(form: TrainForm, zoo: Zoo) -> dict[str, int]:
    """Fill in what may be chosen; pictures by concept."""
    counts = reviewed.count_by_concept(reviewed.reviewed_photos(db_session(), app_store()))
    confirmed = [(concept, count) for concept, count in counts.items() if concept != lessons.OTHER]
    form.offer([(model.name, model.title) for model in zoo.installed if model.is_whole], confirmed)
    return counts


def view_zoo(pack: Pack) -> Zoo:
    settings = app_settings()
    return models.view_zoo(db_session(), settings.models_dir, pack.cascade, settings.device, settings.wishes)


def choose(name: str) -> Chosen:
    pack = app_pack()
    zoo = view_zoo(pack)
    try:
        return Chosen(pack, zoo, models.find(zoo, name))
    except NotFound:
        abort(404)


def models_page(form: TryForm, train_form: TrainForm | None = None) -> str:
    zoo = view_zoo(app_pack())
    under_way = jobs.unfinished(db_session()).values()
    sent = train_form is not None
    train_form = train_form or TrainForm(formdata=None)
    return render_template(
        "models/index.html",
        zoo=zoo,
        form=form,
        train_form=train_form,
        train_sent=sent,
        jobs=jobs.newest(db_session(), JOBS_SHOWN),
        under_way=[job for job in under_way if job.kind is not JobKind.TRY],
        lesson=offer(train_form, zoo),
    )


def model_page(chosen: Chosen, form: TryForm) -> str:
    model = chosen.model
    marks = reviewed.marks_of(chosen.pack)
    return render_template(
        "models/show.html",
        model=model,
        zoo=chosen.zoo,
        form=form,
        jobs=jobs.newest(db_session(), JOBS_SHOWN, model.name),
        concepts=CONCEPTS,
        labels=models.labels_by_concept(model),
        ways=models.ways_to(model),
        measured=reviewed.figures(db_session(), model.installed, marks) if model.installed else [],
    )
