"""`tuskline schedules`."""

from collections.abc import Callable

import click
from sqlalchemy.orm import Session

from webapp.cli.opening import open_session, open_settings
from webapp.cli.sources import named
from webapp.models import Overlap, Schedule
from webapp.services import audit
from webapp.services import schedules as service
from webapp.services.moments import zone_words
from webapp.services.schedules import Plan
from webapp.services.sources import find_named


@click.group()
def schedules() -> None:
    """When sources are scanned by themselves."""


@schedules.command("list")
def list_schedules() -> None:
    """Each schedule with its source and its next run."""
    with open_session(open_settings()) as session:
        for schedule in service.list_schedules(session):
            click.echo(f"{schedule.source.name}\t{service.described(schedule)}")


@schedules.command()
@click.argument("source")
@click.argument("cron")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA name, as Europe/Berlin")
@click.option("--jitter", default=0, show_default=True, help="minutes that each run is put off by at most")
@click.option(
    "--overlap",
    type=click.Choice([overlap.value for overlap in Overlap]),
    default=Overlap.SKIP.value,
    show_default=True,
    help="while an older scan of the source is not over: skip the run, queue it, or stop the older scan",
)
def add(source: str, cron: str, time_zone: str, jitter: int, overlap: str) -> None:
    """Scan SOURCE (its name) whenever CRON comes: five fields in quotation marks, as "0 3 * * *"."""
    with open_session(open_settings()) as session:
        row = named(find_named(session, source), source)
        schedule = service.create(session, row.id, Plan(cron, time_zone, jitter * 60, Overlap(overlap)), audit.SYSTEM)
        session.commit()
        click.echo(service.described(schedule))


@schedules.command()
@click.argument("schedule_id", type=int, metavar="ID")
def pause(schedule_id: int) -> None:
    """Let no run be due until it is resumed."""
    do(schedule_id, service.pause)


@schedules.command()
@click.argument("schedule_id", type=int, metavar="ID")
def resume(schedule_id: int) -> None:
    """Run again from now on."""
    do(schedule_id, service.resume)


@schedules.command("next")
@click.argument("schedule_id", type=int, metavar="ID")
def show_next(schedule_id: int) -> None:
    """The next five runs, by the clock of the schedule and in UTC."""
    with open_session(open_settings()) as session:
        schedule = service.find(session, schedule_id)
        for run in service.next_runs(schedule):
            click.echo(f"{zone_words(run, schedule.time_zone)}\t{run:%Y-%m-%d %H:%M} UTC")


def do(schedule_id: int, deed: Callable[[Session, Schedule, str], None]) -> None:
    with open_session(open_settings()) as session:
        schedule = service.find(session, schedule_id)
        deed(session, schedule, audit.SYSTEM)
        session.commit()
        click.echo(service.described(schedule))
