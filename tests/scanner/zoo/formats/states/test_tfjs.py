"""Layers models of TensorFlow.js: every array from its place in the shards."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanner.zoo.formats.states import StateError, read_state

STATE = {"conv1/kernel": np.arange(8, dtype="<f4").reshape(2, 2, 1, 2), "conv1/bias": np.ones(2, "<f4")}


def write_model(folder: Path, **changes: Any) -> Path:
    joined = b"".join(array.tobytes() for array in STATE.values())
    (folder / "group1-shard1of2.bin").write_bytes(joined[:12])
    (folder / "group1-shard2of2.bin").write_bytes(joined[12:])
    weights = [{"name": name, "shape": list(array.shape), "dtype": "float32"} for name, array in STATE.items()]
    group = {"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": weights}
    (folder / "model.json").write_text(json.dumps({"weightsManifest": [group | changes]}))
    return folder / "model.json"


def test_arrays_are_read_across_shards(tmp_path: Path) -> None:
    found = read_state("G", write_model(tmp_path))
    assert {name: array.tolist() for name, array in found.items()} == {k: v.tolist() for k, v in STATE.items()}


def test_a_shard_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    (tmp_path / "group1-shard2of2.bin").write_bytes(b"\0" * 8)
    with pytest.raises(StateError, match="names 40 bytes of parameters, but 20 lie beside it: a file is cut off"):
        read_state("G", path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"paths": ["../secret.bin"]}, "does not lie beside it"),
        ({"paths": ["absent.bin"]}, "does not lie beside it"),
        ({"weights": [{"name": "a", "shape": [10], "dtype": "uint8"}]}, "not float32"),
        ({"weights": [{"name": "a", "shape": [10], "dtype": "float32", "quantization": {}}]}, "not float32"),
        ({"weights": [{"name": "a", "shape": [-1], "dtype": "float32"}]}, "describes its arrays"),
        ({"weights": [{"name": "a"}]}, "describes its arrays"),
        ({"weights": 3}, "describes its arrays"),
    ],
)
def test_a_crafted_model_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(StateError, match=says):
        read_state("G", write_model(tmp_path, **changes))


@pytest.mark.parametrize("content", ["{}", "[]", "not json", '{"weightsManifest": [{}]}', "[" * 100_000])
def test_another_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(StateError, match="no layers model"):
        read_state("G", tmp_path / "model.json")
