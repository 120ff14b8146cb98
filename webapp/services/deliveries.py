"""Scheduled reports on their way: to a folder or S3, to people by mail; other systems are told by webhook.

Each target has a row of its own, so that one that can't be reached stops no other. A report may be sent twice where a
sender dies between sending and writing that down: the same bytes in the same place, a mail with the same Message-ID.
"""

import logging
import re
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.db import insert_new, now
from webapp.language import ENGLISH, number, say, speaking
from webapp.models import (
    AuditEntry,
    DeliveryState,
    DeliveryWay,
    Report,
    ReportDelivery,
    ReportFile,
    ReportSchedule,
    User,
)
from webapp.services import audit, mailing, moments, outbox, outgoing, report_files, reports, users, webhooks
from webapp.services.errors import NotFound, Refused
from webapp.services.mailing import Attachment, Letter, MailError
from webapp.services.outbox import Named, TakenError
from webapp.settings import Settings
from webapp.storage import StoreError
from webapp.wording import size_words

logger = logging.getLogger(__name__)

LEASE_S = outgoing.LONGEST_LEASE_S
TURN_S = 20.0
SHOWN = 50
COUNTED = timedelta(days=30)
HANDED_OVER = "report.hand_over"


class Outcome(Enum):
    """AWAY: whoever takes it does not answer, so that the next one would wait in vain too."""

    ARRIVED = auto()
    REFUSED = auto()
    AWAY = auto()


class GoneError(Exception):
    """A file that is to be delivered is not there any more, in a sentence."""


def plan(session: Session, report: Report, files: Sequence[ReportFile]) -> None:
    """Let a report that is built and written go to every target of its schedule, in the caller's transaction.

    Called again it adds nothing. Nothing happens where the report is of no schedule, or of one that is deleted.
    """
    schedule = session.get(ReportSchedule, report.schedule_id) if report.schedule_id else None
    if schedule is None:
        return
    ids = [file.id for file in files]
    for way, target in targets_of(schedule):
        facts = {"schedule_id": schedule.id, "file_ids": ids, "due_at": now()}
        insert_new(session, ReportDelivery, report_id=report.id, way=way, target=target, **facts)
    schedule.note = f"Report {report.id} was built."
    if is_handed_over(session, report):
        return
    described = [outbox.describe(one) for one in outbox.name_files(files)]
    audit.record(session, audit.SYSTEM, HANDED_OVER, f"report:{report.id}", schedule=schedule.id, files=described)
    if schedule.tells_webhooks:
        publish(session, schedule, report, files)


def targets_of(schedule: ReportSchedule) -> list[tuple[DeliveryWay, str]]:
    folders = [(DeliveryWay.FOLDER, schedule.folder)] if schedule.folder else []
    return [*folders, *((DeliveryWay.MAIL, address) for address in schedule.mail_to)]


def is_handed_over(session: Session, report: Report) -> bool:
    mine = AuditEntry.subject == f"report:{report.id}", AuditEntry.action == HANDED_OVER
    return session.scalar(select(AuditEntry.id).where(*mine).limit(1)) is not None


def publish(session: Session, schedule: ReportSchedule, report: Report, files: Sequence[ReportFile]) -> None:
    """A message names the files and where they are fetched; their content is for whoever shows a token."""
    named = outbox.name_files(files)
    webhooks.publish(
        session,
        webhooks.Event.REPORT_DELIVERED,
        report_id=report.id,
        schedule="" if outbox.hides_people(named) else schedule.name,
        title=outbox.title_of(report, named),
        from_at=report.from_at.isoformat(),
        to_at=report.to_at.isoformat(),
        sha256=report.sha256,
        findings=report.findings_count,
        files=[{**outbox.describe(one), "file_id": one.file.id, "address": address_of(one.file)} for one in named],
    )


def address_of(file: ReportFile) -> str:
    """Of the API, below where the pages are."""
    return f"/api/v1/reports/{file.report_id}/files/{file.id}"


def deliver_due(session: Session, settings: Settings, turn_s: float = TURN_S) -> int:
    """Send what is due until `turn_s` is over; how many arrived. Commits one by one.

    A mail server that does not answer is left alone for the rest of the turn, so that it holds up no folder.
    """
    ends_at, arrived = time.monotonic() + turn_s, 0
    away: set[DeliveryWay] = set()
    while time.monotonic() < ends_at and (row := take_due(session, away)) is not None:
        outcome = deliver(session, settings, row)
        arrived += outcome is Outcome.ARRIVED
        if outcome is Outcome.AWAY:
            away.add(row.way)
    return arrived


