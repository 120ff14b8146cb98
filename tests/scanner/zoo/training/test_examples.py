"""Concepts with too few pictures are left out and named, never guessed."""

from pathlib import Path

import pytest

from scanner.zoo.training.examples import Example, TrainingError, plan_lesson


def examples(**counts: int) -> list[Example]:
    names = {label: label.replace("__", "/") for label in counts}
    return [Example(Path(f"{label}{n}.jpg"), names[label]) for label, count in counts.items() for n in range(count)]


def test_labels_are_learnt_with_other_first_and_look_alikes_last() -> None:
    lesson = plan_lesson(examples(tiger=50, other=50, other__cat=3, elephant=40))
    assert lesson.labels == ("other", "elephant", "tiger", "other/cat")
    assert lesson.warnings == ()


def test_a_concept_with_too_few_pictures_is_absent_and_told() -> None:
    lesson = plan_lesson(examples(tiger=50, other=50, ivory=9))
    assert lesson.labels == ("other", "tiger") and lesson.absent == {"ivory": 9}
    assert lesson.warnings == ("ivory is left out: 9 pictures, and it takes 10",)


def test_a_concept_with_few_pictures_is_learnt_with_a_warning() -> None:
    assert plan_lesson(examples(tiger=39, other=50)).warnings == (
        "tiger has only 39 pictures: its figures say little of others",
    )


def test_words_that_are_no_concept_are_set_aside() -> None:
    lesson = plan_lesson(examples(tiger=40, other=40, other_wildlife_product=3))
    assert lesson.aside == ("other_wildlife_product",) and "other_wildlife_product" not in lesson.labels


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"tiger": 9, "other": 50}, "no concept has 10 pictures"),
        ({"tiger": 50, "other": 9}, "9 pictures of ordinary things"),
        ({"tiger": 50}, "0 pictures of ordinary things"),
        ({"tiger": 50, "other__cat": 20}, "a folder named other"),
        ({}, "no concept has 10 pictures"),
    ],
)
def test_too_little_is_refused_with_what_to_do(counts: dict[str, int], reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        plan_lesson(examples(**counts))
