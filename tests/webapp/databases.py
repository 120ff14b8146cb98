"""Databases on a PostgreSQL that are lent to one test after the other: to copy one costs more than most tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, make_url, text
from sqlalchemy.exc import DBAPIError

from webapp.db import open_engine

# Of a copy all of this is as in its template, down to the numbers of the catalogue.
SCHEMA = """
    SELECT md5(string_agg(concat_ws(' ', oid, relname, relfilenode, relnatts, relchecks, relacl), ',' ORDER BY oid)),
        (SELECT md5(string_agg(concat_ws(' ', oid, tgenabled), ',' ORDER BY oid)) FROM pg_trigger),
        (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
HELD = """
    SELECT sum(pg_relation_size(oid)) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
ENDED = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# As a replica, whose triggers and foreign keys rest: some tables are append-only.
EMPTIED = """
    DO $$ DECLARE name regclass; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                AND relname <> 'alembic_version' LOOP
            EXECUTE format('DELETE FROM %s', name);
        END LOOP;
        PERFORM setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences
            WHERE last_value IS NOT NULL;
    END $$
"""


@dataclass
class Lender:
    """server: its address, and of a database on it to connect to first; template: a database that was migrated.

    A database whose schema a test changed, or that can't be emptied (that takes a superuser), is dropped; so is every
    one if the template holds rows already.
    """

    server: str
    template: str
    _spare: list[Engine] = field(default_factory=list)
    _as_copied: Row | None = None

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The address of a database that is as the template is."""
        engine = self._spare.pop() if self._spare else self._copy()
        try:
            yield engine.url.render_as_string(hide_password=False)
        finally:
            if self._is_clean(engine):
                self._spare.append(engine)
            else:
                self._drop(engine)

    def end(self) -> None:
        while self._spare:
            self._drop(self._spare.pop())

    def _copy(self) -> Engine:
        engine = open_engine(create_database(self.server, self.template))
        with engine.connect() as connection:
            if not connection.scalar(text(HELD)):
                self._as_copied = read_schema(connection)
        return engine

    def _is_clean(self, engine: Engine) -> bool:
        """Once it was emptied."""
        try:
            with engine.begin() as connection:
                connection.execute(text(ENDED))
                connection.execute(text(EMPTIED))
                return read_schema(connection) == self._as_copied
        except DBAPIError:
            return False

    def _drop(self, engine: Engine) -> None:
        engine.dispose()
        drop_database(self.server, engine.url.database)


def read_schema(connection: Connection) -> Row:
    return connection.execute(text(SCHEMA)).one()


def create_database(server: str, template: str = "template1") -> str:
    """Its address."""
    name = f"tuskline_test_{uuid4().hex[:12]}"
    run_on(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop_database(server: str, name: str | None) -> None:
    run_on(server, f"DROP DATABASE {name} WITH (FORCE)")


def run_on(server: str, statement: str) -> None:
    engine = open_engine(server)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()
