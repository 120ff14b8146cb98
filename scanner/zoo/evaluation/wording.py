"""Figures in plain English, so that page, terminal and card say the same."""

from rules.wording import spell
from scanner.zoo.evaluation.cautions import count
from scanner.zoo.evaluation.expected import Expected
from scanner.zoo.evaluation.figures import ConceptFigures
from scanner.zoo.evaluation.intervals import Interval, Rate

__all__ = ["count", "spell"]


def percent(share: float) -> str:
    """With the digits that matter: 0.2 %, 4.1 %, 62 %, 99.6 %; never 100 % for less, nor 0 % for more."""
    if 0 < share < 0.0005:
        return "< 0.05 %"
    if 0.9995 < share < 1:
        return "> 99.95 %"
    digits = 1 if share < 0.0995 or share > 0.99 else 0
    return f"{100 * share:.{digits}f}".removesuffix(".0") + " %"


def span(interval: Interval | Rate | Expected) -> str:
    """`61 to 83 %`."""
    low, high = percent(interval.low).removesuffix(" %"), percent(interval.high)
    return f"{low} to {high}"


def one_in(base_rate: float) -> str:
    """`one picture in 77`."""
    return f"one picture in {round(1 / base_rate):,}"


def tell_rate(rate: Rate) -> str:
    """A share; none of n is `0 of n, at most ...`, all of n is `n of n, at least ...`."""
    counts = f"{rate.count:,} of {rate.total:,}"
    if rate.count == 0:
        return f"{counts}, so at most {percent(rate.high)}"
    if rate.count == rate.total:
        return f"{counts}, so at least {percent(rate.low)}"
    return f"{counts}, {percent(rate.value)} ({span(rate)})"


def tell_expected(expected: Expected) -> str:
    """`72 % (43 to 92 %)`, or `at least 64 %` where no false flag was seen."""
    if not expected.seen:
        return f"at least {percent(expected.low)}"
    return f"{percent(expected.value)} ({span(expected)})"


def headline(figures: ConceptFigures, base_rate: float) -> str:
    """What the model does for one concept at its threshold, in a sentence or two."""
    name, at = spell(figures.concept), figures.at
    if at.recall is None:
        return f"No picture here shows {name}, so what it would find is not known."
    finds = f"Finds {tell_rate(at.recall)} of the pictures that show {name}."
    if at.expected is None:
        return f"{finds} Nothing was flagged, so nothing can be said of its flags."
    flags = 100 * (at.expected.value if at.expected.seen else at.expected.low)
    about = "about" if at.expected.seen else "at least"
    return f"{finds} Of 100 flags {about} {flags:.0f} would be right where {one_in(base_rate)} shows {name}."
