"""Long work in the background: on models beside the scans, on reports and case files beside the pages."""

from typing import Any

from webapp.models import JobKind
from webapp.services import jobs, trials
from webapp.services.workshop import FAILURES, WORKS
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.scans import stopping, worker_name
from webapp.tasks.sending import enqueue


@app.task(name="jobs.run")  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    with task_session() as session:
        jobs.run(session, job_id, app.settings, worker_name(), WORKS, stopping.is_set, FAILURES)


@app.task(name="jobs.write")  # type: ignore[untyped-decorator]
def write_job(job_id: int) -> None:
    """The same on the queue of reports, whose workers need no model."""
    run_job(job_id)


def task_for(kind: JobKind) -> Any:
    return run_job if kind.is_of_models else write_job


@app.task(name="jobs.reconcile")  # type: ignore[untyped-decorator]
def reconcile() -> None:
    with task_session() as session:
        overdue = jobs.reconcile(session, app.settings)
        session.commit()
    for job_id, kind in overdue:
        enqueue(task_for(kind), job_id)
    trials.sweep(app.settings)
