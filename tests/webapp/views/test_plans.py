"""What pages ask of the database finds its rows by an index, however many there are; on both databases.

A page is asked for, each of its statements is caught, and the database is asked how it would answer it. A full scan of
a table that grows with the store is a fault; so is a place in a list that is reached by counting up to it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_photo, make_scan, make_scores, make_source, place_photo
from tests.webapp.conftest import BACKENDS
from tests.webapp.views.conftest import SignIn
from webapp.db import now
from webapp.models import FindingRow, NearPhoto, PhotoRow, Role
from webapp.services import likeness, queue, search
from webapp.services.look_index import LookIndex

# Grow with the store; others (sources, people, scans, schedules) are few.
LARGE = (
    "findings",
    "finding_terms",
    "decisions",
    "decision_undos",
    "listings",
    "listing_texts",
    "listing_versions",
    "listing_events",
    "appearances",
    "photos",
    "photo_looks",
    "near_photos",
    "scores",
    "scan_photos",
    "captures",
    "crawled_pages",
    "evidence_views",
)
# SQLite names a table as the statement does, which may be by an alias of SQLAlchemy's.
SCANNED = {"sqlite": re.compile(r"\bSCAN (\w+)\b(?! VIRTUAL)"), "postgresql": re.compile(r"Seq Scan on (\w+)")}
# Read as a whole, and small: of what waits, and all that the overview counts by, without the findings themselves.
ALLOWED = ("ix_scan_photos_pending", "COVERING INDEX ix_findings")
PAGES = (
    "/queue",
    "/queue?after={cursor}",
    "/queue?before={cursor}",
    "/queue?concept=elephant&after={cursor}",
    "/queue?seller=ann",
    "/queue?severity=high&language=en",
    "/queue?found_from=2020-01-01",
    "/queue?q=bronze",
    "/queue?q=bronze+figure&source=1",
    "/queue/next",
    "/findings/{finding}",
)

Asked = tuple[str, Any]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def caught(engine: Engine) -> Iterator[list[Asked]]:
    """The SELECT statements that the engine is given meanwhile, each once, with their values."""
    asked: dict[str, Any] = {}

    def catch(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")) and not is_many:
            asked.setdefault(statement, values)

    found: list[Asked] = []
    event.listen(engine, "before_cursor_execute", catch)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", catch)
        found += asked.items()


def scans_of(connection: Connection, statement: str, values: Any) -> list[str]:
    """Large tables that the statement would read from one end to the other."""
    name = connection.dialect.name
    word = "EXPLAIN QUERY PLAN" if name == "sqlite" else "EXPLAIN"
    lines = [str(row) for row in connection.exec_driver_sql(f"{word} {statement}", values)]
    aliases = dict(re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", statement))
    tables = {alias: table for table, alias in aliases.items()}
    lines = [line for line in lines if not any(name in line for name in ALLOWED)]
    names = [match for line in lines for match in SCANNED[name].findall(line)]
    return [one for one in (tables.get(name, name) for name in names) if one in LARGE]


@pytest.fixture
def store(session: Session) -> FindingRow:
    """A finding on a picture that others show too; with the statistics of a table that has rows."""
    source = make_source(session)
    scan = make_scan(session, source)
    rows = []
    for number in range(30):
        listing = make_listing(session, source, title="Bronze figure", seller="ann", language="en")
        search.keep(session, listing)
        photo = make_photo(session, listing, pixel_hash=f"{number % 10:064x}", look_hash=f"{1 << number:064x}")
        make_scores(session, photo)
        rows.append(make_finding(session, listing, photo, scan, priority=number / 10))
    place_photo(session, rows[3].listing, rows[4].photo)
    session.add(NearPhoto(photo_id=rows[0].photo_id, other_id=rows[1].photo_id, distance=2))
    session.commit()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE"))
        session.commit()
    return rows[0]


def test_pages_read_no_table_from_end_to_end(app: Flask, sign_in: SignIn, store: FindingRow) -> None:
    client = sign_in(Role.REVIEWER)
    engine = app.extensions["tuskline"].engine
    cursor = queue.write_cursor((1.5, 10))
    found: set[tuple[str, ...]] = set()
    for address in PAGES:
        with caught(engine) as asked:
            get(client, address.format(cursor=cursor, finding=store.id))
        assert len(asked) > 3
        found |= {(address, *one) for one in faults(engine, asked)}
    assert found == set()


def get(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code in (200, 302)


def faults(engine: Engine, asked: list[Asked]) -> set[tuple[str, ...]]:
    """The tables that a statement would read from end to end, and the statement."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # Of few rows it would read all: it is asked what it does where that is not worth while.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        return {(scan, statement) for statement, values in asked for scan in scans_of(connection, statement, values)}


def test_pairing_and_duplicates_read_no_table_from_end_to_end(
    engine: Engine, session: Session, store: FindingRow
) -> None:
    index = LookIndex()
    index.follow(session)
    new = make_photo(session, store.listing, look_hash=f"{3:064x}", pixel_hash="1" * 64)
    session.commit()
    with caught(engine) as asked:
        likeness.pair(session, [new], index)
        session.commit()
        likeness.duplicates(session, session.get_one(PhotoRow, store.photo_id))
    assert any("photo_looks" in statement for statement, _ in asked)
    assert faults(engine, asked) == set()


def test_a_scan_is_told_apart_from_a_search(engine: Engine, store: FindingRow) -> None:
    """The check itself finds what it is to find."""
    assert store.photo_id
    statement = "SELECT p.id FROM photos AS p WHERE p.size_bytes = 7"
    assert faults(engine, [(statement, ())]) == {("photos", statement)}
    assert faults(engine, [("SELECT p.id FROM photos AS p WHERE p.id = 7", ())]) == set()


def test_no_code_counts_up_to_a_place() -> None:
    """A page that is reached by OFFSET takes longer the further behind it lies."""
    code = Path(__file__).parents[3] / "webapp"
    counted = [path for path in code.rglob("*.py") if re.search(r"\.offset\(|\bOFFSET\b", path.read_text("utf-8"))]
    assert counted == []


def test_the_overview_reads_no_table_from_end_to_end(app: Flask, sign_in: SignIn, store: FindingRow) -> None:
    assert store.found_at > now() - timedelta(days=1)
    client = sign_in(Role.VIEWER)
    engine = app.extensions["tuskline"].engine
    with caught(engine) as asked:
        get(client, "/?days=365")
    assert faults(engine, asked) == set()
