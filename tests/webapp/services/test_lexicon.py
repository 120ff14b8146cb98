"""The lexicon with what came of its words; a coded word alone never flags."""

import random

import pytest
from sqlalchemy.orm import Session

from rules.engine import evaluate
from rules.evidence import Evidence
from rules.lexicon import Kind
from rules.load import find_pack, load_pack
from tests.factories import make_finding, make_listing, make_source
from webapp.models import FindingState, FindingTerm
from webapp.services import lexicon
from webapp.services.lexicon import TermFilters

PACK = load_pack(find_pack("wildlife"))
CODED = [term for term in PACK.lexicon.terms if term.kind is Kind.CODED]
WORDS = [word for term in CODED for word in (term.term, *term.variants, *term.needs)]


def terms(session: Session, **filters: str) -> list[str]:
    return [entry.term.term for entry in lexicon.entries(session, PACK.lexicon, TermFilters(**filters))]  # type: ignore[arg-type]


def test_without_a_filter_every_word_is_there(session: Session) -> None:
    assert len(terms(session)) == len(PACK.lexicon.terms)


def test_words_are_filtered_by_language_kind_and_concept(session: Session) -> None:
    found = lexicon.entries(session, PACK.lexicon, TermFilters("zh", "ivory", "coded"))
    assert found and all(
        entry.is_coded and entry.term.language == "zh" and "ivory" in entry.term.concepts for entry in found
    )


@pytest.mark.parametrize("query", ["OX  bone", "ox-bone", "Ox bone"])
def test_a_word_is_found_however_it_is_spelt(session: Session, query: str) -> None:
    assert "ox bone" in terms(session, query=query)
    assert terms(session, query="no such word") == []


def test_a_word_is_found_by_its_contexts_too(session: Session) -> None:
    assert "ivory" in terms(session, query="ivory tower")


def name_term(session: Session, seller: str, state: FindingState, term: str = "ivory", language: str = "en") -> None:
    listing = make_listing(session, SOURCE.setdefault("one", make_source(session)), seller=seller)
    finding = make_finding(session, listing, words_only=True, state=state)
    session.add(FindingTerm(finding_id=finding.id, language=language, term=term))
    session.flush()


SOURCE: dict[str, object] = {}


def test_the_verdicts_on_what_a_word_flagged_are_its_live_precision(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCE, "one", make_source(session))
    for seller in ("a", "b", "c"):
        name_term(session, seller, FindingState.CONFIRMED)
    name_term(session, "d", FindingState.DISMISSED)
    name_term(session, "e", FindingState.OPEN)
    figures = lexicon.term_figures(session)["en", "ivory"]
    assert (figures.flagged, figures.decided, figures.confirmed) == (5, 4, 3)
    assert figures.precision is not None and figures.precision.value == 0.75
    assert figures.precision.low < 0.35 and figures.precision.high > 0.94


def test_a_hundred_items_of_one_seller_tell_little(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCE, "one", make_source(session))
    for _ in range(30):
        name_term(session, "a", FindingState.CONFIRMED)
    precision = lexicon.term_figures(session)["en", "ivory"].precision
    assert precision is not None and precision.low < 0.3


def test_a_word_that_flagged_nothing_has_no_precision(session: Session) -> None:
    (entry,) = lexicon.entries(session, PACK.lexicon, TermFilters("en", query="bovine bone"))[:1]
    assert (entry.figures.flagged, entry.figures.precision) == (0, None)


@pytest.mark.parametrize("seed", range(8))
def test_no_text_of_coded_words_flags_without_a_picture(seed: int) -> None:
    """Whatever is put together of them, of all languages at once, with what they need beside them."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    tried = 0
    for _ in range(60):
        words = chance.choices(WORDS, k=chance.randint(1, 12))
        text = chance.choice([" ", ", ", "\n", "; ", " - "]).join(words)
        plain = [hit for hit in PACK.lexicon.hits(text) if hit.term.kind is Kind.PLAIN]
        # Two coded words side by side may spell a plain one (虎 and 骨): then it is the plain one that speaks.
        assert plain or evaluate(PACK, Evidence(text=text)) == (), text
        assert plain or evaluate(PACK, Evidence({"other": 0.99, "ivory": 0.01}, text)) == (), text
        tried += not plain
    assert tried > 30


def test_every_coded_word_alone_and_all_of_them_at_once_flag_nothing() -> None:
    for term in CODED:
        for word in (term.term, *term.variants):
            for need in term.needs or ("",):
                text = f"{word} {need}".strip()
                assert evaluate(PACK, Evidence(text=text)) == (), text
    assert len(CODED) > 20
