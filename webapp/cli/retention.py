"""`tuskline retention` and `tuskline hold`."""

import sys
from typing import TYPE_CHECKING

import click

from webapp.cli.opening import open_session, open_settings

if TYPE_CHECKING:
    from webapp.services.purging import Preview

KINDS = ("unflagged", "dismissed", "confirmed", "reports", "cases")
SCOPES = ("finding", "listing", "seller", "source", "report", "case")


@click.group()
def retention() -> None:
    """How long evidence, reports and case files are kept; for ever, unless somebody says otherwise."""


@retention.command()
def show() -> None:
    """The policies in force."""
    from webapp.models import Kept
    from webapp.services import retention as service

    with open_session(open_settings()) as session:
        rows, acting = service.policies(session), service.terms(session).days
        for kind in Kept:
            row = rows.get(kind)
            days = f"{row.days:,} days" if row else "for ever"
            later = (
                ""
                if row is None or kind in acting
                else f"; acts from {row.changed_at + service.GRACE:%Y-%m-%d %H:%M} UTC"
            )
            click.echo(f"{kind.value}\t{days}\t{service.KINDS[kind].words}{later}")


@retention.command("set")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("days")
@click.option("--yes", is_flag=True, help="do not ask")
def set_policy(kind: str, days: str, yes: bool) -> None:
    """Keep KIND for DAYS days (or `for-ever`); it acts a day later."""
    from webapp.models import Kept
    from webapp.services import purging
    from webapp.services import retention as service

    settings = open_settings()
    with open_session(settings) as session:
        number = None if days == "for-ever" else number_of(days)
        wanted = dict(service.set_terms(session).days)
        wanted.pop(Kept(kind), None)
        service.check(Kept(kind), number)
        if number is not None:
            tell_preview(purging.preview(session, settings, service.Terms({**wanted, Kept(kind): number})))
        if not yes:
            click.confirm("Set this policy?", abort=True)
        service.change(session, None, {Kept(kind): number})
        session.commit()
    click.echo(f"{kind} is kept {'for ever' if number is None else f'for {number:,} days; that acts in a day'}")


def number_of(days: str) -> int:
    if not days.isdecimal():
        raise click.ClickException("give a number of days, or for-ever")
    return int(days)


@retention.command("dry-run")
def dry_run() -> None:
    """What the next purge would remove; nothing is removed."""
    from webapp.services import purging
    from webapp.services import retention as service

    settings = open_settings()
    with open_session(settings) as session:
        tell_preview(purging.preview(session, settings, service.set_terms(session)))


def tell_preview(found: "Preview") -> None:
    for line in found.lines:
        click.echo(f"{line.policy.value}\t{line.sort}\t{line.files:,} files\t{line.size_bytes:,} bytes")
    more = "at least " if found.is_cut else ""
    click.echo(f"{more}{found.files:,} files with {found.size_bytes:,} bytes would go")


@retention.command()
@click.option("--yes", is_flag=True, help="do not ask")
def purge(yes: bool) -> None:
    """Remove now what the policies in force say; a worker does so once a day."""
    from webapp.services import purging
    from webapp.services import retention as service
    from webapp.storage import StoreError

    settings = open_settings()
    with open_session(settings) as session:
        if not yes:
            tell_preview(purging.preview(session, settings, service.terms(session)))
            click.confirm("Remove them?", abort=True)
        try:
            removed = purging.purge(session, settings)
        except StoreError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{removed.files:,} files with {removed.size_bytes:,} bytes removed")
    if removed.kept:
        click.echo(f"{removed.kept:,} stayed: a hold came, or something happened to them meanwhile")


@retention.command()
def check() -> None:
    """Read every file of the store and name what is missing, changed or left over; before a trial, say.

    Exit code: 0 when all is as the rows say, 1 when something is not. What was purged is no fault.
    """
    from scanner.cli.bars import counting_bar
    from webapp.services import stocktaking
    from webapp.storage import StoreError

    settings = open_settings()
    with open_session(settings) as session, counting_bar("Files") as show_count:
        try:
            result = stocktaking.take(session, settings, show_count)
        except StoreError as error:
            raise click.ClickException(str(error)) from None
    for fault in result.faults:
        click.echo(f"FAIL  {fault.kind.value}: {fault.name}")
    click.echo(
        f"{result.whole:,} files are what they were, {result.purged:,} were purged, {len(result.faults):,} faults"
    )
    sys.exit(1 if result.faults else 0)


@click.group()
def hold() -> None:
    """Legal holds: what is held is never removed while the hold is not released."""


@hold.command("place")
@click.argument("scope", type=click.Choice(SCOPES))
@click.argument("number", type=int)
@click.option("--seller", help="of a seller: the name; NUMBER is then the source's")
@click.option("--reason", required=True, help="why, and who asked for it")
def place(scope: str, number: int, seller: str | None, reason: str) -> None:
    """Hold the finding, listing, source, report or case file of that NUMBER, with all that belongs to it."""
    from webapp.models import HoldScope
    from webapp.services import holds

    with open_session(open_settings()) as session:
        made = holds.place(session, None, HoldScope(scope), number, reason, seller)
        session.commit()
        click.echo(f"hold {made.id} is in force")


@hold.command("release")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="why it may be removed again")
def release(number: int, reason: str) -> None:
    """Release the hold of that NUMBER: policies may remove again what it covered."""
    from webapp.services import holds

    with open_session(open_settings()) as session:
        holds.release(session, None, number, reason)
        session.commit()
    click.echo(f"hold {number} is released")


@hold.command("list")
@click.option("--released", is_flag=True, help="those that were released instead")
def list_holds(released: bool) -> None:
    """Number, what is held, since when, by whom, why."""
    from webapp.services import holds

    with open_session(open_settings()) as session:
        for one in holds.list_holds(session, released=released):
            what = f"{one.scope.value} {one.target_id}" + (f" {one.seller}" if one.seller else "")
            who = one.placed_by.name if one.placed_by else "system"
            click.echo(f"{one.id}\t{what}\t{one.placed_at:%Y-%m-%d}\t{who}\t{one.reason}")
