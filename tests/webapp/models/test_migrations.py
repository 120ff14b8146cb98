from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine

from webapp import models
from webapp.db import Base
from webapp.migrations import is_current, upgrade


def test_the_migrations_make_exactly_the_tables_of_the_models(engine: Engine) -> None:
    assert models.User.metadata is Base.metadata
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert differences == []


def test_a_migrated_database_is_current_and_can_be_migrated_again(engine: Engine) -> None:
    assert is_current(engine)
    upgrade(engine)
    assert is_current(engine)


def test_an_empty_database_is_not_current() -> None:
    engine = create_engine("sqlite://")
    assert not is_current(engine)
    engine.dispose()
