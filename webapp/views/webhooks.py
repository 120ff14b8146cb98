"""Systems that are told what happens, and what became of each message."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session
from webapp.forms.webhooks import EventsForm, NewWebhookForm, told_words
from webapp.language import say
from webapp.models import Role, Webhook
from webapp.services import webhooks
from webapp.services.errors import Refused
from webapp.tasks.sending import enqueue
from webapp.tasks.webhooks import deliver
from webapp.views.access import reader, requires
from webapp.views.rows import found

pages = Blueprint("webhooks", __name__)
pages.app_template_filter("told_words")(told_words)

Answer = str | Response | tuple[str, int]


@pages.get("/webhooks")
@requires(Role.ADMIN)
def index() -> str:
    return index_page(NewWebhookForm(formdata=None))


@pages.post("/webhooks")
@requires(Role.ADMIN)
def create() -> Answer:
    form = NewWebhookForm()
    if not form.validate():
        return index_page(form), 422
    try:
        hook, secret = webhooks.create(
            db_session(), reader(), app_settings(), form.name.data.strip(), form.url.data.strip(), form.events.data
        )
    except Refused as fault:
        form.url.errors = [str(fault)]
        return index_page(form), 422
    db_session().commit()
    return webhook_page(hook, secret)


@pages.get("/webhooks/<int:webhook_id>")
@requires(Role.ADMIN)
def show(webhook_id: int) -> str:
    return webhook_page(found(webhooks.find, webhook_id))


@pages.post("/webhooks/<int:webhook_id>")
@requires(Role.ADMIN)
def change(webhook_id: int) -> Answer:
    hook = found(webhooks.find, webhook_id)
    form = EventsForm()
    try:
        webhooks.change(db_session(), reader(), hook, form.events.data or [], bool(form.is_active.data))
    except Refused as fault:
        form.events.errors = [str(fault)]
        return webhook_page(hook, form=form), 422
    db_session().commit()
    flash(say("Saved."), "success")
    return redirect(url_for("webhooks.show", webhook_id=hook.id))


@pages.post("/webhooks/<int:webhook_id>/ping")
@requires(Role.ADMIN)
def ping(webhook_id: int) -> Response:
    hook = found(webhooks.find, webhook_id)
    webhooks.ping(db_session(), reader(), hook)
    db_session().commit()
    tell_of_sending()
    return redirect(url_for("webhooks.show", webhook_id=hook.id))


@pages.post("/webhooks/messages/<int:delivery_id>/again")
@requires(Role.ADMIN)
def send_again(delivery_id: int) -> Response:
    message = found(webhooks.send_again, reader(), delivery_id)
    db_session().commit()
    tell_of_sending()
    return redirect(url_for("webhooks.show", webhook_id=message.webhook_id))


@pages.post("/webhooks/<int:webhook_id>/delete")
@requires(Role.ADMIN)
def remove(webhook_id: int) -> Response:
    webhooks.remove(db_session(), reader(), found(webhooks.find, webhook_id))
    db_session().commit()
    flash(say("The webhook and its messages are deleted."), "success")
    return redirect(url_for("webhooks.index"))


def tell_of_sending() -> None:
    if enqueue(deliver):
        flash(say("The message is on its way; load this page again to see what became of it."), "info")
    else:
        flash(say("The message goes once a worker runs."), "warning")


def index_page(form: NewWebhookForm) -> str:
    return render_template("webhooks/index.html", form=form, webhooks=webhooks.list_webhooks(db_session()))


def webhook_page(hook: Webhook, secret: str | None = None, form: EventsForm | None = None) -> str:
    form = form or EventsForm(formdata=None, events=hook.events, is_active=hook.is_active)
    messages = webhooks.recent(db_session(), hook)
    return render_template("webhooks/show.html", hook=hook, form=form, secret=secret, messages=messages)
