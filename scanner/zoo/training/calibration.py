"""Make a head's scores mean what they say where few pictures show a concept, by pictures that were held out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from scanner.zoo.evaluation.expected import BASE_RATE
from scanner.zoo.training.examples import OTHER

Floats = NDArray[np.float64]
# Pulls the scale to 1 and shifts to 0: a label of a dozen pictures must not be shifted by one of them.
_CAUTION = 0.02


def calibrate(logits: Floats, truths: NDArray[np.int64], labels: Sequence[str]) -> tuple[float, Floats]:
    """scale and shift (labels,) so that softmax(scale * logits + shift) are probabilities at the base rate.

    logits: (n, labels), each by a head that has not seen the picture's group. Every label counts alike in the fit,
    because the mix of a training set says nothing of a marketplace; the mix is set afterwards: BASE_RATE for each
    concept, and for `other` with its look-alikes what remains, by their pictures.
    (Platt 1999 for several labels, as in Guo et al. 2017, with one scale and a shift a label.)
    """
    known = np.isfinite(logits[np.arange(len(truths)), truths])
    logits, truths = np.maximum(logits[known], -1e3), truths[known]
    counts = np.bincount(truths, minlength=len(labels)).astype(np.float64)
    weights = 1 / counts[truths] / np.count_nonzero(counts)

    def loss(parameters: Floats) -> float:
        scale, shift = np.exp(parameters[0]), parameters[1:]
        surprise = -log_softmax(scale * logits + shift, axis=1)[np.arange(len(truths)), truths]
        return float(weights @ surprise + _CAUTION * (parameters**2).mean())

    found = minimize(loss, np.zeros(len(labels) + 1), method="L-BFGS-B")
    return float(np.exp(found.x[0])), found.x[1:] + np.log(expect_mix(counts, labels))


def expect_mix(counts: Floats, labels: Sequence[str]) -> Floats:
    """The share of each label where the model will be used, (labels,), summing to 1."""
    plain = np.array([label.split("/")[0] == OTHER for label in labels])
    shares = np.where(plain, np.maximum(counts, 1), 0.0)
    shares *= (1 - BASE_RATE * np.count_nonzero(~plain)) / shares.sum()
    mix: Floats = np.where(plain, shares, BASE_RATE)
    return mix
