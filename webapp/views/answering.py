"""Answers to pages that go on without being loaded again, beside those to plain forms."""

from typing import Any

from flask import jsonify, request
from werkzeug.wrappers import Response

from webapp.services.errors import Refused

AHEAD = "X-Tuskline-Ahead"


def is_scripted() -> bool:
    """Whether a script asked, which wants facts and no page."""
    return request.accept_mimetypes.best == "application/json"


def is_ahead() -> bool:
    """Whether the page is fetched before it is looked at: nothing may be noted of that as if it were."""
    return AHEAD in request.headers


def refusal(error: Refused, status: int = 409) -> tuple[Response, int]:
    return jsonify(error=str(error)), status


def facts(**values: Any) -> Response:
    return jsonify(**values)
