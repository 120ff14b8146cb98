import re
from xml.etree import ElementTree

import pytest
from flask import Flask, render_template_string

from webapp import create_app
from webapp.charts import (
    SHARES,
    Axis,
    BarChart,
    Bars,
    Line,
    LineChart,
    Mark,
    Point,
    count_axis,
    known_runs,
    round_step,
    round_steps,
)
from webapp.settings import Settings


@pytest.mark.parametrize(("least", "step"), [(1, 1), (1.1, 2), (2.5, 5), (6, 10), (0.03, 0.05), (230, 500), (0.2, 0.2)])
def test_steps_are_round(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)


def test_round_numbers_lie_inside_the_axis() -> None:
    assert round_steps(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert round_steps(3, 11) == [4, 6, 8, 10]


@pytest.mark.parametrize("most", [0, 1, 3, 7, 8, 99, 1234, 1_000_000])
def test_an_axis_of_counts_begins_at_0_and_ends_above_the_most(most: int) -> None:
    axis = count_axis(most)
    assert axis.low == 0 and axis.high >= max(most, 1)
    assert axis.ticks[0].at == 0 and axis.ticks[-1].at == 100
    assert all(float(tick.words.replace(",", "")).is_integer() for tick in axis.ticks), "nothing is counted in halves"


def test_values_outside_an_axis_are_held_at_its_ends() -> None:
    axis = Axis(10, 20)
    assert [axis.place(value) for value in (0, 10, 15, 20, 99)] == [0, 0, 50, 100, 100]


def test_a_line_breaks_where_a_value_is_not_known_and_a_lone_point_is_a_dot() -> None:
    points = [Point(0, 0.0), Point(0.25, 1.0), Point(0.5, None), Point(1, 0.5)]
    assert [len(run) for run in known_runs(points)] == [2, 1]
    (drawn,) = LineChart("A chart", [Line("a", points)], Axis(0, 1), SHARES).drawn
    assert drawn.path == "M0 100L25 0M100 50"
    assert list(drawn.dots) == [(100.0, 50.0)]
    assert drawn.band == ""


def test_a_band_goes_along_the_upper_ends_and_back_along_the_lower() -> None:
    points = [Point(0, 0.5, 0.25, 0.75), Point(1, 0.5, 0.0, 1.0)]
    (drawn,) = LineChart("A chart", [Line("a", points)], Axis(0, 1), SHARES).drawn
    assert drawn.band == "M0 25L100 0L100 100L0 75Z"


def test_the_table_says_what_the_lines_show() -> None:
    lines = [Line("a", [Point(0.5, 0.9, 0.8, 0.95)]), Line("b", [Point(0.5, None), Point(1, 0.2)])]
    rows = LineChart("A chart", lines, Axis(0, 1), SHARES).table
    assert [(row[0], [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row[1]]) for row in rows] == [
        ("0.5", ["90 % (80 % \N{EN DASH} 95 %)", "\N{EN DASH}"]),
        ("1", ["\N{EN DASH}", "20 %"]),
    ]


def test_stacked_bars_stand_on_each_other_and_fill_their_axis() -> None:
    chart = BarChart("A chart", ["Mon", "Tue"], [Bars("a", [1, 0], 1), Bars("b", [3, 2], 2)])
    assert chart.y.high == 4
    first, second, third = chart.boxes
    assert (first.y, first.height) == (75, 25)
    assert (second.y, second.height) == (0, 75)
    assert (third.x, third.y, third.height, third.style) == (55, 50, 50, 2)
    assert chart.table == [("Mon", ["1", "3"]), ("Tue", ["0", "2"])]


def test_many_labels_are_thinned_out() -> None:
    chart = BarChart("A chart", [str(day) for day in range(90)], [Bars("a", [1] * 90)])
    assert len(chart.ticks) <= 8
    assert BarChart("A chart", [], [Bars("a", [])]).boxes == []


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


TEMPLATE = '{% import "components/charts.html" as charts %}{{ charts.line(one) }}{{ charts.bars(other) }}'


@pytest.mark.parametrize("backend", ["sqlite"])
def test_charts_are_well_formed_without_a_style_and_with_their_numbers(app: Flask) -> None:
    hostile = '"><script>alert(1)</script>'
    one = LineChart(hostile, [Line(hostile, [Point(0, 0.5, 0.4, 0.6), Point(1, 0.7, 0.6, 0.9)])], Axis(0, 1), SHARES)
    one = LineChart(one.title, one.lines, one.x, one.y, [Mark(0.5, hostile), Mark(0.9, "proposed", "next")])
    other = BarChart("Bars", [hostile], [Bars(hostile, [3]), Bars("b", [1], 2)])
    with app.test_request_context():
        drawn = render_template_string(TEMPLATE, one=one, other=other)
    page = ElementTree.fromstring(f"<div>{drawn}</div>")  # noqa: S314  # our own template
    assert page.find(".//script") is None and "style=" not in drawn
    assert len(page.findall(".//table")) == 2
    assert not re.search(r"(nan|inf|None)", drawn)
