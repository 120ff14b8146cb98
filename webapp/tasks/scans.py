"""Scans in the background."""

import os
import socket
import threading
from typing import Any
from uuid import uuid4

from celery.signals import worker_shutting_down

from webapp.services import scans
from webapp.tasks import app
from webapp.tasks.database import task_session

stopping = threading.Event()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def note_stop(**_: Any) -> None:
    """A running scan goes back to the queue at its next picture, so that stopping takes seconds."""
    stopping.set()


@app.task(name="scans.run")  # type: ignore[untyped-decorator]
def run_scan(scan_id: int) -> None:
    with task_session() as session:
        scans.run(session, scan_id, app.settings, worker_name(), stopping.is_set)


@app.task(name="scans.reconcile")  # type: ignore[untyped-decorator]
def reconcile() -> None:
    with task_session() as session:
        overdue = scans.reconcile(session, app.settings)
        session.commit()
    for scan_id in overdue:
        run_scan.delay(scan_id)


def worker_name() -> str:
    """Another at each call: a lease is of one run, not of one process."""
    return f"{host_name()}:{os.getpid()}:{uuid4().hex[:12]}"


def host_name() -> str:
    """What the workers of this machine have in common; 40 letters at most."""
    return socket.gethostname()[:40]
