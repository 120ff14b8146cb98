"""The arithmetic of charts that pages draw as SVG (templates/components/charts.html): scales, ticks, paths.

Places are per cent of the plot, counted from its top left, so that a chart stretches with the page while its letters
keep their size.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

STYLES = 6  # classes chart-1 to chart-6
Words = Callable[[float], str]


def plain_words(value: float) -> str:
    """`1,200`, `0.25`: as few digits as tell it."""
    return f"{value:,.10g}"


def percent_words(share: float) -> str:
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis; minor ones are left out where there is little room."""

    at: float
    words: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, which lie apart. title: what the numbers are; words: how one is written."""

    low: float
    high: float
    title: str = ""
    words: Words = plain_words
    steps: Sequence[float] = ()

    def place(self, value: float) -> float:
        """Where a value lies, in per cent from the low end; held inside the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * 100, 3)

    @property
    def ticks(self) -> list[Tick]:
        values = list(self.steps) or round_steps(self.low, self.high)
        return [Tick(self.place(value), self.words(value), number % 2 == 1) for number, value in enumerate(values)]


SHARES = Axis(0.0, 1.0, words=percent_words, steps=(0.0, 0.25, 0.5, 0.75, 1.0))


def count_axis(most: float, title: str = "") -> Axis:
    """From 0 to a round number at or above `most`; whole numbers while there are few."""
    step = max(1.0, round_step(max(most, 1.0) / 4))
    return Axis(0.0, step * math.ceil(max(most, 1.0) / step), title, steps=count_steps(most, step))


def count_steps(most: float, step: float) -> list[float]:
    return [step * number for number in range(math.ceil(max(most, 1.0) / step) + 1)]


