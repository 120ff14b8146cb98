"""What went wrong, as RFC 9457 says it: `application/problem+json`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, json, request
from pydantic import ValidationError
from sqlalchemy.exc import DataError, DBAPIError
from werkzeug.exceptions import HTTPException

from webapp.db import now
from webapp.services.errors import NotFound, Refused
from webapp.services.reports import ReportError, ReportGone

MEDIA_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "one sentence that says what to do"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


class Problem(Exception):  # an answer, as in HTTP
    """status: of HTTP; detail: one sentence that says what to do; faults: sentences by JSON Pointer."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        faults: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        self.errors = [{"pointer": at, "detail": one} for at, said in (faults or {}).items() for one in said]


def init_app(pages: Blueprint) -> None:
    pages.register_error_handler(Problem, lambda error: answer(error.status, error.detail, error.errors, error.headers))
    pages.register_error_handler(ValidationError, show_faults)
    pages.register_error_handler(NotFound, lambda error: answer(404, str(error)))
    pages.register_error_handler(Refused, lambda error: answer(409, str(error)))
    pages.register_error_handler(ReportGone, lambda error: answer(410, str(error)))
    pages.register_error_handler(ReportError, show_lost)
    pages.register_error_handler(HTTPException, show_error)
    for kind in (DataError, OverflowError):
        pages.register_error_handler(kind, show_unreadable)
    pages.register_error_handler(DBAPIError, show_crash)
    pages.register_error_handler(Exception, show_crash)


def answer(
    status: int, detail: str, errors: Sequence[Mapping[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Response:
    said: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    said |= {"detail": detail} | ({"errors": list(errors)} if errors else {})
    return Response(json.dumps(said), status, dict(headers or {}), content_type=MEDIA_TYPE)


def show_faults(error: ValidationError) -> Response:
    """Every fault at once, each with a JSON Pointer to where it is."""
    faults = [{"pointer": pointer_to(fault["loc"]), "detail": fault["msg"]} for fault in error.errors()]
    return answer(422, "What was sent can't be taken as it stands; `errors` says where.", faults)


def pointer_to(path: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def show_error(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return answer(error.code or 500, error.description or "", headers=headers)


def show_lost(error: ReportError) -> Response:
    """The sentence is for people, and says what to bring back."""
    current_app.logger.error("%s", error)
    return answer(500, str(error))


def show_unreadable(_error: Exception) -> Response:
    """What no column can hold, a NUL in an address say, which PostgreSQL refuses."""
    return answer(422, "What was sent can't be kept: leave out control characters, and numbers beyond all bounds.")


def show_crash(error: Exception) -> Response:
    """Nothing of it goes out; the log names it under the time."""
    current_app.logger.error("the API failed at %s %s", request.method, request.path, exc_info=error)
    return answer(500, f"Something broke on the server; its log names it under {now():%Y-%m-%d %H:%M} UTC.")
