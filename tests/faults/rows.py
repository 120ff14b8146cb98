"""Rows for every table of a database of any revision, made of what the database itself says of its columns."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Enum,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    insert,
    select,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped

from tests.factories import WORDS_ONLY
from webapp.db import Base
from webapp.services.chain import content_sha256

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHA = "ab" * 32
# What a column says that nobody could guess.
TOLD: dict[str, Any] = {
    "sha256": SHA,
    "password_hash": "!",
    "cron": "0 3 * * *",
    "time_zone": "UTC",
    "language": "en",
    "url": "http://127.0.0.1:8001/1",
    "concept": "ivory",
    "rule": "ivory_words",
    "appearance_key": "1:1",
    "severity": "high",
    "stage": "decode",
    "precision": "fp32",
    "engine": "paddle",
    "decoding": "exact",
    "reasons": WORDS_ONLY["reasons"],
    "content_sha256": content_sha256(AT, "actor", "action", "subject", {}),
    "look_hash": "cd" * 32,
    "pixel_hash": "ef" * 32,
}


def fill(connection: Connection) -> dict[str, int]:
    """One row in each table, of which each points to the others; how many rows each table holds."""
    known = MetaData()
    known.reflect(connection)
    tables = [table for table in known.sorted_tables if is_ours(table)]
    for table in tables:
        connection.execute(insert(table).values(dict(values_of(table))))
    return count(connection, tables)


def is_ours(table: Table) -> bool:
    """Not what the database keeps for itself, nor seals, which a tick makes of what it finds."""
    own = ("alembic_version", "audit_seals", "sealed_entries")
    return table.name not in own and not table.name.startswith("listing_search")


def count(connection: Connection, tables: list[Table]) -> dict[str, int]:
    return {table.name: len(connection.execute(select(table)).all()) for table in tables}


def values_of(table: Table) -> Iterator[tuple[str, Any]]:
    for column in table.columns:
        if column.name == "id" and column.primary_key:
            continue  # the first is 1
        if column.foreign_keys:
            yield column.name, other_of(column)
        else:
            yield column.name, value_of(table.name, column)


def other_of(column: Column[Any]) -> Any:
    """The row that it points to; nothing where a table points to itself."""
    (key,) = column.foreign_keys
    itself = key.column.table is column.table
    return None if itself else (SHA if isinstance(column.type, String) else 1)


def value_of(table: str, column: Column[Any]) -> Any:
    """One that today's models can read."""
    now = modelled(table, column.name)
    if now is not None and isinstance(now.type, Enum):
        return over(now.type.enums)
    if column.name in TOLD:
        return TOLD[column.name]
    for kind, value in ((Boolean, False), (DateTime, AT), (Numeric, 1), (Float, 1.0), (Integer, 1)):
        if isinstance(column.type, kind):
            return value
    if isinstance(column.type, JSON):
        return [] if holds_list(table, column.name) else {}
    return column.name[: getattr(column.type, "length", None) or 40]


def over(words: list[str]) -> str:
    """Of states one that asks nobody for anything."""
    return next((word for word in ("done", "delivered", "confirmed", "scored") if word in words), words[0])


def modelled(table: str, column: str) -> Column[Any] | None:
    known = Base.metadata.tables.get(table)
    return known.columns.get(column) if known is not None else None


def holds_list(table: str, column: str) -> bool:
    for mapper in Base.registry.mappers:
        if mapper.local_table.name == table:
            (told,) = get_args(get_type_hints(mapper.class_).get(column, Mapped[dict]))
            return any(get_origin(one) is list or one is list for one in (told, *get_args(told)))
    return False
