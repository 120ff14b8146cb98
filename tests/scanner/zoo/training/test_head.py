"""The head is what scikit-learn learnt, in terms of the features themselves."""

import numpy as np
import pytest
from scipy.special import softmax

from scanner.zoo.training.head import Head, learn_head


def clouds(labels: int, views: int = 2, pictures: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Features of `labels` clouds around points that lie apart, with feature 0 a hundred times as large."""
    random = np.random.default_rng(labels)
    middles = random.normal(0, 3, (labels, 12))
    truths = np.repeat(np.arange(labels), pictures)
    spread = random.normal(0, 1, (len(truths), views, 12))
    return ((middles[truths][:, None] + spread) * ([100] + [1] * 11)).astype(np.float32), truths


@pytest.mark.parametrize("labels", [2, 4])
def test_it_tells_apart_what_lies_apart(labels: int) -> None:
    features, truths = clouds(labels)
    head = learn_head(features[::2], truths[::2], labels)
    assert head.weight.shape == (12, labels) and head.bias.shape == (labels,)
    assert (head.score(features[1::2, 0]).argmax(axis=1) == truths[1::2]).mean() > 0.95


def test_a_rare_label_counts_as_much_as_a_common_one() -> None:
    features, truths = clouds(2)
    chosen = np.r_[np.flatnonzero(truths == 0), np.flatnonzero(truths == 1)[:3]]
    head = learn_head(features[chosen], truths[chosen], 2)
    assert (head.score(features[truths == 1][:, 0]).argmax(axis=1) == 1).mean() > 0.9


def test_the_same_pictures_give_the_same_numbers() -> None:
    first, again = (learn_head(*clouds(3), 3) for _ in range(2))
    np.testing.assert_array_equal(first.weight, again.weight)


def test_a_label_without_a_picture_is_never_said() -> None:
    features, truths = clouds(2)
    scores = softmax(learn_head(features, truths * 2, 3).score(features[:, 0]), axis=1)
    assert scores[:, 1].max() == 0 and np.isfinite(scores).all()


def test_rescaling_changes_the_logits_as_said() -> None:
    head = Head(np.eye(3), np.array([0.0, 1.0, 2.0]))
    features = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    shift = np.array([0.5, 0.0, -0.5])
    scale = np.array([2.0, 1.0, 3.0])
    np.testing.assert_allclose(head.rescale(scale, shift).score(features), scale * head.score(features) + shift)
