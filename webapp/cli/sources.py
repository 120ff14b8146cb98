"""`tuskline sources`."""

import click

from scanner.markets.base import Market, MarketError, Option
from scanner.markets.options import options_of
from scanner.markets.registry import find_market, list_kinds
from webapp.cli.opening import open_session, open_settings
from webapp.models import Source
from webapp.services import audit
from webapp.services import schedules as schedules_service
from webapp.services import sources as service
from webapp.services.source_options import read_options


@click.group()
def sources() -> None:
    """Where listings come from: marketplaces and files."""


@sources.command("list")
def list_sources() -> None:
    """Name, kind, listings seen, and when it is scanned next."""
    with open_session(open_settings()) as session:
        for row in service.summaries(session):
            next_run = f"next run {row.next_at:%Y-%m-%d %H:%M} UTC" if row.next_at else "no run is due"
            click.echo(f"{row.source.name}\t{row.source.kind}\t{row.listings_count} listings\t{next_run}")


@sources.command(epilog=f"Kinds: {', '.join(list_kinds())}.")
@click.argument("kind")
@click.argument("name")
@click.argument("options", nargs=-1, metavar="[OPTION=VALUE]...")
def add(kind: str, name: str, options: tuple[str, ...]) -> None:
    """Add a source. Faults of all options are told at once."""
    try:
        market = find_market(kind)
    except MarketError as error:
        raise click.ClickException(str(error)) from None
    settings = open_settings()
    reading = read_options(market, dict(parse_pair(text) for text in options), settings)
    if reading.faults:
        raise click.ClickException("\n".join(fault_lines(market, reading.faults)))
    with open_session(settings) as session:
        source = service.create(session, name, kind, reading.values, audit.SYSTEM)
        session.commit()
        click.echo(f"{source.name} is source {source.id}: `tuskline schedules add` lets it be scanned by itself")


@sources.command()
@click.argument("name")
def show(name: str) -> None:
    """What NAME reads, and when."""
    with open_session(open_settings()) as session:
        source = named(service.find_named(session, name), name)
        click.echo(f"{source.name}, source {source.id} of kind {source.kind}")
        for title, words, _ in service.described(source):
            click.echo(f"  {title}: {words}")
        for schedule in schedules_service.list_schedules(session, source.id):
            click.echo(f"  {schedules_service.described(schedule)}")


def named(source: Source | None, name: str) -> Source:
    if source is None:
        raise click.ClickException(f"there is no source {name}: `tuskline sources list` names them all")
    return source


def parse_pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"{text} is no option: write it as name=value")
    return name.strip(), value


def fault_lines(market: Market, faults: dict[str, list[str]]) -> list[str]:
    """Every fault, then what the market asks for."""
    said = [f"{name}: {one}" if name else one for name, sentences in faults.items() for one in sentences]
    return ["the source can't be added:", *(f"  {line}" for line in said), *asked_lines(market)]


def asked_lines(market: Market) -> list[str]:
    return [f"{market.kind} asks for:", *(f"  {option_line(option)}" for option in options_of(market))]


def option_line(option: Option) -> str:
    needed = "needed" if option.is_required else "optional"
    return " ".join(
        part for part in (f"{option.name} ({option.kind.value}, {needed}):", option.title, option.help) if part
    )
