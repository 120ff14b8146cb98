"""When reports are built without anybody asking, and where they go. What is due is fired by services.report_firing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.db import now
from webapp.exporters import FORMATS
from webapp.language import ENGLISH, languages, say
from webapp.models import PictureChoice, Redaction, Report, ReportDelivery, ReportSchedule, SavedFilter, Span, User
from webapp.services import audit, mailing, moments, outbox, saved_filters, users
from webapp.services.errors import NotFound, Refused

NAME_LETTERS = 80
MOST_ADDRESSES = 50
KEPT_DAYS = (1, 36_500)
SHORTEST_GAP_S = 3600
RUNS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """What a schedule says; the fields are those of the table. folder, keep_days: None for none."""

    name: str
    cron: str
    time_zone: str = "UTC"
    span: Span = Span.WEEK
    filter_id: int | None = None
    formats: tuple[str, ...] = ("csv",)
    language: str = ENGLISH
    redaction: Redaction = Redaction.NONE
    pictures: PictureChoice = PictureChoice.BLURRED
    folder: str | None = None
    mail_to: tuple[str, ...] = ()
    tells_webhooks: bool = False
    keep_days: int | None = None

    def next_runs(self, count: int = RUNS_SHOWN, after: datetime | None = None) -> list[datetime]:
        """Raises what moments.moments raises, where the plan has faults."""
        return list(islice(moments.moments(self.cron, self.time_zone, after or now()), count))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "formats": list(self.formats), "mail_to": list(self.mail_to)}


FIELDS = tuple(ReportPlan.__dataclass_fields__)


def plan_of(schedule: ReportSchedule) -> ReportPlan:
    values = {name: getattr(schedule, name) for name in FIELDS}
    return ReportPlan(**values | {"formats": tuple(schedule.formats), "mail_to": tuple(schedule.mail_to)})


def check(session: Session, plan: ReportPlan, schedule_id: int | None = None) -> moments.Faults:
    """Everything that is wrong, as sentences by the name of the field; schedule_id: whose own name is free to it."""
    faults = {
        "name": name_faults(session, plan.name, schedule_id),
        **when_faults(plan),
        "filter_id": filter_faults(session, plan.filter_id),
        "formats": format_faults(plan.formats),
        "language": [] if plan.language in languages() else [say("Choose one of the languages that there are.")],
        "folder": folder_faults(plan.folder),
        "mail_to": address_faults(plan.mail_to),
        "keep_days": keep_faults(plan.keep_days),
    }
    return {name: sentences for name, sentences in faults.items() if sentences}


def name_faults(session: Session, name: str, schedule_id: int | None) -> list[str]:
    if not 0 < len(name) <= NAME_LETTERS or "\0" in name:
        return [say("Give the schedule a name of 1 to 80 letters.")]
    taken = select(ReportSchedule.id).where(ReportSchedule.name == name, ReportSchedule.id != (schedule_id or 0))
    if session.scalar(taken) is not None:
        return [say("There is a report schedule of this name already: give another.")]
    return []


def when_faults(plan: ReportPlan) -> moments.Faults:
    faults = moments.check(plan.cron, plan.time_zone, jitter_s=0)
    if not faults and moments.shortest_gap_s(plan.cron, plan.time_zone) < SHORTEST_GAP_S:
        faults["cron"] = [say("Let an hour or more lie between two reports.")]
    return faults


def filter_faults(session: Session, filter_id: int | None) -> list[str]:
    if filter_id is None:
        return []
    row = session.get(SavedFilter, filter_id)
    if row is None or not row.is_shared:
        return [say("Choose a filter that the team shares, or everything.")]
    return []


def format_faults(formats: Sequence[str]) -> list[str]:
    if formats and all(name in FORMATS for name in formats):
        return []
    return [say("Choose at least one format of %(names)s.", names=", ".join(FORMATS))]


def folder_faults(folder: str | None) -> list[str]:
    if folder is None or outbox.is_folder(folder):
        return []
    return [say("Name a folder by letters, digits, spaces, dots, dashes and _; put / between a folder and one in it.")]


def address_faults(addresses: Sequence[str]) -> list[str]:
    faults = [
        say("“%(address)s” is no e-mail address: write it as ann@team.example.", address=mailing.one_line(address))
        for address in addresses
        if not mailing.is_address(address)
    ]
    if len(addresses) > MOST_ADDRESSES:
        faults.append(say("Give 50 addresses at most: a list of your mail server can reach more people."))
    return faults


def keep_faults(days: int | None) -> list[str]:
    least, most = KEPT_DAYS
    if days is None or least <= days <= most:
        return []
    return [say("Choose a number from %(least)s to %(most)s.", least=least, most=most)]


def create(session: Session, plan: ReportPlan, user: User | None) -> ReportSchedule:
    """Add a schedule that runs from now on; the caller commits. user: None for the system. Raises Refused."""
    schedule = ReportSchedule(user=user, is_paused=False)
    take_plan(session, schedule, plan)
    session.add(schedule)
    session.flush()
    record(session, user, "create", schedule, **plan_of(schedule).to_json())
    return schedule


def change(session: Session, schedule: ReportSchedule, plan: ReportPlan, user: User | None) -> None:
    """Take another plan, from now on; paused it stays paused. Raises Refused with every fault."""
    before = plan_of(schedule).to_json()
    take_plan(session, schedule, plan)
    record(session, user, "change", schedule, before=before, after=plan_of(schedule).to_json())


def take_plan(session: Session, schedule: ReportSchedule, plan: ReportPlan) -> None:
    refuse(check(session, plan, schedule.id))
    for name in FIELDS:
        setattr(schedule, name, getattr(plan, name))
    schedule.cron = " ".join(plan.cron.split())
    schedule.formats = [name for name in FORMATS if name in plan.formats]
    schedule.mail_to = once_each(plan.mail_to)
    schedule.filter = session.get(SavedFilter, plan.filter_id) if plan.filter_id else None
    schedule.filter_name = schedule.filter.name if schedule.filter else None
    place_next(schedule)


def once_each(addresses: Sequence[str]) -> list[str]:
    """Domains are the same whatever their letters' case; what is before the @ may not be."""
    found: dict[str, str] = {}
    for address in addresses:
        box, _, domain = address.rpartition("@")
        found.setdefault(f"{box}@{domain.lower()}", address)
    return list(found.values())


