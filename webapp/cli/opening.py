"""What most commands begin with: settings and a database, or a sentence that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from webapp.db import open_engine, session_factory
from webapp.migrations import is_current
from webapp.settings import Settings


def open_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"TUSKLINE_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise click.ClickException("; ".join(lines)) from None


def engine_of(settings: Settings) -> Engine:
    """Without the address in the sentence: it holds a password."""
    try:
        return open_engine(settings.sqlalchemy_url)
    except (ArgumentError, ImportError, ValueError):
        raise click.ClickException(
            "TUSKLINE_DATABASE_URL can't be read: give postgresql+psycopg://user:password@host/name"
        ) from None


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """A session; the command commits. A refusal of a service becomes the command's error."""
    from webapp.services.errors import NotFound, Refused

    engine = engine_of(settings)
    try:
        if (not settings.database_url and not (settings.home / "tuskline.db").is_file()) or not is_current(engine):
            raise click.ClickException("the database is not set up: run `tuskline db upgrade`")
        with session_factory(engine)() as session:
            yield session
    except OperationalError as error:
        raise click.ClickException(
            f"the database can't be reached: {error.orig}; check TUSKLINE_DATABASE_URL"
        ) from None
    except (NotFound, Refused) as error:
        raise click.ClickException(str(error)) from None
    finally:
        engine.dispose()
