"""Rows that an address names."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from flask import abort
from sqlalchemy.orm import Session

from webapp.extensions import db_session
from webapp.services.errors import NotFound

P = ParamSpec("P")
R = TypeVar("R")


def found(service: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the service gives; 404 where it finds nothing of that number."""
    try:
        return service(db_session(), *args, **kwargs)
    except NotFound:
        abort(404)
