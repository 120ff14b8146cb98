"""`tuskline backup` and `tuskline restore`."""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import OperationalError

from webapp.cli.opening import engine_of, open_session, open_settings

if TYPE_CHECKING:
    from webapp.services.backups.restoring import Restored
    from webapp.services.backups.snapshots import Manifest

SHOWN = 20  # faults


@click.command()
@click.argument("place")
@click.option("--keep", type=click.IntRange(min=1), help="leave so many backups in PLACE, the newest")
@click.option("--without-keys", is_flag=True, help="leave out secret.key and signing.key; keep those elsewhere then")
@click.option("--check", "is_checked", is_flag=True, help="read what PLACE has already, and replace what was damaged")
def backup(place: str, keep: int | None, without_keys: bool, is_checked: bool) -> None:
    """Back up rows, pictures, archives, reports, models and keys into PLACE, a folder or s3://bucket/prefix.

    Tuskline may run meanwhile. A second backup into the same place writes what is new alone; with --check it reads all
    of it again. Whoever can read PLACE can read everything, the keys too. Exit code: 1 where files were missing or not
    what the rows say.
    """
    from scanner.cli.bars import counting_bar
    from webapp.services.backups import making, snapshots

    settings = open_settings()
    with open_session(settings) as session, alone(settings.home), counting_bar("Files") as show_count:
        try:
            engine = session.get_bind().engine
            made = making.make(
                engine, settings, place, with_keys=not without_keys, is_checked=is_checked, tell=show_count
            )
            gone = snapshots.prune(making.open_target(settings, place), keep) if keep else 0
        except OSError as error:  # StoreError is one; another comes of a full disk here
            raise click.ClickException(str(error)) from None
    click.echo(words_of(made))
    if gone:
        click.echo(f"{gone} older backups were removed")
    for name in made.faults[:SHOWN]:
        click.echo(f"FAIL  missing, or not what the rows say: {name}")
    if made.faults:
        click.echo(f"{len(made.faults):,} files are not in it: `tuskline retention check` says more")
    sys.exit(1 if made.faults else 0)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One backup or restore at a time: --keep would take what another one is just writing. The lock ends with the
    process; what a killed one left behind goes."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / ".backup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException("another backup or restore is under way: try again after it") from None
        for left in (*home.glob(".backup-*"), *home.glob(".restore-*")):
            shutil.rmtree(left, ignore_errors=True)
        yield


def words_of(made: "Manifest") -> str:
    rows = sum(one.rows for one in made.tables)
    keys = "with keys" if made.with_keys else "without keys"
    return f"{made.name}\t{rows:,} rows, {made.files_count:,} files, {made.files_bytes:,} bytes, {keys}"


@click.command()
@click.argument("place")
@click.option("--backup", "name", help="the backup's name, as --list shows it; the newest unless given")
@click.option("--list", "is_list", is_flag=True, help="show the backups in PLACE, the oldest first, and do nothing")
def restore(place: str, name: str | None, is_list: bool) -> None:
    """Bring a backup from PLACE into an empty installation (TUSKLINE_HOME, TUSKLINE_DATABASE_URL), and verify it.

    Every file is compared with its digest, the rows with the files, the audit log with its chain. A backup of SQLite
    may go into PostgreSQL, and the other way round. Exit code: 0 when all is whole, 1 when something is not.
    """
    from scanner.cli.bars import counting_bar
    from webapp.services.backups import restoring, snapshots
    from webapp.services.errors import NotFound, Refused
    from webapp.storage import open_place

    settings = open_settings()
    try:
        target = open_place(settings, place)
        if is_list:
            for one in snapshots.names(target):
                click.echo(words_of(snapshots.find(target, one)))
            return
        engine = engine_of(settings)
        try:
            with alone(settings.home), counting_bar("Files") as show_count:
                result = restoring.restore(engine, settings, target, snapshots.find(target, name), show_count)
        finally:
            engine.dispose()
    except OperationalError as error:
        raise click.ClickException(
            f"the database can't be written: {error.orig}; check TUSKLINE_DATABASE_URL"
        ) from None
    except (OSError, NotFound, Refused) as error:
        raise click.ClickException(str(error)) from None
    show(result)
    sys.exit(0 if result.is_whole else 1)


def show(result: "Restored") -> None:
    from webapp.services import signing

    click.echo(words_of(result.manifest))
    click.echo(f"signed by {signing.fingerprint_of(result.manifest.key)}")
    for fault in result.chain.faults[:SHOWN]:
        click.echo(f"FAIL  {fault.words}")
    for one in result.new_faults[:SHOWN]:
        click.echo(f"FAIL  {one.kind.value}: {one.name}")
    for name in result.manifest.faults[:SHOWN]:
        click.echo(f"note  was missing when the backup was made: {name}")
    if result.is_whole:
        chain, files = result.chain, result.stock.whole
        click.echo(f"ok    {chain.entries:,} audit entries in {chain.seals:,} seals, {files:,} files: all as they were")
