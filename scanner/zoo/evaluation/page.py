"""An evaluation as one HTML file: no script, no request, light and dark, phone and paper."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scanner.zoo.evaluation import plots, wording
from scanner.zoo.evaluation.confusion import Confusion
from scanner.zoo.evaluation.figures import ConceptFigures, Evaluation
from scanner.zoo.evaluation.thresholds import Point

TABLE_THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_SHADES = 5  # of the confusion matrix, as classes: a page's security policy may refuse style attributes


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with how to read it. guide: how to read any of its kind; said: what this one shows, for all readers."""

    title: str
    guide: str
    said: str
    svg: str


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page, UTF-8, whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(render_page(evaluation), encoding="utf-8")
    part.replace(path)


def render_page(evaluation: Evaluation) -> str:
    """The page as a string."""
    environment = Environment(
        loader=PackageLoader("scanner.zoo.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": wording.percent, "span": wording.span, "spell": wording.spell}
    environment.globals |= {
        "headline": wording.headline,
        "one_in": wording.one_in,
        "count": wording.count,
        "tell_expected": wording.tell_expected,
        "plots_of": plots_of,
        "rows_of": rows_of,
        "points_of": points_of,
    }
    return environment.get_template("page.html.j2").render(evaluation=evaluation, subject=evaluation.subject)


def plots_of(figures: ConceptFigures, base_rate: float) -> list[Plot]:
    """The four plots of a concept, those left out for which there is no picture."""
    if figures.curve is None:
        return []
    return [
        # Drawn by matplotlib from numbers and our own words; labels are escaped by it.
        Plot(title, guide, said(figures, base_rate), Markup(draw(figures, base_rate)))  # noqa: S704 (drawn here, of numbers)
        for title, guide, said, draw in _PLOTS
    ]


def _say_sweep(figures: ConceptFigures, base_rate: float) -> str:
    return wording.headline(figures, base_rate)


def _say_flags(figures: ConceptFigures, _base_rate: float) -> str:
    point = figures.aims[0].point if figures.aims else None
    if point is None or point.recall is None or point.false_flags is None:
        return "No threshold keeps false flags at 3 in 1,000 or fewer."
    return (
        f"With at most 3 false flags in 1,000 it finds {wording.percent(point.recall.value)} "
        f"({wording.span(point.recall)}), at threshold {point.threshold:.3f}. "
        f"False flags there: {wording.tell_rate(point.false_flags)}."
    )


def _say_precision(figures: ConceptFigures, _base_rate: float) -> str:
    ranking = figures.ranking
    if ranking is None:
        return ""
    precision, area = ranking.average_precision, ranking.auc
    return (
        f"Average precision {precision.value:.3f} ({precision.low:.3f} to {precision.high:.3f}) on these pictures; "
        f"area under the ROC curve {area.value:.4f} ({area.low:.4f} to {area.high:.4f})."
    )


def _say_reliability(figures: ConceptFigures, _base_rate: float) -> str:
    found = figures.reliability
    if found is None:
        return ""
    return (
        f"Expected calibration error {found.error:.3f}; Brier score {found.brier:.4f}, "
        f"where always saying the share of this set would score {found.brier_of_share:.4f} (lower is better)."
    )


_PLOTS: tuple[tuple[str, str, Callable[[ConceptFigures, float], str], Callable[[ConceptFigures, float], str]], ...] = (
    (
        "What a threshold gives",
        "Move right for fewer, surer flags. The solid line is how many of the flags would be right where such pictures "
        "are rare; the dashed one how many of those pictures are found at all. Shaded: 95 % intervals.",
        _say_sweep,
        plots.draw_sweep,
    ),
    (
        "What is found, for how many false flags",
        "Higher and further left is better. The dot is the threshold in use, its bars the 95 % intervals; the dotted "
        "line is a load that reviewers can live with.",
        _say_flags,
        plots.draw_flags,
    ),
    (
        "How many flags are right",
        "The dashed line is what these pictures give, of which many were chosen because they show something. The solid "
        "one is what to expect where such pictures are rare, and it is the one that matters.",
        _say_precision,
        plots.draw_precision,
    ),
    (
        "Does the score mean what it says?",
        "Dots on the diagonal: of pictures scored 0.8, 80 % show it. Above it the model is too careful, below it too "
        "sure. Each dot is a bin of about as many pictures as the others, save one for all scores below 0.01.",
        _say_reliability,
        plots.draw_reliability,
    ),
)


def points_of(figures: ConceptFigures) -> list[Point]:
    """The points of the table: some of the sweep, and the one in use."""
    chosen = [point for point in figures.points if point.threshold in TABLE_THRESHOLDS]
    if figures.threshold not in TABLE_THRESHOLDS:
        chosen.append(figures.at)
    return sorted(chosen, key=lambda point: point.threshold)


@dataclass(frozen=True, slots=True)
class Cell:
    """shade: from 0 to 5 by share of the row. kind: `right`, `wrong`, or `plain` for what the model can't know."""

    count: int
    shade: int
    kind: Literal["right", "wrong", "plain"]


def rows_of(confusion: Confusion) -> list[tuple[str, int, list[Cell]]]:
    """(truth, pictures, cells) by row."""
    rows = []
    for truth, counts in zip(confusion.rows, confusion.counts, strict=True):
        total = sum(counts)
        rows.append((truth, total, [_cell(confusion, truth, *pair, total) for pair in enumerate(counts)]))
    return rows


def _cell(confusion: Confusion, truth: str, place: int, number: int, total: int) -> Cell:
    said = confusion.columns[place]
    shade = -(-_SHADES * number // total) if total else 0
    if said == truth:
        return Cell(number, shade, "right")
    return Cell(number, shade, "plain" if said == "other" and truth not in confusion.columns else "wrong")
