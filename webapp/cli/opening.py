"""What most commands begin with: settings and a database, or a sentence that says what to do."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from webapp.db import open_engine, session_factory
from webapp.migrations import mismatch
from webapp.settings import SECRET_FILE, Settings, kept_secret

logger = logging.getLogger(__name__)


def open_settings() -> Settings:
    try:
        settings = Settings()
    except ValidationError as error:
        lines = [f"TUSKLINE_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise click.ClickException("; ".join(lines)) from None
    check_secret(settings)
    return settings


def check_secret(settings: Settings) -> None:
    """Whoever may not read it does not need it; where it is no secret, nothing may go on with it."""
    path = settings.home / SECRET_FILE
    if os.access(path, os.R_OK):
        try:
            kept_secret(path)
        except ValueError as error:
            raise click.ClickException(str(error)) from None


def engine_of(settings: Settings) -> Engine:
    """Without the address in the sentence: it holds a password."""
    try:
        return open_engine(settings.sqlalchemy_url)
    except (ArgumentError, ImportError, ValueError):
        raise click.ClickException(
            "TUSKLINE_DATABASE_URL can't be read: give postgresql+psycopg://user:password@host/name"
        ) from None


def refuse_other_version(settings: Settings) -> None:
    """A process of another version than the database's would write what neither can read. One that is away may come.

    Raises click.ClickException.
    """
    engine = engine_of(settings)
    try:
        if why := mismatch(engine):
            raise click.ClickException(why)
    except OperationalError as error:
        logger.warning("the database does not answer yet: %s", error.orig)
    finally:
        engine.dispose()


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """A session; the command commits. A refusal of a service becomes the command's error."""
    from webapp.services.errors import NotFound, Refused

    engine = engine_of(settings)
    try:
        if not settings.database_url and not (settings.home / "tuskline.db").is_file():
            raise click.ClickException("the database is not set up: run `tuskline db upgrade`")
        if why := mismatch(engine):
            raise click.ClickException(why)
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
