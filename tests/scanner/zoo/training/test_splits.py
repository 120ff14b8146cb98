"""Every picture is judged once, by a head that has seen nothing of its group."""

import numpy as np

from scanner.zoo.training.splits import fold_groups

LABELS = np.repeat([0, 1, 2], [60, 30, 10])
GROUPS = np.random.default_rng(0).integers(0, 25, 100)


def test_no_group_stands_on_both_sides() -> None:
    for learn, judge in fold_groups(LABELS, GROUPS, seed=1):
        assert not set(GROUPS[learn]) & set(GROUPS[judge])
        assert len(learn) + len(judge) == 100


def test_every_picture_is_judged_once() -> None:
    judged = np.concatenate([judge for _, judge in fold_groups(LABELS, GROUPS, seed=1)])
    assert sorted(judged) == list(range(100))


def test_the_seed_decides() -> None:
    first, again, other = (
        [judge.tolist() for _, judge in fold_groups(LABELS, GROUPS, seed=seed)] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_labels_are_spread_where_groups_allow() -> None:
    for _, judge in fold_groups(LABELS, np.arange(100), seed=0):
        assert np.bincount(LABELS[judge]).tolist() == [12, 6, 2]


def test_two_groups_make_two_folds() -> None:
    assert len(list(fold_groups(np.repeat([0, 1], 10), np.tile([0, 1], 10), seed=0))) == 2
