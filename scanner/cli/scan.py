"""`tuskline scan`: pictures in, findings out, without a database."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.bars import counting_bar
from scanner.cli.opening import SOME_FAILED, models_folder, stop, tell

if TYPE_CHECKING:
    from rules.model import Pack
    from scanner.pipeline import Scanner
    from scanner.records import ScannedPhoto
    from scanner.zoo.cascade import ModelChoice

ALL = "all"
MEMORY = "TUSKLINE_MODEL_MEMORY_MB"
LEAST_MEMORY_MB = 256  # as in webapp.settings, which the scanner can't import


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
    help="ask these about every picture and join their scores; unless given, the pack's cascade says who is asked",
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
    choice = run_on(_open_choice(pack, names), device)
    if choice.notice:
        click.echo(choice.notice, err=True)
    scanner = make_scanner(choice, pack, device)
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
        return choose_models(models_folder(), pack.cascade, read_names(names))
    except (NoModelError, CardError) as error:
        stop(str(error))


def read_names(names: str) -> tuple[str, ...] | None:
    """The names that were given; `all` among them means all; None where none was."""
    wanted = tuple(filter(None, (name.strip() for name in names.split(","))))
    return (ALL,) if ALL in wanted else wanted or None


def _open_pack(name: str) -> "Pack":
    from rules.load import PackError, find_pack, load_pack

    try:
        return load_pack(find_pack(name))
    except PackError as error:
        stop(str(error))


def run_on(choice: "ModelChoice", device: str) -> "ModelChoice":
    """The models as they are to run on the device; ends the command where that, or a wish, is none."""
    from scanner.zoo.engines import parse_device
    from scanner.zoo.wishes import wishes_of

    try:
        return choice.run_on(parse_device(device), wishes_of())
    except ValueError as error:
        stop(str(error))


def make_scanner(choice: "ModelChoice", pack: "Pack", device: str) -> "Scanner":
    """The scanner on the device and in the memory that were given; ends the command where that memory can't be."""
    from scanner.pipeline import Scanner

    return Scanner(choice, pack, device, memory_mb=_read_memory())


def _read_memory() -> int:
    """MB that the networks of one predictor process may take, as this installation has set it."""
    from scanner.predicting import MEMORY_MB

    given = os.environ.get(MEMORY, "").strip()
    if given and (not given.isdecimal() or int(given) < LEAST_MEMORY_MB):
        stop(f"{MEMORY} is {given!r}: give a whole number of MB, {LEAST_MEMORY_MB} at least")
    return int(given) if given else MEMORY_MB


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
            counting_bar("scanning", lambda: count_photos(inputs)) as progress,
        ):
            fetcher = Fetcher(contact=contact, allowed_addresses=list(allow))
            for done, scanned in enumerate(scanner.scan(read_photos(inputs, fetcher, Path(spool))), 1):
                yield scanned
                progress(done, None)
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
