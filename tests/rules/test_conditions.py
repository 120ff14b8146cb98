import json
from decimal import Decimal

import pytest

from rules.conditions import UNSEEN, AllOf, AnyOf, Mentions, NoneOf, Price, Score
from rules.evidence import Evidence
from rules.lexicon import Kind, Lexicon, Term
from rules.model import Threshold

SEEN = Threshold("seen", 0.3, "measured")
ELEPHANT = Score("elephant", SEEN)
TIGER = Score("tiger", SEEN)
LEXICON = Lexicon(
    (
        Term("en", "ivory", (), ("ivory",), Kind.PLAIN),
        Term("en", "ox bone", (), ("ivory",), Kind.CODED),
        Term("fr", "ivoire", (), ("ivory",), Kind.PLAIN),
    )
)
IVORY = Mentions(LEXICON, ("ivory",))


def scored(**scores: float) -> Evidence:
    return Evidence(scores)


@pytest.mark.parametrize(("score", "met"), [(0.29999, False), (0.3, True), (1.0, True), (0.0, False)])
def test_a_score_is_met_at_or_above_its_threshold(score: float, met: bool) -> None:
    assert ELEPHANT.check(scored(elephant=score)).met is met


def test_an_absent_concept_is_unknown_even_at_threshold_zero() -> None:
    result = Score("elephant", Threshold("seen", 0.0, "")).check(scored(tiger=0.9))
    assert not result.met
    assert result.facts["score"] is None
    assert result.facts["unknown"] == UNSEEN == "no model that spoke can see it"


@pytest.mark.parametrize("score", [float("nan"), float("inf"), None, "high"])
def test_a_score_that_is_no_number_is_unknown(score: object) -> None:
    result = ELEPHANT.check(Evidence({"elephant": score}))  # type: ignore[dict-item]
    assert not result.met
    assert "unknown" in result.facts


def test_a_score_names_what_it_compared() -> None:
    facts = ELEPHANT.check(scored(elephant=0.5)).facts
    assert facts == {"concept": "elephant", "score": 0.5, "threshold": 0.3, "threshold_name": "seen"}


def test_mentions_finds_only_the_kind_it_asks_for() -> None:
    assert IVORY.check(Evidence(text="old ivory")).met
    assert not IVORY.check(Evidence(text="old ox bone")).met
    assert Mentions(LEXICON, ("ivory",), (Kind.CODED,)).check(Evidence(text="old ox bone")).met


def test_mentions_can_be_narrowed_to_languages_and_terms() -> None:
    assert not Mentions(LEXICON, ("ivory",), languages=("fr",)).check(Evidence(text="ivory")).met
    assert Mentions(LEXICON, ("ivory",), terms=("ivoire",)).check(Evidence(text="ivoire")).met
    assert not Mentions(LEXICON, ("ivory",), terms=("ivoire",)).check(Evidence(text="ivory")).met


def test_mentions_names_term_spelling_language_and_status() -> None:
    (term,) = IVORY.check(Evidence(text="Old IVORY")).facts["terms"]
    assert term["found"] == "ivory"
    assert (term["language"], term["kind"], term["status"]) == ("en", "plain", "unverified")


@pytest.mark.parametrize(
    ("price", "currency", "met"),
    [("99.99", "USD", False), ("100", "USD", True), ("200", "usd", True), ("200.01", "USD", False)],
)
def test_a_price_is_met_within_both_bounds(price: str, currency: str, met: bool) -> None:
    condition = Price("USD", Decimal(100), Decimal(200))
    assert condition.check(Evidence(price=Decimal(price), currency=currency)).met is met


@pytest.mark.parametrize(
    ("price", "currency"), [(None, "USD"), ("150", None), ("150", "EUR"), ("NaN", "USD"), ("Infinity", "USD")]
)
def test_a_price_that_cannot_be_compared_is_unknown(price: str | None, currency: str | None) -> None:
    result = Price("USD", at_least=Decimal(1)).check(
        Evidence(price=Decimal(price) if price else None, currency=currency)
    )
    assert not result.met
    assert "unknown" in result.facts


def test_groups_combine_their_children() -> None:
    both, first = scored(elephant=0.9, tiger=0.9), scored(elephant=0.9, tiger=0.1)
    assert AllOf((ELEPHANT, TIGER)).check(both).met
    assert not AllOf((ELEPHANT, TIGER)).check(first).met
    assert AnyOf((ELEPHANT, TIGER)).check(first).met
    assert not NoneOf((ELEPHANT, TIGER)).check(first).met
    assert NoneOf((TIGER,)).check(first).met


def test_none_is_not_met_by_what_nobody_could_see() -> None:
    assert not NoneOf((ELEPHANT,)).check(scored(tiger=0.1)).met
    assert not NoneOf((AnyOf((ELEPHANT, TIGER)),)).check(scored(tiger=0.1)).met


def test_a_group_keeps_the_results_of_all_its_children() -> None:
    result = AnyOf((ELEPHANT, TIGER)).check(scored(elephant=0.9, tiger=0.1))
    assert [child.met for child in result.children] == [True, False]


@pytest.mark.parametrize(
    ("condition", "needs"),
    [
        (ELEPHANT, True),
        (IVORY, False),
        (Price("USD", Decimal(1)), False),
        (AllOf((IVORY, ELEPHANT)), True),
        (AnyOf((IVORY, ELEPHANT)), False),
        (AnyOf((TIGER, ELEPHANT)), True),
        (NoneOf((ELEPHANT,)), False),
    ],
)
def test_needs_picture_says_whether_words_alone_can_meet_it(condition: AllOf, needs: bool) -> None:
    assert condition.needs_picture is needs


def test_facts_are_json_values() -> None:
    condition = AllOf((ELEPHANT, TIGER, IVORY, Price("USD", Decimal("1.50"))))
    evidence = Evidence({"elephant": 0.5}, "ivory", price=Decimal("2.00"), currency="USD")
    tree = condition.check(evidence).to_json()
    assert json.loads(json.dumps(tree, allow_nan=False)) == tree


def test_with_thresholds_replaces_by_name_all_the_way_down() -> None:
    condition = AllOf((IVORY, AnyOf((ELEPHANT, NoneOf((TIGER,)))), Price("USD", Decimal(1))))
    raised = condition.with_thresholds({"seen": Threshold("seen", 0.9, "")})
    assert "0.90" in raised.describe() and "0.30" not in raised.describe()
    assert condition.with_thresholds({"other": Threshold("other", 0.9, "")}) == condition


def test_describe_reads_as_a_part_of_a_sentence() -> None:
    condition = AllOf((IVORY, AnyOf((ELEPHANT, TIGER))))
    assert condition.describe() == (
        "the text holds plain words for ivory and "
        "(elephant scores 0.30 or more (seen) or tiger scores 0.30 or more (seen))"
    )
