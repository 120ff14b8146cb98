"""The schema's history, run from code: there is no alembic.ini to find or to forget."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

FOLDER = Path(__file__).parent
LOCK = 0x7475736B  # a number of our own among PostgreSQL's advisory locks


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to that revision, whole or not at all; does nothing where it is there already or further."""
    if is_current(engine):
        return
    with engine.connect() as connection, one_transaction(connection):
        config = make_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def one_transaction(connection: Connection) -> Iterator[None]:
    """SQLite alters a table by copying it, which its own foreign keys would forbid; they are checked at the end.

    Its driver begins no transaction before a statement that changes the schema, so that is said here.
    """
    if connection.dialect.name != "sqlite":
        with connection.begin():
            # Of two that upgrade at once (containers that start together, say) the second finds nothing left to do.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield
        return
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
    try:
        with connection.begin():
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"rows point nowhere after the upgrade, nothing was changed: {broken[:5]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


def is_current(engine: Engine) -> bool:
    return revision_of(engine) == newest_revision()


def revision_of(engine: Engine) -> str | None:
    """None for a database without tables. Asked every few seconds, so not by Alembic, which logs each time."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def mismatch(engine: Engine) -> str | None:
    """Why this program can't work with the database, in a sentence; None where both are of the same version."""
    theirs, ours = revision_of(engine), newest_revision()
    if theirs == ours:
        return None
    if theirs is None:
        return "the database is not set up: run `tuskline db upgrade`"
    if theirs in known_revisions():
        return (
            f"the database is of an older version (revision {theirs}, this program works with {ours}): "
            "stop everything, then run `tuskline db upgrade`"
        )
    return (
        f"the database is of a newer version (revision {theirs}, this program works with {ours}): "
        "start the program of that version"
    )


def newest_revision() -> str:
    return known_revisions()[0]


@cache
def known_revisions() -> tuple[str, ...]:
    """The newest first, as they were when this process asked first: an upgrade may put new files beside old code."""
    return tuple(script.revision for script in ScriptDirectory.from_config(make_config()).walk_revisions())


def is_of_models(_item: Any, name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
    """Whether the models should know it: what a database keeps for its full-text search is its own affair."""
    return not (name or "").startswith(("listing_search", "ix_listing_texts_search"))


def make_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
