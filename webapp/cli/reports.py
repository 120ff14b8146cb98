"""`tuskline report`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from webapp.cli.opening import open_session, open_settings
from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Means

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--from", "first_day", type=DAY, help="first day, UTC, as 2026-11-01 [default: 30 days ago]")
@click.option("--to", "last_day", type=DAY, help="last day, UTC; it is in the report [default: today]")
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@click.option("-o", "--output", default="-", show_default=True, help="file to write, - for standard output")
def report(first_day: datetime | None, last_day: datetime | None, style: str, output: str) -> None:
    """Freeze the findings and decisions of a period, and write them.

    The report is kept as on the Reports page, with models, digests and rule versions.
    """
    from webapp.services import freezing, reports

    settings = open_settings()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    from_at = first_day.replace(tzinfo=UTC) if first_day else today - timedelta(days=30)
    to_at = (last_day.replace(tzinfo=UTC) if last_day else today) + timedelta(days=1)
    with open_session(settings) as session:
        built = reports.build(session, settings, freezing.Wanted(from_at, to_at), None)
        session.commit()
        content = reports.read(settings, built)
    if output == "-":
        FORMATS[style].write(content, Choices(report_id=built.id, sha256=built.sha256), Means(), sys.stdout.buffer)
        return
    try:
        with Path(output).open("wb") as target:
            FORMATS[style].write(content, Choices(report_id=built.id, sha256=built.sha256), Means(), target)
    except OSError as error:
        raise click.ClickException(f"{output} can't be written: {error.strerror}") from None
    click.echo(f"{output}: {built.findings_count} suspected findings, report {built.id}", err=True)
