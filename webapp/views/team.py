"""What the team has chosen for itself, and who may do what."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.forms.team import TeamForm, team_form
from webapp.language import say
from webapp.models import Role
from webapp.services import team
from webapp.services.errors import Refused
from webapp.services.tokens import GRANTS
from webapp.views.access import reader, requires
from webapp.views.countries import offer_countries
from webapp.views.deeds import list_rooms

pages = Blueprint("team", __name__)


@pages.get("/team")
@requires(Role.LEAD)
def show() -> str:
    return team_page(form_of(team.choices(db_session())))


@pages.post("/team")
@requires(Role.ADMIN)
def change() -> str | Response | tuple[str, int]:
    form = form_of()
    if not form.validate():
        return team_page(form), 422
    try:
        team.choose(db_session(), reader(), **form.values())
    except Refused as fault:
        db_session().rollback()
        form.form_errors.append(str(fault))
        return team_page(form), 422
    db_session().commit()
    flash(say("Saved: this holds for everybody from now on."), "success")
    return redirect(url_for("team.show"))


@pages.get("/team/roles")
@requires(Role.VIEWER)
def roles() -> str:
    return render_template("team/roles.html", rooms=list_rooms(), roles=list(Role), grants=GRANTS)


def form_of(choices: team.TeamChoices | None = None) -> TeamForm:
    form = team_form(choices)
    offer_countries(form["country"])
    return form


def team_page(form: TeamForm) -> str:
    return render_template("team/show.html", form=form)
