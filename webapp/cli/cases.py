"""`tuskline case`."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.cli.case_checks import rescore, verify
from webapp.cli.opening import open_session, open_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from webapp.services.case_files import Asked


@click.group()
def case() -> None:
    """Case files: signed bundles of the evidence on some findings that can be checked without Tuskline."""


@case.command()
@click.option(
    "--finding", "findings", type=int, multiple=True, metavar="N", help="number of a finding; may be repeated"
)
@click.option("--seller", metavar="NAME", help="all findings of this seller in --source")
@click.option("--source", "source_name", metavar="NAME", help="the source in which the seller is")
@click.option("--filter", "filter_name", metavar="NAME", help="all findings under a filter that the team shares")
@click.option("--title", default="", help="what the case is called [default: made of what was chosen]")
@click.option("--language", default="en", show_default=True, help="language of its README and its report")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="file to write [default: by number]"
)
def export(
    findings: Sequence[int],
    seller: str | None,
    source_name: str | None,
    filter_name: str | None,
    title: str,
    language: str,
    output: Path | None,
) -> None:
    """Make a case file of findings, of a seller's, or of those under a saved filter.

    It is kept as on the Case files page, too. That it was made and written is in the audit log.
    """
    from webapp.language import languages, speaking
    from webapp.services import audit, case_files, signing
    from webapp.storage import StoreError

    check_choice(findings, seller, source_name, filter_name)
    if language not in languages():
        raise click.ClickException(f"there is no language {language}: take one of {', '.join(languages())}")
    if output is not None and not output.absolute().parent.is_dir():
        raise click.ClickException(f"{output} can't be written: there is no folder {output.absolute().parent}")
    settings = open_settings()
    with open_session(settings) as session:
        asked = choose(session, findings, seller, source_name, filter_name, title, language)
        try:
            with speaking(language):
                row = case_files.export(session, settings, asked, None, Steps().tell)
            target = output or Path(case_files.file_name(row))
            with closing(case_files.open_bundle(settings, row)) as body, target.open("wb") as file:
                shutil.copyfileobj(body, file, 1 << 20)
        except StoreError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"{output} can't be written: {error.strerror}") from None
        case_files.note_download(session, audit.SYSTEM, row, way="terminal")
        session.commit()
    for notice in row.notices:
        click.echo(f"note  {notice}", err=True)
    click.echo(f"{target}: case file {row.id}, {row.findings_count:,} suspected findings, {row.size_bytes:,} bytes")
    click.echo(f"SHA-256      {row.sha256}")
    click.echo(f"signed by    {signing.signing_key(settings.home).fingerprint}")


def check_choice(findings: Sequence[int], seller: str | None, source_name: str | None, filter_name: str | None) -> None:
    if sum((bool(findings), seller is not None, filter_name is not None)) != 1:
        raise click.UsageError("give --finding, or --seller with --source, or --filter")
    if (seller is None) != (source_name is None):
        raise click.UsageError("--seller and --source belong together: names of two marketplaces are two people")


def choose(
    session: "Session",
    findings: Sequence[int],
    seller: str | None,
    source_name: str | None,
    filter_name: str | None,
    title: str,
    language: str,
) -> "Asked":
    from webapp.api.filters import Filters
    from webapp.services import case_files, saved_filters, sources
    from webapp.services.case_files import Asked

    if seller is not None and source_name is not None:
        source = sources.find_named(session, source_name)
        if source is None:
            raise click.ClickException(f"there is no source {source_name}: `tuskline sources list` names them")
        return Asked.of_seller(seller, source.id, title, language)
    if filter_name is not None:
        arguments = saved_filters.find_named(session, filter_name).arguments
        findings = case_files.filtered_ids(session, Filters.from_arguments(arguments).to_filters())
        title = title or filter_name
    return Asked.of_findings(findings, title, language)


class Steps:
    """Says each step once."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, note: str, _done: int, _total: int | None) -> None:
        if note != self._last:
            click.echo(f"{note} ...", err=True)
        self._last = note


@case.command("list")
def list_cases() -> None:
    """Case files, the newest first."""
    from webapp.services import case_files

    with open_session(open_settings()) as session:
        rows = case_files.list_cases(session)
        for row in rows:
            gone = "  removed" if row.purged_at else ""
            who = row.user.name if row.user else "system"
            head = f"{row.id:>5}  {row.made_at:%Y-%m-%d %H:%M}  {row.findings_count:>6,}"
            click.echo(f"{head}  {row.sha256}  {who}  {row.title}{gone}")
    if not rows:
        click.echo("there is no case file yet: `tuskline case export --finding N` makes one")


@case.command()
def key() -> None:
    """The public key that case files are signed with, and its fingerprint, to be told over another way."""
    from webapp.services import signing

    settings = open_settings()
    with open_session(settings):
        ours = signing.signing_key(settings.home)
    click.echo(f"public key   {ours.public}\nfingerprint  {ours.fingerprint}")


case.add_command(verify)
case.add_command(rescore)
