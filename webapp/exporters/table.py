"""CSV for spreadsheets: one row a finding, and no cell that a spreadsheet would run.

The headings are English identifiers in every language: programs read these files by them, and a column that was called
otherwise in another office's file would break what reads both. Whoever wants words takes the workbook.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from webapp.exporters.content import Choices, Content, Finding, Means

FIGURES = ("name", "value", "low", "high", "n", "reason", "basis")

# A cell that begins with one of these is a formula to a spreadsheet, whatever blanks stand before it. The second
# group of places: where a spreadsheet of another country, or a paste, begins a new cell in the middle of a text.
BLANK = r"\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x20"
SIGN = r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
FORMULA = re.compile(rf"(?:^|[;\t\r\n])[{BLANK}]*{SIGN}")
# Blanks are taken run by run, never again from each of their places on: a seller may write a hundred thousand of them.
RUN = re.compile(rf"[;{BLANK}]++(?:{SIGN}())?")
BEGINS_CELL = re.compile(r"[;\t\r\n]")
BEGINS_ODDLY = re.compile(r"^[\t\r\n]")


def write(content: Content, _choices: Choices, means: Means, target: BinaryIO) -> None:
    """UTF-8, every text in quotes."""
    write_rows(target, COLUMNS, rows_of(content, means))


def write_with_mark(content: Content, _choices: Choices, means: Means, target: BinaryIO) -> None:
    """As write, with a byte order mark: without it Excel reads another alphabet."""
    write_rows(target, COLUMNS, rows_of(content, means), encoding="utf-8-sig")


def rows_of(content: Content, means: Means) -> Iterator[list[Any]]:
    for number, finding in enumerate(content.findings()):
        yield [read(finding) for read in COLUMNS.values()]
        means.tell(number + 1)


def write_figures(content: Content, _choices: Choices, _means: Means, target: BinaryIO) -> None:
    """The report's figures, one row each: precision, recall, misses and agreement with their 95 % intervals."""
    write_rows(target, FIGURES, ([one[name] for name in FIGURES] for one in content.head.get("quality", [])))


def write_rows(
    target: BinaryIO, heading: Iterable[str], rows: Iterable[Iterable[Any]], encoding: str = "utf-8"
) -> None:
    text = io.TextIOWrapper(target, encoding=encoding, newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(heading)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    text.detach()


def safe(value: Any) -> Any:
    """A number as it is, anything else as a text that stays a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return value
    return neutralise(str(value))


def neutralise(text: str) -> str:
    """An apostrophe before each sign that would begin a formula; the JSON form has the text as it was."""
    begins = re.match(SIGN, text) is not None
    text = RUN.sub(mark, text)
    return f"'{text}" if begins or BEGINS_ODDLY.match(text) else text


def mark(run: re.Match[str]) -> str:
    """The blanks before a sign, with an apostrophe where a cell begins with them or among them."""
    is_cell = run.start() == 0 or BEGINS_CELL.search(run[0])
    return f"{run[0]}'" if run[1] is not None and is_cell else run[0]


def of(name: str) -> Callable[[Finding], Any]:
    return lambda finding: finding[name]


def within(part: str, name: str) -> Callable[[Finding], Any]:
    return lambda finding: (finding[part] or {}).get(name)


def scores_of(finding: Finding) -> str:
    return "; ".join(
        f"{said['model']}: "
        + ", ".join(f"{concept} {score:.4f}" for concept, score in sorted(said["by_concept"].items()))
        for said in finding["scores"]
    )


def standing_of(finding: Finding) -> list[Mapping[str, Any]]:
    """Without what was taken back or revised; in a report of before there was such a thing, all stand."""
    return [one for one in finding["decisions"] if one.get("stands", True)]


def decisions_of(finding: Finding) -> str:
    return "; ".join(
        f"{one['at']} {one['by']} {one['verdict']}" + (f": {one['note']}" if one["note"] else "")
        for one in standing_of(finding)
    )


def price_of(finding: Finding) -> Decimal | str | None:
    """A number, so that a negative one is no formula; what is no number stays as it was written."""
    written: str | None = finding["listing"].get("price")
    try:
        price = Decimal(written or "")
    except InvalidOperation:
        return written
    return price if price.is_finite() else written


def takedown_of(finding: Finding) -> float | None:
    """Hours from the listing's first suspicion to its noticed removal, of the newest removal."""
    removals = [event for event in finding.get("events", []) if event["kind"] == "removed"]
    seconds = removals[-1]["takedown_s"] if removals else None
    return None if seconds is None else round(seconds / 3600, 2)


COLUMNS: dict[str, Callable[[Finding], Any]] = {
    "finding": of("id"),
    "found_at": of("found_at"),
    "state": of("state"),
    "concept": of("concept"),
    "severity": of("severity"),
    "title": of("title"),
    "why": of("why"),
    "score": of("score"),
    "threshold": of("threshold"),
    "rule": of("rule"),
    "rule_version": of("rule_version"),
    "pack_digest": of("pack_digest"),
    "model": of("model"),
    "model_digest": of("model_digest"),
    "primary_absent": of("primary_absent"),
    "source": of("source"),
    "listing_url": within("listing", "url"),
    "listing_title": within("listing", "title"),
    "price": price_of,
    "currency": within("listing", "currency"),
    "seller": within("listing", "seller"),
    "country": within("listing", "country"),
    "posted_at": within("listing", "posted_at"),
    "first_seen_at": within("listing", "first_seen_at"),
    "last_seen_at": within("listing", "last_seen_at"),
    "removed_at": within("listing", "removed_at"),
    "takedown_hours": takedown_of,
    "photo_sha256": within("photo", "sha256"),
    "scores": scores_of,
    "decisions_count": lambda finding: len(standing_of(finding)),
    "decisions": decisions_of,
}
