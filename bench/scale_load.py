"""Loading millions of rows: without the indexes that can be made afterwards, by COPY on PostgreSQL."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Engine, text

from bench.scale_rows import BLOCK, COLUMNS, PEOPLE, Maker
from webapp.db import session_factory
from webapp.migrations import upgrade
from webapp.models import Role, User

Tuples = Sequence[tuple[Any, ...]]
# What no question of the benchmark reads, and a store of ten million would take hours and half of the disk for.
ASIDE = ("scan_photos", "listing_versions")
DROPPABLE = """
    SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
    WHERE c.contype IN ('f', 'u') AND c.connamespace = 'public'::regnamespace ORDER BY c.contype DESC
"""
INDEXES = """
    SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = 'public' AND NOT EXISTS (
        SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)
"""
SEQUENCES = """
    SELECT c.relname, a.attname, pg_get_serial_sequence(c.relname, a.attname) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    AND pg_get_serial_sequence(c.relname, a.attname) IS NOT NULL
"""


def load(engine: Engine, pictures: int, *, aside: Collection[str] = (), tell: Callable[[str], None] = print) -> None:
    """Migrate an empty database and fill it. aside: tables that stay empty."""
    upgrade(engine)
    with session_factory(engine)() as session:
        names = [f"person{number}" for number in range(1, PEOPLE + 1)]
        session.add_all(User(name=name, role=Role.REVIEWER, password_hash="!") for name in names)  # noqa: S106
        session.commit()
    began = time.perf_counter()
    loading = load_postgresql if engine.dialect.name == "postgresql" else load_sqlite
    with loading(engine) as put:
        maker = Maker(pictures)
        put_all(put, maker.first(), aside)
        for done, rows in enumerate(maker.blocks(), 1):
            put_all(put, rows, aside)
            if done % 50 == 0:
                tell(f"  {done * BLOCK:,} pictures in {time.perf_counter() - began:.0f} s")
    tell(f"  {pictures:,} pictures loaded in {time.perf_counter() - began:.0f} s")


Put = Callable[[str, Tuples], None]


def put_all(put: Put, rows: dict[str, list[tuple[Any, ...]]], aside: Collection[str]) -> None:
    for table, some in rows.items():
        if some and table not in aside:
            put(table, some)


@contextmanager
def load_sqlite(engine: Engine) -> Iterator[Put]:
    """Without a journal: who is killed begins anew."""
    with closing(engine.raw_connection()) as connection:
        driver = connection.driver_connection
        driver.commit()
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-1500000"):
            driver.execute(f"PRAGMA {pragma}")
        made = driver.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        for name, _ in made:
            driver.execute(f"DROP INDEX {name}")

        def put(table: str, rows: Tuples) -> None:
            marks = ", ".join("?" * len(rows[0]))
            driver.executemany(f"INSERT INTO {table} ({columns_of(table)}) VALUES ({marks})", rows)  # noqa: S608
            driver.commit()

        yield put
        for _, statement in made:
            driver.execute(statement)
        driver.commit()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            driver.execute(f"PRAGMA {pragma}")
    engine.dispose()


@contextmanager
def load_postgresql(engine: Engine) -> Iterator[Put]:
    with closing(engine.raw_connection()) as connection:
        driver = connection.driver_connection
        driver.execute("SET timezone = 'UTC'")
        driver.execute("SET maintenance_work_mem = '1GB'")
        constraints = driver.execute(DROPPABLE).fetchall()
        indexes = driver.execute(INDEXES).fetchall()
        for table, name, _ in reversed(constraints):
            driver.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            driver.execute(f"DROP INDEX {name}")
        driver.commit()

        def put(table: str, rows: Tuples) -> None:
            with driver.cursor().copy(f"COPY {table} ({columns_of(table)}) FROM STDIN") as copy:
                copy.write("".join(map(line_of, rows)))
            driver.commit()

        yield put
        for _, statement in indexes:
            driver.execute(statement)
        for table, name, definition in constraints:
            # What a benchmark made up hangs together: nobody has to look at each row for that.
            later = " NOT VALID" if definition.startswith("FOREIGN") else ""
            driver.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{later}")
        for table, column, sequence in driver.execute(SEQUENCES).fetchall():
            driver.execute(f"SELECT setval('{sequence}', (SELECT coalesce(max({column}), 0) + 1 FROM {table}), false)")  # noqa: S608
        driver.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def columns_of(table: str) -> str:
    return ", ".join(f'"{name}"' for name in COLUMNS[table].split())


def line_of(row: tuple[Any, ...]) -> str:
    r"""For COPY, whose text has no tab and no backslash here but \N, which is nothing."""
    return "\t".join(["\\N" if value is None else str(value) for value in row]) + "\n"
