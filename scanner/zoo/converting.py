"""Give a model its network for ONNX Runtime: when it is installed, or later where the extra came later."""

from dataclasses import replace
from pathlib import Path

from scanner.fingerprints import digest_file
from scanner.zoo.cards import Card, FileRecord, write_card
from scanner.zoo.formats.portable import PortableError, write_portable
from scanner.zoo.options import Echo, say_nothing
from scanner.zoo.predictor import ModelError
from scanner.zoo.preprocessing import Preprocessing
from scanner.zoo.registry import InstalledModel, find_installed
from scanner.zoo.staging import open_staging

FOLDER = "onnx"


def add_onnx(folder: Path, card: Card, how: Preprocessing) -> Card:
    """The card with the network as ONNX in fp32 beside the model, or with the reason why there is none.

    What was made of an older one, in other precisions, goes with its checks.
    """
    path = Path(FOLDER, "fp32.onnx")
    checks = [check for check in card.checks if check.engine != "onnx"]
    try:
        write_portable(folder, card.network, card.tuning, card.output_kind, card.output_index, how, folder / path)
    except PortableError as error:
        return replace(card, onnx={}, onnx_note=str(error), checks=checks)
    return replace(card, onnx={"fp32": record_file(folder, path)}, onnx_note="", checks=checks)


def convert(model: InstalledModel, echo: Echo = say_nothing) -> InstalledModel:
    """Do it for an installed model; what now stands there. Raises ModelError where it can't be converted."""
    with open_staging(model.folder.parent, model.name, echo) as staging:
        model = again(model)  # another may have written its card while we waited
        card = add_onnx(staging.staged, _with_network(model, staging.staged), model.spec.preprocessing)
        if not card.onnx:
            if not model.card.onnx:
                write_card(model.folder, replace(model.card, onnx_note=card.onnx_note))
            raise ModelError(f"{model.name} has no ONNX network: {card.onnx_note}")
        put(model, staging.staged / card.onnx["fp32"].path, card)
    return again(model)


def _with_network(model: InstalledModel, staged: Path) -> Card:
    """The model's card, with its files linked into the staging folder: nobody may change what is being scored with."""
    for record in model.card.files:
        target = staged / record.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to((model.folder / record.path).resolve())
    return model.card


def put(model: InstalledModel, file: Path, card: Card) -> None:
    """Move a network that is ready into the model's folder, and then its card, which names it."""
    target = model.folder / FOLDER / file.name
    target.parent.mkdir(exist_ok=True)
    file.replace(target)
    write_card(model.folder, card)


def record_file(folder: Path, path: Path) -> FileRecord:
    return FileRecord(str(path), digest_file(folder / path), (folder / path).stat().st_size)


def again(model: InstalledModel) -> InstalledModel:
    """The model as its card says now. Raises ModelError where it is gone."""
    found = find_installed(model.folder.parent, model.name)
    if found is None:
        raise ModelError(f"{model.name} was removed meanwhile")
    return found
