"""Building and writing reports in the background: asking for it, and the work itself."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import now, one_moment
from webapp.language import say
from webapp.models import Job, JobKind, JobState, Report, ReportSchedule, User
from webapp.services import (
    chain,
    deliveries,
    jobs,
    leases,
    report_files,
    report_schedules,
    reports,
    saved_filters,
    users,
)
from webapp.services.errors import Refused
from webapp.services.freezing import Wanted
from webapp.services.jobs import Task
from webapp.services.report_files import Style

KINDS = (JobKind.REPORT, JobKind.WRITE)
# A button that is pressed twice asks once, also where the first was done in between.
TWICE = timedelta(seconds=10)
FAILED_SHOWN = timedelta(days=1)
MOST_STYLES = 20


def ask_report(
    session: Session,
    wanted: Wanted,
    actor: User | None,
    styles: Sequence[Style],
    schedule_id: int | None = None,
    due_at: datetime | None = None,
) -> Job:
    """A job that freezes what is wanted and writes it in these styles; the caller commits, then queues it.

    schedule_id, due_at: of the run that asks, both or none; a schedule has one unfinished job at most. Raises Refused
    where it can't be.
    """
    reports.check(wanted)
    saved_filters.filters_of(wanted.filters)
    if len(styles) > MOST_STYLES:
        raise Refused(say("Ask for fewer files at once: %(most)s at most.", most=MOST_STYLES))
    options: dict[str, Any] = {
        "from": wanted.from_at.isoformat(),
        "to": wanted.to_at.isoformat(),
        "title": wanted.title,
        "filters": dict(wanted.filters),
        "filters_name": wanted.filters_name,
        "corrects": wanted.corrects.id if wanted.corrects else None,
        "correction": wanted.correction,
        "styles": [one.to_json() for one in settled(styles)],
    }
    if schedule_id is None or due_at is None:
        return ask(session, JobKind.REPORT, actor, options)
    options |= {"schedule_id": schedule_id, "due_at": due_at.isoformat(), "user": actor.id if actor else None}
    holds = report_schedules.subject_of(schedule_id)
    return jobs.ensure(session, JobKind.REPORT, users.name_of(actor), holds=holds, **options)[0]


def settled(styles: Sequence[Style]) -> list[Style]:
    """Each once, in order."""
    return list(dict.fromkeys(report_files.settle(style) for style in styles))


def ask_file(session: Session, report: Report, style: Style, actor: User | None) -> Job:
    """A job that writes the report in that style; the caller commits, then queues it. Raises Refused."""
    return ask(session, JobKind.WRITE, actor, {"report": report.id, "style": report_files.settle(style).to_json()})


def ask(session: Session, kind: JobKind, actor: User | None, options: dict[str, Any]) -> Job:
    options = options | {"user": actor.id if actor else None}
    digest = hashlib.sha256(chain.canonical(options)).hexdigest()
    holds, who = f"{kind.value}:{digest}", users.name_of(actor)
    return find_twin(session, kind, who, options) or jobs.ensure(session, kind, who, holds=holds, **options)[0]


def find_twin(session: Session, kind: JobKind, who: str, options: dict[str, Any]) -> Job | None:
    """The same work, done a moment ago."""
    done = (Job.kind == kind, Job.actor == who, Job.state == JobState.DONE, Job.created_at > now() - TWICE)
    rows = session.scalars(select(Job).where(*done).order_by(Job.id.desc()))
    return next((row for row in rows if row.options == options), None)


def under_way(session: Session, report: Report | None = None) -> list[Job]:
    """What waits or runs, the oldest first; of one report: the files that are being written of it."""
    rows = session.scalars(select(Job).where(Job.holds.is_not(None), Job.kind.in_(KINDS)).order_by(Job.id))
    return [row for row in rows if is_of(row, report)]


def failed_lately(session: Session, report: Report | None = None) -> list[Job]:
    """What failed within a day, the newest first."""
    over = (Job.state == JobState.FAILED, Job.kind.in_(KINDS), Job.finished_at > now() - FAILED_SHOWN)
    rows = session.scalars(select(Job).where(*over).order_by(Job.id.desc()).limit(50))
    return [row for row in rows if is_of(row, report)]


def is_of(job: Job, report: Report | None) -> bool:
    return report is None or (job.kind is JobKind.WRITE and job.options["report"] == report.id)


def build(task: Task) -> dict[str, Any]:
    """Work of a job: freeze, then write. A worker that takes it over goes on after what is committed."""
    report = find_built(task) or freeze(task)
    styles = [Style.from_json(said) for said in task.job.options["styles"]]
    files = [write_style(task, report, style) for style in styles]
    deliveries.plan(task.session, report, [report_files.find(task.session, report.id, number) for number in files])
    task.session.commit()
    return {"report": report.id, "digest": report.sha256, "files": files}


def find_built(task: Task) -> Report | None:
    """What an earlier worker froze for this job, or an earlier job for the same run of a schedule."""
    report_id = jobs.find(task.session, task.job.id).result.get("report")
    if report_id:
        return reports.find(task.session, report_id)
    schedule_id, due_at = run_of(task)
    run = Report.schedule_id == schedule_id, Report.due_at == due_at
    return task.session.scalar(select(Report).where(*run)) if schedule_id else None


def run_of(task: Task) -> tuple[int, datetime] | tuple[None, None]:
    """The schedule and the moment that asked; none where a person did, or where the schedule is gone by now."""
    options = task.job.options
    schedule_id = options.get("schedule_id")
    if schedule_id is None or task.session.get(ReportSchedule, schedule_id) is None:
        return None, None
    return schedule_id, datetime.fromisoformat(options["due_at"])


def freeze(task: Task) -> Report:
    """The report and the job's note of it are committed together, and only while the job is this worker's."""
    session, report = task.session, task.report
    report.tell_step("freezing the findings of the period")
    with one_moment(session.get_bind().engine) as reading:
        wanted, actor = wanted_of(task), actor_of(task)
        built = reports.build(session, task.settings, wanted, actor, report.tell_bytes, reading)
        built.schedule_id, built.due_at = run_of(task)
    leases.renew(session, *report.lease, Job, result={"report": built.id})
    session.commit()
    return built


def wanted_of(task: Task) -> Wanted:
    options = task.job.options
    return Wanted(
        datetime.fromisoformat(options["from"]),
        datetime.fromisoformat(options["to"]),
        options["title"],
        options["filters"],
        options["filters_name"],
        saved_filters.filters_of(options["filters"]),
        reports.find(task.session, options["corrects"]) if options["corrects"] else None,
        options["correction"],
    )


def actor_of(task: Task) -> User | None:
    return task.session.get(User, task.job.options["user"]) if task.job.options["user"] else None


def write(task: Task) -> dict[str, Any]:
    """Work of a job: one style of a report."""
    report = reports.find(task.session, task.job.options["report"])
    file_id = write_style(task, report, Style.from_json(task.job.options["style"]))
    return {"report": report.id, "digest": report.sha256, "files": [file_id]}


def write_style(task: Task, report: Report, style: Style) -> int:
    """The file's id; each is committed by itself, so that no second worker writes it again."""
    task.report.tell_step(f"writing {style.exporter.title}")
    file = report_files.write_file(task.session, task.settings, report, style, actor_of(task), task.report.tell_bytes)
    task.session.commit()
    return file.id
