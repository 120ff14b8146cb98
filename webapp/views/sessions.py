"""Signing in, in one step or two, and out."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_limiter.util import get_remote_address
from flask_login import logout_user
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session, limiter
from webapp.forms.sessions import CodeForm, LinkForm, SignInForm
from webapp.language import say
from webapp.models import Role, User
from webapp.security import FORGET
from webapp.services import attempts, links, second_factor, sign_ins, users
from webapp.views import browsers
from webapp.views.access import (
    HALFWAY_S,
    clear_session,
    halfway,
    local_path,
    mark,
    reader,
    requires,
    signed_in,
    start_session,
    wait_halfway,
)

pages = Blueprint("sessions", __name__)

Answer = str | Response | tuple[str, int]


def attempted_name() -> str:
    return request.form.get("name", "").strip().casefold()[:80] or get_remote_address()


def name_and_address() -> str:
    return f"{attempted_name()} {get_remote_address()}"


def name_and_browser() -> str:
    """One account is guarded whatever the number of addresses that guess at it, and those of its owner are left out."""
    name = attempted_name()
    return f"{name} {get_remote_address()} known" if browsers.is_known(name) else name


def is_refused(response: Response) -> bool:
    """Only a wrong password or code counts against the limit."""
    return response.status_code == 401


# In memory, for each process: they keep floods from the database, whose own count (services.attempts) holds for all.
@pages.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("20 per minute", methods=["POST"], deduct_when=is_refused)
@limiter.limit("8 per minute", methods=["POST"], key_func=name_and_address, deduct_when=is_refused)
@limiter.limit("40 per 15 minutes", methods=["POST"], key_func=name_and_browser, deduct_when=is_refused)
def sign_in() -> Answer:
    if signed_in():
        return redirect(asked_for() or url_for("overview.show"))
    form = SignInForm()
    if form.is_submitted() and not app_settings().local_sign_in:
        abort(403)
    if not form.validate_on_submit():
        return sign_in_page(form, 422 if form.is_submitted() else 200)
    name = form.name.data.strip()
    user = users.find_user(db_session(), name)
    is_known = browsers.is_known(name)
    if user is not None and attempts.is_barred(db_session(), user, attempts.PASSWORD, is_known):
        form.password.errors = [too_many()]
        return sign_in_page(form, 429)
    if users.authenticate(db_session(), name, form.password.data) is None or user is None:
        if user is not None:
            attempts.note_failure(db_session(), user, attempts.PASSWORD, is_known)
        db_session().commit()
        form.password.errors = [say("This name and password do not belong together, or the account is switched off.")]
        return sign_in_page(form, 401)
    return go_on(user, "password", asked_for())


def go_on(user: User, way: str, target: str | None) -> Response:
    """After a first step that was right: to the second, where they have one, else in. target: the page they want."""
    if second_factor.is_on(user):
        db_session().commit()
        wait_halfway(user, way)
        return redirect(url_for("sessions.second_step", next=target))
    return enter(user, way, target)


def enter(user: User, way: str, target: str | None, by: str = "") -> Response:
    """by: the second step, where there was one."""
    start_session(user, way, by)
    return redirect(target or url_for("overview.show"))


@pages.route("/sign-in/code", methods=["GET", "POST"])
@limiter.limit("20 per minute", methods=["POST"], deduct_when=is_refused)
def second_step() -> Answer:
    held = halfway()
    if held is None:
        flash(say("The time for the second step is over; begin again."), "info")
        return redirect(url_for("sessions.sign_in", next=asked_for()))
    user, way = held
    form = CodeForm()
    if not form.validate_on_submit():
        return code_page(form, 422 if form.is_submitted() else 200)
    is_known = browsers.is_known(user.name)
    if attempts.is_barred(db_session(), user, attempts.CODE, is_known):
        form.code.errors = [too_many()]
        return code_page(form, 429)
    by = kind_of(user, form.code.data)
    if by is None:
        attempts.note_failure(db_session(), user, attempts.CODE, is_known)
        db_session().commit()
        form.code.errors = [say("This code does not count; enter the one that the app shows now.")]
        return code_page(form, 401)
    answer = enter(user, way, asked_for(), by)
    if by == "recovery code":
        warn_of_codes_left(user)
    return answer


def kind_of(user: User, code: str) -> str | None:
    """Which kind of code it was, now used; None where it does not count."""
    if second_factor.take_code(db_session(), app_settings().secret_key, user, code):
        return "code"
    return "recovery code" if second_factor.take_recovery_code(db_session(), user, code) else None


def warn_of_codes_left(user: User) -> None:
    left = second_factor.codes_left(db_session(), user)
    flash(
        say("That recovery code is used up. Codes left: %(left)s. New ones are made in your settings.", left=left),
        "warning",
    )


def too_many() -> str:
    return say(
        "There were too many wrong attempts at this account. Try again in a quarter of an hour, or in a browser in "
        "which you signed in before."
    )


@pages.route("/sign-in/link/<sealed>", methods=["GET", "POST"])
@limiter.limit("20 per minute")
def sign_in_by_link(sealed: str) -> Answer:
    """Whatever looks at a link before its reader does must not use it up: a button does."""
    form = LinkForm()
    if not form.validate_on_submit():
        return render_template("sessions/link.html", form=form)
    user = links.take(db_session(), app_settings().secret_key, sealed)
    if user is None:
        return render_template("sessions/link.html", form=form, is_void=True), 401
    return go_on(user, "link", None)


def sign_in_page(form: SignInForm, status: int) -> tuple[str, int]:
    settings = app_settings()
    provider = url_for("openid.begin", next=asked_for()) if settings.oidc_issuer else None
    page = render_template("sessions/sign_in.html", form=form, provider=provider, is_local=settings.local_sign_in)
    return page, status


def code_page(form: CodeForm, status: int) -> tuple[str, int]:
    return render_template("sessions/code.html", form=form, minutes=HALFWAY_S // 60), status


def asked_for() -> str | None:
    """The page that was asked for before the sign-in."""
    return local_path(request.args.get("next"))


@pages.post("/sign-out")
@requires(Role.VIEWER)
def sign_out() -> Response:
    sign_ins.end(db_session(), reader(), reader(), mark())
    db_session().commit()
    logout_user()
    clear_session()
    flash(say("You are signed out."), "info")
    answer = redirect(url_for("sessions.sign_in"))
    answer.headers["Clear-Site-Data"] = FORGET
    return answer
