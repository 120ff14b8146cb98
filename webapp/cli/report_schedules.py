"""`tuskline report-schedules`."""

from collections.abc import Callable

import click
from sqlalchemy.orm import Session

from webapp.cli.opening import open_session, open_settings
from webapp.exporters import FORMATS
from webapp.models import PictureChoice, Redaction, ReportSchedule, Span, User
from webapp.services import report_schedules as service
from webapp.services.report_schedules import ReportPlan

Deed = Callable[[Session, ReportSchedule, User | None], None]


def words_of(kind: type[Span] | type[Redaction] | type[PictureChoice]) -> click.Choice[str]:
    return click.Choice([one.value for one in kind])


@click.group()
def report_schedules() -> None:
    """Reports that are built and sent by themselves."""


@report_schedules.command("list")
def list_schedules() -> None:
    """Each schedule with its next run, where it goes, and what became of its last run."""
    with open_session(open_settings()) as session:
        for schedule in service.list_schedules(session):
            click.echo("\t".join(filter(None, (service.described(schedule), targets(schedule), schedule.note))))


def targets(schedule: ReportSchedule) -> str:
    folder = [f"folder {schedule.folder}"] if schedule.folder else []
    told = ["webhooks"] if schedule.tells_webhooks else []
    return ", ".join([*folder, *schedule.mail_to, *told]) or "kept here alone"


@report_schedules.command()
@click.argument("name")
@click.argument("cron")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA name, as Europe/Berlin")
@click.option("--span", type=words_of(Span), default=Span.WEEK.value, show_default=True, help="what each report covers")
@click.option("--filter", "filter_name", help="saved filter that the team shares [default: everything]")
@click.option("--format", "formats", multiple=True, type=click.Choice(list(FORMATS)), help="may be repeated")
@click.option("--language", default="en", show_default=True, help="of the files and mails: en or zh")
@click.option("--redaction", type=words_of(Redaction), default=Redaction.NONE.value, show_default=True)
@click.option("--pictures", type=words_of(PictureChoice), default=PictureChoice.BLURRED.value, show_default=True)
@click.option("--folder", help="below the outbox, as customs/weekly")
@click.option("--mail", "mail_to", multiple=True, metavar="ADDRESS", help="may be repeated")
@click.option("--webhooks", "tells_webhooks", is_flag=True, help="tell the webhooks that want to hear of it")
@click.option("--keep-days", type=int, help="days until it is removed here [default: as the team keeps reports]")
def add(
    name: str,
    cron: str,
    time_zone: str,
    span: str,
    filter_name: str | None,
    formats: tuple[str, ...],
    language: str,
    redaction: str,
    pictures: str,
    folder: str | None,
    mail_to: tuple[str, ...],
    tells_webhooks: bool,
    keep_days: int | None,
) -> None:
    """Build a report NAME whenever CRON comes: five fields in quotation marks, as "0 6 * * 1" for Mondays at 06:00."""
    from webapp.services import saved_filters

    with open_session(open_settings()) as session:
        filter_id = saved_filters.find_named(session, filter_name).id if filter_name else None
        plan = ReportPlan(
            name,
            cron,
            time_zone,
            Span(span),
            filter_id,
            formats or ("csv",),
            language,
            Redaction(redaction),
            PictureChoice(pictures),
            folder,
            mail_to,
            tells_webhooks,
            keep_days,
        )
        schedule = service.create(session, plan, None)
        session.commit()
        click.echo(service.described(schedule))


@report_schedules.command()
@click.argument("schedule_id", type=int, metavar="ID")
def pause(schedule_id: int) -> None:
    """Let no report be due until it is resumed."""
    do(schedule_id, service.pause)


@report_schedules.command()
@click.argument("schedule_id", type=int, metavar="ID")
def resume(schedule_id: int) -> None:
    """Run again from now on."""
    do(schedule_id, service.resume)


def do(schedule_id: int, deed: Deed) -> None:
    with open_session(open_settings()) as session:
        schedule = service.find(session, schedule_id)
        deed(session, schedule, None)
        session.commit()
        click.echo(service.described(schedule))


@report_schedules.command()
@click.argument("schedule_id", type=int, metavar="ID")
def run(schedule_id: int) -> None:
    """Have its report built and sent now, by a worker."""
    from webapp.services import report_firing

    with open_session(open_settings()) as session:
        job_id = report_firing.run_now(session, service.find(session, schedule_id), None)
        session.commit()
        click.echo(f"job {job_id} builds it; a worker takes it within a minute")


@report_schedules.command()
@click.argument("schedule_id", type=int, metavar="ID")
def delete(schedule_id: int) -> None:
    """Delete it; its reports stay, and what is on its way still arrives."""
    with open_session(open_settings()) as session:
        service.delete(session, service.find(session, schedule_id), None)
        session.commit()
        click.echo(f"schedule {schedule_id} is deleted")


@report_schedules.command("test-mail")
@click.argument("address")
def test_mail(address: str) -> None:
    """Send ADDRESS a mail that says nothing, to try the mail server."""
    from webapp.services import mailing

    settings = open_settings()
    with open_session(settings) as session:
        mailing.send_test(session, settings, address, None)
        session.commit()
        click.echo(f"the mail server took the mail for {address}")