def take_due(session: Session, besides: Collection[DeliveryWay] = ()) -> ReportDelivery | None:
    """The delivery that is due longest, leased to the caller; commits. besides: ways that are left alone."""
    due = select(ReportDelivery.id).where(ReportDelivery.way.not_in(list(besides)), *outgoing.is_due(ReportDelivery))
    for row_id in session.scalars(due.order_by(ReportDelivery.due_at, ReportDelivery.id).limit(10)).all():
        if outgoing.take(session, ReportDelivery, row_id, LEASE_S):
            query = select(ReportDelivery).where(ReportDelivery.id == row_id)
            return session.scalar(
                query.options(joinedload(ReportDelivery.report)), execution_options={"populate_existing": True}
            )
    return None


def deliver(session: Session, settings: Settings, row: ReportDelivery) -> Outcome:
    """Send it once and keep what came of it. Commits."""
    outcome = Outcome.REFUSED
    try:
        files = files_of(session, row)
        send(session, settings, row, files)
    except (GoneError, TakenError, reports.ReportGone) as error:
        fail(session, row, str(error), is_final=True)
    except reports.ReportError as error:
        fail(session, row, str(error))  # it may be brought back
    except MailError as error:
        fail(session, row, str(error), error.is_final)
        outcome = Outcome.REFUSED if error.is_own else Outcome.AWAY
    except StoreError as error:
        fail(session, row, str(error))
        outcome = Outcome.AWAY
    except Exception:
        session.rollback()
        logger.exception("delivery %d failed", row.id)
        fail(session, row, f"An unexpected error; the worker's log names it under {now():%Y-%m-%d %H:%M} UTC.")
    else:
        outgoing.note_arrival(row)
        record(session, row, "report.deliver", files=[file.sha256 for file in files])
        outcome = Outcome.ARRIVED
    session.commit()
    return outcome


def fail(session: Session, row: ReportDelivery, reason: str, is_final: bool = False) -> None:
    if row.way is DeliveryWay.MAIL:  # everybody reads why; the address, which servers repeat, is for leads alone
        reason = re.sub(re.escape(row.target), "[e-mail]", reason, flags=re.IGNORECASE)
    outgoing.note_failure(row, reason, is_final)
    if row.state is DeliveryState.FAILED:
        record(session, row, "report.deliver.failed", reason=reason)


def record(session: Session, row: ReportDelivery, action: str, **facts: object) -> None:
    where = {"delivery": row.id, "way": row.way.value, "to": row.target, "tries": row.attempts}
    audit.record(session, audit.SYSTEM, action, f"report:{row.report_id}", **where, **facts)


def files_of(session: Session, row: ReportDelivery) -> list[ReportFile]:
    """In the order in which they were planned. Raises GoneError."""
    found = {file.id: file for file in session.scalars(select(ReportFile).where(ReportFile.id.in_(row.file_ids)))}
    if len(found) < len(row.file_ids) or any(file.purged_at for file in found.values()):
        raise GoneError(f"A file of report {row.report_id} was removed before it could be sent.")
    return [found[number] for number in row.file_ids]


def send(session: Session, settings: Settings, row: ReportDelivery, files: Sequence[ReportFile]) -> None:
    named = outbox.name_files(files)
    if row.way is DeliveryWay.MAIL:
        letter = write_letter(session, settings, row, named, fitting(settings, named))
        mailing.send(settings, letter, write_letter(session, settings, row, named, attached=()))
    else:
        outbox.deliver(settings, row.report, row.target, named)


# The mail.


def write_letter(
    session: Session, settings: Settings, row: ReportDelivery, files: Sequence[Named], attached: Sequence[Named]
) -> Letter:
    """In the language of the schedule."""
    schedule = session.get(ReportSchedule, row.schedule_id) if row.schedule_id else None
    with speaking(language_of(schedule, files)):
        subject = subject_of(row.report, files)
        text = "\n".join(lines_of(settings, row.report, zone_of(schedule), files, attached))
    key = f"report-{row.report_id}.{row.id}.{row.report.sha256[:16]}"
    bodies = [Attachment(one.name, one.media_type, read_whole(settings, one.file)) for one in attached]
    return Letter(row.target, subject, text, key, bodies)


def subject_of(report: Report, files: Sequence[Named]) -> str:
    if title := outbox.title_of(report, files):
        return say("Report %(number)s: %(title)s", number=report.id, title=title)
    return say("Report %(number)s", number=report.id)


