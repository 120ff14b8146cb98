"""`tuskline scan`: pictures in, findings out, without a database."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.opening import SOME_FAILED, models_folder, stop, tell

if TYPE_CHECKING:
    from rules.model import Pack
    from scanner.pipeline import Scanner
    from scanner.records import ScannedPhoto
    from scanner.zoo.cascade import ModelChoice


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="PATH|URL ...")
@click.option("--format", "style", type=click.Choice(["text", "jsonl"]), default="text", help="what to print")
@click.option("--device", default="auto", show_default=True, help="cpu, gpu:N (gpu:N,tensorrt; gpu:N,fp32) or auto")
@click.option("--pack", "pack_name", default="wildlife", show_default=True, help="rule pack: a name or a folder")
@click.option(
    "--models",
    "names",
    default="",
    metavar="all|NAME,NAME",
    help="ask these models about every picture, the first named one decides; unless given, the pack's cascade rules",
)
@click.option("--contact", default="", help="contact address sent with every request")
@click.option("--allow", multiple=True, metavar="HOST:PORT", help="private address that may be fetched from")
def scan(
    inputs: tuple[str, ...],
    style: str,
    device: str,
    pack_name: str,
    names: str,
    contact: str,
    allow: tuple[str, ...],
) -> None:
    """Score pictures and judge them by the rules.

    Give files, folders, addresses, a .txt of addresses or a .csv of listings (columns url, title, description,
    price, currency, seller, image_url). Exit code: 0 all were scanned, 1 some failed, 2 nothing was scanned.
    """
    from scanner.inputs import InputError, check_inputs

    try:
        check_inputs(inputs)
    except InputError as error:
        stop(str(error))
    pack = _open_pack(pack_name)
    choice = _open_choice(pack, names)
    if choice.notice:
        click.echo(choice.notice, err=True)
    scanner = _make_scanner(choice, pack, device)
    counts = {"photos": 0, "flagged": 0, "failed": 0}
    for scanned in _scan_with_progress(inputs, scanner, contact, allow):
        counts["photos"] += 1
        counts["flagged"] += bool(scanned.findings)
        counts["failed"] += scanned.failure is not None
        _print_photo(scanned, style, choice)
    if not counts["photos"]:
        stop(f"no picture was found in {' '.join(inputs)}")
    for warning in filter(None, [scanner.warning, *scanner.warnings]):
        click.echo(f"Warning: {warning}", err=True)
    summary = "{photos} pictures: {flagged} with suspected findings, {failed} failed".format(**counts)
    spoke = ", ".join(f"{name} ({count})" for name, count in scanner.spoke.most_common())
    click.echo(f"{summary}. Scored by {spoke or 'no model'}.", err=True)
    sys.exit(SOME_FAILED if counts["failed"] else 0)


def _open_choice(pack: "Pack", names: str) -> "ModelChoice":
    from scanner.zoo.cards import CardError
    from scanner.zoo.cascade import NoModelError, choose_models
    from scanner.zoo.weights import adopt_primary

    try:
        adopt_primary(models_folder(), tell)
        wanted = tuple(name.strip() for name in names.split(",")) if names else None
        return choose_models(models_folder(), pack.cascade, wanted)
    except (NoModelError, CardError) as error:
        stop(str(error))


def _open_pack(name: str) -> "Pack":
    from rules.load import PackError, find_pack, load_pack

    try:
        return load_pack(find_pack(name))
    except PackError as error:
        stop(str(error))


def _make_scanner(choice: "ModelChoice", pack: "Pack", device: str) -> "Scanner":
    from scanner.pipeline import Scanner
    from scanner.predicting import parse_device

    try:
        parse_device(device)
    except ValueError as error:
        stop(str(error))
    return Scanner(choice, pack, device)


def _scan_with_progress(
    inputs: tuple[str, ...], scanner: "Scanner", contact: str, allow: tuple[str, ...]
) -> "Iterator[ScannedPhoto]":
    """Every photo of the inputs, scanned; a bar on stderr where that is a terminal."""
    from scanner.fetch import Fetcher
    from scanner.inputs import count_photos, read_photos
    from scanner.zoo.predictor import ModelError

    try:
        with (
            scanner,
            tempfile.TemporaryDirectory(prefix="tuskline-") as spool,
            _bar(lambda: count_photos(inputs)) as bar,
        ):
            fetcher = Fetcher(contact=contact, allowed_addresses=list(allow))
            for scanned in scanner.scan(read_photos(inputs, fetcher, Path(spool))):
                yield scanned
                bar.advance()
                _drop_spooled(scanned, Path(spool))
    except ModelError as error:
        stop(str(error))


def _drop_spooled(scanned: "ScannedPhoto", spool: Path) -> None:
    path = scanned.photo.path
    if path is not None and path.parent == spool:
        path.unlink(missing_ok=True)


def _print_photo(scanned: "ScannedPhoto", style: str, choice: "ModelChoice") -> None:
    from scanner.output import to_json, to_sentence, to_table

    if style == "jsonl":
        click.echo(to_json(scanned, choice.primary_absent))
    elif choice.everyone:
        click.echo(to_table(scanned))
    elif sentence := to_sentence(scanned):
        click.echo(sentence)


class _Bar:
    """A progress bar, or nothing where stderr is no terminal."""

    def __init__(self, progress: Any = None, task: Any = None) -> None:
        self._progress, self._task = progress, task

    def advance(self) -> None:
        if self._progress is not None:
            self._progress.advance(self._task)


@contextmanager
def _bar(count: Any) -> Iterator[_Bar]:
    if not sys.stderr.isatty():
        yield _Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scanning"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        yield _Bar(progress, progress.add_task("scan", total=count()))