def refuse(faults: moments.Faults) -> None:
    if faults:
        raise Refused(" ".join(sentence for sentences in faults.values() for sentence in sentences))


def place_next(schedule: ReportSchedule) -> None:
    schedule.due_at = None if schedule.is_paused else plan_of(schedule).next_runs(1)[0]


def pause(session: Session, schedule: ReportSchedule, user: User | None) -> None:
    """No run is due until it is resumed; what is built or on its way goes on."""
    if schedule.is_paused:
        return
    schedule.is_paused, schedule.due_at = True, None
    record(session, user, "pause", schedule)


def resume(session: Session, schedule: ReportSchedule, user: User | None) -> None:
    """Run again from now on; what was due meanwhile is not made up for. Raises Refused where the plan has faults."""
    if not schedule.is_paused:
        return
    refuse_lost_filter(schedule)
    refuse(check(session, plan_of(schedule), schedule.id))
    schedule.is_paused, schedule.note = False, None
    place_next(schedule)
    record(session, user, "resume", schedule)


def lost_filter(schedule: ReportSchedule) -> str | None:
    """Why its filter can't be used any more, and what to do, to be stored; None where all is well."""
    if schedule.filter is None and schedule.filter_name:
        return f"Its filter {schedule.filter_name} was deleted: choose another one, or everything."
    if schedule.filter is not None and not schedule.filter.is_shared:
        return f"Its filter {schedule.filter.name} is not shared any more: share it, or choose another one."
    if schedule.filter is not None and not is_readable(schedule.filter):
        return f"Its filter {schedule.filter.name} can't be read any more: save it anew, or choose another one."
    return None


