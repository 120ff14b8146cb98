"""Schedules in the background."""

from webapp.services import firing
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.scans import run_scan
from webapp.tasks.sending import enqueue


@app.task(name="schedules.fire")  # type: ignore[untyped-decorator]
def fire() -> None:
    with task_session() as session:
        scan_ids = firing.fire_due(session)
    for scan_id in scan_ids:
        enqueue(run_scan, scan_id)
