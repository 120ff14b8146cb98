"""Who is signed in, and what their role may open."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask_login import current_user, login_user
from werkzeug.wrappers import Response

from scanner.zoo.catalogue import PRIMARY
from webapp.db import now
from webapp.extensions import db_session, login
from webapp.models import Role, User
from webapp.services import overview, preferences

P = ParamSpec("P")
R = TypeVar("R")
SIGNED_IN_AT = "signed_in_at"
APPEARANCE = ("language", "theme")
# What pages fetch for themselves: a sign-in page in its place would be of no use.
PARTS = (
    "jobs.progress",
    "scans.progress",
    "scans.log",
    "trials.picture",
    "photos.thumbnail",
    "photos.veil",
    "photos.large",
    "photos.detail",
    "photos.original",
)


class Account:
    """A user as the sign-in knows it (the model knows no web).

    The key in the cookie holds a piece of the password's hash, so that a new password ends every older sign-in.
    """

    is_authenticated = True
    is_anonymous = False

    def __init__(self, user: User) -> None:
        self.user = user

    @property
    def is_active(self) -> bool:
        return self.user.is_active

    @property
    def name(self) -> str:
        return self.user.name

    @property
    def role(self) -> Role:
        return self.user.role

    def get_id(self) -> str:
        return f"{self.user.id}:{sha256(self.user.password_hash.encode()).hexdigest()[:16]}"

    def may(self, role: str) -> bool:
        """Whether the role, named as in `Role`, is covered."""
        return self.role.covers(Role(role))


def init_app(app: Flask) -> None:
    login.user_loader(load_account)
    app.context_processor(page_facts)


def load_account(key: str) -> Account | None:
    """None ends the sign-in: the user is gone or switched off, the password is another, or the time is over."""
    if not is_fresh():
        return None
    user = db_session().get(User, int(key.partition(":")[0]))
    account = Account(user) if user and user.is_active else None
    return account if account and account.get_id() == key else None


def is_fresh() -> bool:
    lifetime = cast(timedelta, current_app.config["PERMANENT_SESSION_LIFETIME"])
    return now().timestamp() - float(session.get(SIGNED_IN_AT, 0)) < lifetime.total_seconds()


def start_session(user: User) -> None:
    """A fresh cookie: nothing of what was there before the sign-in stays, save how the page looks."""
    kept = {name: session[name] for name in APPEARANCE if name in session}
    session.clear()
    session.update(kept)
    session.permanent = True
    session[SIGNED_IN_AT] = now().timestamp()
    login_user(Account(user))


def page_facts() -> dict[str, Any]:
    return {
        "account": signed_in(),
        "last_spoken": lambda: overview.last_spoken(db_session()),
        "primary": PRIMARY,
        "look": look_of_page,
    }


def look_of_page() -> preferences.Preferences:
    """How whoever is signed in wants pictures and keys; the defaults for anybody else."""
    account = signed_in()
    return preferences.of(account.user) if account else preferences.Preferences()


def signed_in() -> Account | None:
    return cast(Account, current_user._get_current_object()) if current_user.is_authenticated else None


def reader() -> User:
    """Who is asking; only behind `requires`."""
    return cast(User, current_user.user)


def requires(role: Role) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Open to `role` and above: signed out goes to the sign-in (401 where no page was asked for), below is 403."""

    def guard(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            account = signed_in()
            if account is None:
                return ask_to_sign_in()
            if not account.role.covers(role):
                abort(403)
            return view(*args, **kwargs)

        guarded.required_role = role  # type: ignore[attr-defined]  # the table of routes in the tests reads it
        return guarded

    return guard


def ask_to_sign_in() -> Response:
    if request.method != "GET" or not wants_page():
        abort(401)
    return redirect(url_for("sessions.sign_in", next=request.full_path.rstrip("?")))


def wants_page() -> bool:
    return request.endpoint not in PARTS


def local_path(target: str | None) -> str | None:
    """`target` where it is a path on this site, else None: a link in a mail must not lead a sign-in elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    if any(ord(letter) < 32 or letter == "\\" for letter in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target
