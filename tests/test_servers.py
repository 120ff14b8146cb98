"""The servers that other tests rely on: they come back after a stop and a kill, and end with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import make_url

from tests.servers import PostgresServer, RedisServer, Server, missing_postgres, missing_redis

SCRIPT = """
import sys
from tests.servers import RedisServer
with RedisServer() as server:
    print(server._process.pid, server.folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    if reason := missing_postgres():
        pytest.skip(reason)
    with PostgresServer() as server:
        yield server


@pytest.fixture
def memory() -> Iterator[RedisServer]:
    if reason := missing_redis():
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


def ask(server: PostgresServer, statement: str) -> None:
    address = make_url(server.url).set(drivername="postgresql").render_as_string()
    with psycopg.connect(address) as connection:
        connection.execute(statement)


def test_what_was_committed_is_there_after_a_restart_and_a_kill(postgres: PostgresServer) -> None:
    ask(postgres, "CREATE TABLE tusks (id int)")
    postgres.restart()
    ask(postgres, "INSERT INTO tusks VALUES (1)")
    postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        ask(postgres, "SELECT 1")
    postgres.start()
    ask(postgres, "SELECT 1 / (SELECT count(*) FROM tusks)")


def test_redis_comes_back_empty_on_the_same_port(memory: RedisServer) -> None:
    with redis.Redis.from_url(memory.url) as client:
        client.set("tusk", 1)
        memory.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("tusk")
        memory.start()
        assert client.get("tusk") is None


def test_a_server_ends_with_a_killed_parent_and_its_folder_goes_at_the_next_start(memory: RedisServer) -> None:
    script = [sys.executable, "-c", SCRIPT]
    parent = subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin and parent.stdout
    pid, folder = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + 30
    while Path("/proc", pid).exists() and "redis" in Path("/proc", pid, "cmdline").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert Path(folder).exists()
    with RedisServer():
        assert not Path(folder).exists()
    assert memory.answers() and memory.folder.exists(), "that of a run that goes on stays"


def test_no_other_user_may_enter(postgres: PostgresServer) -> None:
    assert postgres.folder.stat().st_mode & 0o077 == 0
    assert isinstance(postgres, Server) and str(os.getpid()) in postgres.folder.name
