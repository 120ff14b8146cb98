"""Pictures that are the same photograph, saved again: they must never stand on both sides of a split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SIDE = 16
# Of 256 bits. Saving again as JPEG, scaling and brightness change a few; two different photographs differ in some 128.
NEAR_BITS = 26
_CHUNK = 2048


def hash_picture(image: Image.Image) -> NDArray[np.uint8]:
    """The difference hash: whether each pixel of 17 x 16 greys is darker than its right neighbour; 0 or 1, (256,)."""
    greys = np.asarray(image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX), dtype=np.int16)
    return (greys[:, 1:] > greys[:, :-1]).astype(np.uint8).reshape(-1)


def join_groups(hashes: NDArray[np.uint8], groups: Sequence[str | None]) -> NDArray[np.int64]:
    """A number a picture, int64 (n,): equal for those of one group and for near-duplicates, by whatever chain.

    hashes: (n, 256) of hash_picture. groups: where each comes from, None where nobody knows.
    """
    named = [f"{name}" if name is not None else f"\0{n}" for n, name in enumerate(groups)]
    _, owners = np.unique(np.array(named), return_inverse=True)
    links = [np.stack([np.arange(len(named)), np.unique(owners, return_index=True)[1][owners]], axis=1)]
    links += list(_near_pairs(hashes))
    first, second = np.concatenate(links).T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(named),) * 2)
    numbers: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return numbers


def _near_pairs(hashes: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
    """Pairs of indices within NEAR_BITS of each other, by blocks: bits as +1 and -1 make distances a product."""
    signs = hashes.astype(np.float32) * 2 - 1
    bits = signs.shape[1]
    pairs = []
    for start in range(0, len(signs), _CHUNK):
        apart = (bits - signs[start : start + _CHUNK] @ signs.T) / 2
        pairs.append(np.argwhere(apart <= NEAR_BITS) + np.array([start, 0]))
    return pairs
