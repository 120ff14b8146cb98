"""`tuskline models train`: teach a head on pictures in folders, or on what reviewers decided."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.bars import counting_bar
from scanner.cli.measuring import NewFile, write_pages
from scanner.cli.opening import find_model, models_folder, stop, tell

if TYPE_CHECKING:
    from scanner.zoo.registry import InstalledModel
    from scanner.zoo.training import Example, Trained

REVIEWED = "reviewed"


@click.command()
@click.argument("name")
@click.option("--on", "pictures", required=True, metavar="FOLDER|reviewed", help="a folder a label, or the decisions")
@click.option("--backbone", required=True, metavar="MODEL", help="installed model whose features are used")
@click.option("--seed", default=0, show_default=True, help="the same seed and pictures give the same head")
@click.option("--as", "named", multiple=True, metavar="NAME=LABEL", help="what a folder of another name holds")
@click.option("--aside", multiple=True, metavar="NAME", help="a folder to score and show, and not to learn from")
@click.option("--ignore", "ignored", multiple=True, metavar="NAME", help="a folder to leave out")
@click.option("--json", "json_file", type=NewFile(), help="write the held-out figures to this file")
@click.option("--html", "page_file", type=NewFile(), help="write them as one page with plots")
@click.option("--primary", "is_primary", is_flag=True, help="let it speak of every picture first")
def train(
    name: str,
    pictures: str,
    backbone: str,
    seed: int,
    named: tuple[str, ...],
    aside: tuple[str, ...],
    ignored: tuple[str, ...],
    json_file: Path | None,
    page_file: Path | None,
    is_primary: bool,
) -> None:
    """Teach a linear head on the frozen features of an installed model, measure it on held-out pictures, install it.

    FOLDER/LABEL/pictures, labels as in `evaluate`; a folder below `other` is a look-alike that is told apart by name.
    Pictures of one source (manifest.csv) and near-duplicates are never on both sides of a split. `reviewed` takes what
    reviewers confirmed and dismissed. An older model of that name is replaced once the new one works.
    """
    from scanner.zoo.cascade import set_primary

    _check_name(name)
    frozen = find_model(backbone)
    with reviewed() if pictures == REVIEWED else _in_folder(Path(pictures), named, aside, ignored) as (examples, words):
        trained = _teach(name, examples, words, frozen, seed)
    write_pages(trained.evaluation, json_file, page_file)
    if is_primary:
        set_primary(models_folder(), name)
    more = "speaks first from now on" if is_primary else f"put it first with `tuskline models primary {name}`"
    click.echo(f"{name} has learnt from {len(examples):,} pictures and is installed; {more}")


def _check_name(name: str) -> None:
    """End here, and not after the learning, where the model could not be installed under its name."""
    from scanner.zoo.catalogue import CATALOGUE
    from scanner.zoo.weights import InstallError, check_name

    try:
        check_name(name)
    except InstallError as error:
        stop(str(error))
    if name in CATALOGUE:
        stop(f"{name} is a model of the catalogue; give yours another name")


def _teach(name: str, examples: "list[Example]", words: str, frozen: "InstalledModel", seed: int) -> "Trained":
    """Learn, install what was learnt, and say what was left out of it."""
    from rules.load import find_pack, load_pack
    from scanner.zoo.evaluation import pack_thresholds
    from scanner.zoo.training import TrainingError
    from scanner.zoo.training import train as teach
    from scanner.zoo.weights import InstallError, install

    thresholds = pack_thresholds(load_pack(find_pack("wildlife")))
    try:
        with tempfile.TemporaryDirectory(prefix="tuskline-") as folder, counting_bar("learning") as progress:
            trained = teach(
                examples,
                frozen,
                Path(folder, name),
                name,
                pictures=words,
                thresholds=thresholds,
                role="primary",
                seed=seed,
                progress=progress,
            )
            install(name, models_folder(), str(trained.folder), tell)
    except (TrainingError, InstallError) as error:
        stop(str(error))
    for sentence in (*trained.warnings, *(f"{path}: {failure}" for path, failure in trained.failures)):
        tell(f"Warning: {sentence}")
    return trained


@contextmanager
def _in_folder(
    folder: Path, named: tuple[str, ...], aside: tuple[str, ...], ignored: tuple[str, ...]
) -> "Iterator[tuple[list[Example], str]]":
    """The pictures of a folder a label, and what to call them on the card."""
    from scanner.zoo.evaluation.folders import FolderError, LabelNames, read_folder
    from scanner.zoo.training import Example

    try:
        labelled = read_folder(folder, LabelNames.parse(named, aside, ignored))
    except FolderError as error:
        stop(str(error))
    found = [Example(one.path, _label_of(folder, one.path, one.label), one.group) for one in labelled.pictures]
    yield found, f"the folder {folder.resolve().name}"


def _label_of(folder: Path, path: Path, label: str) -> str:
    """The label, or other/NAME for a picture in a folder NAME below that of other things."""
    parts = path.relative_to(folder).parts
    return f"{label}/{parts[1]}" if label == "other" and len(parts) > 2 else label


@contextmanager
def reviewed() -> "Iterator[tuple[list[Example], str]]":
    """The pictures of which reviewers decided what they show; those of a remote store are here until the end."""
    from webapp.cli.opening import open_session, open_settings
    from webapp.services.lessons import examples_of
    from webapp.services.reviewed import reviewed_photos
    from webapp.storage import StoreError, open_store

    settings = open_settings()
    try:
        place = open_store(settings)
        with open_session(settings) as session:
            photos = reviewed_photos(session, place)
        with place.at_hand([photo.name for photo in photos]) as paths:
            yield examples_of(photos, paths), "pictures that reviewers decided"
    except StoreError as error:
        stop(str(error))
