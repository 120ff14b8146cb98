"""Whether the page lives, and whether it can work. Open to anybody: reasons are words without addresses."""

import time
from collections.abc import Callable

from flask import Blueprint, jsonify
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, app_state, app_store
from webapp.migrations import is_current
from webapp.storage import StoreError, StoreFullError
from webapp.tasks.broker import BrokerError, ask_broker

pages = Blueprint("health", __name__, url_prefix="/health")

KEPT_S = 2.0


@pages.get("/live")
def live() -> Response:
    return jsonify(status="live")


@pages.get("/ready")
def ready() -> tuple[Response, int]:
    """503 with every reason until the database has its newest tables, the broker answers and the store can be written.

    An answer is kept for two seconds, so that nobody keeps the store busy by asking.
    """
    state = app_state()
    if time.monotonic() > state.readiness.until:
        state.readiness.reasons = [reason for ask in CHECKS if (reason := ask())]
        state.readiness.until = time.monotonic() + KEPT_S
    if state.readiness.reasons:
        return jsonify(status="not ready", reasons=state.readiness.reasons), 503
    return jsonify(status="ready"), 200


def ask_database() -> str | None:
    try:
        return None if is_current(app_state().engine) else "the database has not the tables of this version"
    except SQLAlchemyError:
        return "the database does not answer"


def ask_queue() -> str | None:
    try:
        ask_broker(app_settings())
    except BrokerError:
        return "the broker does not answer"
    return None


def ask_store() -> str | None:
    try:
        app_store().check()
    except StoreFullError:
        return "the store is full"
    except StoreError:
        return "the store can't be written"
    return None


CHECKS: tuple[Callable[[], str | None], ...] = (ask_database, ask_queue, ask_store)
