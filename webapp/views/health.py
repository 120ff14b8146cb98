"""Whether the page lives, and whether it can work."""

from flask import Blueprint, jsonify
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from webapp.extensions import db_session
from webapp.models import Scan

pages = Blueprint("health", __name__, url_prefix="/health")


@pages.get("/live")
def live() -> Response:
    return jsonify(status="live")


@pages.get("/ready")
def ready() -> tuple[Response, int]:
    """503 until the database answers and has its tables."""
    try:
        db_session().execute(select(Scan.id).limit(1))
    except SQLAlchemyError:
        return jsonify(status="not ready", reason="the database does not answer or has no tables"), 503
    return jsonify(status="ready"), 200
