"""TensorFlow.js layers models: model.json names the arrays, shard files beside it hold their bytes in that order."""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from scanner.zoo.formats.pickles import PickleError, check_shape
from scanner.zoo.formats.states import MOST_PARAMETERS, State, StateError

MODEL_BYTES = 16 * 1024**2
SHARDS_BYTES = 2 * 1024**3


def read_tfjs(path: Path) -> State:
    """The float32 arrays by name that the model.json at `path` lists. Raises StateError."""
    if path.stat().st_size > MODEL_BYTES:
        raise StateError("is far larger than a description of a network: refused")
    try:
        manifest = json.loads(path.read_bytes())["weightsManifest"]
        groups = [([str(name) for name in group["paths"]], group["weights"]) for group in manifest]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StateError("is no layers model of TensorFlow.js") from None
    state: State = {}
    for shards, weights in groups:
        state.update(_read_group(path.parent, shards, weights))
    return state


def _read_group(folder: Path, shards: list[str], weights: list[dict[str, Any]]) -> State:
    shapes = _read_shapes(weights)
    joined = _join_shards(folder, shards)
    wanted = 4 * sum(map(prod, shapes.values()))
    if len(joined) != wanted:
        raise StateError(f"names {wanted:,} bytes of parameters, but {len(joined):,} lie beside it: a file is cut off")
    state, start = {}, 0
    for name, shape in shapes.items():
        state[name] = np.frombuffer(joined, "<f4", prod(shape), start).reshape(shape)
        start += 4 * prod(shape)
    return state


def _read_shapes(weights: list[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    try:
        shapes = {str(weight["name"]): tuple(weight["shape"]) for weight in weights}
        for shape in shapes.values():
            check_shape(shape)
        plain = all(weight["dtype"] == "float32" and "quantization" not in weight for weight in weights)
    except (PickleError, KeyError, TypeError):
        raise StateError("describes its arrays in a way that TensorFlow.js does not") from None
    if not plain or len(shapes) != len(weights) or len(shapes) > MOST_PARAMETERS:
        raise StateError("holds arrays that are not float32 under a name each; give the unquantised model")
    return shapes


def _join_shards(folder: Path, shards: list[str]) -> bytes:
    for name in shards:
        if Path(name).name != name or not (folder / name).is_file():
            raise StateError(f"names the file {name[:80]!r}, which does not lie beside it")
    if sum((folder / name).stat().st_size for name in shards) > SHARDS_BYTES:
        raise StateError("names files that are far larger than a network: refused")
    return b"".join((folder / name).read_bytes() for name in shards)
