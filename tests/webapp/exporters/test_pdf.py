"""PDF reports: what they say, that they are accessible, the same each time, and bound of parts without a seam."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
import pytest
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from tests.webapp.exporters.pdf_scene import SHA256, content, finding, head_of, jpeg, make_pdf, picture_name
from webapp.exporters import FORMATS, pdf
from webapp.exporters.content import Choices, Content, Means
from webapp.exporters.typesetting import printing
from webapp.exporters.typesetting.printing import PrintError, run_press
from webapp.language import say


@pytest.fixture(scope="module")
def small() -> bytes:
    return make_pdf(content(7))


@pytest.fixture(scope="module")
def told() -> list[int]:
    """The findings written so far, as the work on parts tells them."""
    return []


@pytest.fixture(scope="module")
def parted(told: list[int]) -> bytes:
    """Five findings in two parts."""
    means = Means(picture=lambda sha256, _edge_px: jpeg(f"#{sha256[:6]}"), tell=told.append)
    with in_parts():
        return make_pdf(content(5), means=means)


@contextmanager
def in_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "PART", 3)
        yield


def pages_of(body: bytes) -> list[str]:
    with pypdfium2.PdfDocument(body) as document:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def pictures_on(body: bytes) -> int:
    """How many images stand on its pages."""
    with pypdfium2.PdfDocument(body) as document:
        return sum(len(list(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))) for page in document)


def test_the_cover_says_what_it_is_and_the_sections_follow(small: bytes) -> None:
    cover, contents, *rest = pages_of(small)
    for words in ("Ivory, November", "01 Nov 2026 to 30 Nov 2026 (UTC)", "by ann", SHA256, "severity: high", "blurred"):
        assert words in cover
    assert "nothing is proven by it" in cover
    for section in ("Summary", "By concept", "By source", "By seller", "Time to takedown", "Legal context"):
        assert section in contents
    whole = " ".join(rest)
    assert "No recall audit covers this period." in whole
    assert "81.0 % 70.0 % to 90.0 % 40 decided findings" in whole.replace("\N{NO-BREAK SPACE}", " ")
    assert "UNVERIFIED: not checked against a source" in whole
    assert "Finding 7: suspected ivory" in whole


def test_a_finding_shows_its_reasons_scores_decisions_and_laws(small: bytes) -> None:
    whole = " ".join(pages_of(small))
    assert "Ivory 0.91 reached the threshold 0.50 (ivory_seen)." in whole
    assert "tusk-lite (bbbbbbbbbbbb): ivory 0.910, none of these 0.049, tiger 0.010" in whole
    assert "ann (reviewer): confirmed; reason offered for sale, note: Schreger lines." in whole
    assert "L1 CITES, L2 Thailand (unverified)" in whole
    assert "gone, 2 h after it was first suspected. It answered 404." in whole


def test_strangers_texts_stand_as_they_are_and_hide_nothing(small: bytes) -> None:
    whole = " ".join(pages_of(small))
    assert r"#panic() *bold* $x$ @ref <label> \u{41} [x] #{1 + 1}" in whole
    assert "#seller_1*" in whole
    assert "i[U+200B]vory [U+202E]exe.gnp [U+0007]" in whole
    assert "more characters)" in whole


def test_no_text_reaches_beyond_the_margin(small: bytes) -> None:
    with pypdfium2.PdfDocument(small) as document:
        for page in document:
            edge = page.render(scale=1, crop=(page.get_width() - 50, 0, 0, 0)).to_pil().convert("L")
            assert edge.getextrema()[0] > 200


@pytest.mark.parametrize("name", ["small", "parted"])
def test_it_is_accessible(name: str, request: pytest.FixtureRequest) -> None:
    with pikepdf.open(BytesIO(request.getfixturevalue(name))) as opened:
        root = opened.Root
        assert opened.open_metadata()["pdfuaid:part"] == "1"
        assert (str(root.Lang), bool(root.MarkInfo.Marked)) == ("en", True)
        assert bool(root.ViewerPreferences.DisplayDocTitle)
        assert opened.docinfo.Title == "Ivory, November"
        marks = pikepdf.NumberTree(root.StructTreeRoot.ParentTree)
        numbers = [int(page.obj.StructParents) for page in opened.pages]
        assert len(set(numbers)) == len(numbers)
        for number, page in zip(numbers, opened.pages, strict=True):
            assert page.obj.objgen in {pages for one in marks[number] if one is not None for pages in pages_named(one)}
        headings = [str(one.S) for one in elements(root.StructTreeRoot) if re.fullmatch("/H[1-6]", str(one.get("/S")))]
        assert headings.count("/H2") == (7 if name == "small" else 5)


def pages_named(element: Any) -> Iterator[tuple[int, int]]:
    """The pages that an element of the tag tree, or a mark of it, says that it stands on."""
    if "/Pg" in element:
        yield element.Pg.objgen
    for kid in element.get("/K", []) if isinstance(element.get("/K"), pikepdf.Array) else []:
        if isinstance(kid, pikepdf.Dictionary) and kid.get("/Type") == "/MCR":
            yield kid.Pg.objgen


def elements(node: Any) -> Iterator[Any]:
    kids = node.get("/K")
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            yield kid
            yield from elements(kid)


def test_parts_are_bound_with_pages_bookmarks_and_findings_in_order(parted: bytes, told: list[int]) -> None:
    pages = pages_of(parted)
    for place, words in enumerate(pages, 1):
        assert f"Page {place} of {len(pages)}" in words
    found = re.findall(r"Finding (\d+): suspected", " ".join(pages))
    assert found == list("12345")
    assert pictures_on(parted) == 5
    assert told[-1] == 5
    assert told == sorted(told)
    with pikepdf.open(BytesIO(parted)) as opened, opened.open_outline() as outline:
        parts = outline.root[-1].children
        assert [part.title for part in parts][1] == "Suspected findings 4 to 5 of 5"
        for part in parts:
            for item in part.children:
                place = [page.obj.objgen for page in opened.pages].index(item.destination[0].objgen)
                assert item.title in pages[place]


def test_the_same_content_makes_the_same_bytes(parted: bytes) -> None:
    with in_parts():
        assert make_pdf(content(5)) == parted


def test_a_correction_names_the_older_report_on_the_cover() -> None:
    corrects = {"report": 11, "sha256": "d" * 64, "why": "Two scans were counted twice."}
    cover = pages_of(make_pdf(content(0, corrects=corrects)))[0]
    assert "This report corrects report 11" in cover
    assert "Two scans were counted twice." in cover
    assert "d" * 64 in cover


def test_nothing_found_reads_as_a_sentence() -> None:
    whole = " ".join(pages_of(make_pdf(content(0))))
    assert "Nothing was found or decided in this period." in whole
    assert "There is no finding in this report." in whole


def test_a_content_of_the_first_format_comes_out() -> None:
    one = finding(0)
    for name in ("id", "language"):
        del one["listing"][name]
    del one["legal"], one["photo"]["purged_at"]
    head = {
        "format": "tuskline-report/1",
        "from": "2026-11-01T00:00:00+00:00",
        "to": "2026-12-01T00:00:00+00:00",
        "built_at": "2026-12-02T08:00:00+00:00",
        "built_by": "system",
        "statement": ["A score is a suspicion, not a proof."],
        "primary_absent": True,
        "models": [{"name": "tusk-lite", "digest": "b" * 64}],
        "scans": 1,
        "figures": {"findings": 1, "decisions": 0, "by_state": {"open": 1}, "by_concept": {"ivory": 1}},
        "quality": head_of([])["quality"],
    }
    whole = " ".join(pages_of(make_pdf(Content(head, lambda: iter([one])))))
    assert "Suspected wildlife trade on marketplaces" in whole
    assert "Of 1 suspected finding 1 is open." in whole
    assert "Finding 1: suspected ivory" in whole


def test_findings_alone_are_enough() -> None:
    """A case file has pages of its findings, and no figures of a period."""
    whole = " ".join(
        pages_of(make_pdf(Content({"title": "Case 4"}, lambda: iter([finding(0)])), report_id=None, sha256=""))
    )
    assert "Case 4" in whole
    assert "Finding 1: suspected ivory" in whole


def test_pictures_are_shown_named_as_gone_or_left_out() -> None:
    asked: list[tuple[str, int]] = []

    def picture(sha256: str, edge_px: int) -> bytes | None:
        asked.append((sha256, edge_px))
        return jpeg() if sha256 == picture_name(0) else None

    shown = make_pdf(content(2), means=Means(picture=picture))
    assert pictures_on(shown) == 1
    assert "The picture's bytes are no longer kept, or can't be read." in " ".join(pages_of(shown))
    assert {sha256 for sha256, _ in asked} == {picture_name(0), picture_name(1)}
    asked.clear()
    without = make_pdf(content(2), means=Means(picture=picture), pictures="none")
    assert (pictures_on(without), asked) == (0, [])
    assert "left out" in pages_of(without)[0]


def test_whoever_waits_may_end_the_work() -> None:
    def tell(_done: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        make_pdf(content(1), means=Means(tell=tell))


def test_what_typst_refuses_is_a_sentence() -> None:
    with pytest.raises(PrintError, match="could not be typeset"):
        run_press([{"do": "count", "root": "/nowhere", "main": "/nowhere/x.typ", "inputs": {}}])


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "PATIENCE_S", 0.01)
    with pytest.raises(PrintError, match="took longer"):
        run_press([])


def test_the_file_speaks_the_language_in_force() -> None:
    body = make_pdf(content(2), "zh")
    with pikepdf.open(BytesIO(body)) as opened:
        assert str(opened.Root.Lang).startswith("zh")
    whole = " ".join(pages_of(body))
    assert "2026年11月1日" in whole.replace(" ", "")
    assert "象牙" in whole


def test_it_is_a_format_that_takes_a_worker() -> None:
    exporter = FORMATS["pdf"]
    assert (exporter.is_quick, exporter.shows_pictures, exporter.speaks) == (False, True, True)
    assert say("Contents") == "Contents"
    assert Choices().pictures == "blurred"
