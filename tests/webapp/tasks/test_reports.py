"""The whole way of a scheduled report, task by task: due, built, written, in the outbox."""

import json
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from webapp.db import now
from webapp.models import JobState, Report
from webapp.services import jobs, report_schedules
from webapp.services.report_schedules import ReportPlan
from webapp.settings import Settings
from webapp.tasks import reports as tasks
from webapp.tasks.jobs import write_job


def test_a_report_that_is_due_lies_in_the_outbox_after_three_tasks(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ReportPlan("Weekly", "0 6 * * 1", formats=("csv", "jsonl"), folder="weekly")
    schedule = report_schedules.create(session, plan, None)
    schedule.due_at = now() - timedelta(seconds=1)
    session.commit()
    sent: list[int] = []
    monkeypatch.setattr(write_job, "delay", sent.append)
    tasks.fire()
    tasks.fire()
    (job_id,) = sent
    write_job(job_id)
    session.rollback()
    assert jobs.find(session, job_id).state is JobState.DONE
    tasks.deliver()
    report = session.query(Report).one()
    (index,) = settings.home.glob(f"outbox/weekly/*-report-{report.id}/index.json")
    told = json.loads(index.read_text())
    assert [(index.parent / one["name"]).stat().st_size for one in told["files"]] == [
        one["size_bytes"] for one in told["files"]
    ]
