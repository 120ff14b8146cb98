"""What a predictor process loads: within its budget, the one used least recently leaves; what is broken is told."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scanner import predicting
from scanner.predicting import Shelf
from scanner.zoo.cards import Card, FileRecord
from scanner.zoo.engines import Device
from scanner.zoo.predictor import ModelError, load_predictor
from scanner.zoo.registry import InstalledModel
from scanner.zoo.spec import ModelSpec

CROPS = np.zeros((1, 2, 2, 3), dtype=np.uint8)


class Memory:
    """A process whose memory grows by 100 the first time that a network is loaded, and never shrinks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 1000
        self.loads: list[str] = []
        monkeypatch.setattr(predicting, "resident_bytes", lambda: self.bytes)

    def load(self, model: Any) -> Any:
        self.bytes += 0 if model.name in self.loads else 100
        self.loads.append(model.name)
        return SimpleNamespace(score=lambda _: [model.name])


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    return Memory(monkeypatch)


def model(name: str, file_bytes: int = 10) -> Any:
    return SimpleNamespace(name=name, card=SimpleNamespace(size_bytes=file_bytes, files=[FileRecord("a", "", 1)]))


def test_a_network_is_loaded_once_and_stays_while_there_is_room(memory: Memory) -> None:
    shelf = Shelf(memory.load, 250)
    for name in ("a", "b", "a", "b"):
        assert shelf.score(model(name), CROPS) == [name]
    assert memory.loads == ["a", "b"] and shelf.used_bytes == 200


def test_the_one_used_least_recently_leaves(memory: Memory) -> None:
    shelf = Shelf(memory.load, 250)
    for name in ("a", "b", "a", "c"):
        shelf.score(model(name), CROPS)
    assert shelf.names == ("a", "c")


def test_one_that_comes_back_is_charged_what_it_took_the_first_time(memory: Memory) -> None:
    # Freed memory stays with the process: measured again, a network would seem to take nothing.
    shelf = Shelf(memory.load, 250)
    for name in ("a", "b", "c", "a"):
        shelf.score(model(name), CROPS)
    assert memory.loads == ["a", "b", "c", "a"]
    assert shelf.names == ("c", "a") and shelf.used_bytes == 200


def test_the_one_in_use_stays_though_it_is_over_the_budget_alone(memory: Memory) -> None:
    shelf = Shelf(memory.load, 50)
    assert shelf.score(model("a"), CROPS) == ["a"] and shelf.names == ("a",)


def test_a_network_counts_at_least_as_much_as_its_files(memory: Memory) -> None:
    shelf = Shelf(memory.load, 10_000)
    shelf.score(model("a", file_bytes=500), CROPS)
    assert shelf.used_bytes == 500


def portable(folder: Path, content: bytes) -> InstalledModel:
    """A model whose network for ONNX Runtime is a file of this content, as its card says."""
    (folder / "network.onnx").write_bytes(content)
    record = FileRecord("network.onnx", hashlib.sha256(content).hexdigest(), len(content))
    (folder / "labels.txt").write_text("a\nb\n")
    spec = ModelSpec("plain", "Plain", "primary", 2, {}, (), "", "")
    card = Card(spec, "a test", "", "A", "A", "-", None, "labels.txt", 0, "logits", [], onnx={"fp32": record})
    return InstalledModel(spec, folder, card, engine="onnx")


def test_an_onnx_network_that_changed_since_it_was_installed_is_one_sentence(tmp_path: Path) -> None:
    model = portable(tmp_path, b"a network")
    (tmp_path / "network.onnx").write_bytes(b"a nitwork")
    with pytest.raises(ModelError, match=r"plain: network\.onnx has changed since it was installed; install it again"):
        load_predictor(model, Device())


def test_an_onnx_network_that_never_was_one_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(ModelError, match="plain: the network can't be loaded by ONNX Runtime: ") as caught:
        load_predictor(portable(tmp_path, b"\x08\x07no network"), Device())
    assert "\n" not in str(caught.value)
