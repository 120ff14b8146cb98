"""An evaluation on a terminal: one row a concept, then what a reader must know."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from scanner.zoo.evaluation import wording
from scanner.zoo.evaluation.figures import ConceptFigures, Evaluation


def tabulate_figures(evaluation: Evaluation) -> RenderableType:
    """For rich.console.Console.print; the labels that people gave are never read as markup."""
    table = Table(
        "concept",
        *(Column(name, justify="right") for name in ("pictures", "threshold", "found", "flags right", "AP")),
        title=Text(f"{evaluation.subject.model} on {evaluation.subject.pictures}"),
        caption=f"flags right: where {wording.one_in(evaluation.base_rate)} shows it; 95 % intervals",
    )
    for figures in evaluation.concepts:
        table.add_row(*_row(figures))
    return Group(table, *map(Text, _sentences(evaluation)))


def _row(figures: ConceptFigures) -> Iterator[str]:
    yield wording.spell(figures.concept)
    yield f"{figures.pictures:,}"
    yield f"{figures.threshold:.2f}"
    recall, expected, ranking = figures.at.recall, figures.at.expected, figures.ranking
    yield f"{wording.percent(recall.value)} ({wording.span(recall)})" if recall else "not known"
    yield wording.tell_expected(expected) if expected else "not known"
    precision = ranking.average_precision if ranking else None
    yield f"{precision.value:.3f} ({precision.low:.3f} to {precision.high:.3f})" if precision else "not known"


def _sentences(evaluation: Evaluation) -> Iterator[str]:
    for figures in evaluation.concepts:
        yield from (f"{wording.spell(figures.concept)}: {caution}" for caution in figures.cautions)
    for label in evaluation.unseen:
        yield f"{wording.spell(label.label)} ({wording.count(label.pictures, 'picture')}): not seen by this model"
    out = evaluation.left_out
    if out.broken:
        place, failure = out.broken[0]
        yield f"{wording.count(len(out.broken), 'picture')} could not be scored, the first: {place}: {failure}"
    if out.duplicates:
        yield f"{wording.count(out.duplicates, 'picture')} with the same pixels as another, counted once"
    for places in out.conflicts:
        yield f"the same pixels lie under two labels, and count under none: {', '.join(places)}"
