"""`tuskline rules`."""

import sys

import click

from rules.load import PackError, find_pack, load_pack


@click.group()
def rules() -> None:
    """The rule packs."""


@rules.command()
@click.argument("pack", default="wildlife")
def check(pack: str) -> None:
    """Report everything wrong with PACK (a name or a folder) as file:line; exit code 1 where there is anything."""
    from rules.lint import check_pack

    try:
        folder = find_pack(pack)
    except PackError as error:
        raise click.ClickException(str(error)) from None
    faults = check_pack(folder)
    for fault in faults:
        click.echo(fault)
    if faults:
        click.echo(f"{len(faults)} faults in {folder}", err=True)
        sys.exit(1)
    click.echo(f"{folder}: {len(load_pack(folder).rules)} rules, no faults")


@rules.command("list")
@click.argument("pack", default="wildlife")
def list_rules(pack: str) -> None:
    """Each rule of PACK with its version, severity and thresholds, as its files have it."""
    try:
        loaded = load_pack(find_pack(pack))
    except PackError as error:
        raise click.ClickException(str(error)) from None
    for rule in loaded.rules:
        marks = ", ".join(f"{name} {threshold.value:g}" for name, threshold in rule.thresholds.items())
        click.echo(f"{rule.id}\t{rule.severity}\t{rule.title}\t{marks or 'words alone'}")
