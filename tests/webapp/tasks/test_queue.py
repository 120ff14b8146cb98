"""Messages that tasks leave in the queue, and what a worker does with them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.contrib.testing.worker import start_worker
from sqlalchemy.orm import Session

from tests.factories import make_job, make_scan, make_source
from webapp.db import now
from webapp.models import JobState, ScanState
from webapp.services import scans
from webapp.settings import Settings
from webapp.tasks import app, options, ticks
from webapp.tasks.jobs import reconcile as reconcile_jobs
from webapp.tasks.rules import apply_pack
from webapp.tasks.scans import reconcile, run_scan


def test_messages_are_json_and_carry_ids_alone(settings: Settings) -> None:
    run_scan.delay(12)
    apply_pack.delay()
    assert [(task, arguments) for task, arguments in messages(settings)] == [
        ("scans.run", [12]),
        ("rules.apply_pack", []),
    ]


def test_the_tick_queues_what_a_dead_worker_left(session: Session, settings: Settings) -> None:
    left = make_scan(session, state=ScanState.RUNNING, lease_until=now() - timedelta(seconds=1), lease_owner="dead")
    session.commit()
    reconcile()
    assert messages(settings) == [("scans.run", [left.id])]
    session.refresh(left)
    assert (left.state, left.lease_owner) == (ScanState.QUEUED, None)


def test_the_tick_queues_a_dead_worker_s_job(session: Session, settings: Settings) -> None:
    left = make_job(session, state=JobState.RUNNING, lease_until=now() - timedelta(seconds=1), lease_owner="dead")
    session.commit()
    reconcile_jobs()
    assert messages(settings) == [("jobs.run", [left.id])]
    session.refresh(left)
    assert (left.state, left.lease_owner) == (JobState.QUEUED, None)


def test_what_takes_up_lost_messages_is_on_the_schedule(settings: Settings) -> None:
    app.loader.import_default_modules()
    entries = list(options(settings)["beat_schedule"].values())
    assert (
        {entry["task"] for entry in entries}
        == {"scans.reconcile", "jobs.reconcile", "rules.apply_pack", "schedules.fire"}
        | {"audit.seal", "webhooks.deliver", "webhooks.forget", "retention.purge", "reports.fire", "reports.deliver"}
        <= set(app.tasks)
    )
    assert {entry["schedule"].seconds for entry in entries} == {15, 5, 60, 3600}


def test_ticks_are_not_rarer_than_leases_pass(settings: Settings) -> None:
    settings.lease_s = 8
    assert ticks(settings)["scans.reconcile"] == 2


def test_another_broker_is_one_setting_away(settings: Settings) -> None:
    settings.broker_url = "redis://127.0.0.1:6379/0"
    assert options(settings)["broker_url"] == "redis://127.0.0.1:6379/0"


def test_a_worker_takes_a_scan_from_the_queue(session: Session, settings: Settings) -> None:
    scan = scans.create(session, make_source(session).id, "ann")
    session.commit()
    run_scan.delay(scan.id)
    with worker():
        until = now() + timedelta(seconds=20)
        while now() < until and not scans.progress(session, scan.id).state.is_over:
            session.rollback()
    assert scan.state is ScanState.FAILED, "no model is installed here, and that is what the worker found"
    assert messages(settings) == []


@contextmanager
def worker() -> Iterator[None]:
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="warning"):
        yield


def messages(settings: Settings) -> list[tuple[str, Any]]:
    folder = Path(settings.queue_dir / "messages")
    read = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    return [(one["headers"]["task"], json.loads(b64decode(one["body"]))[0]) for one in read]
