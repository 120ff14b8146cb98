"""Signing in and out."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from flask_login import logout_user
from werkzeug.wrappers import Response

from webapp.extensions import db_session, limiter
from webapp.forms.sessions import SignInForm
from webapp.models import Role
from webapp.services import users
from webapp.views.access import local_path, requires, signed_in, start_session

pages = Blueprint("sessions", __name__)

Answer = str | Response | tuple[str, int]


def attempted_name() -> str:
    """One account is guarded whatever the number of addresses that guess at it."""
    return request.form.get("name", "").strip().casefold()[:80] or get_remote_address()


def is_refused(response: Response) -> bool:
    """Only a wrong password counts against the limit."""
    return response.status_code == 401


@pages.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("20 per minute", methods=["POST"], deduct_when=is_refused)
@limiter.limit("8 per minute", methods=["POST"], key_func=attempted_name, deduct_when=is_refused)
def sign_in() -> Answer:
    if signed_in():
        return redirect(after_sign_in())
    form = SignInForm()
    if not form.validate_on_submit():
        return sign_in_page(form, 422 if form.is_submitted() else 200)
    user = users.authenticate(db_session(), form.name.data.strip(), form.password.data)
    db_session().commit()
    if user is None:
        form.password.errors = ["This name and password do not belong together, or the account is switched off."]
        return sign_in_page(form, 401)
    start_session(user)
    return redirect(after_sign_in())


def sign_in_page(form: SignInForm, status: int) -> tuple[str, int]:
    return render_template("sessions/sign_in.html", form=form), status


def after_sign_in() -> str:
    return local_path(request.args.get("next")) or url_for("overview.show")


@pages.post("/sign-out")
@requires(Role.VIEWER)
def sign_out() -> Response:
    logout_user()
    flash("You are signed out.", "info")
    return redirect(url_for("sessions.sign_in"))
