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
from webapp.extensions import app_settings, db_session, login
from webapp.models import Role, User
from webapp.services import overview, preferences, second_factor, sign_ins
from webapp.views import browsers

P = ParamSpec("P")
R = TypeVar("R")
AWRY_S = 300  # clocks differ; a sign-in further ahead is of before the clock was put back, and would never end
SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
SEEN_EVERY_S = 60  # a cookie that changed with every page would be lost where two answers cross
WAY = "way"
WORD = "word"  # of services.sign_ins: whoever signs out ends it, also in a copy of the cookie
BY_PROVIDER = "openid"
HALFWAY = "halfway"
HALFWAY_S = 300
RECENT_S = 600
# A choice of before the sign-in that it does not take away.
KEPT = ("language", "theme")
# What opens to someone who must set up a second factor first.
SET_UP = ("account.factor", "account.switch_factor_on", "sessions.sign_out")
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

    The key in the cookie holds a digest of the password's hash and of a count, so that a new password ends every older
    sign-in, and so does counting up.
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
        stands = f"{self.user.password_hash}:{self.user.sign_ins_from}"
        return f"{self.user.id}:{sha256(stands.encode()).hexdigest()[:32]}"

    def may(self, role: str) -> bool:
        """Whether the role, named as in `Role`, is covered."""
        return self.role.covers(Role(role))


def init_app(app: Flask) -> None:
    login.user_loader(load_account)
    app.context_processor(page_facts)


def load_account(key: str) -> Account | None:
    """None ends the sign-in: the user is gone or off, the password or the count is another, or the time is over."""
    account = find_account(key) if is_fresh() else None
    if account is not None and is_over(account):
        return None
    if account is not None and wants_page():
        note_seen()
    return account


def find_account(key: str) -> Account | None:
    """The active user whose key this still is."""
    user = db_session().get(User, int(key.partition(":")[0]))
    account = Account(user) if user and user.is_active else None
    return account if account and account.get_id() == key else None


def is_over(account: Account) -> bool:
    """Whether it was signed out of since, or began before sign-ins had a word."""
    word = session.get(WORD)
    return not word or sign_ins.is_ended(db_session(), account.user, word, lifetime())


def lifetime() -> timedelta:
    return cast(timedelta, current_app.config["PERMANENT_SESSION_LIFETIME"])


def is_fresh() -> bool:
    """Neither too long since the sign-in, nor since a page was opened."""
    idle_s = app_settings().session_idle_minutes * 60
    is_past = min(age_s(SIGNED_IN_AT), age_s(SEEN_AT)) > -AWRY_S
    return is_past and age_s(SIGNED_IN_AT) < lifetime().total_seconds() and age_s(SEEN_AT) < idle_s


def is_recent() -> bool:
    """Whether the sign-in is so new that nobody can have found the page open."""
    return -AWRY_S < age_s(SIGNED_IN_AT) < RECENT_S


def age_s(moment: str) -> float:
    return now().timestamp() - float(session.get(moment, 0))


def note_seen() -> None:
    if age_s(SEEN_AT) > SEEN_EVERY_S:
        session[SEEN_AT] = now().timestamp()


def start_session(user: User, way: str, second: str = "") -> None:
    """Note the sign-in, commit, and give a fresh cookie: nothing of what was there before stays.

    way: password, link or openid. second: code or recovery code, where there was a second step.
    """
    word = sign_ins.make_word()
    sign_ins.note(db_session(), user, word, way, second)
    db_session().commit()
    clear_session()
    session.permanent = True
    session[SIGNED_IN_AT] = session[SEEN_AT] = now().timestamp()
    session[WAY], session[WORD] = way, word
    login_user(Account(user))
    browsers.remember(user)


def renew_session(user: User) -> None:
    """This browser stays signed in where all others end; its time does not begin anew."""
    way, since = session.get(WAY, ""), session[SIGNED_IN_AT]
    start_session(user, sign_ins.RENEWED)
    session[WAY], session[SIGNED_IN_AT] = way, since


def mark() -> str:
    """Of the sign-in of this browser."""
    return sign_ins.mark_of(session.get(WORD, ""))


def clear_session() -> None:
    kept = {name: session[name] for name in KEPT if name in session}
    session.clear()
    session.update(kept)


def wait_halfway(user: User, way: str) -> None:
    """The first step is done; the cookie says of whom, for five minutes, and opens nothing."""
    clear_session()
    session[HALFWAY] = {"key": Account(user).get_id(), "at": now().timestamp(), WAY: way}


def halfway() -> tuple[User, str] | None:
    """Who has done the first step, and how; None where nobody has, or it is too long ago."""
    held = session.get(HALFWAY)
    if not held or now().timestamp() - held["at"] > HALFWAY_S:
        return None
    account = find_account(held["key"])
    return (account.user, held[WAY]) if account else None


def must_set_up(account: Account) -> bool:
    """Whether the team asks a second factor of this person, who has none; the identity provider sees to its own."""
    if second_factor.is_on(account.user) or session.get(WAY) == BY_PROVIDER:
        return False
    return second_factor.is_required(db_session(), account.user)


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
            if request.endpoint not in SET_UP and must_set_up(account):
                return lead_to_set_up()
            return view(*args, **kwargs)

        guarded.required_role = role  # type: ignore[attr-defined]  # the table of routes in the tests reads it
        return guarded

    return guard


def ask_to_sign_in() -> Response:
    if request.method != "GET" or not wants_page():
        abort(401)
    return redirect(url_for("sessions.sign_in", next=request.full_path.rstrip("?")))


def lead_to_set_up() -> Response:
    if request.method != "GET" or not wants_page():
        abort(403)
    return redirect(url_for("account.factor", next=request.full_path.rstrip("?")))


def wants_page() -> bool:
    return request.endpoint not in PARTS


def local_path(target: str | None) -> str | None:
    """`target` where it is a path on this site, else None: a link in a mail must not lead a sign-in elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    if any(ord(letter) < 32 or letter in "\\\x7f" for letter in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target
