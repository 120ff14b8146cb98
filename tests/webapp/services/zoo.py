"""Models for tests of pages and jobs: cards and labels as an install leaves them, and no network."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from scanner.zoo.cards import Card, FileRecord, write_card
from scanner.zoo.catalogue import CATALOGUE, DEFAULT
from scanner.zoo.registry import InstalledModel, find_installed

FILES = ("model/inference.pdmodel", "model/inference.pdiparams")


def place_model(models_dir: Path, name: str = DEFAULT, own: bool = False, **card: Any) -> InstalledModel:
    """The catalogue's model of that name, or (own) one that was trained here and is named so."""
    spec = dataclasses.replace(CATALOGUE[DEFAULT], name=name, title="Our own head") if own else CATALOGUE[name]
    folder = models_dir / name
    labels = "".join(f"label {number}\n" for number in range(spec.classes))
    records = [keep(folder, "label_list.txt", labels.encode()), *(keep(folder, file, name.encode()) for file in FILES)]
    values: dict[str, Any] = {
        "source": "a test",
        "installed_at": "2026-11-01T12:00:00+00:00",
        "source_layout": "A",
        "layout": "A",
        "program": FILES[0],
        "params": FILES[1],
        "labels_file": "label_list.txt",
        "output_index": 0,
        "output_kind": "probabilities",
    }
    write_card(folder, Card(spec=spec, files=records, **{**values, **card}))
    model = find_installed(models_dir, name)
    assert model is not None
    return model


def keep(folder: Path, name: str, body: bytes) -> FileRecord:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return FileRecord(name, hashlib.sha256(body).hexdigest(), len(body))
