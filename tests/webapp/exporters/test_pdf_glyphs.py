"""Sellers' words are readable on the page: by what is drawn there, as the text in a PDF is there under boxes too."""

from collections.abc import Iterator
from itertools import combinations

import pypdfium2
import pytest

from tests.webapp.exporters import glyphs
from tests.webapp.exporters.pdf_scene import content, finding, make_pdf
from webapp.cli.doctor import check_fonts
from webapp.exporters.content import Content, Means
from webapp.exporters.typesetting import fonts, printing
from webapp.settings import Settings

HAN, THAI, VIETNAMESE = "穿山甲", "งาช้าง", "ngà voi"
MARKS = ("qaq", "qbq", "qcq", "qdq")  # plain words around them, to find the place by


def words_only() -> Content:
    """A finding whose listing has one word a script, and nothing else in these scripts."""
    whole = content(0, title="Glyphs")
    one = finding(0)
    one["listing"] |= {
        "title": f"{MARKS[0]} {HAN} {MARKS[1]} {THAI} {MARKS[2]} {VIETNAMESE} {MARKS[3]}",
        "description": "",
        "language": None,
    }
    return Content(whole.head, lambda: iter([one]))


@pytest.fixture(scope="module")
def page() -> bytes:
    return make_pdf(words_only())


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(printing, "SYSTEM_FONTS", False)
    yield


def face_for(family: str) -> fonts.Face:
    face = fonts.plain_faces().get(family)
    if face is None or face.path is None:
        pytest.skip(f"{family} is not installed: make test installs it")
    return face


def test_chinese_is_drawn_as_its_font_draws_it(page: bytes) -> None:
    face = face_for("Noto Sans CJK SC")
    shown = glyphs.parted(glyphs.between(page, *MARKS[:2]), 3)
    own = [glyphs.drawn(one, str(face.path), face.index) for one in HAN]
    for place, shape in enumerate(shown):
        alike = [glyphs.likeness(shape, other) for other in own]
        assert alike[place] > 0.7
        assert max(alike) == alike[place]
    assert all(glyphs.likeness(one, other) < 0.7 for one, other in combinations(shown, 2))


@pytest.mark.parametrize(
    ("word", "others", "family", "before", "after"),
    [
        (THAI, ("งาชาง", THAI[::-1], "งาแกะ"), "Noto Sans Thai", *MARKS[1:3]),
        (VIETNAMESE, ("nga voi", VIETNAMESE[::-1]), "Noto Sans", *MARKS[2:]),
    ],
)
def test_a_word_is_drawn_as_its_font_draws_it(
    page: bytes, word: str, others: tuple[str, ...], family: str, before: str, after: str
) -> None:
    face = face_for(family)
    shown = glyphs.normal(glyphs.between(page, before, after))
    alike = {one: glyphs.likeness(shown, glyphs.drawn(one, str(face.path), face.index)) for one in (word, *others)}
    assert alike[word] > 0.85
    assert max(alike.values()) == alike[word]


@pytest.mark.usefixtures("no_system_fonts")
def test_without_the_fonts_there_are_boxes_all_alike_and_the_first_page_says_so() -> None:
    means = Means()
    pdf = make_pdf(words_only(), means=means)
    shown = glyphs.parted(glyphs.between(pdf, *MARKS[:2]), 3)
    assert all(glyphs.likeness(one, other) > 0.8 for one, other in combinations(shown, 2))
    (notice,) = means.notices
    assert "9 characters" in notice and "Thai 6" in notice and "Han 3" in notice
    assert "apt install fonts-noto-cjk fonts-noto-core" in notice
    with pypdfium2.PdfDocument(pdf) as document:
        cover = " ".join(document[0].get_textpage().get_text_bounded().split())
    assert notice in cover


def test_with_the_fonts_there_is_nothing_to_say() -> None:
    face_for("Noto Sans CJK SC"), face_for("Noto Sans Thai")
    means = Means()
    make_pdf(words_only(), means=means)
    assert means.notices == []


@pytest.mark.usefixtures("no_system_fonts")
def test_doctor_says_what_to_install() -> None:
    told = [words for _, words in check_fonts(Settings())]
    assert "no font shows Chinese: PDF reports have boxes there; install fonts-noto-cjk" in told
    assert "no font shows Thai: PDF reports have boxes there; install fonts-noto-core" in told
    assert "Vietnamese can be shown in PDF reports" in told
