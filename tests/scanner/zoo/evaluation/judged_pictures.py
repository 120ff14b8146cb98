"""Judged pictures for tests: seeded scores, with truths that are known to be findable."""

import numpy as np

from scanner.zoo.evaluation import Judged


def make_judged(
    shown: int = 40, ordinary: int = 400, apart: float = 3.0, groups: int = 0, seed: int = 0
) -> list[Judged]:
    """Tigers among ordinary pictures, their scores `apart` in log odds; in `groups` sources where that is not 0."""
    random = np.random.default_rng(seed)
    odds = random.normal(size=shown + ordinary) - 1.5
    odds[:shown] += apart
    scores = 1 / (1 + np.exp(-odds))
    return [
        Judged("tiger" if n < shown else "other", {"tiger": float(p), "other": float(1 - p)}, _group(n, groups))
        for n, p in enumerate(scores)
    ]


def _group(number: int, groups: int) -> str | None:
    return f"source {number % groups}" if groups else None
