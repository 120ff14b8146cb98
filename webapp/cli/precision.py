"""`tuskline models precision`: make a model's lower precisions, and check each on real pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.bars import counting_bar
from scanner.cli.opening import SOME_FAILED, find_model, stop, tell
from webapp.cli.training import REVIEWED, reviewed

if TYPE_CHECKING:
    from scanner.zoo.engines import Device
    from scanner.zoo.precision_checks import Outcome
    from scanner.zoo.precisions import Precision
    from scanner.zoo.registry import InstalledModel


@click.command()
@click.argument("name")
@click.option("--on", "pictures", required=True, metavar="FOLDER|reviewed", help="a folder, or what reviewers decided")
@click.option("--only", default="", metavar="bf16,int8,...", help="these alone; else all that this machine can run")
@click.option("--device", default="auto", show_default=True, help="cpu, gpu:N or auto")
@click.pass_context
def precision(context: click.Context, name: str, pictures: str, only: str, device: str) -> None:
    """Make the model's lower precisions that this machine can run, and compare each with fp32 on real pictures.

    Two hundred pictures are the least, and twice as many with int8: half of them calibrate it, the others check it.
    What came of it stands on the model's card, and scans use the fastest that passed. Exit code: 0 all passed, 1 some
    did not, 2 nothing was checked.
    """
    model, wanted, place = find_model(name), read_precisions(only), read_place(device)
    with _reviewed() if pictures == REVIEWED else _in_folder(Path(pictures)) as paths:
        outcomes = check(model, paths, place, wanted)
    for outcome in outcomes:
        click.echo(outcome.check.words if outcome.check else f"{outcome.precision} was not checked: {outcome.why_not}")
    if not any(outcome.check for outcome in outcomes):
        stop(f"no precision of {name} was checked")
    passed = all(outcome.check is not None and outcome.check.has_passed for outcome in outcomes)
    context.exit(0 if passed else SOME_FAILED)


def read_precisions(only: str) -> "tuple[Precision, ...]":
    from scanner.zoo.running import LOWER

    given = tuple(filter(None, (word.strip() for word in only.split(","))))
    if other := [word for word in given if word not in LOWER]:
        stop(f"--only {other[0]}: give {', '.join(LOWER[:-1])} or {LOWER[-1]}, several with commas between them")
    return tuple(one for one in LOWER if one in given)


def read_place(device: str) -> "Device":
    from scanner.zoo.engines import parse_device

    try:
        return parse_device(device)
    except ValueError as error:
        stop(str(error))


def check(
    model: "InstalledModel", paths: list[Path], device: "Device", wanted: "tuple[Precision, ...]"
) -> "tuple[Outcome, ...]":
    from scanner.zoo.precision_checks import PrecisionError, check_precisions
    from scanner.zoo.predictor import ModelError

    try:
        with counting_bar("reading") as progress:
            return check_precisions(model, paths, device, wanted, tell, progress)
    except (PrecisionError, ModelError) as error:
        stop(str(error))


@contextmanager
def _in_folder(folder: Path) -> Iterator[list[Path]]:
    from scanner.inputs import list_pictures

    if not folder.is_dir():
        stop(f"{folder} is no folder; give one with pictures, or `reviewed`")
    yield list_pictures(folder)


@contextmanager
def _reviewed() -> Iterator[list[Path]]:
    with reviewed() as (examples, _):
        yield [example.path for example in examples]
