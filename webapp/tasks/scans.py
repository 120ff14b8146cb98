"""Scans in the background: crawling, scoring, and the tick that takes up what a dead worker left."""

import os
import socket
import threading
from typing import Any
from uuid import uuid4

from celery.signals import worker_shutting_down

from webapp.services import claims, crawling, scans, scoring
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.sending import enqueue

stopping = threading.Event()
_scoring = threading.Lock()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def note_stop(**_: Any) -> None:
    """A running crawl goes back to the queue at its next listing, so that stopping takes seconds."""
    stopping.set()


# Acknowledged at once: they last for hours, which a broker may take for a death, and the database has the truth.
@app.task(name="scans.run", acks_late=False)  # type: ignore[untyped-decorator]
def run_scan(scan_id: int) -> None:
    with task_session() as session:
        was_ours = crawling.run(session, scan_id, app.settings, worker_name(), stopping.is_set, announce)
        following = scans.startable(session) if was_ours and not stopping.is_set() else []
    for each in following:
        enqueue(run_scan, each)


def announce() -> None:
    """There are pictures to score. A crawl is not to end because the broker is away for a while: a tick looks too."""
    enqueue(score_pictures)


@app.task(name="pictures.score", acks_late=False)  # type: ignore[untyped-decorator]
def score_pictures() -> None:
    """One set of predictors a process: while it works, further messages are of no use."""
    if not _scoring.acquire(blocking=False):
        return
    try:
        with task_session() as session:
            scoring.run(session, app.settings, worker_name(), stopping.is_set, sleep=stopping.wait)
    finally:
        _scoring.release()


@app.task(name="scans.reconcile")  # type: ignore[untyped-decorator]
def reconcile() -> None:
    with task_session() as session:
        overdue = scans.reconcile(session, app.settings)
        session.commit()
        is_waiting = claims.is_any_free(session, app.settings.lease_s)
    for scan_id in overdue:
        enqueue(run_scan, scan_id)
    if is_waiting:
        enqueue(score_pictures)


def worker_name() -> str:
    """Another at each call: a lease is of one run, not of one process."""
    return f"{host_name()}:{os.getpid()}:{uuid4().hex[:12]}"


def host_name() -> str:
    """What the workers of this machine have in common; 40 letters at most."""
    return socket.gethostname()[:40]
