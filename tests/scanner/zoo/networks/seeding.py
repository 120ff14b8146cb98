"""Parameters and pictures made of a seed, by the rule under which the reference logits were computed."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def seeded_parameters(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """One float32 array a name; a name's numbers depend on the seed, the name and the shape alone."""
    return {name: seeded_array(name, shape, seed) for name, shape in shapes.items()}


def seeded_array(name: str, shape: Sequence[int], seed: int = 0) -> NDArray[np.float32]:
    """Variances and scales near 1, means and biases near 0, weights of variance 2 / fan in, so that signals live on."""
    noise = np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(tuple(shape))
    # In place: a large head has 100 million numbers.
    if name.endswith("_variance"):
        noise = np.abs(1 + 0.1 * noise)
    elif name.endswith("_mean"):
        noise *= 0.1
    elif len(shape) >= 2:
        noise *= np.sqrt(2 / (shape[0] if len(shape) == 2 else np.prod(shape[1:])))
    elif name.endswith((".bias", "_offset")):
        noise *= 0.1
    else:
        noise = 1 + 0.1 * noise
    return noise.astype(np.float32)


def seeded_input(seed: int = 0, side: int = 224) -> NDArray[np.float32]:
    """Two pictures of noise, float32 (2, 3, side, side)."""
    noise: NDArray[np.float64] = np.random.default_rng([seed, 999]).standard_normal((2, 3, side, side))
    return noise.astype(np.float32)


def calm_excitation(parameters: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The same, but for EfficientNet's excitations, whose seeded weights reach thousands before their sigmoid.

    There a change of one part in a million in the picture moves the logits by half, so another order of sums (oneDNN,
    another processor) gives other logits. With these parameters it moves them by one part in a million.
    """
    loud = [key for key in parameters if key.endswith("._se._conv2._conv.weight")]
    return {**parameters, **{key: parameters[key] * np.float32(1e-4) for key in loud}}
