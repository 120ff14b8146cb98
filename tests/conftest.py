"""Fixtures for every layer."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from scanner import decoding
from scanner.zoo.weights import ensure_default
from tests.factories import CHEAP_HASHER
from tests.servers import PostgresServer, RedisServer, missing_postgres, missing_redis
from tests.webapp.databases import migrate
from webapp import db
from webapp.services import passwords

gc.disable()  # while modules are imported and tests collected: hardly anything of it is ever thrown away


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run what takes longer than `make test` may, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `full`, as `make test` has minutes and the whole suites take hours."""
    if config.getoption("--full"):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    if left_out:
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was imported and collected, some million objects, out of every later search for garbage.

    Such a search is also made more seldom: it was a quarter of the time of a test.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_process_left() -> Iterator[None]:
    """End the thumbnail process with the session: a worker in our own process registers its own end before ours."""
    yield
    decoding.thumbnail_process().__exit__()


@pytest.fixture(scope="session", autouse=True)
def _installs_leave_onnx_out() -> Iterator[None]:
    """Each of some hundred installs would convert its network, which takes eight seconds; tests of that ask for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUSKLINE_ENGINE", "paddle")
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every test has an application of its own; compiling its templates again would cost more than the test."""
    folder = tmp_path_factory.mktemp("templates")
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": FileSystemBytecodeCache(str(folder))}


@pytest.fixture(scope="session", autouse=True)
def _routes_compiled_once() -> None:
    """Werkzeug writes and compiles functions for each of some 260 routes of an application: once a process is enough.

    What it makes depends on the route's text alone; `self` is a parameter of it.
    """
    compile_anew, made = Rule._compile_builder, {}

    def compile_once(self: Rule, append_unknown: bool = True) -> Any:
        key = (tuple(self._trace), repr(self.defaults), append_unknown)
        if key not in made:
            made[key] = compile_anew(self, append_unknown)
        return made[key]

    Rule._compile_builder = compile_once  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> None:
    """Write the SQL of each statement once a process, and not once a test as each has an engine of its own.

    What SQLAlchemy keeps, it keeps by statement and dialect. Ours are alike where their classes are: nothing here
    gives one an option.
    """
    create_engine, kept = db.create_engine, LRUCache(5000)

    def create_knowing(url: str) -> Engine:
        engine = create_engine(url)
        engine._compiled_cache = kept
        return engine

    db.create_engine = create_knowing
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    DefaultDialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """As those of tests.factories: else each sign-in would make the password's hash anew, with today's parameters."""
    passwords._hasher = CHEAP_HASHER


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database on SQLite with the tables in place, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "tuskline.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One for all tests of this process; each takes a database of its own."""
    if reason := missing_postgres():
        pytest.skip(reason)
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One for all tests of this process, which empty it."""
    if reason := missing_redis():
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def default_models(pytestconfig: pytest.Config) -> Path:
    """A models folder with the default model's real weights, downloaded by pip once and kept in pytest's cache."""
    folder = Path(pytestconfig.cache.mkdir("models"))
    hub_home, os.environ["HUB_HOME"] = os.environ.get("HUB_HOME"), str(folder / "no-hub")
    try:
        ensure_default(folder, print)
    finally:
        del os.environ["HUB_HOME"]
        if hub_home is not None:
            os.environ["HUB_HOME"] = hub_home
    return folder
