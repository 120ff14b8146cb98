"""People: who may sign in, and as what."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session
from webapp.forms.users import AccessForm, IdentityForm, NewUserForm, PasswordForm
from webapp.language import find_text, say
from webapp.models import Role, User
from webapp.services import oidc, second_factor, sign_ins, tokens, users
from webapp.services.errors import NotFound, Refused
from webapp.services.passwords import WeakPassword
from webapp.views.access import lifetime, reader, renew_session, requires

pages = Blueprint("users", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/users")
@requires(Role.ADMIN)
def index() -> str:
    return users_page(NewUserForm(formdata=None))


@pages.post("/users")
@requires(Role.ADMIN)
def create() -> Answer:
    form = NewUserForm()
    if not form.validate():
        return users_page(form), 422
    try:
        user = users.create_user(db_session(), reader(), form.name.data, form.password.data, Role(form.role.data))
    except WeakPassword as fault:
        form.password.errors = [str(fault)]
        return users_page(form), 422
    except ValueError as error:
        form.name.errors = [str(error)]
        return users_page(form), 422
    db_session().commit()
    role_word = find_text(user.role.value)
    flash(
        say("%(name)s may sign in as %(role)s. Hand over the password on a safe way.", name=user.name, role=role_word),
        "success",
    )
    return redirect(url_for("users.index"))


@pages.get("/users/<int:user_id>")
@requires(Role.ADMIN)
def show(user_id: int) -> str:
    return user_page(find_or_404(user_id))


@pages.post("/users/<int:user_id>/access")
@requires(Role.ADMIN)
def change_access(user_id: int) -> Answer:
    user = find_or_404(user_id)
    form = AccessForm()
    if not form.validate():
        return user_page(user, access=form), 422
    try:
        users.change_access(db_session(), reader(), user, Role(form.role.data), bool(form.is_active.data))
    except ValueError as error:
        db_session().rollback()
        form.role.errors = [str(error)]
        return user_page(find_or_404(user_id), access=form), 422
    db_session().commit()
    flash(access_words(user), "success")
    return redirect(url_for("users.index"))


@pages.post("/users/<int:user_id>/password")
@requires(Role.ADMIN)
def reset_password(user_id: int) -> Answer:
    user = find_or_404(user_id)
    form = PasswordForm()
    if not form.validate():
        return user_page(user, password=form), 422
    try:
        users.set_password(db_session(), reader(), user, form.password.data)
    except Refused as fault:
        form.password.errors = [str(fault)]
        return user_page(user, password=form), 422
    db_session().commit()
    if user.id == reader().id:
        renew_session(user)
    flash(say("%(name)s has a new password, and is signed out everywhere else.", name=user.name), "success")
    return redirect(url_for("users.index"))


@pages.post("/users/<int:user_id>/sign-ins/end")
@requires(Role.ADMIN)
def end_sign_ins(user_id: int) -> Answer:
    user = find_or_404(user_id)
    users.end_sign_ins(db_session(), reader(), user)
    db_session().commit()
    if user.id == reader().id:
        renew_session(user)
    flash(say("%(name)s is signed out everywhere else.", name=user.name), "success")
    return redirect(url_for("users.show", user_id=user_id))


@pages.post("/users/<int:user_id>/second-factor/off")
@requires(Role.ADMIN)
def reset_factor(user_id: int) -> Answer:
    user = find_or_404(user_id)
    if user.id == reader().id:
        raise Refused(say("Switch your own second factor off in your settings, with password and code."))
    second_factor.switch_off(db_session(), reader(), user)
    db_session().commit()
    flash(say("%(name)s signs in without a second factor now, and may set up another.", name=user.name), "success")
    return redirect(url_for("users.show", user_id=user_id))


@pages.post("/users/<int:user_id>/identity")
@requires(Role.ADMIN)
def change_identity(user_id: int) -> Answer:
    user, settings, form = find_or_404(user_id), app_settings(), IdentityForm()
    if not settings.oidc_issuer:
        abort(404)
    if not form.validate():
        return user_page(user, identity=form), 422
    try:
        oidc.link(db_session(), settings, reader(), user, form.subject.data or "")
    except Refused as fault:
        db_session().rollback()
        form.subject.errors = [str(fault)]
        return user_page(find_or_404(user_id), identity=form), 422
    db_session().commit()
    flash(say("Saved: this is who %(name)s is at the identity provider.", name=user.name), "success")
    return redirect(url_for("users.show", user_id=user_id))


@pages.post("/users/<int:user_id>/tokens/<int:token_id>/revoke")
@requires(Role.ADMIN)
def revoke_token(user_id: int, token_id: int) -> Answer:
    try:
        token = tokens.find(db_session(), token_id, find_or_404(user_id))
    except NotFound:
        abort(404)
    tokens.revoke(db_session(), reader(), token)
    db_session().commit()
    flash(say("The token %(name)s counts no more.", name=token.name), "success")
    return redirect(url_for("users.show", user_id=user_id))


def access_words(user: User) -> str:
    role_word = find_text(user.role.value)
    if user.is_active:
        return say("Saved: %(name)s is %(role)s.", name=user.name, role=role_word)
    return say("Saved: %(name)s is %(role)s, and may not sign in.", name=user.name, role=role_word)


def find_or_404(user_id: int) -> User:
    user = db_session().get(User, user_id)
    return user if user is not None else abort(404)


def users_page(form: NewUserForm) -> str:
    everybody, counts = users.list_users(db_session()), tokens.count_good(db_session())
    return render_template("users/index.html", form=form, users=everybody, token_counts=counts)


def user_page(
    user: User,
    access: AccessForm | None = None,
    password: PasswordForm | None = None,
    identity: IdentityForm | None = None,
) -> str:
    settings = app_settings()
    return render_template(
        "users/show.html",
        user=user,
        access=access or AccessForm(formdata=None, role=user.role.value, is_active=user.is_active),
        password=password or PasswordForm(formdata=None),
        issuer=settings.oidc_issuer,
        identity=identity or IdentityForm(formdata=None, subject=oidc.subject_of(settings, user)),
        tokens=tokens.list_tokens(db_session(), user),
        is_good=tokens.is_good,
        sign_ins=sign_ins.in_force(db_session(), user, lifetime()),
    )
