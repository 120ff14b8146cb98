"""Real workers and beats say that they live, and are gone when they end."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.models import WorkerProcess
from webapp.services import processes
from webapp.settings import Settings
from webapp.tasks import app
from webapp.tasks.heartbeats import Heartbeat

PATIENCE_S = 60.0


def wait_for(session: Session, is_so: Callable[[list[WorkerProcess]], bool]) -> list[WorkerProcess]:
    until = time.monotonic() + PATIENCE_S
    while not is_so(found := processes.recent(session)):
        assert time.monotonic() < until, f"only {[one.name for one in found]}"
        session.rollback()
        time.sleep(0.05)
    return found


@contextmanager
def started(settings: Settings, command: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"TUSKLINE_HOME": str(settings.home), "TUSKLINE_DATABASE_URL": settings.sqlalchemy_url}
    environment["TUSKLINE_BROKER_URL"] = str(settings.broker_url)
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    # Celery looks at where it writes to; read on, or it stops at a full pipe.
    reader = threading.Thread(target=process.communicate)
    reader.start()
    try:
        yield process
    finally:
        process.kill()
        reader.join()


@pytest.mark.parametrize("kind", [processes.WORKER, processes.BEAT])
def test_a_real_process_is_there_while_it_lives_and_gone_when_it_is_asked_to_end(
    session: Session, queued: Settings, kind: str
) -> None:
    with started(queued, kind) as process:
        [row] = wait_for(session, lambda found: len(found) == 1)
        assert (row.kind, row.pid, row.host) == (kind, process.pid, processes.host_name())
        assert bool(row.queues) == (kind == processes.WORKER)
        process.send_signal(signal.SIGTERM)
        wait_for(session, lambda found: not found)


def test_a_killed_one_stays_and_goes_silent(session: Session, settings: Settings) -> None:
    settings.broker_url = app.conf.broker_url
    with started(settings, processes.BEAT) as process:
        wait_for(session, lambda found: len(found) == 1)
        process.kill()
        process.wait()
        session.rollback()
        assert len(processes.recent(session)) == 1


def test_it_speaks_again_and_again(session: Session) -> None:
    heartbeat = Heartbeat(processes.WORKER, ["scan"], pause_s=0.02)
    heartbeat.start()
    [first] = wait_for(session, lambda found: len(found) == 1)
    began = first.seen_at
    session.rollback()
    wait_for(session, lambda found: found[0].seen_at > began)
    heartbeat.stop()
    heartbeat.stop()
    assert processes.recent(session) == []


def test_a_database_that_is_away_is_said_once_and_asked_on(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    session.execute(text("ALTER TABLE worker_processes RENAME TO away"))
    session.commit()
    heartbeat = Heartbeat(processes.BEAT)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            heartbeat._beat()
        assert caplog.text.count("does not hear that this process lives") == 1
        session.execute(text("ALTER TABLE away RENAME TO worker_processes"))
        session.commit()
        heartbeat._beat()
    assert [one.name for one in processes.recent(session)] == [heartbeat.name]
