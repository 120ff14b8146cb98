"""The session of a task."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from webapp.db import open_engine, session_factory
from webapp.tasks import app


@contextmanager
def task_session() -> Iterator[Session]:
    """A session on the process's database; what was not committed is rolled back."""
    with session_factory(engine_of(app.settings.sqlalchemy_url))() as session:
        yield session


@cache
def engine_of(url: str) -> Engine:
    return open_engine(url)
