"""A database of its own for every test: a copy of one that was migrated once, or such a copy that was emptied again.

On SQLite, and on PostgreSQL where one can be started. TUSKLINE_TEST_POSTGRES_URL names another server (and a database
to connect to first) on which the user may create databases; TUSKLINE_TEST_BACKENDS=sqlite leaves PostgreSQL out.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from tests.webapp.databases import Lender, create_database, drop_database, migrate
from webapp.db import open_engine, session_factory
from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Content, Means
from webapp.services import rechecks
from webapp.services.casework import report
from webapp.settings import Settings
from webapp.tasks import app
from webapp.tasks.database import engine_of
from webapp.tasks.rules import apply_pack

POSTGRES_URL = os.environ.get("TUSKLINE_TEST_POSTGRES_URL")
WANTED = os.environ.get("TUSKLINE_TEST_BACKENDS", "sqlite,postgresql").split(",")
BACKENDS = [name for name in ("sqlite", "postgresql") if name in WANTED]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The database that this test runs on."""
    return str(request.param)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> str:
    """The address of a PostgreSQL, and of a database on it to connect to first."""
    return POSTGRES_URL or str(request.getfixturevalue("postgres_server").url)


@pytest.fixture(scope="session")
def lender(postgres: str) -> Iterator[Lender]:
    url = create_database(postgres)
    migrate(url)
    name = str(make_url(url).database)
    lender = Lender(postgres, name)
    yield lender
    lender.end()
    drop_database(postgres, name)


@pytest.fixture
def settings(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home of its own, with the tables in place."""
    home = tmp_path / "home"
    home.mkdir()
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), home / "tuskline.db")
        yield use(Settings(home=home, database_url=None, broker_url=None))
        return
    with request.getfixturevalue("lender").lend() as url:
        yield use(Settings(home=home, database_url=url, broker_url=None))
        engine_of(url).dispose()  # what tasks keep open is closed with the rest, and the next test has this address too


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


@pytest.fixture(autouse=True)
def _no_second_look_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what people decide in a test nothing is drawn for a second look, unless the test draws itself."""
    monkeypatch.setattr(rechecks, "draw", lambda: 1.0)


def use(settings: Settings) -> Settings:
    app.use(settings)
    return settings


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where it is noted that the findings are to follow the rules; nothing is sent."""
    calls: list[str] = []
    monkeypatch.setattr(apply_pack, "delay", lambda: calls.append("apply"))
    return calls


@pytest.fixture
def quick_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report's pages of a case file are not set, which takes a second; its file says which findings it is of."""

    def write(content: Content, _choices: Choices, _means: Means, target: BinaryIO) -> None:
        target.write(f"%PDF of {[one['id'] for one in content.findings()]}".encode())

    monkeypatch.setitem(report.FORMATS, "pdf", replace(FORMATS["pdf"], write=write))
