"""People: who may sign in, and as what."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.forms.users import AccessForm, NewUserForm, PasswordForm
from webapp.models import Role, User
from webapp.services import users
from webapp.views.access import reader, requires, start_session

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
    except ValueError as error:
        form.name.errors = [str(error)]
        return users_page(form), 422
    db_session().commit()
    flash(f"{user.name} may sign in as {user.role}. Hand over the password on a safe way.", "success")
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
    flash(f"Saved: {user.name} is {user.role}{'' if user.is_active else ', and may not sign in'}.", "success")
    return redirect(url_for("users.index"))


@pages.post("/users/<int:user_id>/password")
@requires(Role.ADMIN)
def reset_password(user_id: int) -> Answer:
    user = find_or_404(user_id)
    form = PasswordForm()
    if not form.validate():
        return user_page(user, password=form), 422
    users.set_password(db_session(), reader(), user, form.password.data)
    db_session().commit()
    if user.id == reader().id:
        start_session(user)
    flash(f"{user.name} has a new password, and is signed out everywhere else.", "success")
    return redirect(url_for("users.index"))


def find_or_404(user_id: int) -> User:
    user = db_session().get(User, user_id)
    return user if user is not None else abort(404)


def users_page(form: NewUserForm) -> str:
    return render_template("users/index.html", form=form, users=users.list_users(db_session()))


def user_page(user: User, access: AccessForm | None = None, password: PasswordForm | None = None) -> str:
    return render_template(
        "users/show.html",
        user=user,
        access=access or AccessForm(formdata=None, role=user.role.value, is_active=user.is_active),
        password=password or PasswordForm(formdata=None),
    )
