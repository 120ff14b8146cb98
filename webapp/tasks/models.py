"""Work on models in the background."""

from webapp.services import jobs, trials
from webapp.services.workshop import FAILURES, WORKS
from webapp.tasks import app
from webapp.tasks.database import task_session
from webapp.tasks.scans import stopping, worker_name


@app.task(name="jobs.run")  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    with task_session() as session:
        jobs.run(session, job_id, app.settings, worker_name(), WORKS, stopping.is_set, FAILURES)


@app.task(name="jobs.reconcile")  # type: ignore[untyped-decorator]
def reconcile() -> None:
    with task_session() as session:
        overdue = jobs.reconcile(session, app.settings)
        session.commit()
    for job_id in overdue:
        run_job.delay(job_id)
    trials.sweep(app.settings)
