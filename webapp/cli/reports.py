"""`tuskline report`."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy.orm import Session

from webapp.cli.opening import open_session, open_settings
from webapp.db import one_moment
from webapp.exporters import FORMATS
from webapp.exporters.typesetting.printing import PrintError
from webapp.language import ENGLISH, languages
from webapp.models import PictureChoice, Redaction, Report, ReportFile
from webapp.services import report_files, reports, saved_filters
from webapp.services.freezing import Wanted
from webapp.services.report_files import Style
from webapp.services.reports import ReportError
from webapp.settings import Settings
from webapp.storage import StoreError

DAY = click.DateTime(["%Y-%m-%d"])
STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class Asked:
    """What the command line says of the report."""

    first_day: datetime | None
    last_day: datetime | None
    title: str | None
    filter_name: str | None
    corrects: int | None
    because: str


@click.command()
@click.option("--from", "first_day", type=DAY, help="first day, UTC, as 2026-11-01 [default: 30 days ago]")
@click.option("--to", "last_day", type=DAY, help="last day, UTC; it is in the report [default: today]")
@click.option("--title", help="what the report is called")
@click.option(
    "--filter", "filter_name", metavar="NAME", help="a saved filter that the team shares; it narrows the report"
)
@click.option("--corrects", type=int, metavar="ID", help="a report that this one puts right: same period and filters")
@click.option("--because", default="", metavar="TEXT", help="what was wrong with the report that this one corrects")
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    help="may be given several times  [default: csv]",
)
@click.option("--language", type=click.Choice(list(languages())), default=ENGLISH, show_default=True)
@click.option(
    "--redaction",
    type=click.Choice([one.value for one in Redaction]),
    default="none",
    show_default=True,
    help="how little is said of people",
)
@click.option(
    "--pictures", type=click.Choice([one.value for one in PictureChoice]), default="blurred", show_default=True
)
@click.option(
    "-o",
    "--output",
    default=STANDARD_OUTPUT,
    show_default=True,
    help="file to write, or a folder; - for standard output, with several formats for this folder",
)
@click.option(
    "--list", "is_list", is_flag=True, help="print the reports that there are, the newest first, and build none"
)
@click.option(
    "--show",
    "shown_id",
    type=int,
    metavar="ID",
    help="print what a report is, or write it in the formats given; build none",
)
def report(
    first_day: datetime | None,
    last_day: datetime | None,
    title: str | None,
    filter_name: str | None,
    corrects: int | None,
    because: str,
    formats: tuple[str, ...],
    language: str,
    redaction: str,
    pictures: str,
    output: str,
    is_list: bool,
    shown_id: int | None,
) -> None:
    """Freeze the findings and decisions of a period, and write them.

    The report is kept as on the Reports page, with models, digests and rule versions.
    """
    settings = open_settings()
    styles = [Style(name, language, Redaction(redaction), PictureChoice(pictures)) for name in dict.fromkeys(formats)]
    asked = Asked(first_day, last_day, title, filter_name, corrects, because)
    with open_session(settings) as session, telling_faults():
        if is_list:
            click.echo("\n".join(line_of(row) for row in reports.list_reports(session)) or "No report yet.")
        elif shown_id is not None and not styles:
            click.echo("\n".join(lines_of(reports.find(session, shown_id))))
        else:
            chosen = reports.find(session, shown_id) if shown_id is not None else build(session, settings, asked)
            write_all(session, settings, chosen, styles or [Style("csv", language, Redaction(redaction))], output)


@contextmanager
def telling_faults() -> Iterator[None]:
    """What can't be read or written ends the command with its sentence."""
    try:
        yield
    except (ReportError, StoreError, PrintError) as error:
        raise click.ClickException(str(error)) from None


def build(session: Session, settings: Settings, asked: Asked) -> Report:
    wanted = wanted_of(session, asked)
    with one_moment(session.get_bind().engine) as reading:
        built = reports.build(session, settings, wanted, None, reading=reading)
    session.commit()
    return built


