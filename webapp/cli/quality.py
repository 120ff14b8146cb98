"""`tuskline quality`."""

from datetime import UTC, datetime, timedelta

import click

from webapp.cli.opening import open_session, open_settings

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--from", "first_day", type=DAY, help="first day, UTC, as 2026-11-01 [default: 30 days ago]")
@click.option("--to", "last_day", type=DAY, help="last day, UTC; it counts [default: today]")
def quality(first_day: datetime | None, last_day: datetime | None) -> None:
    """Tell how much of what was flagged is right, how much was missed, and how far people agree.

    The same figures as on the Quality page and in reports, with 95 % intervals, or why there are none.
    """
    from webapp.services import quality as figures

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    from_at = first_day.replace(tzinfo=UTC) if first_day else today - timedelta(days=30)
    to_at = (last_day.replace(tzinfo=UTC) if last_day else today) + timedelta(days=1)
    if from_at >= to_at:
        raise click.ClickException("the last day lies before the first: swap them")
    with open_session(open_settings()) as session:
        for line in figures.sentences(figures.figures(session, from_at, to_at)):
            click.echo(line)
