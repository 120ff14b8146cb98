"""Figures in plain English."""

import numpy as np
import pytest
from rich.console import Console

from scanner.zoo.evaluation import Judged, Subject, evaluate
from scanner.zoo.evaluation.intervals import rate
from scanner.zoo.evaluation.terminal import tabulate_figures
from scanner.zoo.evaluation.wording import headline, one_in, percent, tell_rate
from tests.scanner.zoo.evaluation.judged_pictures import make_judged

SUBJECT = Subject("model", "A model", "ab" * 32, "[red]folder[/red]")


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.62, "62 %"),
        (0.041, "4.1 %"),
        (0.9956, "99.6 %"),
        (0.9999, "> 99.95 %"),
        (1e-5, "< 0.05 %"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float, said: str) -> None:
    assert percent(share) == said


def test_none_and_all_are_said_as_limits() -> None:
    none, everything = rate(np.zeros(100, dtype=bool)), rate(np.ones(27, dtype=bool))
    assert none is not None and everything is not None
    assert tell_rate(none) == "0 of 100, so at most 3.7 %"
    assert tell_rate(everything) == "27 of 27, so at least 88 %"


def test_the_base_rate_is_one_picture_in_so_many() -> None:
    assert one_in(0.013) == "one picture in 77" and one_in(0.0005) == "one picture in 2,000"


def test_the_headline_counts_right_flags_of_a_hundred() -> None:
    (figures,) = evaluate(make_judged(apart=5), SUBJECT).concepts
    assert figures.at.expected is not None
    said = headline(figures, 0.013)
    assert f"about {100 * figures.at.expected.value:.0f} would be right where one picture in 77" in said


def test_the_headline_without_a_picture_says_so() -> None:
    (figures,) = evaluate([Judged("other", {"tiger": 0.1})], SUBJECT).concepts
    assert headline(figures, 0.013) == "No picture here shows tiger, so what it would find is not known."


def test_the_terminal_shows_figures_and_reads_no_name_as_markup() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(tabulate_figures(evaluate([*make_judged(), Judged("pangolin", {"tiger": 0.1})], SUBJECT)))
    said = captured.get()
    assert "[red]folder[/red]" in said
    assert "tiger" in said and "pangolin (1 picture): not seen by this model" in said
