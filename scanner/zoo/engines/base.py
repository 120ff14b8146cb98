"""What every engine is: a network that is loaded, given a batch and asked for its outputs."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """One network, ready to run; one caller at a time. takes_pixels: it normalises by itself."""

    takes_pixels: bool

    def run(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Every output of the network for `batch`. Raises EngineError.

        batch: float32 (n, 3, side, side), normalised; uint8 (n, side, side, 3), RGB, where it takes pixels.
        """
        ...


class EngineError(Exception):
    """An engine refused; the message is one sentence, without a full stop."""
