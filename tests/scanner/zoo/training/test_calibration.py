"""A score of 0.8 means 80 % where the concept is as rare as the base rate says."""

import numpy as np
from scipy.special import softmax

from scanner.zoo.evaluation import BASE_RATE
from scanner.zoo.training.calibration import calibrate, expect_mix

LABELS = ("other", "tiger")


def draw(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a head that overstates by three and leans to `tiger`, from two normal distributions two apart."""
    random = np.random.default_rng(seed)
    truths = (random.random(count) < share).astype(np.int64)
    evidence = random.normal(0, 1, count) + 2 * truths - 1  # its log likelihood ratio is 2 * evidence
    logits = np.stack([np.zeros(count), 3 * 2 * evidence + 4], axis=1)
    return logits, truths


def test_scores_are_shares_at_the_base_rate() -> None:
    scale, shift = calibrate(*draw(4000, 0.4, 0), LABELS)
    logits, truths = draw(400_000, BASE_RATE, 1)
    scores = softmax(scale * logits + shift, axis=1)[:, 1]
    for low, high in ((0.02, 0.05), (0.1, 0.3), (0.3, 0.7)):
        inside = (scores > low) & (scores < high)
        assert abs(truths[inside].mean() - scores[inside].mean()) < 0.2 * scores[inside].mean()


def test_a_few_pictures_don_t_make_a_score_certain() -> None:
    logits = np.array([[5.0, 0.0]] * 20 + [[0.0, 5.0]] * 3)
    scale, _ = calibrate(logits, np.array([0] * 20 + [1] * 3), LABELS)
    assert scale.max() < 3


def test_pictures_of_a_label_that_their_head_never_saw_are_left_out() -> None:
    logits, truths = draw(500, 0.4, 2)
    unseen = np.array([[0.0, -np.inf]])
    with_it = calibrate(np.concatenate([logits, unseen]), np.append(truths, 1), LABELS)
    np.testing.assert_allclose(with_it, calibrate(logits, truths, LABELS))


def test_the_mix_gives_each_concept_the_base_rate_and_other_the_rest() -> None:
    mix = expect_mix(np.array([90.0, 20, 5, 10]), ("other", "tiger", "ivory", "other/cat"))
    np.testing.assert_allclose(mix[[1, 2]], BASE_RATE)
    np.testing.assert_allclose(mix[0] / mix[3], 9)
    np.testing.assert_allclose(mix.sum(), 1)
