from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.factories import make_finding, make_listing, make_user
from webapp.db import now
from webapp.exporters import FORMATS, Exporter
from webapp.exporters.content import Choices, Content, Means
from webapp.exporters.typesetting.printing import PrintError
from webapp.models import Job, JobState, Report, ReportFile, User
from webapp.services import jobs, leases, report_jobs, reports
from webapp.services.errors import Refused
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style
from webapp.services.workshop import FAILURES, WORKS
from webapp.settings import Settings

START = datetime(2026, 11, 1, tzinfo=UTC)
WANTED = Wanted(START, START + timedelta(days=7), "A week")


@pytest.fixture
def ann(session: Session) -> User:
    for _ in range(3):
        make_finding(session, found_at=START)
    return make_user(session, "ann")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """A format that only a worker writes; what the list holds is called before its first finding."""
    before: list[Callable[[], None]] = []

    def write(content: Content, _choices: Choices, means: Means, target: BinaryIO) -> None:
        for call in before:
            call()
        for number, finding in enumerate(content.findings()):
            target.write(f"{finding['id']};".encode())
            means.tell(number + 1)

    monkeypatch.setitem(FORMATS, "slow", Exporter("slow", "Slow", "text/plain", ".slow", write, is_quick=False))
    return before


def ask(session: Session, actor: User | None, *formats: str, **changes: Any) -> Job:
    job = report_jobs.ask_report(session, replace(WANTED, **changes), actor, [Style(one) for one in formats])
    session.commit()
    return job


def run(session: Session, settings: Settings, job: Job, is_stopping: Callable[[], bool] = bool) -> Job:
    jobs.run(session, job.id, settings, "worker", WORKS, is_stopping, FAILURES)
    return jobs.find(session, job.id)


@pytest.mark.usefixtures("slow")
def test_a_report_is_built_and_written_by_a_worker(session: Session, settings: Settings, ann: User) -> None:
    job = run(session, settings, ask(session, ann, "csv", "slow", "csv"))
    assert (job.state, job.note) == (JobState.DONE, None)
    report = session.query(Report).one()
    assert [file.format for file in report.files] == ["csv", "slow"]
    assert job.result == {"report": report.id, "digest": report.sha256, "files": [file.id for file in report.files]}
    assert (report.title, report.user, report.findings_count) == ("A week", ann, 3)
    assert {file.user_id for file in report.files} == {ann.id}
    assert (job.bytes_done, job.bytes_total) == (3, 3)


def test_what_the_press_gave_up_on_is_told(
    session: Session, settings: Settings, ann: User, slow: list[Callable[[], None]]
) -> None:
    def give_up() -> None:
        raise PrintError("A part of the PDF took longer than 900 s.")

    slow.append(give_up)
    job = run(session, settings, ask(session, ann, "slow"))
    assert (job.state, job.note) == (JobState.FAILED, "A part of the PDF took longer than 900 s.")


def test_a_button_that_is_pressed_twice_gives_one_job(session: Session, settings: Settings, ann: User) -> None:
    job = ask(session, ann, "csv")
    assert ask(session, ann, "csv").id == job.id
    assert ask(session, ann, "json").id != job.id
    assert ask(session, make_user(session, "bob"), "csv").id != job.id
    run(session, settings, job)
    assert ask(session, ann, "csv").id == job.id, "it was done between the clicks"
    session.execute(update(Job).values(created_at=now() - timedelta(minutes=1)))
    assert ask(session, ann, "csv").id != job.id, "it was meant"


@pytest.mark.usefixtures("slow")
def test_a_file_of_a_report_is_written_by_a_worker(session: Session, settings: Settings, ann: User) -> None:
    run(session, settings, ask(session, ann))
    report = session.query(Report).one()
    job = report_jobs.ask_file(session, report, Style("slow"), ann)
    assert report_jobs.ask_file(session, report, Style("slow", "zh"), ann).id == job.id, "it speaks no language"
    session.commit()
    assert report_jobs.under_way(session, report) == [job] == report_jobs.under_way(session)
    assert run(session, settings, job).result["files"] == [report.files[0].id]
    assert report_jobs.under_way(session, report) == []


def test_filters_and_corrections_come_through(session: Session, settings: Settings, ann: User) -> None:
    make_finding(session, make_listing(session, seller="Ann"), found_at=START, seller="Ann")
    run(session, settings, ask(session, ann))
    old = session.query(Report).one()
    narrowed = {"filters": {"seller": "Ann"}, "filters_name": "Ann's"}
    job = run(session, settings, ask(session, ann, corrects=old, correction="All but Ann's were wrong.", **narrowed))
    report = reports.find(session, job.result["report"])
    head = reports.read(settings, report).head
    assert (report.findings_count, report.filters_name, report.corrects_id) == (1, "Ann's", old.id)
    assert head["corrects"] == {"report": old.id, "sha256": old.sha256, "why": "All but Ann's were wrong."}
    assert (head["filters"], head["filters_name"]) == ({"seller": "Ann"}, "Ann's")


