"""Workbooks: what strangers write stays text, what is too much is said, and pictures lie in their cells."""

import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.escape import unescape
from PIL import Image

from tests.webapp.exporters import dataset
from webapp.exporters import FORMATS, sheets, xlsx
from webapp.exporters.content import Choices, Content, Means
from webapp.language import speaking

HOSTILE = '=HYPERLINK("http://evil.example","click")'
TRAPS = (
    HOSTILE,
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2+3",
    "http://evil.example/",
    "mailto:a@evil.example",
    "internal:Sheet2!A1",
    "external:c:\\\\evil.xlsx",
    "{=1+1}",
    "<r><t>mine</t></r>",
    "<r>&broken</r>",
    "<f>1+1</f>",
    "]]>",
    "_x0041_",
    "12345",
    "2026-11-01",
    "TRUE",
)


@pytest.mark.parametrize("trap", TRAPS)
def test_no_cell_is_a_formula_or_a_link_and_every_text_is_as_it_was(trap: str) -> None:
    body = write(everywhere(trap))
    parts = xml_parts(body)
    assert not [name for name, text in parts.items() if re.search(r"<f[ >]|<hyperlink|TargetMode=.External", text)]
    assert not [name for name in parts if "externalLink" in name or "calcChain" in name]
    sheet = load_workbook(io.BytesIO(body))["Findings"]
    heading, row = (list(cells) for cells in list(sheet.iter_rows())[:2])
    cells = {top.value: cell for top, cell in zip(heading, row, strict=True)}
    for name in ("Listing", "Description", "Seller", "Source", "Address", "Suspicion"):
        assert cells[name].data_type in ("s", "inlineStr")
        assert unescape(str(cells[name].value)).rstrip() == trap


def test_a_text_that_would_begin_a_formula_is_marked_as_quoted() -> None:
    sheet = opened(everywhere(HOSTILE))["Findings"]
    cells = dict(zip((cell.value for cell in sheet[1]), sheet[2], strict=True))
    assert cells["Listing"].quotePrefix and not cells["State"].quotePrefix


@how(max_examples=8, deadline=None, database=None)
@given(st.lists(st.text(max_size=60), min_size=10, max_size=10))
def test_any_text_makes_a_workbook_that_opens_and_says_it(texts: list[str]) -> None:
    one = next(dataset.findings())
    found = [{**one, "listing": {**one["listing"], "title": text}} for text in texts]
    sheet = opened(Content({"title": texts[0]}, lambda: iter(found)))["Findings"]
    place = [cell.value for cell in sheet[1]].index("Listing")
    shown = [unescape(row[place] or "") for row in list(sheet.values)[1:]]
    assert list(map(lines_alike, shown)) == [lines_alike(xlsx.ILLEGAL.sub("\ufffd", text)) for text in texts]


