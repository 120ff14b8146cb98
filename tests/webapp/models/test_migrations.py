from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from webapp import models
from webapp.db import Base, open_engine
from webapp.migrations import is_current, is_of_models, make_config, upgrade


def test_the_migrations_make_exactly_the_tables_of_the_models(engine: Engine) -> None:
    assert models.User.metadata is Base.metadata
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_of_models})
        differences = compare_metadata(context, Base.metadata)
    assert differences == []


def test_a_migrated_database_is_current_and_can_be_migrated_again(engine: Engine) -> None:
    assert is_current(engine)
    upgrade(engine)
    assert is_current(engine)


def test_an_empty_database_is_not_current() -> None:
    engine = create_engine("sqlite://")
    assert not is_current(engine)
    engine.dispose()


def test_a_database_of_the_revision_before_is_upgraded_with_its_rows(tmp_path: Path) -> None:
    """Foreign keys are on, as they always are here: the upgrade copies tables that others point to."""
    engine = open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        config = make_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    with engine.begin() as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement), {"at": AT} if ":at" in statement else {})
    upgrade(engine)
    assert is_current(engine)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT state, attempts, failure FROM scan_photos ORDER BY id")).all()
        assert [tuple(row) for row in rows] == [("scored", 0, None), ("failed", 0, "broken")]
        assert connection.execute(text("SELECT requested_by, warnings FROM scans")).one() == ("system", "[]")
        assert connection.execute(text("SELECT checked_at FROM appearances")).scalar_one() == AT
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    engine.dispose()


AT = "2026-11-01 03:00:00.000000"
OLD_ROWS = (
    "INSERT INTO sources (id, name, kind, options, created_at) VALUES (1, 'Shop', 'shop', '{}', :at)",
    "INSERT INTO scans (id, source_id, state, queued_at, listings_seen, photos_seen, photos_scored, photos_failed, "
    "findings_opened, models, primary_absent) VALUES (1, 1, 'done', :at, 1, 2, 1, 1, 0, '[]', 1)",
    "INSERT INTO listings (id, source_id, url, title, description, first_seen_at, last_seen_at) "
    "VALUES (1, 1, 'http://a/1', 'Vase', '', :at, :at)",
    "INSERT INTO photos (id, sha256, size_bytes, first_seen_at) VALUES (1, 'abc', 1, :at)",
    "INSERT INTO appearances (id, listing_id, photo_id, url, position) VALUES (1, 1, 1, 'http://a/1.jpg', 0)",
    "INSERT INTO scan_photos (id, scan_id, listing_id, photo_id, location, failure, seen_at) "
    "VALUES (1, 1, 1, 1, 'http://a/1.jpg', NULL, :at), (2, 1, 1, NULL, 'http://a/2.jpg', 'broken', :at)",
)
