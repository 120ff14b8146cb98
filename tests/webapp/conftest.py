"""A database of its own for every test: a copy of one that was migrated once.

On SQLite always; on PostgreSQL as well where TUSKLINE_TEST_POSTGRES_URL names a server (and a database to connect
to first) on which the user may create databases.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.orm import Session

from webapp.db import open_engine, session_factory
from webapp.migrations import upgrade
from webapp.settings import Settings
from webapp.tasks import app

POSTGRES_URL = os.environ.get("TUSKLINE_TEST_POSTGRES_URL")
BACKENDS = ["sqlite", "postgresql"] if POSTGRES_URL else ["sqlite"]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "tuskline.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database() -> Iterator[str]:
    with postgres_database() as name:
        migrate(postgres_url(name))
        yield name


@pytest.fixture(params=BACKENDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home of its own, with the tables in place."""
    home = tmp_path / "home"
    home.mkdir()
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), home / "tuskline.db")
        yield use(Settings(home=home, database_url=None, broker_url=None))
        return
    with postgres_database(request.getfixturevalue("migrated_database")) as name:
        yield use(Settings(home=home, database_url=postgres_url(name), broker_url=None))


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings.sqlalchemy_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with session_factory(engine)() as session:
        yield session


@pytest.fixture(autouse=True)
def queue_of_the_test(tmp_path: Path) -> None:
    """No test puts a message into the queue of this checkout."""
    app.use(Settings(home=tmp_path / "home", database_url=None, broker_url=None))


def use(settings: Settings) -> Settings:
    app.use(settings)
    return settings


def migrate(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


class postgres_database:  # used like a function
    """A database that is made on entering and dropped on leaving."""

    def __init__(self, template: str = "template1") -> None:
        self.name = f"tuskline_test_{uuid4().hex[:12]}"
        self.template = template

    def __enter__(self) -> str:
        run_on_server(f"CREATE DATABASE {self.name} TEMPLATE {self.template}")
        return self.name

    def __exit__(self, *_: object) -> None:
        run_on_server(f"DROP DATABASE {self.name} WITH (FORCE)")


def run_on_server(statement: str) -> None:
    engine = open_engine(str(POSTGRES_URL))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()


def postgres_url(database: str) -> str:
    return make_url(str(POSTGRES_URL)).set(database=database).render_as_string(hide_password=False)
