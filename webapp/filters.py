"""How values read on a page."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from jinja2.filters import do_filesizeformat
from markupsafe import Markup, escape

from rules.explain import lines
from rules.model import Result
from webapp.db import now
from webapp.language import find_text, locale
from webapp.models import Job, JobKind
from webapp.services.moments import cron_words, zone_words

CONCEPT_WORDS = {
    "other": "none of these",
    "tiger_tooth_claw_bone": "tiger tooth, claw or bone",
}


def init_app(app: Flask) -> None:
    for function in FILTERS:
        app.add_template_filter(function)


def concept_words(concept: str) -> str:
    return CONCEPT_WORDS.get(concept, concept.replace("_", " "))


def translated(text: str) -> str:
    """A text of the pack or of a model's card in the language of the page; per cent signs in it are no placeholders."""
    return find_text(text)


def country_words(code: str) -> str:
    """The name of a country (ISO 3166-1 alpha-2); the code itself where it is none."""
    return str(locale().territories.get(code, code))


def as_json(value: Any) -> str:
    """For people to read."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def score_words(score: float | None) -> str:
    """Three digits, cut off and not rounded: 0.4996 under a threshold of 0.5 must not read as 0.500."""
    if score is None:
        return "no score"
    return f"{int(score * 1000 + 1e-9) / 1000:.3f}"


def percent(score: float | None) -> float:
    """A place on a bar of 100 units."""
    return round(min(max(score or 0.0, 0.0), 1.0) * 100, 2)


def share_words(share: float | None) -> str:
    """`95 %`, `0.3 %`: whole per cents, and one digit more near the ends, where it matters."""
    if share is None:
        return "unknown"
    per_cent = share * 100
    digits = 1 if 0 < per_cent < 2 or 98 < per_cent < 100 else 0
    return f"{per_cent:.{digits}f}\N{NO-BREAK SPACE}%"


def span_words(low: float, high: float) -> str:
    """An interval of shares, as `90 to 98 %`."""
    return f"{share_words(low)[:-2]} to {share_words(high)}"


def expected_words(expected: Mapping[str, Any]) -> str:
    """Of 100 flags, how many would be right (scanner.zoo.evaluation.expected.Expected.to_json)."""
    low, high = round(expected["low"] * 100), round(expected["high"] * 100)
    if not expected["false_flags_seen"]:
        return f"at least {low}"
    return f"about {round(expected['value'] * 100)} ({low} to {high})"


def job_words(job: Job) -> str:
    """`12.3 MB of 67.0 MB`, `120 of 500 pictures`; empty while nothing is counted."""
    if not job.bytes_done:
        return ""
    if job.kind is JobKind.TRAIN:
        return f"{job.bytes_done:,} of {job.bytes_total:,} pictures"
    of_all = f" of {do_filesizeformat(job.bytes_total)}" if job.bytes_total else ""
    return f"{do_filesizeformat(job.bytes_done)}{of_all}"


def requester_words(name: str) -> str:
    """Who asked for a scan: a person's name, the schedule, or Tuskline itself."""
    return {"system": "Tuskline itself"}.get(name, name.replace("schedule:", "schedule "))


def digest_head(digest: str | None) -> str:
    return digest[:12] if digest else "unknown"


def exact_time(at: datetime | None) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC" if at else "never"


def card_time(written: str) -> str:
    """The time on a model's card (ISO 8601) as on every page; what can't be read stays as it was written."""
    try:
        return exact_time(datetime.fromisoformat(written).astimezone(UTC))
    except ValueError:
        return written


def ordinal(number: int) -> str:
    """`2nd`, `3rd`, `11th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def elapsed(at: datetime | timedelta | None) -> str:
    """The larger unit alone: `3 h ago`, `2 days ago`."""
    if at is None:
        return "never"
    age = at if isinstance(at, timedelta) else now() - at
    seconds = max(int(age.total_seconds()), 0)
    for unit, length in (("day", 86400), ("h", 3600), ("min", 60)):
        count = seconds // length
        if count:
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return "just now"


def span_of_time(seconds: float) -> str:
    """Two units at most: `3 days 4 h`, `25 min`."""
    left, parts = int(seconds), []
    for unit, length in (("day", 86400), ("h", 3600), ("min", 60)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
    return " ".join(parts[:2]) or "less than a minute"


def price_words(price: Decimal | None, currency: str | None) -> str:
    if price is None:
        return "no price"
    return f"{price:,.2f} {currency or ''}".strip()


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
    return lines(Result.from_json(reasons))


def with_code(text: str) -> Markup:
    """A sentence in which commands stand between backticks, with each as code; all else is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)  # an odd backtick: somebody else's
    pieces = (Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))
    return Markup().join(pieces)


def as_sentence(text: str) -> str:
    """A capital and a full stop around a reason, which comes without."""
    ended = text if text.endswith((".", "!", "?", "…")) else f"{text}."
    return ended[:1].upper() + ended[1:] if text else ""


FILTERS = (
    as_json,
    as_sentence,
    card_time,
    concept_words,
    country_words,
    cron_words,
    digest_head,
    elapsed,
    exact_time,
    expected_words,
    job_words,
    ordinal,
    percent,
    price_words,
    reason_lines,
    requester_words,
    score_words,
    share_words,
    span_of_time,
    span_words,
    translated,
    web_address,
    with_code,
    zone_words,
)
