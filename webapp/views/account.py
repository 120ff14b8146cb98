"""One's own settings: how pages look, password, second factor, tokens, sign-ins."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import segno
from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session, limiter
from webapp.forms.account import AppearanceForm, ConfirmForm, LookForm, OwnPasswordForm, SwitchOffForm, TokenForm
from webapp.language import say
from webapp.models import Role, User
from webapp.services import attempts, preferences, second_factor, sign_ins, tokens, users
from webapp.services.errors import NotFound, Refused
from webapp.views.access import SIGNED_IN_AT, is_recent, lifetime, local_path, mark, reader, renew_session, requires
from webapp.views.countries import offer_countries
from webapp.views.sessions import too_many

pages = Blueprint("account", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/account")
@requires(Role.VIEWER)
def show() -> str:
    return account_page()


@pages.post("/account")
@requires(Role.VIEWER)
def change() -> Answer:
    user, form = reader(), AppearanceForm()
    offer_countries(form.country)
    if not form.validate():
        return account_page(appearance=form), 422
    user.language, user.theme = form.language.data or None, form.theme.data
    user.country = form.country.data or None
    preferences.keep(db_session(), user, country=None)  # what was looked at on a page meanwhile gives way
    db_session().commit()
    # The account's choice goes before what this browser was told while nobody was signed in.
    session.pop("language", None)
    session.pop("theme", None)
    flash(say("Your settings are saved."), "success")
    return redirect(url_for("account.show"))


@pages.post("/account/look")
@requires(Role.VIEWER)
def change_look() -> Answer:
    form = LookForm()
    if not form.validate():
        return account_page(), 422
    chosen = {"blur": form.blur.data, "grey": form.grey.data, "keys": form.keys.data}
    preferences.keep(db_session(), reader(), **chosen)
    db_session().commit()
    flash(say("Your settings are saved."), "success")
    return redirect(url_for("account.show"))


@pages.post("/account/password")
@limiter.limit("20 per minute")
@requires(Role.VIEWER)
def change_password() -> Answer:
    form, user = OwnPasswordForm(), reader()
    if not app_settings().local_sign_in or not users.has_password(user):
        abort(403)
    if not form.validate() or not is_own_password(form.current, user):
        return account_page(password=form), 422
    try:
        users.set_password(db_session(), user, user, form.password.data)
    except Refused as fault:
        form.password.errors = [str(fault)]
        return account_page(password=form), 422
    db_session().commit()
    renew_session(user)
    flash(say("You have a new password, and are signed out everywhere else."), "success")
    return redirect(url_for("account.show"))


def is_own_password(field: Any, user: User) -> bool:
    """Whether the password was entered; the field says so where it was not, which counts as at a sign-in."""
    if attempts.is_barred(db_session(), user, attempts.PASSWORD, is_known=True):
        field.errors = [too_many()]
        return False
    if users.has_own_password(user, field.data or ""):
        return True
    attempts.note_failure(db_session(), user, attempts.PASSWORD, is_known=True)
    db_session().commit()
    field.errors = [say("This is not your password.")]
    return False


@pages.post("/account/sign-ins/end")
@requires(Role.VIEWER)
def end_sign_ins() -> Response:
    user = reader()
    users.end_sign_ins(db_session(), user, user)
    db_session().commit()
    renew_session(user)
    flash(say("You are signed out everywhere else."), "success")
    return redirect(url_for("account.show"))


@pages.post("/account/sign-ins/<int:entry_id>/end")
@requires(Role.VIEWER)
def end_sign_in(entry_id: int) -> Response:
    user = reader()
    try:
        entry = sign_ins.find(db_session(), user, entry_id, lifetime())
    except NotFound:
        abort(404)
    sign_ins.end(db_session(), user, user, entry.facts["mark"])
    db_session().commit()
    flash(say("That browser is signed out."), "success")
    return redirect(url_for("account.show"))


@pages.get("/account/second-factor")
@requires(Role.VIEWER)
def factor() -> str:
    return factor_page(reader())


@pages.post("/account/second-factor")
@requires(Role.VIEWER)
def switch_factor_on() -> Answer:
    """Whoever finds a page open must not bind their own device to the account."""
    form, user = ConfirmForm(), reader()
    if not is_recent() and not users.has_password(user):
        raise Refused(say("Sign out and in again, then set up the second factor: your sign-in is an older one."))
    if not is_recent() and not is_own_password(form.password, user):
        return factor_page(user, confirm=form), 422
    return give_codes(second_factor.switch_on)


@pages.post("/account/second-factor/codes")
@requires(Role.VIEWER)
def renew_codes() -> Answer:
    return give_codes(second_factor.renew_codes)


def give_codes(make: Callable[[Session, str, User, str], list[str]]) -> Answer:
    """Recovery codes for a code of the device, which `make` takes; shown this once."""
    form, user = ConfirmForm(), reader()
    if not form.validate() or not may_try_code(form.code, user):
        return factor_page(user, confirm=form), 422
    try:
        codes = make(db_session(), app_settings().secret_key, user, form.code.data)
    except Refused as fault:
        refuse_code(form.code, user, str(fault))
        return factor_page(user, confirm=form), 422
    db_session().commit()
    return codes_page(codes)


@pages.post("/account/second-factor/off")
@requires(Role.VIEWER)
def switch_factor_off() -> Answer:
    form, user = SwitchOffForm(), reader()
    if not form.validate() or not may_switch_off(form, user):
        return factor_page(user, off=form), 422
    second_factor.switch_off(db_session(), user, user)
    db_session().commit()
    flash(say("Your second factor is off."), "success")
    return redirect(url_for("account.show"))


def may_switch_off(form: SwitchOffForm, user: User) -> bool:
    """Password (where there is one) and code; a wrong password spends no code."""
    if users.has_password(user) and not is_own_password(form.password, user):
        return False
    if not may_try_code(form.any_code, user):
        return False
    if second_factor.take_any(db_session(), app_settings().secret_key, user, form.any_code.data):
        return True
    refuse_code(form.any_code, user, say("This code does not count; enter the one that the app shows now."))
    return False


def may_try_code(field: Any, user: User) -> bool:
    if attempts.is_barred(db_session(), user, attempts.CODE, is_known=True):
        field.errors = [too_many()]
        return False
    return True


def refuse_code(field: Any, user: User, sentence: str) -> None:
    attempts.note_failure(db_session(), user, attempts.CODE, is_known=True)
    db_session().commit()
    field.errors = [sentence]


@pages.post("/account/tokens")
@requires(Role.VIEWER)
def create_token() -> Answer:
    user = reader()
    form = TokenForm().offer(user.role)
    if not form.validate():
        return account_page(token=form), 422
    try:
        made, text = tokens.create(db_session(), user, user, form.name.data, form.chosen(), form.lifetime())
    except Refused as fault:
        form.name.errors = [str(fault)]
        return account_page(token=form), 422
    db_session().commit()
    return render_template("account/token.html", token=made, text=text)


@pages.post("/account/tokens/<int:token_id>/revoke")
@requires(Role.VIEWER)
def revoke_token(token_id: int) -> Response:
    try:
        token = tokens.find(db_session(), token_id, reader())
    except NotFound:
        abort(404)
    tokens.revoke(db_session(), reader(), token)
    db_session().commit()
    flash(say("The token %(name)s counts no more.", name=token.name), "success")
    return redirect(url_for("account.show"))


def account_page(
    appearance: AppearanceForm | None = None,
    password: OwnPasswordForm | None = None,
    token: TokenForm | None = None,
) -> str:
    user, settings = reader(), app_settings()
    return render_template(
        "account/show.html",
        user=user,
        appearance=appearance or appearance_form(user),
        look_choices=look_form(user),
        password=password or OwnPasswordForm(formdata=None),
        has_password=settings.local_sign_in and users.has_password(user),
        token=token or TokenForm(formdata=None).offer(user.role),
        tokens=tokens.list_tokens(db_session(), user),
        is_good=tokens.is_good,
        codes_left=second_factor.codes_left(db_session(), user),
        is_required=second_factor.is_required(db_session(), user),
        sign_ins=sign_ins.in_force(db_session(), user, lifetime()),
        mine=mark(),
        since=signed_in_since(),
        until=signed_in_since() + lifetime(),
        idle_minutes=round(settings.session_idle_minutes),
    )


def appearance_form(user: User) -> AppearanceForm:
    form = AppearanceForm(
        formdata=None, language=user.language or "", theme=user.theme or "system", country=user.country or ""
    )
    offer_countries(form.country)
    return form


def look_form(user: User) -> LookForm:
    look = preferences.of(user)
    return LookForm(formdata=None, blur=look.blur, grey=look.grey, keys=look.keys)


def signed_in_since() -> datetime:
    return datetime.fromtimestamp(session[SIGNED_IN_AT], UTC)


def factor_page(user: User, confirm: ConfirmForm | None = None, off: SwitchOffForm | None = None) -> str:
    secret = None
    if not second_factor.is_on(user):
        secret = second_factor.begin(db_session(), app_settings().secret_key, user)
        db_session().commit()
    return render_template(
        "account/factor.html",
        user=user,
        is_on=second_factor.is_on(user),
        secret=secret,
        picture=draw(second_factor.address_of(user, secret)) if secret else None,
        confirm=confirm or ConfirmForm(formdata=None),
        off=off or SwitchOffForm(formdata=None),
        has_password=users.has_password(user),
        is_recent=is_recent(),
        codes_left=second_factor.codes_left(db_session(), user),
        is_required=second_factor.is_required(db_session(), user),
    )


def draw(address: str) -> Markup:
    """A QR code as part of the page: dark on white in every theme, or a camera would not read it."""
    picture = segno.make(address, error="m", micro=False)
    return Markup(picture.svg_inline(scale=4, border=4, light="#fff"))  # noqa: S704  (made here of a percent-encoded address)


def codes_page(codes: list[str]) -> str:
    return render_template("account/codes.html", codes=codes, target=local_path(request.args.get("next")))
