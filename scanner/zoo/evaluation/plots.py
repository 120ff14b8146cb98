"""Plots of one concept as inline SVG: their colours are the page's own CSS variables, so they follow light and dark."""

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scanner.zoo.evaluation.figures import ConceptFigures
from scanner.zoo.evaluation.thresholds import FALSE_FLAGS_AIM, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that stand for CSS variables until the drawing is done.
INK, SOFT, LINE, ACCENT, SECOND, GROUND = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {INK: "ink", SOFT: "ink-soft", LINE: "line", ACCENT: "accent", SECOND: "second", GROUND: "surface"}
WIDTH_IN, HEIGHT_IN = 4.6, 3.1
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "tuskline",
    "lines.linewidth": 2,
}
LEAST_FALSE_FLAGS = 0.1  # of 1,000: the left end of the axis, where "none" is drawn


def draw_sweep(figures: ConceptFigures, _base_rate: float) -> str:
    """Recall and the precision to expect, with their intervals, by threshold."""

    def plot(axes: "Axes") -> None:
        points = [point for point in figures.points if point.recall is not None]
        _ribbon(axes, points, lambda point: point.recall, SECOND, "Found (recall)", "--")
        _ribbon(axes, points, lambda point: point.expected, ACCENT, "Flags right (expected)", "-")
        axes.axvline(figures.threshold, color=INK, linewidth=1, linestyle=":")
        # Near the left end the text would leave the plot on the left of its line.
        left = figures.threshold > 0.6
        place = (figures.threshold + (-0.015 if left else 0.015), 0.03)
        axes.text(*place, f"threshold {figures.threshold:.2f}", ha="right" if left else "left", fontsize=8.5)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="Threshold")
        _legend(axes, "center left")

    return draw(plot, f"{figures.concept}-sweep", percent_axes="y")


def draw_flags(figures: ConceptFigures, _base_rate: float) -> str:
    """Recall by false flags in 1,000 ordinary pictures, on a logarithmic axis."""

    def plot(axes: "Axes") -> None:
        curve = figures.curve
        if curve is not None:
            flags = np.maximum(1000 * curve.false_flags, LEAST_FALSE_FLAGS)
            axes.step(flags, curve.recall, where="post", color=ACCENT)
        at = figures.at
        if at.recall is not None and at.false_flags is not None:
            x = max(1000 * at.false_flags.value, LEAST_FALSE_FLAGS)
            reach = [[at.recall.value - at.recall.low], [at.recall.high - at.recall.value]]
            wide = [[x - max(1000 * at.false_flags.low, LEAST_FALSE_FLAGS)], [1000 * at.false_flags.high - x]]
            axes.errorbar(
                x,
                at.recall.value,
                reach,
                wide,
                fmt="o",
                color=INK,
                elinewidth=1.1,
                markersize=5,
                zorder=3,
                clip_on=False,
            )
        axes.axvline(1000 * FALSE_FLAGS_AIM, color=INK, linewidth=1, linestyle=":")
        axes.text(3.3, 0.03, "3 in 1,000", fontsize=8.5)
        axes.set_xscale("log")
        axes.set(xlim=(LEAST_FALSE_FLAGS, 1000), ylim=(0, 1.04), xlabel="False flags in 1,000 ordinary pictures")
        axes.set_xticks([0.1, 1, 10, 100, 1000], ["none", "1", "10", "100", "1,000"])
        axes.minorticks_off()

    return draw(plot, f"{figures.concept}-flags", percent_axes="y")


def draw_precision(figures: ConceptFigures, base_rate: float) -> str:
    """Precision by recall: on this set, and to expect at the base rate."""

    def plot(axes: "Axes") -> None:
        curve = figures.curve
        if curve is not None:
            axes.step(
                curve.recall, curve.precision, where="pre", color=SECOND, linestyle="--", label="on these pictures"
            )
            axes.step(curve.recall, curve.expected, where="pre", color=ACCENT, label="to expect at the base rate")
        axes.axhline(base_rate, color=INK, linewidth=1, linestyle=":")
        axes.text(0.98, base_rate + 0.02, "by chance", fontsize=8.5, ha="right")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xlabel="Found (recall)", ylabel="Flags right")
        _legend(axes, "lower left")

    return draw(plot, f"{figures.concept}-precision", percent_axes="xy")


def draw_reliability(figures: ConceptFigures, _base_rate: float) -> str:
    """Share that shows the concept by mean score, a dot a bin, with intervals; the diagonal is perfect."""

    def plot(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=":")
        for found in figures.reliability.bins if figures.reliability else ():
            share = found.share
            reach = [[share.value - share.low], [share.high - share.value]]
            size = 3 + 1.5 * np.log10(share.total)
            axes.errorbar(found.mean, share.value, reach, fmt="o", color=ACCENT, elinewidth=1.1, markersize=size)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), xlabel="Mean score in the bin", ylabel="Really show it")

    return draw(plot, f"{figures.concept}-reliability", percent_axes="y")


def _ribbon(
    axes: "Axes", points: Sequence[Point], take: Callable[[Point], Any], colour: str, label: str, style: str
) -> None:
    found = [(point.threshold, take(point)) for point in points if take(point) is not None]
    if not found:
        return
    at = [threshold for threshold, _ in found]
    axes.fill_between(
        at, [rate.low for _, rate in found], [rate.high for _, rate in found], color=colour, alpha=0.16, lw=0
    )
    axes.plot(at, [rate.value for _, rate in found], color=colour, label=label, linestyle=style)


def _legend(axes: "Axes", place: Literal["center left", "lower left"]) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place, frameon=True, framealpha=0.85, facecolor=GROUND, edgecolor="none", fontsize=8.5)


def draw(plot: "Callable[[Axes], None]", name: str, percent_axes: str = "") -> str:
    """The SVG of one pair of axes, sized by its container; `name` keeps its ids apart from other plots'."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        axes = figure.subplots()
        plot(axes)
        for side in percent_axes:
            getattr(axes, f"{side}axis").set_major_formatter(PercentFormatter(1, symbol=" %"))
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return clean(drawn.getvalue(), name)


def clean(svg: str, name: str) -> str:
    """The drawing alone, without styles, so that a page's content security policy need not allow any.

    Style attributes become attributes of their own, colours CSS variables, ids unique in the page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'style="([^"]*)"', lambda match: _attributes(match[1]), svg)
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" class="plot" aria-hidden="true">', svg, count=1
    )
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return svg.strip()


def _attributes(style: str) -> str:
    pairs = (part.partition(":") for part in style.split(";") if part.strip())
    kept = ((key.strip(), value.strip()) for key, _, value in pairs if key.strip() != "font-family")  # the page's own
    return " ".join(f'{key}="{value}"' for key, value in kept)