def lines_alike(text: str) -> str:
    """XML reads every line end as one sign."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def test_what_a_cell_can_not_hold_is_replaced_or_cut_and_said() -> None:
    notices: list[str] = []
    content = with_listing(title="bell \x07 and \x1b", description="象" * 40_000 + "\U0001f42f" * 10)
    sheet = opened(content, Means(notices=notices))["Findings"]
    cells = dict(zip((cell.value for cell in sheet[1]), sheet[2], strict=True))
    assert cells["Listing"].value == "bell \ufffd and \ufffd"
    assert len(cells["Description"].value) == 32_767 and cells["Description"].value.endswith("象…")
    assert notices[-2:] == [
        "1 cell held characters that a workbook can't; each is shown as \ufffd.",
        "1 cell was cut to the 32,767 characters that one can hold; the JSON form has it whole.",
    ]


def test_an_astral_letter_is_not_cut_in_half() -> None:
    sheet = opened(with_listing(description="\U0001f42f" * 20_000))["Findings"]
    text = dict(zip((cell.value for cell in sheet[1]), sheet[2], strict=True))["Description"].value
    assert text == "\U0001f42f" * 16_383 + "…"


def test_more_rows_than_a_sheet_takes_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 9)
    notices: list[str] = []
    book = opened(dataset.content(), Means(notices=notices))
    assert book["Findings"].max_row == 9
    assert any("rows are left out: a sheet takes 8" in sentence for sentence in notices)
    assert book["Findings"].auto_filter.ref.endswith("9")


def test_what_the_file_could_not_show_stands_on_its_last_sheet_too() -> None:
    notices: list[str] = []
    book = opened(dataset.content(), Means(picture=dataset.picture, notices=notices))
    said = [row[1] for row in book["Limits"].values]
    assert notices and said[-len(notices) :] == notices
    assert any("Visual identification is tentative" in sentence for sentence in said)


def test_pictures_lie_inside_their_cells_with_words_for_those_who_do_not_see_them() -> None:
    def claims_low_resolution(_sha256: str, edge_px: int) -> bytes:
        body = io.BytesIO()
        Image.new("RGB", (edge_px, edge_px // 2)).save(body, "JPEG", dpi=(20, 20))
        return body.getvalue()

    for picture in (dataset.picture, claims_low_resolution):
        body = write(dataset.content(), Means(picture=picture))
        drawing = xml_parts(body)["xl/drawings/drawing1.xml"]
        corners = re.findall(r"<xdr:col>(\d+)</xdr:col><xdr:colOff>\d+</xdr:colOff><xdr:row>(\d+)</xdr:row>", drawing)
        assert len(corners) in (9 * 2, 10 * 2)
        assert corners[::2] == corners[1::2]  # each begins and ends in one cell
        assert {column for column, _ in corners} == {"1"}
        assert 'descr="Picture of finding 1"' in drawing
        assert "hlinkClick" not in drawing


@pytest.mark.parametrize(
    "choices", [Choices(pictures="none"), Choices(redaction="minimal", pictures="plain")], ids=["none", "minimal"]
)
def test_without_pictures_none_is_asked_for_and_there_is_no_column_for_them(choices: Choices) -> None:
    def picture(_sha256: str, _edge_px: int) -> bytes:
        raise AssertionError

    body = write(dataset.content(), Means(picture=picture), choices)
    assert not [name for name in ZipFile(io.BytesIO(body)).namelist() if "media" in name or "drawing" in name]
    assert "Picture" not in next(load_workbook(io.BytesIO(body))["Findings"].values)


def test_the_same_content_gives_the_same_bytes_and_says_when_it_was_built() -> None:
    one, other = (write(dataset.content(), Means(picture=dataset.picture)) for _ in range(2))
    assert one == other
    properties = load_workbook(io.BytesIO(one)).properties
    assert properties.created.isoformat() == "2026-12-01T00:00:00"
    assert properties.title == dataset.content().head["title"]


def test_headings_stay_in_sight_and_every_column_has_a_filter_and_a_width() -> None:
    for sheet in opened(dataset.content()):
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(sheet.column_dimensions[cell.column_letter].width > 8 for cell in sheet[1])


def test_times_before_excels_first_day_are_texts() -> None:
    sheet = opened(with_listing(posted_at="0001-01-01T00:00:00+00:00"))["Findings"]
    cells = dict(zip((cell.value for cell in sheet[1]), sheet[2], strict=True))
    assert cells["Posted at (UTC)"].value == "0001-01-01T00:00:00+00:00"


def test_names_of_sheets_fit_whatever_a_catalogue_says(monkeypatch: pytest.MonkeyPatch) -> None:
    names = dict.fromkeys(sheets.titles(), "[A/B]: a name that is far too long for a sheet?")
    monkeypatch.setattr(sheets, "titles", lambda: names)
    found = opened(dataset.content()).sheetnames
    assert len(found) == len(set(found)) == len(names)
    assert max(map(len, found)) <= 31


def test_a_report_speaks_the_language_in_force() -> None:
    with speaking("zh"):
        sheet = opened(dataset.content())
    assert "象牙" in [cell.value for row in sheet.worksheets[4].iter_rows() for cell in row]


def test_a_report_of_before_is_a_workbook_too() -> None:
    old = json.loads(json.dumps(next(dataset.findings())))
    for name in ("id", "language"):
        del old["listing"][name]
    del old["legal"]
    figures = {"findings": 1, "decisions": 2, "by_state": {"confirmed": 1}, "by_concept": {"ivory_product": 1}}
    head = {
        "format": "tuskline-report/1",
        "figures": figures,
        "models": [{"name": "m", "digest": "d"}],
        "statement": [],
    }
    book = opened(Content(head, lambda: iter([old])))
    assert list(book["Concepts"].values)[1][:2] == ("ivory product", 1)
    assert book["Takedown"].max_row == 4


@pytest.mark.parametrize("fails", [False, True])
def test_no_temporary_file_is_left(fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def tell(done: int) -> None:
        assert any(tmp_path.iterdir())
        if fails and done == 5:
            raise InterruptedError

    target, means = io.BytesIO(), Means(picture=dataset.picture, tell=tell)
    try:
        FORMATS["xlsx"].write(dataset.content(), Choices(), means, target)
    except InterruptedError:
        assert not target.getvalue()
    assert not list(tmp_path.iterdir())


def everywhere(text: str) -> Content:
    """The golden content with the text wherever somebody may have written it."""
    whole = dataset.content()

    def findings() -> Iterator[dict[str, Any]]:
        one = json.loads(json.dumps(next(whole.findings())))
        one["listing"] |= dict.fromkeys(("title", "description", "seller", "seller_url", "url"), text)
        one |= dict.fromkeys(("title", "why", "source", "rule", "model"), text)
        one["decisions"][0] |= {"note": text, "by": text}
        one["events"] = [
            {"at": "2026-11-01T00:00:00+00:00", "kind": "removed", "takedown_s": 1, "facts": {"reason": text}}
        ]
        yield one

    head = dict(whole.head) | dict.fromkeys(("title", "built_by", "filters_name"), text) | {"filters": {text: text}}
    head["sources"] = [{"name": text, "kind": text, "counts": {}}]
    head["figures"] = dict(head["figures"]) | {"by_seller": [{"seller": text, "source": text, "counts": {}}]}
    return Content(head, findings)


def with_listing(**fields: Any) -> Content:
    one = next(dataset.findings())
    changed = {**one, "listing": {**one["listing"], **fields}}
    return Content({}, lambda: iter([changed]))


def write(content: Content, means: Means | None = None, choices: Choices | None = None) -> bytes:
    target = io.BytesIO()
    FORMATS["xlsx"].write(content, choices or Choices(), means or Means(), target)
    return target.getvalue()


def opened(content: Content, means: Means | None = None) -> Workbook:
    return load_workbook(io.BytesIO(write(content, means)))


def xml_parts(body: bytes) -> Mapping[str, str]:
    with ZipFile(io.BytesIO(body)) as parts:
        return {name: parts.read(name).decode() for name in parts.namelist() if name.endswith((".xml", ".rels"))}
