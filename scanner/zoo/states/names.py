"""From the names and axes of other frameworks, and of PaddleHub's oldest files, to those of our networks."""

import importlib
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.networks import find_network
from scanner.zoo.states import State, StateError

_FIRST_BLOCKS = {"2": 0, "3": 3, "4": 7, "5": 13}  # of ResNet-50's stages
_KERAS_BLOCK = re.compile(r"(?P<kind>res|bn)(?P<stage>[2-5])(?P<block>[a-f])_branch(?P<branch>1|2a|2b|2c)")
_KERAS_BRANCHES = {"1": "short", "2a": "conv0", "2b": "conv1", "2c": "conv2"}
_KERAS_ENDS = {"conv1": "stem.0.conv", "bn_conv1": "stem.0.bn", "fc1000": "fc"}
_KERAS_ARRAYS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "_mean",
    "moving_variance": "_variance",
}
_KERAS_FIRST = "conv1/kernel"


def adopt_names(network: str, kind: str, state: State) -> State:
    """The state that build_network(network) takes, from one of layout D, F or G. Raises StateError."""
    if kind == "F":
        return _from_torch(network, state)
    if kind == "G":
        return _from_keras(state)
    return _from_hub(state)


def _from_hub(state: State) -> State:
    """PaddleHub's MobileNetV3 numbers its convolutions from 1, where PaddleClas has a stem and blocks."""
    if "conv1.conv.weight" not in state or "out.weight" not in state:
        return state
    return {_rename_mobilenet(name): array for name, array in state.items()}


def _rename_mobilenet(name: str) -> str:
    first, _, rest = name.partition(".")
    if first == "conv1":
        return f"conv.{rest}"
    if re.fullmatch(r"conv\d+", first):
        return f"blocks.{int(first.removeprefix('conv')) - 2}.{rest}"
    return f"fc.{rest}" if first == "out" else name


def _from_torch(network: str, state: State) -> State:
    """The family of the network knows PyTorch's names; a Linear's weight is (out, in) there and (in, out) here."""
    family = importlib.import_module(f"scanner.zoo.networks.{find_network(network).family}")
    if not hasattr(family, "rename_torch"):
        raise StateError(f"comes from PyTorch, and {network} is known under Paddle's names alone; give its .pdparams")
    try:
        names = family.rename_torch(state)
    except KeyError as error:
        raise StateError(f"holds {str(error)[:80]}, which {network} has not") from None
    return {new: state[old].T if state[old].ndim == 2 else state[old] for old, new in names.items()}


def _from_keras(state: State) -> State:
    """ResNet50 of keras.applications: kernels are (height, width, in, out) there, and its pictures BGR.

    With the input channels of the first kernel turned round it takes RGB.
    """
    named = {_rename_keras(name): _turn_kernel(array) for name, array in state.items()}
    first = _rename_keras(_KERAS_FIRST)
    if first not in named:
        raise StateError(f"has no {_KERAS_FIRST}: it is not ResNet50 of Keras")
    return {**named, first: np.flip(named[first], axis=1)}


def _turn_kernel(array: NDArray[Any]) -> NDArray[Any]:
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def _rename_keras(name: str) -> str:
    layer, _, array = name.partition("/")
    found = _KERAS_BLOCK.fullmatch(layer)
    if array not in _KERAS_ARRAYS or (found is None and layer not in _KERAS_ENDS):
        raise StateError(f"holds {name[:80]!r}, which ResNet50 of Keras has not")
    if found is None:
        return f"{_KERAS_ENDS[layer]}.{_KERAS_ARRAYS[array]}"
    block = _FIRST_BLOCKS[found["stage"]] + ord(found["block"]) - ord("a")
    part = "conv" if found["kind"] == "res" else "bn"
    return f"blocks.{block}.{_KERAS_BRANCHES[found['branch']]}.{part}.{_KERAS_ARRAYS[array]}"