def is_readable(row: SavedFilter) -> bool:
    try:
        saved_filters.filters_of(row.arguments)
    except Refused:
        return False
    return True


def refuse_lost_filter(schedule: ReportSchedule) -> None:
    if lost_filter(schedule) is None:
        return
    if schedule.filter is None:
        raise Refused(say("The filter of this schedule was deleted: choose another one, or everything."))
    raise Refused(say("The filter of this schedule can't be used any more: share it, or choose another one."))


def delete(session: Session, schedule: ReportSchedule, user: User | None) -> None:
    """Its reports stay, as reports of no schedule; what is on its way still arrives."""
    facts = plan_of(schedule).to_json()
    of_it = Report.schedule_id == schedule.id
    session.execute(update(Report).where(of_it).values(schedule_id=None, due_at=None))
    sent = ReportDelivery.schedule_id == schedule.id
    session.execute(update(ReportDelivery).where(sent).values(schedule_id=None))
    session.execute(delete_rows(ReportSchedule).where(ReportSchedule.id == schedule.id))
    record(session, user, "delete", schedule, **facts)


def record(session: Session, user: User | None, deed: str, schedule: ReportSchedule, **facts: Any) -> None:
    who = users.name_of(user)
    audit.record(session, who, f"report_schedule.{deed}", subject_of(schedule.id), **{"name": schedule.name, **facts})


def subject_of(schedule_id: int) -> str:
    return f"report_schedule:{schedule_id}"


def find(session: Session, schedule_id: int) -> ReportSchedule:
    """With its filter. Raises NotFound."""
    query = select(ReportSchedule).options(joinedload(ReportSchedule.filter)).where(ReportSchedule.id == schedule_id)
    schedule = session.scalar(query)
    if schedule is None:
        raise NotFound(say("There is no report schedule %(number)s.", number=schedule_id))
    return schedule


def list_schedules(session: Session) -> list[ReportSchedule]:
    """By name, with their filters."""
    query = select(ReportSchedule).options(joinedload(ReportSchedule.filter))
    return list(session.scalars(query.order_by(func.lower(ReportSchedule.name), ReportSchedule.id)))


def next_runs(schedule: ReportSchedule, count: int = RUNS_SHOWN) -> list[datetime]:
    """In UTC; empty where the stored expression or zone can't be read."""
    if moments.check(schedule.cron, schedule.time_zone, jitter_s=0):
        return []
    return plan_of(schedule).next_runs(count)


def shared_filters(session: Session) -> list[SavedFilter]:
    """Those that a schedule may name, by name."""
    query = select(SavedFilter).where(SavedFilter.is_shared).options(joinedload(SavedFilter.user))
    return list(session.scalars(query.order_by(SavedFilter.name, SavedFilter.id)))


def newest_report(session: Session, schedule_id: int) -> Report | None:
    """The one that reaches furthest."""
    mine = select(Report).where(Report.schedule_id == schedule_id)
    return session.scalar(mine.order_by(Report.to_at.desc(), Report.id.desc()).limit(1))


def recent_reports(session: Session, schedule_id: int, limit: int = 10) -> list[Report]:
    """The newest first."""
    mine = select(Report).where(Report.schedule_id == schedule_id)
    return list(session.scalars(mine.order_by(Report.id.desc()).limit(limit)))


def described(schedule: ReportSchedule) -> str:
    """One line for a terminal: `1 Weekly: At 06:00 on Monday (0 6 * * 1, UTC), next run 2026-11-30 06:00 UTC`."""
    words = moments.cron_words(schedule.cron)
    due = f"next run {schedule.due_at:%Y-%m-%d %H:%M} UTC" if schedule.due_at else "paused"
    return f"{schedule.id} {schedule.name}: {words} ({schedule.cron}, {schedule.time_zone}), {due}"
