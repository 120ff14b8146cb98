"""Rows as lines of JSON, the same from SQLite and PostgreSQL, and back into either.

The first line of a table says its name and the kind of each column; every other line is a row, a list of values.
"""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    LargeBinary,
    Numeric,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.sql.dml import Insert
from sqlalchemy.types import TypeEngine

from webapp.db import Base, UtcDateTime, chunks

STEP = 1000
LEVEL = 6  # of gzip

Encode = Callable[[Any], Any]
# kind: how a value is written, how it is read, and the type that it is given to a database with. JSON goes as the text
# that the database holds: read and written again, a null of JSON would become none of SQL.
ENCODE: dict[str, Encode] = {
    "time": datetime.isoformat,
    "date": date.isoformat,
    "decimal": str,
    "bytes": lambda value: base64.b64encode(value).decode(),
    "json": str,
    "plain": lambda value: value.value if isinstance(value, Enum) else value,
}
DECODE: dict[str, Encode] = {
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "bytes": base64.b64decode,
    "json": str,
    "plain": lambda value: value,
}
TYPES: dict[str, TypeEngine[Any] | None] = {
    "time": UtcDateTime(),
    "date": Date(),
    "decimal": Numeric(),
    "bytes": LargeBinary(),
    "json": Text(),
    "plain": None,
}


def all_tables() -> list[Table]:
    """Those of the models, each after those that it points to."""
    return list(Base.metadata.sorted_tables)


def kind_of(which: Column[Any]) -> str:
    kind = which.type
    if isinstance(kind, UtcDateTime):
        return "time"
    if isinstance(kind, JSON):
        return "json"
    if isinstance(kind, Date):
        return "date"
    if isinstance(kind, LargeBinary):
        return "bytes"
    return "decimal" if isinstance(kind, Numeric) and kind.asdecimal else "plain"


def dump(connection: Connection, rows_of: Table, target: Path) -> int:
    """Write the table to `target`, gzipped; how many rows. The same rows give the same bytes."""
    kinds = {one.name: kind_of(one) for one in rows_of.columns}
    wanted = [cast(one, Text) if kinds[one.name] == "json" else one for one in rows_of.columns]
    query = select(*wanted).order_by(*rows_of.primary_key.columns).execution_options(yield_per=STEP)
    encoders = [ENCODE[kind] for kind in kinds.values()]
    count = 0
    with target.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as file:
        file.write(line_of({"table": rows_of.name, "columns": kinds}))
        for row in connection.execute(query):
            values = zip(encoders, row, strict=True)
            file.write(line_of([None if value is None else encode(value) for encode, value in values]))
            count += 1
    return count


def line_of(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def load(connection: Connection, source: BinaryIO) -> int:
    """Put the rows that `dump` wrote into their table, which is empty; how many. The caller commits."""
    with gzip.open(source) as file:
        head = json.loads(file.readline())
        statement, kinds = insert_into(connection, head["table"], head["columns"]), head["columns"]
        count = 0
        for batch in chunks(read_rows(file, kinds), STEP):
            connection.execute(statement, batch)
            count += len(batch)
    return count


def insert_into(connection: Connection, name: str, kinds: dict[str, str]) -> Insert:
    columns = {one: bindparam(f"v_{one}", type_=TYPES[kind]) for one, kind in kinds.items()}
    values: dict[str, Any] = dict(columns)
    if connection.dialect.name == "postgresql":  # SQLite would make a number of it
        values |= {one: cast(columns[one], JSON) for one, kind in kinds.items() if kind == "json"}
    return table(name, *(column(one) for one in kinds)).insert().values(values)


def read_rows(lines: Iterator[bytes], kinds: dict[str, str]) -> Iterator[dict[str, Any]]:
    decoders = [(f"v_{name}", DECODE[kind]) for name, kind in kinds.items()]
    for line in lines:
        values = zip(decoders, json.loads(line), strict=True)
        yield {name: None if value is None else decode(value) for (name, decode), value in values}


def filled_tables(connection: Connection) -> list[str]:
    """The tables of the database that hold rows; none in an empty database, or in one without tables."""
    names = [name for name in inspect(connection).get_table_names() if name in Base.metadata.tables]
    return [name for name in names if connection.execute(select(text("1")).select_from(table(name)).limit(1)).first()]


class Loading:
    """Foreign keys looked at when all is loaded, and counters moved past the rows: a context manager around `load`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys: Sequence[tuple[str, str]] = ()

    def __enter__(self) -> None:
        if self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            return
        found = inspect(self._connection)
        names = [(name, key["name"]) for name in found.get_table_names() for key in found.get_foreign_keys(name)]
        self._keys = [(self._quote(name), self._quote(str(key))) for name, key in names]
        for name, key in self._keys:
            self._run(f"ALTER TABLE {name} ALTER CONSTRAINT {key} DEFERRABLE INITIALLY DEFERRED")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None or self._connection.dialect.name == "sqlite":
            return
        self._run("SET CONSTRAINTS ALL IMMEDIATE")
        for name, key in self._keys:
            self._run(f"ALTER TABLE {name} ALTER CONSTRAINT {key} NOT DEFERRABLE")
        for one in all_tables():
            self._move_counter(one)

    def _move_counter(self, one: Table) -> None:
        for key in one.primary_key.columns:
            counter = self._connection.scalar(select(func.pg_get_serial_sequence(one.name, key.name)))
            highest = self._connection.scalar(select(func.max(key)))
            if counter is not None and highest is not None:
                self._connection.execute(select(func.setval(counter, highest)))

    def _quote(self, name: str) -> str:
        return self._connection.dialect.identifier_preparer.quote(name)

    def _run(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement)