def language_of(schedule: ReportSchedule | None, files: Sequence[Named]) -> str:
    """Of a schedule that is gone the files still tell; those that are the same in every language are in English."""
    if schedule:
        return schedule.language
    return next((one.file.language for one in files if one.file.language != ENGLISH), ENGLISH)


def zone_of(schedule: ReportSchedule | None) -> str:
    return schedule.time_zone if schedule else "UTC"


def fitting(settings: Settings, files: Sequence[Named]) -> list[Named]:
    """The files, in their order, that together are no larger than the settings let a mail be."""
    left, found = settings.mail_megabytes * 1e6, []
    for one in files:
        if one.file.size_bytes <= left:
            left -= one.file.size_bytes
            found.append(one)
    return found


def read_whole(settings: Settings, file: ReportFile) -> bytes:
    with closing(report_files.read_file(settings, file)) as body:
        return body.read()


def lines_of(
    settings: Settings, report: Report, zone: str, files: Sequence[Named], attached: Sequence[Named]
) -> list[str]:
    from_at, to_at = (moments.zone_words(moment, zone) for moment in (report.from_at, report.to_at))
    left_out = [one for one in files if one not in attached]
    return [
        subject_of(report, files),
        say("Period: %(from_at)s to %(to_at)s", from_at=from_at, to_at=to_at),
        say("Suspected findings: %(count)s", count=number(report.findings_count)),
        "",
        say(
            "Everything in it is suspected: a score is a suspicion, never a proof, "
            "and visual identification is tentative."
        ),
        "",
        *files_words(say("Attached:"), attached),
        *files_words(say("Too large for a mail, to be fetched from Tuskline:"), left_out),
        link_words(settings, report),
        "",
        say("Tuskline sends this by a schedule. To stop it, ask whoever sees to the reports of your team."),
    ]


def files_words(heading: str, files: Sequence[Named]) -> list[str]:
    if not files:
        return []
    return [heading, *(f"- {file_words(one)}" for one in files), ""]


def file_words(one: Named) -> str:
    return say(
        "%(name)s, %(size)s, SHA-256 %(sha256)s",
        name=one.name,
        size=size_words(one.file.size_bytes),
        sha256=one.file.sha256,
    )


def link_words(settings: Settings, report: Report) -> str:
    if settings.public_url:
        return say("The report in Tuskline: %(address)s", address=f"{settings.public_url}/reports/{report.id}")
    return say("In Tuskline it is report %(number)s, on the page Reports.", number=report.id)


# What a page shows, and what a person may do.


def list_deliveries(session: Session, schedule_id: int, limit: int = SHOWN) -> list[ReportDelivery]:
    """Of a schedule's reports, the newest first."""
    mine = select(ReportDelivery).where(ReportDelivery.schedule_id == schedule_id)
    return list(session.scalars(mine.order_by(ReportDelivery.id.desc()).limit(limit)))


def count_states(session: Session) -> dict[int, dict[DeliveryState, int]]:
    """By schedule, how many of its deliveries of the last month arrived, wait, or were given up."""
    since = ReportDelivery.created_at >= now() - COUNTED, ReportDelivery.schedule_id.is_not(None)
    by = ReportDelivery.schedule_id, ReportDelivery.state
    found: dict[int, dict[DeliveryState, int]] = {}
    for schedule_id, state, count in session.execute(select(*by, func.count()).where(*since).group_by(*by)):
        found.setdefault(schedule_id or 0, {})[state] = count
    return found


def count_lost(session: Session, since: datetime) -> int:
    """Those that were given up, of the ones that were due after `since`."""
    lost = ReportDelivery.state == DeliveryState.FAILED, ReportDelivery.due_at >= since
    return session.scalar(select(func.count()).where(*lost)) or 0


def find(session: Session, delivery_id: int) -> ReportDelivery:
    """Raises NotFound."""
    row = session.get(ReportDelivery, delivery_id)
    if row is None:
        raise NotFound(say("There is no delivery %(number)s.", number=delivery_id))
    return row


def send_again(session: Session, row: ReportDelivery, user: User | None) -> None:
    """At once, and from the first try on; the receiver knows it again. Raises Refused while it is on its way."""
    if row.lease_until is not None and row.lease_until > now():
        raise Refused(say("It is on its way already: load the page again to see what became of it."))
    outgoing.try_again(row)
    who = users.name_of(user)
    facts = {"delivery": row.id, "way": row.way.value, "to": row.target}
    audit.record(session, who, "report.deliver.again", f"report:{row.report_id}", **facts)
