"""Words are marked where a person reads them, however a seller has spelt them."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.lexicon import Kind, Lexicon, Term, cut_pieces
from rules.load import find_pack, load_pack
from rules.spelling import MAX_CHARS, align, normalise

WILDLIFE = load_pack(find_pack("wildlife")).lexicon


def marked(text: str, lexicon: Lexicon = WILDLIFE) -> list[str]:
    """What is marked, each spelling once a place."""
    return [text[start:end] for start, end in sorted({(mark.start, mark.end) for mark in lexicon.marks(text)})]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Elephant IVORY bangle, old ivory", ["IVORY", "ivory"]),
        ("real i.v.o.r.y, message me", ["i.v.o.r.y"]),
        ("real i-v-o-r-y, message me", ["i-v-o-r-y"]),
        ("\uff29\uff36\uff2f\uff32\uff39 bangle", ["\uff29\uff36\uff2f\uff32\uff39"]),
        ("an iv\u200bory bangle", ["iv\u200bory"]),
        ("老象牙手串 象.牙", ["象牙", "象.牙"]),
        ("Vòng n.g.à voi", ["n.g.à voi"]),
        ("vòng nga\u0300  voi đẹp", ["nga\u0300  voi"]),
        ("ขายงาช้างแท้", ["งาช้าง"]),
        ("Alter STOSSZAHN, poliert", ["STOSSZAHN"]),
        ("Alter Stoßzahn, poliert", ["Stoßzahn"]),
        ("ﬁne carved Ivory", ["Ivory"]),
        ("カワイイ根付", ["根付"]),
        ("ﾈｯｸﾚｽ ｾﾝｻﾞﾝｺｳ の", ["ｾﾝｻﾞﾝｺｳ"]),
        ("pegang \U0001f418 ya", ["\U0001f418"]),
        ("\U0001f600\U0001f600 ivory", ["ivory"]),
        ("Pangolin_scales, 1kg", ["Pangolin_scales"]),
        ("İstanbul ivory", ["ivory"]),
        ("ivory", ["ivory"]),
    ],
)
def test_a_word_is_marked_as_it_was_written(text: str, words: list[str]) -> None:
    assert marked(text) == words


@pytest.mark.parametrize(
    "text", ["", "Ivory lace veil", "象牙白连衣裙 果冻料", "Côte d'Ivoire", "i.v.o.r.y coast", "ivorylike"]
)
def test_what_only_looks_like_a_term_is_not_marked(text: str) -> None:
    assert marked(text) == []


def test_beside_a_harmless_context_the_term_itself_is_marked() -> None:
    text = "Ivory lace fan with elephant ivory sticks"
    (mark,) = WILDLIFE.marks(text)
    assert (mark.start, text[mark.start : mark.end], mark.term.term) == (29, "ivory", "ivory")


def test_a_word_that_a_term_needs_may_stand_elsewhere_in_the_listing() -> None:
    lexicon = Lexicon((Term("en", "tusk", (), ("ivory",), Kind.PLAIN, needs=("elephant",)),))
    assert lexicon.marks("A tusk") == ()
    assert [(mark.start, mark.end) for mark in lexicon.marks("A tusk", "A tusk\nfrom an elephant")] == [(2, 6)]


def test_terms_of_two_languages_at_one_place_are_both_marked() -> None:
    assert {mark.term.language for mark in WILDLIFE.marks("象牙 印鑑")} == {"zh", "ja"}


def test_pieces_are_the_text_and_say_what_is_marked() -> None:
    text = "old 象牙 and i.v.o.r.y"
    pieces = cut_pieces(text, WILDLIFE.marks(text))
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.terms] == ["象牙", "i.v.o.r.y"]
    assert cut_pieces("", ()) == ()


# Letters that join, part or change in number when they are normalised, and what lies in wait between them.
ODD = st.sampled_from(
    "aAßﬁİΣς.·-_* \n\r\t\u2019象牙ガｶﾞ각ᄀ\u0300\u0327"
    "\u200b\u1161\u11a8\u09c7\u09be\u0e33\ufdfa\u0344\uff9e\U0001d160\U0001f418"
)
TEXTS = st.lists(ODD | st.characters(), max_size=40).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("\u1100\u200b\u1161\u11a8")
@example("a\u0300\u0327i.v.o.r.y")
def test_an_aligned_text_is_the_normalised_one_and_keeps_its_places(text: str) -> None:
    aligned = align(text)
    assert aligned.text == normalise(text)
    assert len(aligned.text) == len(aligned.starts) == len(aligned.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(aligned.starts, aligned.ends, strict=True))


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from([word for term in WILDLIFE.terms for word in (term.term, *term.variants)]), TEXTS)
def test_there_are_marks_where_there_are_hits_and_nowhere_else(before: str, word: str, after: str) -> None:
    text = f"{before} {word} {after}"
    marks = WILDLIFE.marks(text)
    assert {mark.term for mark in marks} == {hit.term for hit in WILDLIFE.hits(text)}
    assert all(normalise(text[mark.start : mark.end]).strip() for mark in marks)
    assert "".join(piece.text for piece in cut_pieces(text, marks)) == text


def test_a_hostile_text_is_marked_in_bounded_time() -> None:
    start = time.perf_counter()
    for piece in ("ivory ", "象牙白", "a\u0300", "i.v.o.r.y ", "\ufdfa"):
        WILDLIFE.marks(piece * (2 * MAX_CHARS // len(piece)))
    assert time.perf_counter() - start < 20
