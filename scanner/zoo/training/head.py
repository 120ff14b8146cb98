"""The head itself: multinomial logistic regression on the backbone's features, linear all the way."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]

# scikit-learn's C a picture, of features of mean 0 and deviation 1; chosen by leaving sources out (docs/starter.md).
STRENGTH = 0.0005
ITERATIONS = 200
TOLERANCE = 1e-3
# Of features that hardly vary in what was learnt from: they must not be blown up where they do.
_LEAST_DEVIATION = 1e-3


@dataclass(frozen=True)
class Head:
    """Logits = features @ weight + bias. weight: float64 (width, labels); bias: float64 (labels,)."""

    weight: Floats
    bias: Floats

    def score(self, features: NDArray[np.float32]) -> Floats:
        """Logits, (..., labels), of features (..., width)."""
        logits: Floats = features.astype(np.float64) @ self.weight + self.bias
        return logits

    def rescale(self, scale: Floats, shift: Floats) -> "Head":
        """The head whose logits are scale times these, plus shift; both (labels,)."""
        return replace(self, weight=self.weight * scale, bias=self.bias * scale + shift)


def learn_head(features: NDArray[np.float32], labels: NDArray[np.int64], count: int) -> Head:
    """Learn `count` labels from features (n, views, width); every label counts alike, however many pictures it has.

    A label without a picture gets a bias of minus infinity. The same numbers come out for the same input.
    """
    views, width = features.shape[1:]
    flat = features.reshape(-1, width)
    mean, deviation = flat.mean(axis=0), flat.std(axis=0) + _LEAST_DEVIATION
    model = LogisticRegression(
        C=STRENGTH / views, max_iter=ITERATIONS, tol=TOLERANCE, class_weight="balanced", solver="lbfgs"
    )
    model.fit((flat - mean) / deviation, np.repeat(labels, views))
    return _unfold(model, mean.astype(np.float64), deviation.astype(np.float64), count)


def _unfold(model: LogisticRegression, mean: Floats, deviation: Floats, count: int) -> Head:
    """The model in terms of the features themselves, with a column for every label."""
    given, shift = model.coef_.astype(np.float64), model.intercept_.astype(np.float64)
    if len(model.classes_) == 2:  # scikit-learn keeps the second label's log odds alone
        given, shift = np.concatenate([-given, given]) / 2, np.concatenate([-shift, shift]) / 2
    weight = np.zeros((len(mean), count))
    bias = np.full(count, -np.inf)
    weight[:, model.classes_] = given.T / deviation[:, None]
    bias[model.classes_] = shift - mean @ weight[:, model.classes_]
    return Head(weight, bias)
