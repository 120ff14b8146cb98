"""Hosts that no crawl asks."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.forms.hosts import StopForm
from webapp.language import say
from webapp.models import Role
from webapp.services import hosts
from webapp.services.errors import Refused
from webapp.views.access import reader, requires
from webapp.views.rows import found

pages = Blueprint("hosts", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/hosts")
@requires(Role.VIEWER)
def index() -> str:
    return hosts_page(StopForm(formdata=None))


@pages.post("/hosts")
@requires(Role.REVIEWER)
def stop() -> Answer:
    form = StopForm()
    if not form.validate():
        return hosts_page(form), 422
    try:
        row = hosts.stop(db_session(), form.host.data, form.reason.data, reader().name)
    except Refused as fault:
        form.host.errors = [str(fault)]
        return hosts_page(form), 422
    db_session().commit()
    flash(
        say("No crawl asks %(host)s from now on; one that runs stops asking it within seconds.", host=row.host),
        "success",
    )
    return redirect(url_for("hosts.index"))


@pages.post("/hosts/<int:host_id>/allow")
@requires(Role.REVIEWER)
def allow(host_id: int) -> Response:
    name = found(hosts.allow, host_id, reader().name)
    db_session().commit()
    flash(say("Crawls may ask %(name)s again.", name=name), "success")
    return redirect(url_for("hosts.index"))


def hosts_page(form: StopForm) -> str:
    return render_template("hosts/index.html", form=form, hosts=hosts.list_stopped(db_session()))
