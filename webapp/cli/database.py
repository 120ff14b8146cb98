"""`tuskline db`."""

import click

from webapp.cli.opening import engine_of, open_settings


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Make the tables, or bring them to the newest revision; safe to run again."""
    from webapp.db import session_factory
    from webapp.migrations import newest_revision
    from webapp.migrations import upgrade as migrate
    from webapp.services import upkeep

    settings = open_settings()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = engine_of(settings)
    migrate(engine)
    with session_factory(engine)() as session:
        if caught_up := upkeep.catch_up(session):
            click.echo(f"{caught_up} listings of before can now be searched and filtered")
    click.echo(f"{engine.url.render_as_string(hide_password=True)} is at revision {newest_revision()}")
    engine.dispose()