@pytest.mark.parametrize(
    ("changes", "formats"),
    [
        ({"to_at": START}, ()),
        ({"filters": {"score_from": "much"}}, ()),
        ({"filters": {"state": "lost"}}, ()),
        ({}, ("exe",)),
    ],
)
def test_what_can_not_be_is_refused_before_a_worker_has_it(
    session: Session, ann: User, changes: dict[str, Any], formats: tuple[str, ...]
) -> None:
    with pytest.raises(Refused):
        ask(session, ann, *formats, **changes)
    assert session.query(Job).count() == 0


def test_a_worker_that_stops_while_writing_gives_the_job_back_and_nothing_is_built_twice(
    session: Session, settings: Settings, ann: User, slow: list[Any]
) -> None:
    stopping: list[bool] = []
    slow.append(lambda: stopping.append(True))
    job = run(session, settings, ask(session, ann, "csv", "slow"), lambda: bool(stopping))
    report = session.query(Report).one()
    assert (job.state, job.result["report"]) == (JobState.QUEUED, report.id)
    assert [file.format for file in session.query(ReportFile)] == ["csv"]
    slow.clear()
    job = run(session, settings, job)
    assert (job.state, len(job.result["files"])) == (JobState.DONE, 2)
    assert (session.query(Report).count(), session.query(ReportFile).count()) == (1, 2)


def test_a_killed_workers_job_is_taken_over_and_its_late_report_is_let_go(
    session: Session, settings: Settings, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = reports.build

    def lose(own: Session, *arguments: Any) -> Report:
        """While the first worker freezes, its lease passes and a second one has the job."""
        monkeypatch.setattr(reports, "build", build)
        with Session(own.get_bind()) as other:
            other.execute(update(Job).values(lease_until=now() - timedelta(seconds=1), lease_owner="nobody"))
            other.commit()
            jobs.run(other, job.id, settings, "second", WORKS, bool, FAILURES)
        return build(own, *arguments)

    monkeypatch.setattr(reports, "build", lose)
    job = ask(session, ann, "csv")
    run(session, settings, job)
    done = jobs.find(session, job.id)
    assert (done.state, done.attempts) == (JobState.DONE, 2)
    assert done.result["report"] == session.query(Report).one().id


def test_a_job_that_was_killed_after_the_report_was_built_only_writes(
    session: Session, settings: Settings, ann: User
) -> None:
    job = ask(session, ann, "csv")
    leases.take(session, job.id, "first", 60, Job)
    report = reports.build(session, settings, WANTED, ann)
    leases.renew(session, job.id, "first", 60, Job, result={"report": report.id})
    session.commit()
    session.execute(update(Job).values(lease_until=now() - timedelta(seconds=1)))
    session.commit()
    done = run(session, settings, job)
    assert (done.state, done.result["report"]) == (JobState.DONE, report.id)
    assert session.query(Report).count() == 1 and len(report.files) == 1


def test_a_failure_leaves_what_was_built_and_is_told_for_a_day(
    session: Session, settings: Settings, ann: User, slow: list[Any]
) -> None:
    def fail() -> None:
        raise Refused("The paper is out.")

    slow.append(fail)
    job = run(session, settings, ask(session, ann, "slow"))
    assert (job.state, job.note) == (JobState.FAILED, "The paper is out.")
    assert job.result == {"report": session.query(Report).one().id}
    assert report_jobs.failed_lately(session) == [job]
    session.execute(update(Job).values(finished_at=now() - timedelta(days=2)))
    assert report_jobs.failed_lately(session) == []


def test_a_report_is_frozen_at_one_moment(
    session: Session, settings: Settings, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others commit while it is frozen, after the findings were chosen, is not in it."""
    from webapp.services import freezing

    choose = freezing.chosen

    def decide_meanwhile(reading: Session, wanted: Wanted) -> Any:
        reading.execute(choose(reading, wanted)).all()
        session.execute(update(Job).values(note="somebody writes"))
        make_finding(session, found_at=START)
        session.commit()
        return choose(reading, wanted)

    monkeypatch.setattr(freezing, "chosen", decide_meanwhile)
    run(session, settings, ask(session, ann))
    assert session.query(Report).one().findings_count == 3
