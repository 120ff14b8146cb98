"""`tuskline photos`."""

import click

from webapp.cli.opening import open_session, open_settings


@click.group()
def photos() -> None:
    """The pictures in the store."""


@photos.command()
def liken() -> None:
    """Find pictures that look alike among those that were scored before looks were kept.

    New pictures are compared when they are scored. May be stopped and run again; pictures that say too little to be
    compared (blank ones, say) are read again each time.
    """
    from scanner.cli.bars import counting_bar
    from webapp.services import likeness
    from webapp.services.likeness import Likened
    from webapp.services.look_index import LookIndex
    from webapp.storage import StoreError, open_store

    settings = open_settings()
    done = Likened(0)
    try:
        with open_session(settings) as session, counting_bar("Pictures") as show:
            for done in likeness.liken(session, open_store(settings), LookIndex(settings.looks_dir)):
                show(done.read, done.total)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{done.read} pictures read, {done.told} can be compared now, {done.failed} could not be read")
