"""How values read on a page."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from rules.explain import lines
from rules.model import Result, Rule
from webapp.db import now
from webapp.echoes import say_again
from webapp.language import ENGLISH, find_text, number, say, say_later, say_many, spoken
from webapp.models import Job, JobKind, Verdict
from webapp.services import verifying
from webapp.services.moments import cron_words, zone_words
from webapp.wording import (
    as_sentence,
    concept_words,
    country_words,
    day_words,
    digest_head,
    exact_time,
    last_day_words,
    price_words,
    rate_words,
    score_words,
    share_words,
    short_span,
    size_words,
    span_of_time,
    span_words,
    units_of,
    why_words,
    word,
)

ROW_OR_CELL = re.compile(r"(<t[rdh](?=[\s>]))")
DOING_WORDS = {
    JobKind.INSTALL: say_later("Installing"),
    JobKind.REMOVE: say_later("Removing"),
    JobKind.VERIFY: say_later("Checking"),
    JobKind.MEASURE: say_later("Measuring"),
    JobKind.TRY: say_later("Looking at your picture"),
    JobKind.TRAIN: say_later("Training"),
    JobKind.REPORT: say_later("Building a report"),
    JobKind.WRITE: say_later("Writing a report"),
    JobKind.CASE: say_later("Making a case file"),
}
WORK_WORDS = {
    JobKind.INSTALL: say_later("Install"),
    JobKind.REMOVE: say_later("Remove"),
    JobKind.VERIFY: say_later("Check"),
    JobKind.MEASURE: say_later("Measure speed"),
    JobKind.TRY: say_later("Try a picture"),
    JobKind.TRAIN: say_later("Train"),
    JobKind.REPORT: say_later("Build a report"),
    JobKind.WRITE: say_later("Write a report"),
    JobKind.CASE: say_later("Make a case file"),
}
VERDICT_WORDS = {
    Verdict.CONFIRM: say_later("Confirmed"),
    Verdict.DISMISS: say_later("Dismissed"),
    Verdict.ESCALATE: say_later("Escalated"),
}
MODEL_ROLES = (say_later("primary"), say_later("fallback"))  # as the catalogue of models writes them


def init_app(app: Flask) -> None:
    for function in FILTERS:
        app.add_template_filter(said_anew(function), function.__name__)


def said_anew(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, kept from being worked out while a template is compiled: its language is each reader's own."""

    @pass_context
    @wraps(function)
    def filter_of(_context: Context, *given: Any, **named: Any) -> Any:
        return function(*given, **named)

    return filter_of


def translated(text: str | None) -> str:
    """Sentences that are stored in English, a pack's texts too; what is not known (a person's words) as it is."""
    return say_again(text)


def as_json(value: Any) -> str:
    """For people to read."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def verdict_words(verdict: Verdict) -> str:
    """What was done, as the first word of a sentence."""
    return str(VERDICT_WORDS[verdict])


def percent(score: float | None) -> float:
    """A place on a bar of 100 units."""
    return round(min(max(score or 0.0, 0.0), 1.0) * 100, 2)


def expected_words(expected: Mapping[str, Any]) -> str:
    """Of 100 flags, how many would be right (scanner.zoo.evaluation.expected.Expected.to_json)."""
    low, high = round(expected["low"] * 100), round(expected["high"] * 100)
    if not expected["false_flags_seen"]:
        return say("at least %(low)s", low=low)
    return say("about %(value)s (%(low)s to %(high)s)", value=round(expected["value"] * 100), low=low, high=high)


def job_words(job: Job) -> str:
    """`12.3 MB of 67.0 MB`, `120 of 500 pictures`, `200 of 10,000 findings`; empty while nothing is counted."""
    if not job.bytes_done:
        return ""
    if job.kind in (JobKind.TRAIN, JobKind.CASE):
        return say("%(done)s of %(total)s pictures", done=number(job.bytes_done), total=number(job.bytes_total or 0))
    if not job.kind.is_of_models:
        return say("%(done)s of %(total)s findings", done=number(job.bytes_done), total=number(job.bytes_total or 0))
    done = size_words(job.bytes_done)
    return say("%(done)s of %(total)s", done=done, total=size_words(job.bytes_total)) if job.bytes_total else done


def doing_words(kind: JobKind) -> str:
    """What a job of that kind does."""
    return str(DOING_WORDS[kind])


def work_words(kind: JobKind) -> str:
    """What was asked for."""
    return str(WORK_WORDS[kind])


def fault_words(fault: Mapping[str, Any]) -> str:
    """A fault of the audit log as a verification noted it there."""
    return verifying.fault_from_json(fault).words


def requester_words(name: str) -> str:
    """Who asked for a scan: a person's name, the schedule, or Tuskline itself."""
    if name.startswith("schedule:"):
        return say("schedule %(number)s", number=name.partition(":")[2])
    return say("Tuskline itself") if name == "system" else name


