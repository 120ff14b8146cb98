import pytest

from rules.engine import evaluate
from rules.evidence import CONCEPTS, Evidence
from rules.lexicon import Kind
from rules.lint import check_pack
from rules.load import find_pack, load_pack

FOLDER = find_pack("wildlife")
PACK = load_pack(FOLDER)
PICTURE_RULES = [rule for rule in PACK.rules if rule.id.endswith("_seen")]


def test_the_shipped_pack_checks_clean() -> None:
    assert check_pack(FOLDER) == []


def test_every_concept_but_other_has_its_picture_rule() -> None:
    assert {rule.concept for rule in PICTURE_RULES} == set(CONCEPTS) - {"other"}


@pytest.mark.parametrize("rule", PICTURE_RULES, ids=lambda rule: rule.id)
def test_a_picture_rule_flags_its_concept_and_no_other(rule: object) -> None:
    concept = rule.concept  # type: ignore[attr-defined]
    assert [finding.rule for finding in evaluate(PACK, Evidence({concept: 0.99}))] == [f"{concept}_seen"]


def test_a_threshold_is_measured_or_says_that_it_is_not() -> None:
    for rule in PACK.rules:
        for threshold in rule.thresholds.values():
            assert ("PPLCNetV2_base" in threshold.basis) != ("not measured" in threshold.basis), rule.id


def test_elephant_and_tiger_stand_at_the_measured_threshold() -> None:
    values = {rule.id: [t.value for t in rule.thresholds.values()] for rule in PACK.rules}
    assert values["elephant_seen"] == values["tiger_seen"] == [0.30]


def test_only_the_rules_of_words_can_flag_without_a_picture() -> None:
    without = {rule.id for rule in PACK.rules if not rule.needs_picture}
    assert without == {"ivory_words", "tiger_part_words", "pangolin_words"}


def test_the_lexicon_covers_its_ten_languages() -> None:
    languages = {term.language for term in PACK.lexicon.terms}
    assert languages == {"en", "zh", "ja", "vi", "th", "id", "fr", "it", "es", "de"}


@pytest.mark.parametrize("kind", [Kind.CODED])
def test_no_coded_word_flags_by_itself(kind: Kind) -> None:
    for term in PACK.lexicon.terms:
        if term.kind is kind:
            for word in (term.term, *term.variants):
                assert evaluate(PACK, Evidence({"other": 0.99}, word)) == (), word


def test_every_plain_word_flags_together_with_what_it_needs() -> None:
    for term in PACK.lexicon.terms:
        if term.kind is Kind.PLAIN:
            for word in (term.term, *term.variants):
                text = " , ".join([word, *term.needs[:1]])
                assert evaluate(PACK, Evidence(text=text)), text


def test_every_negative_context_hides_its_term() -> None:
    for term in PACK.lexicon.terms:
        for context in term.not_in:
            assert term not in [hit.term for hit in PACK.lexicon.hits(context)], context


def test_a_term_says_where_it_comes_from() -> None:
    assert all(term.source for term in PACK.lexicon.terms)
    assert {term.status for term in PACK.lexicon.terms} == {"verified", "unverified"}
