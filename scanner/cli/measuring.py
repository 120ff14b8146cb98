"""`tuskline models evaluate` and `bench`: how good a model is, and how fast."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.bars import counting_bar
from scanner.cli.opening import find_installed_models, find_model, stop, tell

if TYPE_CHECKING:
    from scanner.zoo.evaluation import Evaluation

BASE_RATE = 0.013  # scanner.zoo.evaluation.BASE_RATE, which is not imported before a command runs


class NewFile(click.Path):
    """A file to write results to. That it can't be written is said before the work, not after it."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        folder = Path(value).absolute().parent
        if not folder.is_dir():
            self.fail(f"the folder {folder} does not exist; make it first", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "json_file", type=NewFile(), help="write all figures to this file")
@click.option("--html", "page_file", type=NewFile(), help="write one page with plots to this file")
@click.option("--base-rate", default=BASE_RATE, show_default=True, help="share of pictures that show a concept")
@click.option("--pack", "pack_name", default="wildlife", show_default=True, help="rule pack whose thresholds are used")
@click.option("--as", "named", multiple=True, metavar="NAME=LABEL", help="what a folder of another name holds")
@click.option("--aside", multiple=True, metavar="NAME", help="a folder to score and show, and to leave out of figures")
@click.option("--ignore", "ignored", multiple=True, metavar="NAME", help="a folder to leave out")
@click.option("--device", default="auto", show_default=True, help="cpu, gpu:N or auto")
def evaluate(
    name: str,
    folder: Path,
    json_file: Path | None,
    page_file: Path | None,
    base_rate: float,
    pack_name: str,
    named: tuple[str, ...],
    aside: tuple[str, ...],
    ignored: tuple[str, ...],
    device: str,
) -> None:
    """Score FOLDER/LABEL/pictures and say how much the model finds, and how often it is right.

    A manifest.csv in FOLDER (columns file, label, group) names the source of each picture: pictures of one source are
    not independent, and the intervals then say so.
    """
    from scanner.zoo.evaluation import EvaluationError
    from scanner.zoo.evaluation.folders import FolderError, LabelNames
    from scanner.zoo.evaluation.scoring import evaluate_folder
    from scanner.zoo.predictor import ModelError

    model = find_model(name)
    thresholds = _thresholds_of(pack_name)
    try:
        names = LabelNames.parse(named, aside, ignored)
        with counting_bar("scoring") as progress:
            found = evaluate_folder(model, folder, device, base_rate, thresholds, names, progress, tell)
    except (EvaluationError, FolderError, ModelError, ValueError) as error:
        stop(str(error))
    write_pages(found, json_file, page_file)


def _thresholds_of(pack_name: str) -> dict[str, float]:
    from rules.load import PackError, find_pack, load_pack
    from scanner.zoo.evaluation import pack_thresholds

    try:
        return pack_thresholds(load_pack(find_pack(pack_name)))
    except PackError as error:
        stop(str(error))


def write_pages(found: "Evaluation", json_file: Path | None, page_file: Path | None) -> None:
    """Show the figures on the terminal, and write them where that was asked for."""
    from rich.console import Console

    from scanner.zoo.evaluation.page import write_page
    from scanner.zoo.evaluation.terminal import tabulate_figures

    Console().print(tabulate_figures(found))
    if json_file:
        write_json(json_file, found.to_json())
    try:
        if page_file:
            write_page(found, page_file)
    except OSError as error:
        stop(f"{error.filename} could not be written: {error.strerror}")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--device", "devices", multiple=True, default=("auto",), show_default=True, help="several may be given")
@click.option("--batch", "batches", multiple=True, type=int, default=(1, 4, 16, 32), show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="for each of the three rounds of a setting")
@click.option("--json", "json_file", type=NewFile(), help="write the figures to this file")
def bench(
    names: tuple[str, ...], devices: tuple[str, ...], batches: tuple[int, ...], seconds: float, json_file: Path | None
) -> None:
    """Pictures a second of the named models (all, unless named), by batch size, device and precision."""
    from rich.console import Console

    from scanner.zoo.bench import measure_speeds, tabulate_speeds
    from scanner.zoo.wishes import wishes_of

    chosen = [find_model(name) for name in names] or find_installed_models()
    if not chosen:
        stop("no model is installed: run `tuskline models install NAME`")
    try:
        found = measure_speeds(
            chosen, devices, batches, seconds, lambda speed: tell(f"{speed.model} {speed.batch_size}"), wishes_of()
        )
    except ValueError as error:
        stop(str(error))
    for warning in found.warnings:
        tell(f"Warning: {warning}")
    Console().print(tabulate_speeds(found))
    if json_file:
        write_json(json_file, found.to_json())


def write_json(path: Path, content: object) -> None:
    """Write it for programs; ends the command where the file can't be written."""
    try:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        stop(f"{path} could not be written: {error.strerror}")
