"""Make a head's scores mean what they say where few pictures show a concept, by pictures that were held out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from scanner.zoo.evaluation.expected import BASE_RATE
from scanner.zoo.training.examples import OTHER

Floats = NDArray[np.float64]
# Pulls the labels' scales together, and (a tenth as much) all to 1 and the shifts to 0: a label of a dozen pictures
# must not go its own way because of one of them.
_CAUTION = 1e-3


def calibrate(logits: Floats, truths: NDArray[np.int64], labels: Sequence[str]) -> tuple[Floats, Floats]:
    """scale and shift, (labels,) each, so that softmax(scale * logits + shift) are probabilities at the base rate.

    logits: (n, labels), each by a head that has not seen the picture's group. The mix of a training set says nothing
    of a marketplace, so pictures are weighed to the mix that is expected: BASE_RATE for each concept, and for `other`
    with its look-alikes what remains. There the scores have to be right: a fit to labels of equal weight looks at the
    middle of each, and decisions are made far out.
    (Vector scaling: Guo, Pleiss, Sun and Weinberger 2017, ICML, after Platt 1999.)
    """
    known = np.isfinite(logits[np.arange(len(truths)), truths])
    logits, truths = np.maximum(logits[known], -1e3), truths[known]
    counts = np.bincount(truths, minlength=len(labels)).astype(np.float64)
    mix = expect_mix(counts, labels)
    weights = mix[truths] / counts[truths]
    rows = np.arange(len(truths))

    def loss(parameters: Floats) -> float:
        scale, shift = parameters.reshape(2, -1)
        surprise = -log_softmax(np.exp(scale) * logits + shift + np.log(mix), axis=1)[rows, truths]
        held = np.square(scale - scale.mean()).sum() + 0.1 * np.square(parameters).sum()
        return float(weights @ surprise + _CAUTION * held)

    scale, shift = minimize(loss, np.zeros(2 * len(labels)), method="L-BFGS-B").x.reshape(2, -1)
    return np.exp(scale), shift + np.log(mix)


def expect_mix(counts: Floats, labels: Sequence[str]) -> Floats:
    """The share of each label where the model will be used, (labels,), summing to 1."""
    plain = np.array([label.split("/")[0] == OTHER for label in labels])
    shares = np.where(plain, np.maximum(counts, 1), 0.0)
    shares *= (1 - BASE_RATE * np.count_nonzero(~plain)) / shares.sum()
    mix: Floats = np.where(plain, shares, BASE_RATE)
    return mix
