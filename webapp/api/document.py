"""The OpenAPI document, made from the operations themselves, so that it can't say what they don't do."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from pydantic.json_schema import models_json_schema

from webapp.api import problems
from webapp.api.operations import JSON, Operation, Room

DESCRIPTION = """\
Everything that the pages can do. A score is a suspicion, not proof: legality depends on the law of the place and on
documents that no picture shows. Times are UTC (RFC 3339). Lists come in pages with a cursor. Faults are
`application/problem+json` (RFC 9457). Tokens are made on a person's own settings page, or by `tuskline users`.
"""
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
KINDS: dict[str | None, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    None: {"type": "string"},
}
REFERENCE = "#/components/schemas/{model}"


@lru_cache(maxsize=1)
def make_document(rooms: tuple[tuple[str, str, tuple[Operation, ...]], ...]) -> dict[str, Any]:
    spec = APISpec("Tuskline", version("tuskline"), "3.1.0", info={"description": DESCRIPTION})
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    operations = [operation for _, _, each in rooms for operation in each]
    names = add_schemas(spec, operations)
    for tag, words, _ in rooms:
        spec.tag({"name": tag, "description": words})
    for operation in operations:
        spec.path(address_of(operation), operations={operation.method.lower(): describe(operation, names)})
    made: dict[str, Any] = spec.to_dict()
    return made | {"servers": [{"url": "/"}], "security": [{"token": []}]}


def address_of(operation: Operation) -> str:
    """As the document writes it: `/api/v1/scans/{scan_id}`."""
    return "/api/v1" + PARAMETER.sub(r"{\2}", operation.path)


def contents(rooms: Sequence[Room]) -> tuple[tuple[str, str, tuple[Operation, ...]], ...]:
    return tuple((room.tag, room.words, tuple(operation for operation, _ in room.operations)) for room in rooms)


def add_schemas(spec: APISpec, operations: Iterable[Operation]) -> dict[Any, str]:
    """Every model once; the name under which each stands."""
    found = [(one.body, "validation") for one in operations if one.body]
    found += [(one.answer, "serialization") for one in operations if one.answer]
    pairs = list(dict.fromkeys(found))
    by_model, definitions = models_json_schema(pairs, ref_template=REFERENCE)  # type: ignore[arg-type]
    for name, schema in definitions.get("$defs", {}).items():
        spec.components.schema(name, schema)
    spec.components.schema("Problem", problems.SCHEMA)
    return {model: schema["$ref"].rpartition("/")[2] for (model, _), schema in by_model.items()}


def describe(operation: Operation, names: dict[Any, str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Scope `{operation.scope.value}`, role {operation.role.value} or above.",
        "tags": [operation.tag],
        "parameters": [*path_parameters(operation), *query_parameters(operation)],
        "responses": {**success(operation, names), **failures(operation)},
    }
    if operation.body:
        schema = {"$ref": REFERENCE.format(model=names[operation.body])}
        said["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    if operation.upload_bytes:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        said["requestBody"] = {"required": True, "content": content}
    return said


def path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": KINDS.get(kind or None, KINDS[None])}
        for kind, name in PARAMETER.findall(operation.path)
    ]


def query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=REFERENCE)
    required, local = schema.get("required", []), schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, "schema": inline(one, local)}
        for name, one in schema.get("properties", {}).items()
    ]


def inline(schema: Any, local: dict[str, Any]) -> Any:
    """A parameter's own types in place: they are small, and their names would clash."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return inline(local[schema["$ref"].rpartition("/")[2]], local)
        return {name: inline(one, local) for name, one in schema.items()}
    return [inline(one, local) for one in schema] if isinstance(schema, list) else schema


def success(operation: Operation, names: dict[Any, str]) -> dict[str, Any]:
    if operation.answer is None and operation.media_type == JSON:
        return {"204": {"description": "Done"}}
    schema: dict[str, Any] = {"type": "string", "format": "binary"}
    if operation.answer is not None:
        schema = {"$ref": REFERENCE.format(model=names[operation.answer])}
    return {str(operation.status): {"description": "As asked", "content": {operation.media_type: {"schema": schema}}}}


def failures(operation: Operation) -> dict[str, Any]:
    words = {401: "No token in force", 403: "Scope or role is missing", 429: "Too many requests", 500: "It broke"}
    if PARAMETER.search(operation.path) or operation.body or operation.may_be_none:
        words[404] = "There is none"
    if operation.body or operation.query:
        words[422] = "What was sent can't be taken"
    if operation.query or operation.method != "GET":
        words[409] = "It can't be done as it stands"
    if operation.body:
        words |= {413: "Too much at once", 415: "The body is no JSON"}
    if operation.upload_bytes:
        words |= {413: "Too much at once", 422: "What was sent can't be taken"}
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
    return {str(status): {"description": said, "content": content} for status, said in sorted(words.items())}
