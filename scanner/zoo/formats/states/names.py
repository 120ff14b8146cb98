"""From the names and axes of other frameworks, and of PaddleHub's oldest files, to those of our networks."""

import importlib
import re
from collections.abc import Callable, Iterable

import numpy as np

from scanner.zoo.formats.states import State, StateError
from scanner.zoo.networks import find_network

Rename = Callable[[Iterable[str]], dict[str, str]]
# Keras has its kernels as (height, width, in, out), and its ResNet50 takes pictures with blue first.
_KERAS_FIRST = "conv1/kernel"


def adopt_names(network: str, kind: str, state: State) -> State:
    """The state that build_network(network) takes, from one of layout D, F or G. Raises StateError."""
    if kind == "F":
        return _from_torch(_rename(network, "rename_torch", "PyTorch", state), state)
    if kind == "G":
        return _from_keras(_rename(network, "rename_keras", "Keras", state), state)
    return _from_hub(state)


def _rename(network: str, function: str, framework: str, state: State) -> dict[str, str]:
    """The file's names -> ours, which the network's family knows. Raises StateError."""
    family = importlib.import_module(f"scanner.zoo.networks.{find_network(network).family}")
    if not hasattr(family, function):
        raise StateError(f"comes from {framework}, and {network} is known under Paddle's names alone; give .pdparams")
    rename: Rename = getattr(family, function)
    try:
        return rename(state)
    except KeyError as error:
        raise StateError(f"holds {str(error)[:100]}, which {network} has not") from None


def _from_torch(names: dict[str, str], state: State) -> State:
    """A Linear's weight is (out, in) there and (in, out) here."""
    return {new: state[old].T if state[old].ndim == 2 else state[old] for old, new in names.items()}


def _from_keras(names: dict[str, str], state: State) -> State:
    """With the input channels of the first kernel turned round, the network takes RGB."""
    turned = {old: array.transpose(3, 2, 0, 1) if array.ndim == 4 else array for old, array in state.items()}
    if _KERAS_FIRST in turned:
        turned[_KERAS_FIRST] = np.flip(turned[_KERAS_FIRST], axis=1)
    return {new: turned[old] for old, new in names.items()}


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
