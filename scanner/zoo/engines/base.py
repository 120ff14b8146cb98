"""What every engine is: a network that is loaded, given a batch and asked for its outputs."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """One network, ready to run; one caller at a time."""

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output of the network for `batch`, float32 (n, 3, side, side). Raises EngineError."""
        ...


class EngineError(Exception):
    """An engine refused; the message is one sentence, without a full stop."""
