"""What stands where, on one page: whether anything is stuck, what waits, what happened in a period."""

from datetime import date, timedelta
from math import ceil

from babel.dates import format_date
from flask import Blueprint, render_template, request

from webapp.charts import BarChart, Bars
from webapp.db import now
from webapp.extensions import app_settings, db_session
from webapp.language import locale, say, spoken
from webapp.models import FindingState, Role
from webapp.services import health, overview, quality, queue, trends
from webapp.services.trends import Band, Period, Trends
from webapp.views.access import requires
from webapp.wording import concept_words, word

pages = Blueprint("overview", __name__)

PRESSING_SHOWN = 3
DAYS = 30
# Decided ones below, so that what waits stands on top. Each with its colour.
STATES = {
    FindingState.DISMISSED: 1,
    FindingState.CONFIRMED: 4,
    FindingState.WITHDRAWN: 6,
    FindingState.ESCALATED: 2,
    FindingState.OPEN: 3,
}
CONCEPTS_APART = 5
KINDS = ("state", "concept")


@pages.get("/")
@requires(Role.VIEWER)
def show() -> str:
    figures, told = (
        overview.figures(db_session()),
        trends.trends(db_session(), request.args.get("days", DAYS, type=int)),
    )
    by = request.args.get("by", "state")
    by = by if by in KINDS else "state"
    return render_template(
        "overview/show.html",
        figures=figures,
        told=told,
        by=by,
        periods=trends.PERIODS,
        signs=health.signs(db_session(), app_settings().home, figures.primary_absent),
        flagged_chart=flagged_by_state(told) if by == "state" else flagged_by_concept(told),
        speed_chart=decided(told),
        bands=[(band, days_found(band)) for band in told.backlog.bands],
        quality=quality_of(told.period),
        pressing=queue.queue_page(db_session(), queue.QueueFilters(), limit=PRESSING_SHOWN).rows,
    )


def quality_of(period: Period) -> quality.Figures:
    name = ("quality", period.days, now().date(), spoken())
    return trends.kept(db_session(), name, lambda: quality.figures(db_session(), period.from_at, now()))


def flagged_by_state(told: Trends) -> BarChart:
    series = [Bars(word(state), told.flagged.by_state[state], style) for state, style in STATES.items()]
    return chart(say("Findings by the day on which they were flagged, and what became of them"), told.period, series)


def flagged_by_concept(told: Trends) -> BarChart:
    """The most frequent ones apart, the rest as one."""
    concepts = list(told.flagged.by_concept.items())
    series = [Bars(concept_words(name), counts, n) for n, (name, counts) in enumerate(concepts[:CONCEPTS_APART], 1)]
    if rest := [counts for _, counts in concepts[CONCEPTS_APART:]]:
        series.append(Bars(say("all others"), [sum(step) for step in zip(*rest, strict=True)], CONCEPTS_APART + 1))
    return chart(say("Findings by the day on which they were flagged, and their concept"), told.period, series)


def decided(told: Trends) -> BarChart:
    """In a narrow panel: there is room for a few labels."""
    series = [Bars(say("decisions"), told.speed.by_step)]
    return chart(say("Decisions by the day on which they were made"), told.period, series, labels=4)


def chart(title: str, period: Period, series: list[Bars], labels: int = 8) -> BarChart:
    days = [day_words(day) for day in period.steps]
    label = say("week from") if period.is_weekly else say("day")
    return BarChart(title, days, series, label_title=label, every=ceil(len(days) / labels))


def day_words(day: date) -> str:
    """`26 Nov`, as the language writes a day of a year that is known."""
    return str(format_date(day, "MMMd" if spoken() == "zh" else "d MMM", locale=locale()))


def days_found(band: Band) -> dict[str, str]:
    """The queue's filter that comes nearest to a band of ages: whole days."""
    today = now().date()
    newest = {"found_to": (today - timedelta(days=band.from_days)).isoformat()} if band.from_days else {}
    oldest = {"found_from": (today - timedelta(days=band.to_days)).isoformat()} if band.to_days else {}
    return newest | oldest
