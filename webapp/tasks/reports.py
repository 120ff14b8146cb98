"""Scheduled reports in the background: asking for those that are due, and handing over what is built."""

from webapp.services import deliveries, report_firing
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.jobs import write_job
from webapp.tasks.sending import enqueue


@app.task(name="reports.fire")  # type: ignore[untyped-decorator]
def fire() -> None:
    with task_session() as session:
        job_ids = report_firing.fire_due(session)
    for job_id in job_ids:
        enqueue(write_job, job_id)


@app.task(name="reports.deliver")  # type: ignore[untyped-decorator]
def deliver() -> None:
    with task_session() as session:
        deliveries.deliver_due(session, app.settings)
