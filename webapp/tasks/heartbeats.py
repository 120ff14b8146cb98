"""A worker and a beat say every 15 seconds that they live, from a thread of their own; a killed one goes silent."""

import atexit
import logging
import os
import signal
import threading
from collections.abc import Collection
from typing import Any

from celery.signals import beat_init, worker_ready, worker_shutdown
from sqlalchemy.exc import SQLAlchemyError

from webapp.migrations import mismatch
from webapp.services import processes
from webapp.tasks import app
from webapp.tasks.database import engine_of, task_session

logger = logging.getLogger(__name__)


class Heartbeat:
    """Its row of `worker_processes` is gone once it is stopped. A database that is away is asked again."""

    def __init__(self, kind: str, queues: Collection[str] = (), pause_s: float = processes.BEAT_S) -> None:
        self.name = processes.new_name(kind)
        self._kind = kind
        self._queues = queues
        self._pause_s = pause_s
        self._over = threading.Event()
        self._is_heard = True
        self._thread = threading.Thread(target=self._run, name=f"heartbeat of {self.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Once more does nothing."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join(self._pause_s)
        try:
            with task_session() as session:
                processes.remove(session, self.name)
                session.commit()
        except SQLAlchemyError as error:
            logger.warning("the database does not hear that this process ends: %s", error)

    def _run(self) -> None:
        while True:
            self._beat()
            if self._over.wait(self._pause_s) or self._is_outdated():
                return

    def _is_outdated(self) -> bool:
        """Whether the database was upgraded under us. Then we end in order: what is under way goes back and waits."""
        try:
            why = mismatch(engine_of(app.settings.sqlalchemy_url))
        except SQLAlchemyError:
            return False
        if why is None:
            return False
        logger.error("this process ends: %s", why)
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    def _beat(self) -> None:
        try:
            with task_session() as session:
                processes.beat_of(session, self.name, self._kind, self._queues)
                processes.forget(session)
                session.commit()
        except SQLAlchemyError as error:
            if self._is_heard:  # once for each time that it goes away, not every 15 seconds
                logger.warning("the database does not hear that this process lives, trying on: %s", error)
            self._is_heard = False
        else:
            self._is_heard = True


@worker_ready.connect  # type: ignore[untyped-decorator]
def worker_began(**_: Any) -> None:
    heartbeat = begin(processes.WORKER, list(app.amqp.queues.consume_from))
    # Held by a name that lives as long as the signal: Celery keeps weak references alone.
    worker_shutdown.connect(lambda **_: heartbeat.stop(), weak=False)


@beat_init.connect  # type: ignore[untyped-decorator]
def beat_began(**_: Any) -> None:
    begin(processes.BEAT)


def begin(kind: str, queues: Collection[str] = ()) -> Heartbeat:
    heartbeat = Heartbeat(kind, queues)
    heartbeat.start()
    atexit.register(heartbeat.stop)  # beat sends no signal when it ends
    return heartbeat
