from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.factories import make_job
from webapp.db import now
from webapp.models import AuditEntry, Job, JobKind, JobState
from webapp.services import jobs, leases
from webapp.services.jobs import JobError, Stopped, Task, Work
from webapp.settings import Settings

MODEL = "a_model"


def ask(session: Session, kind: JobKind = JobKind.VERIFY, model: str = MODEL) -> Job:
    job, _ = jobs.ensure(session, kind, "ann", model)
    session.commit()
    return job


def run(session: Session, settings: Settings, job: Job, work: Work, is_stopping: Callable[[], bool] = bool) -> Job:
    jobs.run(session, job.id, settings, "worker", dict.fromkeys(JobKind, work), is_stopping, (OSError,))
    return jobs.find(session, job.id)


def raising(error: BaseException) -> Work:
    def work(_task: Task) -> dict[str, Any]:
        raise error

    return work


def find_nothing(_task: Task) -> dict[str, Any]:
    return {"found": 0}


def actions(session: Session) -> list[tuple[str, str, str]]:
    return [(entry.actor, entry.action, entry.subject) for entry in session.query(AuditEntry).order_by(AuditEntry.id)]


def test_a_job_is_asked_for_done_and_traced(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), find_nothing)
    assert (job.state, job.result, job.holds, job.attempts) == (JobState.DONE, {"found": 0}, None, 1)
    assert job.finished_at is not None and job.lease_owner is None
    assert actions(session) == [
        ("ann", "model.verify", "model:a_model"),
        ("ann", "model.verify.done", "model:a_model"),
    ]


def test_the_trace_names_the_version_that_was_installed(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session, JobKind.INSTALL), lambda _: {"digest": "d" * 64})
    entry = session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry is not None and entry.facts == {"job": job.id, "note": None, "digest": "d" * 64}


def test_no_two_unfinished_jobs_hold_the_same_model(session: Session, settings: Settings) -> None:
    first = ask(session, JobKind.INSTALL)
    again, is_new = jobs.ensure(session, JobKind.REMOVE, "bob", MODEL)
    assert (again.id, is_new) == (first.id, False)
    assert ask(session, JobKind.REMOVE, "another_model").id != first.id
    run(session, settings, first, find_nothing)
    assert jobs.ensure(session, JobKind.REMOVE, "bob", MODEL)[1]


@pytest.mark.parametrize("error", [JobError("It is not installed."), OSError("The disk is full.")])
def test_a_failure_is_its_one_sentence(session: Session, settings: Settings, error: Exception) -> None:
    job = run(session, settings, ask(session), raising(error))
    assert (job.state, job.note) == (JobState.FAILED, str(error))
    assert actions(session)[-1][1] == "model.verify.failed"


def test_an_unexpected_error_is_a_state_too(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), raising(RuntimeError("with a secret")))
    assert job.state is JobState.FAILED
    assert job.note is not None and "worker's log" in job.note and "secret" not in job.note


def test_a_job_that_is_over_is_not_done_twice(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), find_nothing)
    assert run(session, settings, job, raising(AssertionError("ran again"))).state is JobState.DONE


def test_a_stopped_worker_gives_the_job_back_uncounted(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), raising(Stopped()))
    assert (job.state, job.attempts, job.holds) == (JobState.QUEUED, 0, "model:a_model")
    assert run(session, settings, job, find_nothing).state is JobState.DONE


def test_what_a_stopped_worker_gave_back_is_sent_to_another(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), raising(Stopped()))
    assert [number for number, _ in jobs.reconcile(session, settings)] == [job.id]


def test_a_database_that_is_away_is_no_fault_of_the_job(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), raising(OperationalError("UPDATE", {}, Exception("disk is full"))))
    assert (job.state, job.attempts) == (JobState.QUEUED, 0) and job.note and job.note.startswith("It waits")
    assert run(session, settings, job, find_nothing).note is None


def test_what_fails_while_the_worker_stops_is_no_failure(session: Session, settings: Settings) -> None:
    job = run(session, settings, ask(session), raising(OSError("the queue is gone")), lambda: True)
    assert job.state is JobState.QUEUED


def test_progress_is_in_the_database_while_it_runs(session: Session, settings: Settings) -> None:
    seen = []

    def download(task: Task) -> dict[str, Any]:
        task.report.tell_step("downloading")
        task.report.tell_bytes(100, 100)
        with Session(session.get_bind()) as other:
            seen.append(jobs.find(other, task.job.id))
        return {}

    run(session, settings, ask(session, JobKind.INSTALL), download)
    assert [(job.note, job.bytes_done, job.bytes_total) for job in seen] == [("downloading", 100, 100)]


def test_progress_is_written_seldom(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(jobs.Reporter, "_write", lambda _, **progress: written.append(progress["bytes_done"]))
    report = jobs.Reporter(session.get_bind().engine, (1, "worker", 60), bool)
    report._last_at = 1e12
    for done in range(1, 101):
        report.tell_bytes(done, 100)
    assert written == [100]


def test_a_report_ends_the_work_of_a_worker_that_stops(session: Session, settings: Settings) -> None:
    def work(task: Task) -> dict[str, Any]:
        task.report.tell_step("a step too far")
        return {}

    assert run(session, settings, ask(session), work, lambda: True).state is JobState.QUEUED


def test_a_worker_that_lost_its_job_says_nothing_of_it(session: Session, settings: Settings) -> None:
    def lose(task: Task) -> dict[str, Any]:
        leases.change(session, (Job.id == task.job.id,), Job, lease_owner="another")
        session.commit()
        task.report.tell_step("beside the other")
        return {}

    job = run(session, settings, ask(session), lose)
    assert (job.state, job.lease_owner) == (JobState.RUNNING, "another")


def test_a_silent_worker_s_job_waits_again(session: Session, settings: Settings) -> None:
    past = now() - timedelta(seconds=1)
    left = make_job(session, state=JobState.RUNNING, lease_owner="dead", lease_until=past)
    alive = make_job(session, model="b", state=JobState.RUNNING, lease_until=now() + timedelta(seconds=60))
    assert jobs.reconcile(session, settings) == [(left.id, left.kind)]
    session.commit()
    assert jobs.find(session, left.id).state is JobState.QUEUED
    assert jobs.find(session, alive.id).state is JobState.RUNNING
    assert jobs.reconcile(session, settings) == [], "named once, until its message seems lost again"


def test_a_job_that_kills_its_workers_ends(session: Session, settings: Settings) -> None:
    left = make_job(session, state=JobState.QUEUED, attempts=3, lease_until=now())
    session.commit()
    job = run(session, settings, left, raising(AssertionError("begun a fourth time")))
    assert job.state is JobState.FAILED
    assert job.note == "A worker died 3 times at this job; its log may say why."


def test_tries_stay_out_of_the_list_of_work(session: Session) -> None:
    shown = make_job(session)
    make_job(session, JobKind.TRY, None)
    make_job(session, model="another_model")
    assert [job.id for job in jobs.newest(session, 10, shown.model)] == [shown.id]
    assert len(jobs.newest(session, 10)) == 2
