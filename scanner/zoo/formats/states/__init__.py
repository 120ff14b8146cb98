"""State dicts: the parameters of a network by name, without the network, in the formats in which they are published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.zoo.formats.pickles import PickleError, describe

State = dict[str, NDArray[Any]]
MOST_PARAMETERS = 20_000
MOST_DEPTH = 3


class StateError(Exception):
    """Parameters that are refused; the message is a sentence without its subject, the file."""


def read_state(kind: str, path: Path) -> State:
    """The arrays of `path` by name, of whatever dtype; kind: the letter D, F or G of scanner.zoo.formats.layouts.

    Raises StateError. What it reads nobody vouches for: call it in a process under limits.
    """
    # Here, because each of them imports this module.
    from scanner.zoo.formats.states.pdparams import read_pdparams
    from scanner.zoo.formats.states.pth import read_pth
    from scanner.zoo.formats.states.tfjs import read_tfjs

    read = {"D": read_pdparams, "F": read_pth, "G": read_tfjs}[kind]
    try:
        return read(path)
    except (StateError, MemoryError):
        raise
    except PickleError as error:
        raise StateError(str(error)) from None
    except Exception as error:  # of whatever kind strange bytes lead a reader into
        raise StateError(f"is broken ({describe(error)})") from None


def find_mapping(found: Any, is_parameter: Callable[[Any], bool], depth: int = 0) -> dict[str, Any]:
    """The one mapping of names to parameters in `found`: itself, or inside of what a training script put around it.

    Raises StateError where there is none, or more than one.
    """
    if isinstance(found, dict) and any(map(is_parameter, found.values())):
        _check_names(found, is_parameter)
        return found
    inside = list(found.values()) if isinstance(found, dict) else found
    if depth == MOST_DEPTH or not isinstance(inside, list | tuple):
        raise StateError("holds no parameters by name")
    held = [one for one in inside if isinstance(one, dict | list | tuple) and one]
    if len(held) != 1:
        raise StateError("holds more than one set of parameters" if held else "holds no parameters by name")
    return find_mapping(held[0], is_parameter, depth + 1)


def _check_names(found: dict[Any, Any], is_parameter: Callable[[Any], bool]) -> None:
    if len(found) > MOST_PARAMETERS:
        raise StateError(f"holds {len(found):,} parameters, which no network of ours has: refused")
    for name, value in found.items():
        if not isinstance(name, str) or not is_parameter(value):
            raise StateError("holds something else among its parameters: refused")


def widen_bfloat16(numbers: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The upper half of a float32 each, as numpy has no bfloat16."""
    return (numbers.astype(np.uint32) << 16).view(np.float32)
