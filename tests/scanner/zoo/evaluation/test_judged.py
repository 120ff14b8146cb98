"""One concept against the rest."""

from scanner.zoo.evaluation.judged import Judged, take_sample


def test_a_picture_of_which_the_concept_was_not_scored_is_left_out_and_not_counted_as_zero() -> None:
    sample = take_sample([Judged("tiger", {"tiger": 0.9}), Judged("tiger", {"elephant": 0.1})], "tiger")
    assert sample.scores.tolist() == [0.9]


def test_a_truth_that_is_no_concept_counts_in_no_sample() -> None:
    sample = take_sample([Judged("leopard skin", {"tiger": 0.9}), Judged("other", {"tiger": 0.2})], "tiger")
    assert sample.scores.tolist() == [0.2]


def test_ordinary_pictures_are_those_labelled_other_and_all_the_rest_where_there_are_none() -> None:
    tiger, elephant, other = (Judged(truth, {"tiger": 0.5}) for truth in ("tiger", "elephant", "other"))
    assert take_sample([tiger, elephant, other], "tiger").ordinary.tolist() == [False, False, True]
    without = take_sample([tiger, elephant], "tiger")
    assert without.ordinary.tolist() == [False, True] and without.ordinary_are == "all other labels"


def test_pictures_without_a_group_are_groups_of_their_own_beside_named_ones() -> None:
    pictures = [Judged("other", {"tiger": 0.5}, group) for group in ("a", None, "a", None, "1")]
    groups = take_sample(pictures, "tiger").groups
    assert groups is not None and groups.tolist() == [0, 1, 0, 2, 3]
    assert take_sample([Judged("other", {"tiger": 0.5})], "tiger").groups is None


def test_a_picture_is_taken_for_its_highest_score_and_by_thresholds_for_the_highest_that_reaches_its_own() -> None:
    picture = Judged("tiger", {"tiger": 0.3, "elephant": 0.32, "other": 0.38})
    assert picture.top == "other"
    assert picture.decide({"tiger": 0.3, "elephant": 0.4}, 0.5) == "tiger"
    assert picture.decide({}, 0.5) == "other"
