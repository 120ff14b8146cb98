"""The golden content as PDF, in each language: every glyph is there, and the numbers are those of the content."""

from io import BytesIO

import pikepdf
import pypdfium2
import pytest

from tests.webapp.exporters import dataset
from tests.webapp.exporters.pdf_scene import make_pdf
from tests.webapp.exporters.test_pdf_glyphs import face_for
from webapp.exporters.content import Means
from webapp.language import languages, number, speaking
from webapp.wording import concept_words


@pytest.mark.parametrize("code", list(languages()))
def test_the_golden_report_is_readable_in_every_language(code: str) -> None:
    for family in ("Noto Sans CJK SC", "Noto Sans Thai"):
        face_for(family)
    content, means = dataset.content(), Means(picture=dataset.picture)
    body = make_pdf(content, code, means)
    assert means.notices == []
    with pikepdf.open(BytesIO(body)) as opened:
        assert opened.open_metadata()["pdfuaid:part"] == "1"  # typst refuses it where a glyph is missing
    with pypdfium2.PdfDocument(body) as document:
        pages = [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]
        assert all(page.render(scale=0.5).to_pil().convert("L").getextrema()[0] < 160 for page in document)
    whole = " ".join(pages)
    with speaking(code):
        assert f"{number(content.head['figures']['findings'])} " in pages[1]
        for concept, counts in content.head["figures"]["by_concept"].items():
            row = [concept_words(concept), *(number(counts[name]) for name in ("all", "confirmed", "dismissed"))]
            assert " ".join(row) in whole
    for finding in content.findings():
        assert f"{finding['photo']['sha256']}" in whole if finding["photo"] else True
