"""What the application carries: the database, the sign-in, form tokens, rate limits."""

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app, g
from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_wtf import CSRFProtect
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from rules.load import PackError
from rules.model import Pack
from rules.reason_codes import ReasonCodes
from webapp.db import open_engine, session_factory
from webapp.services.packs import kept_pack
from webapp.services.rules import current_pack
from webapp.settings import Settings
from webapp.storage import Store, open_store

login = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(get_remote_address)
bootstrap = Bootstrap5()


@dataclass
class Readiness:
    """The last answer to whether it can work; until: a moment of time.monotonic() up to which it stands."""

    reasons: list[str] = field(default_factory=list)
    until: float = 0.0


@dataclass(frozen=True)
class State:
    """What one application owns; `app.extensions["tuskline"]`."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    readiness: Readiness = field(default_factory=Readiness)


def init_app(app: Flask, settings: Settings) -> None:
    engine = open_engine(settings.sqlalchemy_url)
    app.extensions["tuskline"] = State(settings, engine, session_factory(engine))
    app.teardown_appcontext(close_session)
    for extension in (login, csrf, limiter, bootstrap):
        extension.init_app(app)


def app_state() -> State:
    return cast(State, current_app.extensions["tuskline"])


def app_settings() -> Settings:
    return app_state().settings


def app_store() -> Store:
    return open_store(app_settings())


def app_pack() -> Pack:
    """The pack under the thresholds in force. Raises rules.load.PackError."""
    return current_pack(db_session(), app_settings().pack)


def app_pack_files() -> Pack:
    """The pack as its files say it: for law, look-alikes, reason codes and words, which no threshold touches."""
    return kept_pack(app_settings().pack)


def app_reason_codes() -> ReasonCodes:
    """None of a pack that can't be read: the health page names it, and nobody is held up."""
    try:
        return app_pack_files().reason_codes
    except PackError:
        return ReasonCodes()


def db_session() -> Session:
    """The session of this request; whoever writes through it commits it."""
    if "session" not in g:
        g.session = app_state().sessions()
    return cast(Session, g.session)


def close_session(_error: BaseException | None) -> None:
    """What was not committed is rolled back with it."""
    session = g.pop("session", None)
    if session is not None:
        session.close()
