"""How values read on a page."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from babel.numbers import format_decimal, format_percent, get_currency_precision
from babel.units import format_unit
from flask import Flask
from markupsafe import Markup, escape

from rules.explain import lines, sentence
from rules.model import Result, Rule
from rules.wording import spell
from webapp.db import now
from webapp.echoes import say_again
from webapp.language import ENGLISH, find_text, locale, number, say, say_later, say_many, spoken
from webapp.models import Job, JobKind, Verdict
from webapp.services import verifying
from webapp.services.moments import cron_words, day_words, exact_time, last_day_words, zone_words

ROW_OR_CELL = re.compile(r"(<t[rdh](?=[\s>]))")
CONCEPT_WORDS = {
    "other": say_later("none of these"),
    "tiger_tooth_claw_bone": say_later("tiger tooth, claw or bone"),
}
DOING_WORDS = {
    JobKind.INSTALL: say_later("Installing"),
    JobKind.REMOVE: say_later("Removing"),
    JobKind.VERIFY: say_later("Checking"),
    JobKind.MEASURE: say_later("Measuring"),
    JobKind.TRY: say_later("Looking at your picture"),
    JobKind.TRAIN: say_later("Training"),
    JobKind.CASE: say_later("Making a case file"),
}
WORK_WORDS = {
    JobKind.INSTALL: say_later("Install"),
    JobKind.REMOVE: say_later("Remove"),
    JobKind.VERIFY: say_later("Check"),
    JobKind.MEASURE: say_later("Measure speed"),
    JobKind.TRY: say_later("Try a picture"),
    JobKind.TRAIN: say_later("Train"),
    JobKind.CASE: say_later("Make a case file"),
}
VERDICT_WORDS = {
    Verdict.CONFIRM: say_later("Confirmed"),
    Verdict.DISMISS: say_later("Dismissed"),
    Verdict.ESCALATE: say_later("Escalated"),
}
SIZES = (("gigabyte", 1e9), ("megabyte", 1e6), ("kilobyte", 1e3))
MODEL_ROLES = (say_later("primary"), say_later("fallback"))  # as the catalogue of models writes them
SENTENCE_ENDS = (".", "!", "?", "…", "\u3002", "\uff01", "\uff1f")


def init_app(app: Flask) -> None:
    for function in FILTERS:
        app.add_template_filter(function)


def word(value: object) -> str:
    """A state, severity, role, verdict or kind in the reader's language; what the catalogue has not, as it is."""
    return find_text(str(value))


def translated(text: str | None) -> str:
    """Sentences that are stored in English, a pack's texts too; what is not known (a person's words) as it is."""
    return say_again(text)


def concept_words(concept: str) -> str:
    return str(CONCEPT_WORDS.get(concept) or spell(concept, find_text))


def country_words(code: str) -> str:
    """The name of a country (ISO 3166-1 alpha-2); the code itself where it is none."""
    return str(locale().territories.get(code, code))


def as_json(value: Any) -> str:
    """For people to read."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def verdict_words(verdict: Verdict) -> str:
    """What was done, as the first word of a sentence."""
    return str(VERDICT_WORDS[verdict])


def score_words(score: float | None) -> str:
    """Three digits, cut off and not rounded: 0.4996 under a threshold of 0.5 must not read as 0.500."""
    if score is None:
        return say("no score")
    return format_decimal(int(score * 1000 + 1e-9) / 1000, "0.000", locale())


def percent(score: float | None) -> float:
    """A place on a bar of 100 units."""
    return round(min(max(score or 0.0, 0.0), 1.0) * 100, 2)


def share_words(share: float | None) -> str:
    """`95 %`, `0.3 %`: whole per cents, and one digit more near the ends, where it matters."""
    if share is None:
        return say("unknown")
    return format_percent(share, f"{digits_of(share)}\N{NO-BREAK SPACE}%", locale())


def digits_of(share: float) -> str:
    per_cent = share * 100
    return "0.0" if 0 < per_cent < 2 or 98 < per_cent < 100 else "0"


def span_words(low: float, high: float) -> str:
    """An interval of shares, as `90 to 98 %`."""
    from_low = format_decimal(low * 100, digits_of(low), locale())
    return say("%(low)s to %(high)s", low=from_low, high=share_words(high))


def expected_words(expected: Mapping[str, Any]) -> str:
    """Of 100 flags, how many would be right (scanner.zoo.evaluation.expected.Expected.to_json)."""
    low, high = round(expected["low"] * 100), round(expected["high"] * 100)
    if not expected["false_flags_seen"]:
        return say("at least %(low)s", low=low)
    return say("about %(value)s (%(low)s to %(high)s)", value=round(expected["value"] * 100), low=low, high=high)


def size_words(size_bytes: float) -> str:
    """`12.3 MB`, `512 bytes`; a kilobyte is 1000 bytes."""
    for unit, length in SIZES:
        if size_bytes >= length:
            return format_unit(size_bytes / length, f"digital-{unit}", "short", "#,##0.0", locale())
    return format_unit(size_bytes, "digital-byte", "long", locale=locale())


def job_words(job: Job) -> str:
    """`12.3 MB of 67.0 MB`, `120 of 500 pictures`; empty while nothing is counted."""
    if not job.bytes_done:
        return ""
    if job.kind in (JobKind.TRAIN, JobKind.CASE):
        return say("%(done)s of %(total)s pictures", done=number(job.bytes_done), total=number(job.bytes_total or 0))
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


def digest_head(digest: str | None) -> str:
    return digest[:12] if digest else say("unknown")


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


def span_of_time(seconds: float) -> str:
    """Two units at most: `3 days 4 h`, `25 min`."""
    days, hours, minutes = units_of(seconds)
    spans = (
        say_many("%(num)s day", "%(num)s days", days) if days else "",
        say_many("%(num)s h", "%(num)s h", hours) if hours else "",
        say_many("%(num)s min", "%(num)s min", minutes) if minutes else "",
    )
    told = [span for span in spans if span][:2]
    if not told:
        return say("less than a minute")
    return told[0] if len(told) == 1 else say("%(larger)s %(smaller)s", larger=told[0], smaller=told[1])


def units_of(seconds: float) -> tuple[int, int, int]:
    """Days, hours, minutes; nothing is rounded up."""
    minutes = max(int(seconds), 0) // 60
    return minutes // 1440, minutes // 60 % 24, minutes % 60


def price_words(price: Decimal | None, currency: str | None) -> str:
    """The currency by its code: a sign such as $ or ¥ is that of several. VND and others have no parts."""
    if price is None:
        return say("no price")
    is_whole = get_currency_precision(currency or "") == 0 and price == int(price)
    pattern = "#,##0" if is_whole else "#,##0.00"
    return f"{format_decimal(price, pattern, locale())} {currency or ''}".strip()


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


def why_words(reasons: Mapping[str, Any]) -> str:
    """Why a finding is one, from its stored tree: the stored sentence is the same in English."""
    return sentence(Result.from_json(reasons), find_text)


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


def as_sentence(text: str) -> str:
    """A capital and a full stop around a reason, which comes without; the name of a model or a rule stays as it is."""
    if not text:
        return ""
    ended = text if text.endswith(SENTENCE_ENDS) else say("%(sentence)s.", sentence=text)
    return ended if "_" in ended.split(maxsplit=1)[0] else ended[:1].upper() + ended[1:]


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
    reason_lines,
    requester_words,
    score_words,
    share_words,
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
