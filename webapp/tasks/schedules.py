"""Schedules in the background."""

from webapp.services import firing
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.scans import run_scan


@app.task(name="schedules.fire")  # type: ignore[untyped-decorator]
def fire() -> None:
    with task_session() as session:
        scan_ids = firing.fire_due(session)
    for scan_id in scan_ids:
        run_scan.delay(scan_id)
