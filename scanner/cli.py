"""`tuskline scan` and `tuskline models`. Heavy imports wait until a command runs."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from scanner.places import data_home

if TYPE_CHECKING:
    from rules.model import Pack
    from scanner.pipeline import Scanner
    from scanner.records import ScannedPhoto
    from scanner.zoo.cascade import ModelChoice
    from scanner.zoo.registry import InstalledModel

SOME_FAILED, NOT_STARTED = 1, 2


def models_folder() -> Path:
    return data_home() / "models"


def stop(message: str) -> NoReturn:
    """End with a sentence for people; nothing was done."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(NOT_STARTED)


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
        adopt_primary(models_folder(), lambda line: click.echo(line, err=True))
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


@click.group()
def models() -> None:
    """The networks: what is installed, where it came from, whether it is still whole."""


@models.command("list")
def list_models() -> None:
    """Every model of the catalogue, and whether it is installed."""
    from rich.console import Console
    from rich.table import Column, Table

    from scanner.zoo.catalogue import CATALOGUE

    installed = {model.name: model for model in _installed()}
    table = Table(Column("name", no_wrap=True), "role", "state", "sees", "size", title="Models")
    for name, spec in CATALOGUE.items():
        model = installed.get(name)
        size = f"{model.card.size_bytes / 1e6:.0f} MB" if model else ""
        table.add_row(name, spec.role, "installed" if model else "absent", ", ".join(spec.sees).replace("_", " "), size)
    Console().print(table)


@models.command()
@click.argument("name")
def show(name: str) -> None:
    """The model's card: source, digests, labels, output kind, preprocessing."""
    from scanner.zoo.cards import CARD_NAME

    click.echo((_find(name).folder / CARD_NAME).read_text(encoding="utf-8").rstrip())


@models.command()
@click.argument("name")
@click.option("--from", "origin", help="a module's folder, an archive (.tar.gz, .tar.bz2, .tar.xz, .zip) or an address")
@click.option("--hub-server", envvar="TUSKLINE_HUB_SERVER", help="PaddleHub server or mirror to ask")
@click.option("--plain-http", is_flag=True, help="trust an address that is not https")
@click.option("--accept-changed", is_flag=True, help="take an archive that is another than when first used")
def install(name: str, origin: str | None, hub_server: str | None, plain_http: bool, accept_changed: bool) -> None:
    """Install a model's weights, check them and write their card."""
    from scanner.zoo.catalogue import UnknownModelError
    from scanner.zoo.options import HUB_SERVER, InstallOptions
    from scanner.zoo.progress import download_bar
    from scanner.zoo.weights import InstallError
    from scanner.zoo.weights import install as install_model

    options = InstallOptions(hub_server=hub_server or HUB_SERVER, plain_http=plain_http, accept_changed=accept_changed)
    try:
        with download_bar() as bar:
            model = install_model(name, models_folder(), origin, click.echo, options=options, progress=bar)
    except (InstallError, UnknownModelError) as error:
        stop(str(error))
    click.echo(f"{name} is installed from {model.source}: {model.spec.classes} labels, {model.card.output_kind}")


@models.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare every file of the named models (all, unless named) with its SHA-256 on the card."""
    chosen = [_find(name) for name in names] or _installed()
    faults = {model.name: model.changed_files() for model in chosen}
    for name, found in faults.items():
        click.echo(f"{name}: {'; '.join(found) or 'whole'}")
    if not faults:
        click.echo("no model is installed")
    sys.exit(1 if any(faults.values()) else 0)


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete the model's weights and card."""
    from scanner.zoo.catalogue import UnknownModelError
    from scanner.zoo.weights import remove as remove_model

    try:
        removed = remove_model(name, models_folder())
    except UnknownModelError as error:
        stop(str(error))
    click.echo(f"{name} was removed" if removed else f"{name} was not installed")


def _installed() -> "list[InstalledModel]":
    from scanner.zoo.cards import CardError
    from scanner.zoo.registry import installed_models

    try:
        return list(installed_models(models_folder()))
    except CardError as error:
        stop(str(error))


def _find(name: str) -> "InstalledModel":
    from scanner.zoo.catalogue import UnknownModelError, find_spec

    try:
        known = find_spec(name).name
    except UnknownModelError as error:
        stop(str(error))
    model = next((model for model in _installed() if model.name == known), None)
    if model is None:
        stop(f"{name} is not installed: run `tuskline models install {name}`")
    return model