def wanted_of(session: Session, asked: Asked) -> Wanted:
    """Of a correction, what is not said is as it was in the older report."""
    old = reports.find(session, asked.corrects) if asked.corrects is not None else None
    saved = saved_filters.find_named(session, asked.filter_name) if asked.filter_name else None
    arguments = saved.arguments if saved else old.filters if old else {}
    from_at, to_at = period_of(asked, old)
    return Wanted(
        from_at,
        to_at,
        asked.title or (old.title if old else ""),
        arguments,
        saved.name if saved else old.filters_name if old else None,
        saved_filters.filters_of(arguments),
        old,
        asked.because,
    )


def period_of(asked: Asked, old: Report | None) -> tuple[datetime, datetime]:
    """The days are whole ones; the last day is in it."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    from_at = old.from_at if old else today - timedelta(days=30)
    to_at = old.to_at if old else today + timedelta(days=1)
    if asked.first_day:
        from_at = asked.first_day.replace(tzinfo=UTC)
    if asked.last_day:
        to_at = asked.last_day.replace(tzinfo=UTC) + timedelta(days=1)
    return from_at, to_at


def write_all(session: Session, settings: Settings, chosen: Report, styles: Sequence[Style], output: str) -> None:
    is_folder = Path(output).is_dir() or len(styles) > 1
    for style in styles:
        file = report_files.write_file(session, settings, chosen, style)
        session.commit()
        with report_files.read_file(settings, file) as body:
            if output == STANDARD_OUTPUT and not is_folder:
                shutil.copyfileobj(body, sys.stdout.buffer)
            else:
                copy(body, path_of(output, file, is_folder), chosen)
        for sentence in file.notices:
            click.echo(f"{style.exporter.title}: {sentence}", err=True)


def path_of(output: str, file: ReportFile, is_folder: bool) -> Path:
    folder = Path() if output == STANDARD_OUTPUT else Path(output)
    return folder / report_files.download_name(file) if is_folder else folder


def copy(body: BinaryIO, path: Path, chosen: Report) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            shutil.copyfileobj(body, target)
    except OSError as error:
        raise click.ClickException(f"{path} can't be written: {error.strerror}") from None
    click.echo(f"{path}: {chosen.findings_count} suspected findings, report {chosen.id}", err=True)


def line_of(row: Report) -> str:
    """Parted by tabs, for other commands to read: number, period, findings, formats, title."""
    formats = ",".join(dict.fromkeys(file.format for file in row.files)) or "-"
    return "\t".join([str(row.id), days_of(row), str(row.findings_count), formats, row.title])


def days_of(row: Report) -> str:
    return f"{row.from_at:%Y-%m-%d} to {row.to_at - timedelta(microseconds=1):%Y-%m-%d}"


def lines_of(row: Report) -> Iterator[str]:
    yield f"report {row.id}: {row.title}" if row.title else f"report {row.id}"
    yield f"period: {days_of(row)}, UTC"
    yield f"findings: {row.findings_count} suspected"
    yield f"filters: {row.filters_name or ''} {row.filters or 'none'}".replace(":  ", ": ")
    yield f"built: {row.built_at:%Y-%m-%d %H:%M} UTC by {row.user.name if row.user else 'Tuskline itself'}"
    yield f"SHA-256: {row.sha256}"
    if row.corrects_id:
        yield f"corrects report {row.corrects_id}: {row.correction}"
    yield from (f"corrected by report {newer.id}: {newer.correction}" for newer in row.corrections)
    if row.purged_at:
        yield f"removed by retention on {row.purged_at:%Y-%m-%d}"
    for file in row.files:
        look = f"{file.language}, people {file.redaction}, pictures {file.pictures}"
        yield f"file {file.id}: {file.format}, {look}, {file.size_bytes} bytes, SHA-256 {file.sha256}"
