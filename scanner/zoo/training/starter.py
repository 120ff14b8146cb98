"""The head that Tuskline ships: a small file, joined with its backbone when it is installed."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from scanner.zoo.cards import CARD_NAME, read_card
from scanner.zoo.formats.intake import LABELS, MODEL
from scanner.zoo.formats.layouts import find_layout
from scanner.zoo.formats.parameters import unpack_record
from scanner.zoo.formats.programs import BIAS, WEIGHT, read_network
from scanner.zoo.predictor import ModelError
from scanner.zoo.registry import InstalledModel
from scanner.zoo.training.model import write_joined
from scanner.zoo.training.record import network_files

HEAD = "head.npz"


def build_starter(folder: Path, backbones: tuple[InstalledModel, ...], target: Path) -> None:
    """Join the head in `folder` with its one backbone: target/model/, target/label_list.txt and target/card.json.

    Raises ModelError where the backbone is not, byte for byte, the one on which the head was learnt.
    """
    (backbone,) = backbones
    learnt_on = read_card(folder).training["backbone_files"]
    if sorted(network_files(backbone).values()) != sorted(learnt_on.values()):
        raise ModelError(
            f"the shipped head was learnt on other weights of {backbone.name}; "
            f"run `tuskline models remove {backbone.name}` and `tuskline models install {backbone.name}`"
        )
    with np.load(folder / HEAD, allow_pickle=False) as head:
        write_joined(backbone, head[WEIGHT], head[BIAS], target / MODEL)
    for name in (LABELS, CARD_NAME):
        shutil.copyfile(folder / name, target / name)


def take_head(trained: Path, folder: Path) -> None:
    """Put the head of a model that `train` wrote into `folder`, with its label list and card, to be shipped."""
    network = read_network(trained, find_layout(trained))
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {name: unpack_record(network.records[name], name) for name in (WEIGHT, BIAS)}
    np.savez_compressed(folder / HEAD, allow_pickle=False, **arrays)
    for name in (LABELS, CARD_NAME):
        shutil.copyfile(trained / name, folder / name)
