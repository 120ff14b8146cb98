"""The REST API: what the pages can do, for programs. It calls the same services."""

from flask import Blueprint, Flask, Response, current_app, json

from webapp.api import (
    audit,
    capacity,
    case_files,
    contexts,
    findings,
    me,
    models,
    people,
    pictures,
    problems,
    quality,
    queue,
    report_schedules,
    reports,
    retention,
    rules,
    scans,
    shadow_runs,
    sources,
    status,
)
from webapp.api.document import contents, make_document
from webapp.api.operations import add_to
from webapp.api.problems import Problem
from webapp.extensions import csrf

ROOT = "/api/v1"
ROOMS = (
    findings.room,
    contexts.room,
    queue.room,
    pictures.room,
    quality.room,
    sources.room,
    scans.room,
    rules.room,
    shadow_runs.room,
    models.room,
    reports.room,
    report_schedules.room,
    case_files.room,
    status.room,
    capacity.room,
    me.room,
    people.room,
    audit.room,
    retention.room,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def init_app(app: Flask) -> None:
    pages = Blueprint("api", __name__, url_prefix=ROOT)
    problems.init_app(pages)
    for room in ROOMS:
        add_to(pages, room)
    pages.add_url_rule("/openapi.json", "document", show_document)
    pages.add_url_rule("/<path:rest>", "nowhere", show_nowhere, methods=METHODS)
    # No cookie counts here, so no page elsewhere can act through one.
    csrf.exempt(pages)
    app.register_blueprint(pages)


def show_document() -> Response:
    """Open to everybody: it holds nothing of the team's."""
    return Response(json.dumps(make_document(contents(ROOMS))), content_type="application/json")


def show_nowhere(rest: str) -> Response:
    """An address that is none, or one that takes other methods: told as the API tells faults, not as a page."""
    allowed = methods_of(f"{ROOT}/{rest}")
    if allowed:
        raise Problem(405, f"This address takes {', '.join(allowed)}.", {"Allow": ", ".join(allowed)})
    raise Problem(404, f"There is nothing at this address; {ROOT}/openapi.json names all that there is.")


def methods_of(path: str) -> list[str]:
    adapter = current_app.url_map.bind("localhost")
    return [method for method in METHODS if adapter.match(path, method)[0] != "api.nowhere"]
