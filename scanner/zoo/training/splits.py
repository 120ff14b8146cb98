"""Which pictures a head may learn from, and which it is judged by."""

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

FOLDS = 5
Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def fold_groups(labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int, folds: int = FOLDS) -> Iterator[Split]:
    """(learn, judge) indices of each fold: every picture is judged once, no group stands on both sides.

    Labels are spread evenly as far as groups allow.
    """
    count = min(folds, len(np.unique(groups)))
    spread = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A label of fewer pictures than folds: its own check has said so in words that help.
        warnings.simplefilter("ignore", UserWarning)
        yield from spread.split(np.zeros((len(labels), 1)), labels, groups)
