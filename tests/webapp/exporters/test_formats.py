import csv
import io
import json
from typing import Any

import pytest

from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Content, Means
from webapp.exporters.table import neutralise

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
HOSTILE = [
    '=HYPERLINK("http://x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\ufeff=1",
    "\u200b@x",
    "\uff1dcmd",
    "\uff20x",
    "harmless;=1+1",
    "two\n=lines",
    "a\t@b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_begins_a_formula_wherever_a_spreadsheet_cuts(text: str) -> None:
    cells = neutralise(text).replace("\t", ";").replace("\n", ";").replace("\r", ";").split(";")
    for cell in cells:
        assert not cell.strip(" \u00a0\ufeff\u200b").startswith(BEGINNINGS)


@pytest.mark.parametrize("text", ["", "ivory tusk", "a = b", "well-known", "me@example.org", "象牙", "1;2"])
def test_harmless_text_is_left_alone(text: str) -> None:
    assert neutralise(text) == text


def test_blanks_without_end_take_no_time_without_end() -> None:
    text = "a" + "\n" * 100_000  # each blank looked at from every other would be ten thousand million
    assert neutralise(text) == text
    assert neutralise(f"{text}=1") == f"{text}'=1"


def test_csv_has_one_row_a_finding_and_the_numbers_of_the_json() -> None:
    content = made(finding(1, score=0.1234567890123), finding(2, score=None, photo=None))
    rows = read_csv(content)
    document = json.loads(write("json", content))
    assert document == {**content.head, "findings": list(content.findings())}
    assert [row["finding"] for row in rows] == ["1", "2"]
    assert float(rows[0]["score"]) == document["findings"][0]["score"]
    assert float(rows[0]["threshold"]) == document["findings"][0]["threshold"]
    assert (rows[1]["score"], rows[1]["photo_sha256"]) == ("", "")
    assert rows[0]["primary_absent"] == "yes"
    assert rows[0]["decisions"] == "2026-11-02T00:00:00+00:00 ann confirm: =tusks"


def test_a_strangers_title_can_not_run_in_a_spreadsheet_and_is_whole_in_the_json() -> None:
    content = made(finding(1, title_of_listing='=IMPORTXML("http://x"); 象牙'))
    assert read_csv(content)[0]["listing_title"] == '\'=IMPORTXML("http://x"); 象牙'
    assert json.loads(write("json", content))["findings"][0]["listing"]["title"] == '=IMPORTXML("http://x"); 象牙'


def test_csv_tells_spreadsheets_its_alphabet_on_request() -> None:
    assert write("csv-bom", made()) == "\ufeff".encode() + write("csv", made())


def test_the_figures_are_a_table_of_their_own() -> None:
    one = {"name": "misses", "value": 10.0, "low": 4.0, "high": 21.5, "n": 40, "reason": "", "basis": "=audit 1"}
    text = write("figures", made(quality=[one])).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["name"], float(row["value"]), float(row["high"]), row["n"]) == ("misses", 10.0, 21.5, "40")
    assert row["basis"] == "'=audit 1"
    assert write("figures", made()).startswith(b'"name"')  # a report of before


def test_json_lines_are_the_head_and_a_line_a_finding() -> None:
    content = made(finding(1), finding(2))
    head, *lines = [json.loads(line) for line in write("jsonl", content).splitlines()]
    assert head == content.head
    assert lines == list(content.findings())


@pytest.mark.parametrize("name", ["csv", "csv-bom", "json", "jsonl", "xlsx"])
def test_each_format_tells_how_far_it_is_and_can_be_ended(name: str) -> None:
    told: list[int] = []

    def tell(done: int) -> None:
        told.append(done)
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        FORMATS[name].write(made(*map(finding, range(1, 5))), Choices(), Means(tell=tell), io.BytesIO())
    assert told == [1, 2]


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_without_findings_is_a_file_all_the_same(name: str) -> None:
    assert write(name, made())


def made(*findings: dict[str, Any], **head: Any) -> Content:
    return Content({"format": "tuskline-report/1", **head}, lambda: iter(findings))


def write(name: str, content: Content) -> bytes:
    target = io.BytesIO()
    FORMATS[name].write(content, Choices(), Means(), target)
    return target.getvalue()


def read_csv(content: Content) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write("csv", content).decode(), newline="")))


def finding(number: int, title_of_listing: str = "Figure", **more: Any) -> dict[str, Any]:
    """As in a report of version 1."""
    listing = dict.fromkeys(("price", "currency", "seller", "country", "posted_at", "first_seen_at"))
    return {
        "id": number,
        "found_at": "2026-11-01T00:00:00+00:00",
        "state": "open",
        "concept": "elephant",
        "severity": "medium",
        "title": "Suspected elephant",
        "why": "elephant 0.91 reached the threshold 0.50",
        "score": 0.91,
        "threshold": 0.5,
        "rule": "elephant_seen",
        "rule_version": 1,
        "pack_digest": "a" * 64,
        "model": "m",
        "model_digest": "b" * 64,
        "primary_absent": True,
        "source": "Shop",
        "listing": {**listing, "url": "http://127.0.0.1/1", "title": title_of_listing},
        "photo": {"sha256": "c" * 64},
        "scores": [{"model": "m", "by_concept": {"elephant": 0.91, "tiger": 0.02}}],
        "decisions": [{"at": "2026-11-02T00:00:00+00:00", "by": "ann", "verdict": "confirm", "note": "=tusks"}],
        **more,
    }
