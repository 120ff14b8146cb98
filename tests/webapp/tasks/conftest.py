"""Queues of every kind, each empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.servers import RedisServer
from webapp.settings import Settings
from webapp.tasks import app
from webapp.tasks.disk_queue import address_of, register


@pytest.fixture(params=["disk", "redis"])
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty queue: in a folder, and on a Redis."""
    if request.param == "disk":
        register()
        yield address_of(tmp_path / "queue")
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    with Redis.from_url(server.url) as client:
        client.flushall()
    yield server.url


@pytest.fixture
def queued(settings: Settings, broker_url: str) -> Settings:
    """Settings whose queue is `broker_url`, in use by the Celery app."""
    settings.broker_url = broker_url
    app.use(settings)
    return settings