def round_steps(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high, some `about` of them."""
    step = round_step((high - low) / about)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * number, 12) for number in range(first, last + 1)]


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten: the smallest at or above `least`, which is above 0."""
    power = 10.0 ** math.floor(math.log10(least))
    return float(next(size * power for size in (1, 2, 5, 10) if size * power >= least * (1 - 1e-9)))


@dataclass(frozen=True, slots=True)
class Point:
    """y: None where it is not known: the line has a gap there. low, high: of its interval."""

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """style: 1 to STYLES, for colour and dashes."""

    name: str
    points: Sequence[Point]
    style: int = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the x axis that a person should see. kind: `now` or `next`."""

    x: float
    words: str
    kind: str = "now"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as SVG paths in a box of 100 by 100; band: its intervals."""

    name: str
    style: int
    path: str
    band: str
    dots: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """row: 0 is the nearest to the plot, so that two labels do not cover each other. anchor: of SVG's text."""

    at: float
    words: str
    kind: str
    row: int
    anchor: str


@dataclass(frozen=True)
class LineChart:
    """title: what it shows, for a caption and for those who hear the page."""

    title: str
    lines: Sequence[Line]
    x: Axis
    y: Axis
    marks: Sequence[Mark] = ()

    @property
    def drawn(self) -> list[Drawn]:
        return [self._draw(line) for line in self.lines]

    def _draw(self, line: Line) -> Drawn:
        runs = list(known_runs(line.points))
        path = "".join(join_points([self._place(point.x, point.y) for point in run]) for run in runs)
        band = "".join(self._band(run) for run in runs)
        # A run of one point is no line: it shows as a dot.
        dots = [self._place(run[0].x, run[0].y) for run in runs if len(run) == 1]
        return Drawn(line.name, line.style, path, band, dots)

    def _band(self, run: Sequence[Point]) -> str:
        known = [(point.x, point.low, point.high) for point in run if point.low is not None and point.high is not None]
        if len(known) < 2:
            return ""
        above = [self._place(x, high) for x, _, high in known]
        below = [self._place(x, low) for x, low, _ in reversed(known)]
        return join_points(above + below) + "Z"

    def _place(self, x: float, y: float | None) -> tuple[float, float]:
        return self.x.place(x), round(100 - self.y.place(y or 0.0), 3)

    @property
    def placed_marks(self) -> list[PlacedMark]:
        places = [self.x.place(mark.x) for mark in self.marks]
        return [
            PlacedMark(at, mark.words, mark.kind, row, anchor_of(at))
            for row, (mark, at) in enumerate(zip(self.marks, places, strict=True))
        ]

    @property
    def table(self) -> list[tuple[str, list[str]]]:
        """The same as text: a row an x, a cell a line; a value with its interval where it has one."""
        by_line = [{point.x: point for point in line.points} for line in self.lines]
        values = sorted({x for points in by_line for x in points})
        return [(self.x.words(x), [self._cell(points.get(x)) for points in by_line]) for x in values]

    def _cell(self, point: Point | None) -> str:
        if point is None or point.y is None:
            return "–"  # noqa: RUF001  # a dash for what is not known
        if point.low is None or point.high is None:
            return self.y.words(point.y)
        return f"{self.y.words(point.y)} ({self.y.words(point.low)} – {self.y.words(point.high)})"  # noqa: RUF001


def known_runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The points that follow one another without a gap."""
    for is_known, run in groupby(points, key=lambda point: point.y is not None):
        if is_known:
            yield list(run)


def join_points(places: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if number else 'M'}{x:g} {y:g}" for number, (x, y) in enumerate(places))


def anchor_of(at: float) -> str:
    """How a label at `at` per cent stays inside the plot."""
    return "start" if at < 20 else "end" if at > 80 else "middle"


@dataclass(frozen=True, slots=True)
class Bars:
    """One number a label of the chart."""

    name: str
    values: Sequence[float]
    style: int = 1


@dataclass(frozen=True, slots=True)
class Box:
    """One bar, or one part of a stack, in per cent of the plot; words: what a pointer on it shows."""

    x: float
    y: float
    width: float
    height: float
    style: int
    words: str


@dataclass(frozen=True)
class BarChart:
    """Bars side by side, one a label, each stacked of all series in their order. Values are 0 or more.

    every: of how many labels one is written; None is as many as there is room for.
    """

    title: str
    labels: Sequence[str]
    series: Sequence[Bars]
    label_title: str = ""
    value_title: str = ""
    words: Words = field(default=plain_words)
    every: int | None = None

    @property
    def y(self) -> Axis:
        totals = [sum(values) for values in zip(*(one.values for one in self.series), strict=True)]
        return count_axis(max(totals, default=0), self.value_title)

    @property
    def boxes(self) -> list[Box]:
        return [box for number in range(len(self.labels)) for box in self._stack(number)]

    def _stack(self, number: int) -> Iterator[Box]:
        axis, slot, below = self.y, 100 / len(self.labels), 0.0
        for one in self.series:
            value = one.values[number]
            top, bottom = axis.place(below + value), axis.place(below)
            words = f"{self.labels[number]}, {one.name}: {self.words(value)}"
            if value > 0:
                yield Box(
                    x=round(slot * (number + 0.1), 3),
                    y=round(100 - top, 3),
                    width=round(slot * 0.8, 3),
                    height=round(top - bottom, 3),
                    style=one.style,
                    words=words,
                )
            below += value

    @property
    def ticks(self) -> list[Tick]:
        every = self.every or max(1, math.ceil(len(self.labels) / 8))
        slot = 100 / max(len(self.labels), 1)
        chosen = [(number, label) for number, label in enumerate(self.labels) if number % every == 0]
        return [Tick(round(slot * (n + 0.5), 3), label, order % 2 == 1) for order, (n, label) in enumerate(chosen)]

    @property
    def table(self) -> list[tuple[str, list[str]]]:
        """The same as text: a row a label, a cell a series."""
        return [
            (label, [self.words(one.values[number]) for one in self.series]) for number, label in enumerate(self.labels)
        ]