def card_time(written: str) -> str:
    """The time on a model's card (ISO 8601) as on every page; what can't be read stays as it was written."""
    try:
        return exact_time(datetime.fromisoformat(written).astimezone(UTC))
    except ValueError:
        return written


def ordinal(number: int) -> str:
    """`2nd`, `3rd`, `11th`; a plain number where a language has no such endings."""
    if spoken() != ENGLISH:
        return str(number)
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def elapsed(at: datetime | timedelta | None) -> str:
    """The larger unit alone: `3 h ago`, `2 days ago`."""
    if at is None:
        return say("never")
    age = at if isinstance(at, timedelta) else now() - at
    days, hours, minutes = units_of(age.total_seconds())
    if days:
        return say_many("%(num)s day ago", "%(num)s days ago", days)
    if hours:
        return say_many("%(num)s h ago", "%(num)s h ago", hours)
    return say_many("%(num)s min ago", "%(num)s min ago", minutes) if minutes else say("just now")


def web_address(url: str | None) -> str | None:
    """The address where it is one that a browser may open from a link (http or https), else None."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def marks_of(reasons: Mapping[str, Any]) -> dict[str, float]:
    """The threshold of each concept that a stored tree of reasons speaks of; the largest where there are several."""
    marks: dict[str, float] = {}
    for concept, threshold in score_nodes(reasons):
        marks[concept] = max(threshold, marks.get(concept, 0.0))
    return marks


def score_nodes(node: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    facts = node.get("facts") or {}
    if node.get("kind") == "score" and facts.get("threshold") is not None:
        yield str(facts["concept"]), float(facts["threshold"])
    for child in node.get("children") or ():
        yield from score_nodes(child)


def reason_lines(reasons: Mapping[str, Any]) -> list[tuple[int, bool, str]]:
    """A stored tree of reasons as (depth, met, sentence)."""
    return lines(Result.from_json(reasons), say=find_text)


def when_words(rule: Rule) -> str:
    """What a rule asks for."""
    return rule.when.describe(find_text)


def with_code(text: str) -> Markup:
    """A sentence in which commands stand between backticks, with each as code; all else is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)  # an odd backtick: somebody else's
    pieces = (Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))
    return Markup().join(pieces)


def with_headings(rows: Markup, headings: Iterable[str]) -> Markup:
    """Rows of a table in which each cell but a row's first carries its column's heading, for a page too narrow for it.

    What people wrote is escaped in the rows, so that each tag of a cell is the template's own.
    """
    said = [str(escape(heading)) for heading in headings]
    pieces = ROW_OR_CELL.split(str(rows))
    column = 0
    for place in range(1, len(pieces), 2):
        if pieces[place] == "<tr":
            column = 0
            continue
        if 0 < column < len(said):
            pieces[place] += f' data-heading="{said[column]}"'
        column += 1
    return Markup("".join(pieces))  # noqa: S704  (the template's own markup, and an escaped heading)


FILTERS = (
    as_json,
    as_sentence,
    card_time,
    concept_words,
    country_words,
    cron_words,
    day_words,
    digest_head,
    doing_words,
    elapsed,
    exact_time,
    expected_words,
    fault_words,
    job_words,
    last_day_words,
    number,
    ordinal,
    percent,
    price_words,
    rate_words,
    reason_lines,
    requester_words,
    score_words,
    share_words,
    short_span,
    size_words,
    span_of_time,
    span_words,
    translated,
    web_address,
    when_words,
    why_words,
    verdict_words,
    with_code,
    with_headings,
    word,
    work_words,
    zone_words,
)
