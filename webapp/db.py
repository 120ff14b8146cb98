"""The engine, the session, and what every table shares."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    JSON,
    DateTime,
    Engine,
    MetaData,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")

CHUNK = 400  # ids in one statement
# Named constraints, so that a migration can drop one on every backend.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A UTC-aware time on every backend: SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone: give datetime.now(UTC) or another aware time")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


def now() -> datetime:
    return datetime.now(UTC)


def open_engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    return engine


def session_factory(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def one_moment(engine: Engine) -> Iterator[Session]:
    """A session to read with: all that it sees is as it stood at its first question, whatever others commit meanwhile.

    In WAL mode SQLite gives that to a transaction; the driver begins none for reading, so it is begun here.
    """
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if is_sqlite:
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        with Session(connection) as session:
            yield session


def insert_new(session: Session, model: type[Base], /, **values: Any) -> bool:
    """Add a row unless one with the same unique key stands there already; whether it was added.

    Two workers may come upon the same picture at once: the second finds the row instead of failing.
    """
    # A returned key and not a row count: psycopg's count says nothing here.
    statement = _insert(session, model).values(**values).on_conflict_do_nothing().returning(literal(1))
    return session.connection().execute(statement).first() is not None


def insert_new_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], *columns: Any) -> list[Any]:
    """As `insert_new`, for many at once; `columns` of those that were added. All rows name the same columns."""
    if not rows:
        return []
    statement, given = _insert_many(session, model, rows)
    return list(session.connection().execute(statement.on_conflict_do_nothing().returning(*columns), given))


def insert_all_new(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add each row unless one with the same unique key stands there already."""
    if rows:
        statement, given = _insert_many(session, model, rows)
        session.connection().execute(statement.on_conflict_do_nothing(), given)


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows, of which none can stand there already. All name the same columns."""
    if rows:
        session.connection().execute(*_insert_many(session, model, rows))


def _insert_many(
    session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]
) -> tuple[postgresql.Insert | sqlite.Insert, Any]:
    """A statement for all of the rows, and what it is given.

    PostgreSQL gets an array a column: as values of their own, a thousand rows are ten thousand parameters in a
    statement of a megabyte, which both sides take longer to read than the rows to write.
    """
    if session.get_bind().dialect.name == "sqlite":
        return _insert(session, model), list(rows)
    names = tuple(rows[0])
    return _insert_arrays(model, names), {name: [row[name] for row in rows] for name in names}


@lru_cache(maxsize=64)
def _insert_arrays(model: type[Base], names: tuple[str, ...]) -> postgresql.Insert:
    columns = inspect(model).local_table.columns
    arrays = [func.unnest(bindparam(name, type_=postgresql.ARRAY(columns[name].type, dimensions=1))) for name in names]
    return postgresql.insert(model).from_select(names, select(*arrays))


def add_up(session: Session, model: type[Base], row: Mapping[str, Any], sums: Sequence[str]) -> None:
    """Add a row, or where one with the same primary key stands there, add `sums` to its columns and set the others.

    One statement, so that two workers lose nothing of each other.
    """
    keys = [column.name for column in inspect(model).primary_key]
    insert = _insert(session, model).values(**row)
    changes = {
        name: getattr(model, name) + insert.excluded[name] if name in sums else insert.excluded[name]
        for name in row
        if name not in keys
    }
    session.connection().execute(insert.on_conflict_do_update(index_elements=keys, set_=changes))


def _insert(session: Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    return sqlite.insert(model) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(model)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    """WAL lets pages read while a worker writes; the busy timeout waits for the one writer instead of failing."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """In their order, as many at a time as one statement takes."""
    held: list[T] = []
    for value in values:
        held.append(value)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
