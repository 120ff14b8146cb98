"""Every format holds what it held, byte for byte, and the same numbers as the content."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from tests.webapp.exporters import dataset
from webapp.exporters.content import COUNTED
from webapp.language import languages
from webapp.models import Redaction

EXPECTED = dataset.expected()
COUNTS = ("all", *COUNTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_report_is_what_it_was(name: str) -> None:
    """Where this fails for a good reason: `python -m tests.webapp.exporters.dataset`, and look at the difference."""
    assert EXPECTED[name].splitlines() == (dataset.FOLDER / name).read_bytes().splitlines()
    assert EXPECTED[name] == (dataset.FOLDER / name).read_bytes()


def test_there_is_a_golden_workbook_for_each_language() -> None:
    assert set(dataset.LANGUAGES) == set(languages())


@pytest.fixture(scope="module")
def workbook() -> Workbook:
    return load_workbook(io.BytesIO(dataset.written("xlsx")))


def test_every_number_of_a_finding_is_the_same_in_every_format(workbook: Workbook) -> None:
    found = list(dataset.content().findings())
    rows = table(EXPECTED["report.csv"])
    sheet = rows_of(workbook, "Findings")
    assert json.loads(EXPECTED["report.json"])["findings"] == found
    assert [json.loads(line) for line in EXPECTED["report.jsonl"].splitlines()[1:]] == found
    assert EXPECTED["report-bom.csv"].decode("utf-8-sig") == EXPECTED["report.csv"].decode()
    assert len(found) == len(rows) == len(sheet)
    for finding, row, cells in zip(found, rows, sheet, strict=True):
        listing, photo = finding["listing"], finding["photo"] or {}
        price = number(listing["price"])
        assert (finding["id"], finding["score"], finding["threshold"], price) == (
            cells["Finding"],
            cells["Score"],
            cells["Threshold"],
            cells["Price"],
        )
        assert (finding["id"], finding["score"], finding["threshold"], price) == tuple(
            number(row[name]) for name in ("finding", "score", "threshold", "price")
        )
        assert (row["photo_sha256"] or None) == cells["SHA-256 of the picture"] == photo.get("sha256")
        assert number(row["takedown_hours"]) == cells["Hours to takedown"]
        assert int(row["decisions_count"]) == cells["Decisions that stand"]
        assert cells["Decisions that stand"] == sum(one["stands"] for one in finding["decisions"])
        assert (row["primary_absent"] == "yes") is cells["Primary model absent"] is finding["primary_absent"]
        for name, heading in TIMES.items():
            assert moment(row[name]) == cells[heading]
            assert moment(finding[name] if name == "found_at" else listing[name]) == cells[heading]


TIMES = {
    "found_at": "Found at (UTC)",
    "posted_at": "Posted at (UTC)",
    "first_seen_at": "First seen at (UTC)",
    "last_seen_at": "Last seen at (UTC)",
    "removed_at": "Removed at (UTC)",
}


def test_every_figure_of_the_head_is_in_the_workbook(workbook: Workbook) -> None:
    head = dataset.content().head
    figures = head["figures"]
    said = {(row["About"], row["Name"]): row["Value"] for row in rows_of(workbook, "Summary")}
    for name, title in (("findings", "Findings"), ("listings", "Listings"), ("sellers", "Sellers")):
        assert said["Findings", title] == figures[name]
    assert said["Findings", "Pictures"] == figures["pictures"]
    assert said["Findings", "Decisions that stand"] == figures["decisions"]
    assert {state: said["By state", state] for state in figures["by_state"]} == figures["by_state"]
    assert {severity: said["By severity", severity] for severity in figures["by_severity"]} == figures["by_severity"]
    takedown = figures["takedown"]
    titles = ("Listings removed", "Listings that still stand", "A quarter within, in hours", "Half within, in hours")
    names = ("removed", "standing", "quarter_hours", "median_hours")
    assert [said["Time to takedown", title] for title in titles] == [takedown[name] for name in names]
    assert said["Time to takedown", "The longest, in hours"] == takedown["longest_hours"]
    assert said["Time to takedown", "Three quarters within, in hours"] == takedown["three_quarter_hours"]
    assert [counts_in(row) for row in rows_of(workbook, "Concepts")] == list(figures["by_concept"].values())
    assert {row["Source"]: counts_in(row) for row in rows_of(workbook, "Sources")} == figures["by_source"]
    assert [(row["Seller"], row["Listings"], counts_in(row)) for row in rows_of(workbook, "Sellers")] == [
        (one["seller"], one["listings"], one["counts"]) for one in figures["by_seller"]
    ]
    assert [
        {"day": row["Day (UTC)"].date().isoformat(), **{name: row[name.capitalize()] for name in DAILY}}
        for row in rows_of(workbook, "Days")
    ] == figures["by_day"]
    for heading, sheet, name in (("Findings", "Models", "models"), ("Findings", "Rules", "rules")):
        assert [row[heading] for row in rows_of(workbook, sheet)] == [one["findings"] for one in head[name]]
    assert [row["Threshold"] for row in rows_of(workbook, "Rules")] == [one["threshold"] for one in head["rules"]]


DAILY = ("found", "confirmed", "dismissed")


def test_every_quality_figure_is_the_same_in_every_format(workbook: Workbook) -> None:
    quality = dataset.content().head["quality"]
    cells = rows_of(workbook, "Quality")
    rows = table(EXPECTED["report-figures.csv"])
    intervals = ("Value", "From (95 % interval)", "To (95 % interval)", "Rests on")
    for figure, row, cell in zip(quality, rows, cells, strict=True):
        expected = [figure[name] for name in ("value", "low", "high", "n")]
        assert [number(row[name]) for name in ("value", "low", "high", "n")] == expected
        assert [cell[heading] for heading in intervals] == expected


def test_every_decision_and_removal_is_in_the_workbook(workbook: Workbook) -> None:
    found = list(dataset.content().findings())
    made = [(one["id"], said["by"], said["verdict"], said["stands"]) for one in found for said in one["decisions"]]
    assert [
        (row["Finding"], row["By"], row["Decision"], row["Stands"]) for row in rows_of(workbook, "Decisions")
    ] == made
    events = {(one["listing"]["id"], event["kind"], event["takedown_s"]) for one in found for event in one["events"]}
    shown = [(row["Listing"], row["Event"], row["Hours to takedown"]) for row in rows_of(workbook, "Takedown")]
    assert {(listing, kind, hours) for listing, kind, hours in shown} == {
        (listing, kind, None if seconds is None else round(seconds / 3600, 2)) for listing, kind, seconds in events
    }
    assert len(shown) == len(events)


@pytest.mark.parametrize("level", [Redaction.HASHED, Redaction.MINIMAL])
def test_redaction_changes_no_number(level: Redaction) -> None:
    head, *found = [json.loads(line) for line in EXPECTED[f"report-{level}.jsonl"].splitlines()]
    whole = dataset.content()
    for name in ("findings", "listings", "sellers", "pictures", "decisions", "by_state", "by_concept", "takedown"):
        assert head["figures"][name] == whole.head["figures"][name]
    assert head["quality"] == whole.head["quality"]
    for one, redacted in zip(whole.findings(), found, strict=True):
        assert [redacted[name] for name in ("id", "score", "threshold", "scores", "legal", "state")] == [
            one[name] for name in ("id", "score", "threshold", "scores", "legal", "state")
        ]


def table(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def rows_of(workbook: Workbook, sheet: str) -> list[dict[str, Any]]:
    heading, *rows = workbook[sheet].values
    return [dict(zip(heading, row, strict=True)) for row in rows]


def counts_in(row: dict[str, Any]) -> dict[str, int]:
    names = ("Findings", "Open", "Escalated", "Confirmed", "Dismissed", "Withdrawn")
    return dict(zip(COUNTS, (row[name] for name in names), strict=True))


def number(written: str | None) -> float | None:
    return float(written) if written else None


def moment(written: str | None) -> datetime | None:
    """As a workbook has it: in UTC, without saying so."""
    return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None) if written else None
