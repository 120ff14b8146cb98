"""`tuskline audit`."""

import json
import sys
from pathlib import Path

import click

from webapp.cli.opening import open_session, open_settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def audit() -> None:
    """The log of what was done: each entry is hashed, sealed into a chain, and the chain's head is signed."""


@audit.command()
@click.option("--head", "heads", type=FILE, multiple=True, help="a head that was exported earlier; may be repeated")
def verify(heads: tuple[Path, ...]) -> None:
    """Read the whole log and name what was changed, deleted, put in, reordered or cut off.

    Exit code: 0 when all is as it was written, 1 when something is not. Only a head that was kept elsewhere shows that
    the end of the log was cut off together with the last head of this folder.
    """
    from webapp.services import chain, signing, verifying

    settings = open_settings()
    with open_session(settings) as session:
        given = [chain.Head.from_json(path.read_text(encoding="utf-8")) for path in heads]
        result = verifying.verify_home(session, settings.home, given)
    for fault in result.faults:
        click.echo(f"FAIL  {fault.words}")
    if result.faults_count > len(result.faults):
        click.echo(f"FAIL  and {result.faults_count - len(result.faults):,} more")
    if result.is_whole:
        click.echo(f"ok    {result.entries:,} entries in {result.seals:,} seals are as they were written")
    if result.head:
        click.echo(f"      the head is seal {result.head.number}, {result.head.seal_sha256}")
        click.echo(f"      signed by {signing.fingerprint_of(result.head.key) if result.head.key else 'nobody'}")
    if result.unsealed:
        click.echo(f"      {result.unsealed:,} entries have no seal yet, the oldest since {result.unsealed_since}")
    sys.exit(0 if result.is_whole else 1)


@audit.command("export-head")
@click.option("-o", "--output", default="-", show_default=True, help="file to write, - for standard output")
def export_head(output: str) -> None:
    """Write the signed head of the chain as JSON: keep it where nobody who may change the database may write."""
    from webapp.services import chain

    with open_session(open_settings()) as session:
        head = chain.head(session)
    if head is None:
        raise click.ClickException("nothing is sealed yet: run `tuskline audit seal`")
    text = json.dumps(head.to_json(), indent=2) + "\n"
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output} can't be written: {error.strerror}") from None
    click.echo(f"{output}: seal {head.number}", err=True)


@audit.command()
def seal() -> None:
    """Seal what was written since the last seal; a worker does so every minute."""
    from webapp.services import chain, signing

    settings = open_settings()
    with open_session(settings) as session:
        count = chain.seal_all(session, settings.home, signing.signing_key(settings.home))
    click.echo(f"{count:,} entries sealed")


@audit.command()
def key() -> None:
    """The public key that seals are signed with, and its fingerprint."""
    from webapp.services import signing

    with open_session(open_settings()):
        ours = signing.signing_key(open_settings().home)
    click.echo(f"public key   {ours.public}\nfingerprint  {ours.fingerprint}")
