"""One operation: its address, who may, what it takes and gives. The document and the checks are read from the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request
from flask_limiter.util import get_remote_address
from pydantic import BaseModel

from webapp.api import access
from webapp.api.problems import Problem
from webapp.extensions import limiter
from webapp.models import Role
from webapp.services.tokens import Scope

RATE = "600 per minute"
UNKNOWN_RATE = "300 per minute"  # requests of one address without a token in force, over all operations together
JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """query, body, answer: pydantic models, None where there is none. media_type: of an answer that is no JSON.

    may_be_none: whether it answers 404 though its path names nothing.
    upload_bytes: how much may be sent where a file is the body, which the function reads itself; 0 where none is.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    scope: Scope
    role: Role
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    media_type: str = JSON
    upload_bytes: int = 0
    may_be_none: bool = False


@dataclass
class Room:
    """The operations on one kind of thing, under one tag of the document."""

    tag: str
    words: str
    operations: list[tuple[Operation, Callable[..., Any]]] = field(default_factory=list)

    def operation(
        self, method: str, path: str, scope: Scope, role: Role = Role.VIEWER, **facts: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function: its name is the operation's id, its docstring's first line the summary.

        It is given the path's values, and `query` and `body` where they are declared.
        """

        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            summary = (view.__doc__ or "").strip().splitlines()[0].rstrip(".")
            made = Operation(view.__name__, method, path, self.tag, summary, scope, role, **facts)
            self.operations.append((made, view))
            return view

        return register


def is_unknown(answer: Response) -> bool:
    """Whoever invents tokens has another for each request: only the address tells that it is one caller."""
    return answer.status_code == 401


unknown = limiter.shared_limit(UNKNOWN_RATE, "unknown callers", key_func=get_remote_address, deduct_when=is_unknown)


def add_to(pages: Blueprint, room: Room) -> None:
    for operation, view in room.operations:
        guarded = unknown(limiter.limit(RATE, key_func=access.caller_key)(guard(operation, view)))
        pages.add_url_rule(operation.path, operation.name, guarded, methods=[operation.method])


def guard(operation: Operation, view: Callable[..., Any]) -> Callable[..., Response]:
    @wraps(view)
    def guarded(**values: Any) -> Response:
        access.check(operation.scope, operation.role)
        if operation.upload_bytes:
            request.max_content_length = operation.upload_bytes
        asked = {"query": read_query(operation.query)} if operation.query else {}
        sent = {"body": read_body(operation.body)} if operation.body else {}
        return to_response(operation, view(**values, **asked, **sent))

    return guarded


def read_query(model: type[BaseModel]) -> BaseModel:
    """Raises pydantic's ValidationError, also for a name that is none of its."""
    lists = {name for name, one in model.model_fields.items() if "list" in str(one.annotation)}
    flat: Mapping[str, Any] = {
        name: request.args.getlist(name) if name in lists else value for name, value in request.args.items()
    }
    return model.model_validate(flat)


def read_body(model: type[BaseModel]) -> BaseModel:
    """Raises Problem where it is no JSON, ValidationError where it is not what was asked for."""
    if request.mimetype != JSON:
        raise Problem(415, f"Send the body as {JSON}.")
    return model.model_validate_json(request.get_data(cache=False))


def to_response(operation: Operation, given: Any) -> Response:
    if isinstance(given, Response):
        return given
    if given is None:
        return Response(status=204)
    return Response(given.model_dump_json(), operation.status, content_type=JSON)
