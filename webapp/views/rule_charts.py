"""Charts of a rule."""

from collections.abc import Callable

from babel.numbers import format_decimal

from webapp.charts import Axis, Line, LineChart, Mark, Point
from webapp.language import locale, say
from webapp.services.curves import Curve, CurvePoint
from webapp.services.rates import Estimate
from webapp.wording import concept_words, share_words


def threshold_words(value: float) -> str:
    return format_decimal(value, "0.00##", locale())


def chart_of(curve: Curve, in_force: float, proposed: float | None = None) -> LineChart:
    """Precision and recall over the threshold, with the value in force and the proposed one marked."""
    marks = [Mark(in_force, say("in force %(value)s", value=threshold_words(in_force)))]
    if proposed is not None and proposed != in_force:
        marks.append(Mark(proposed, say("proposed %(value)s", value=threshold_words(proposed)), "next"))
    return LineChart(
        title=say("Precision and recall over the threshold %(name)s", name=concept_words(curve.name)),
        lines=[
            Line(say("Precision"), points_of(curve, lambda point: point.precision), 1),
            Line(say("Recall"), points_of(curve, lambda point: point.recall), 2),
        ],
        x=Axis(0.0, 1.0, say("Threshold"), threshold_words, steps=(0.0, 0.25, 0.5, 0.75, 1.0)),
        y=Axis(0.0, 1.0, words=share_words, steps=(0.0, 0.25, 0.5, 0.75, 1.0)),
        marks=marks,
    )


def points_of(curve: Curve, take: Callable[[CurvePoint], Estimate | None]) -> list[Point]:
    return [point_of(point.threshold, take(point)) for point in curve.points]


def point_of(threshold: float, estimate: Estimate | None) -> Point:
    if estimate is None:
        return Point(threshold, None)
    return Point(threshold, estimate.value, estimate.low, estimate.high)
