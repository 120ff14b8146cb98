"""Fixtures for every layer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner import decoding
from scanner.zoo.weights import ensure_default
from tests.servers import PostgresServer, RedisServer, missing_postgres, missing_redis


@pytest.fixture(scope="session", autouse=True)
def _no_process_left() -> Iterator[None]:
    """End the thumbnail process with the session: a worker in our own process registers its own end before ours."""
    yield
    decoding.thumbnail_process().__exit__()


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
