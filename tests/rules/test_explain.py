from decimal import Decimal

import pytest

from rules.conditions import AllOf, AnyOf, Mentions, NoneOf, Price, Score
from rules.evidence import Evidence
from rules.explain import lines, sentence
from rules.lexicon import Kind, Lexicon, Term
from rules.model import Result, Threshold

ELEPHANT = Score("elephant", Threshold("elephant_seen", 0.3, ""))
TIGER_SKIN = Score("tiger_skin", Threshold("skin", 0.5, ""))
CODED = Mentions(Lexicon((Term("zh", "血牙", (), ("ivory",), Kind.CODED),)), ("ivory",), (Kind.CODED,))


def test_a_met_score_is_one_plain_sentence() -> None:
    assert sentence(ELEPHANT.check(Evidence({"elephant": 0.88}))) == (
        "elephant 0.88 reached the threshold 0.30 (elephant_seen)"
    )


def test_an_unmet_score_says_below() -> None:
    assert sentence(TIGER_SKIN.check(Evidence({"tiger_skin": 0.1}))) == (
        "tiger skin 0.10 stayed below the threshold 0.50 (skin)"
    )


def test_numbers_that_would_look_equal_get_more_digits() -> None:
    assert "0.2999 stayed below the threshold 0.3000" in sentence(ELEPHANT.check(Evidence({"elephant": 0.2999})))


def test_an_unknown_score_says_that_no_model_sees_it() -> None:
    assert sentence(ELEPHANT.check(Evidence())) == "elephant is unknown: no model that spoke can see it"


def test_a_coded_word_is_said_to_be_one() -> None:
    assert sentence(CODED.check(Evidence(text="老血牙"))) == (
        "the text holds the coded word \u201c血牙\u201d (Chinese, may stand for ivory; unverified entry)"
    )
    assert sentence(CODED.check(Evidence(text=""))) == "the text holds no coded words for ivory"


def test_a_word_of_two_languages_is_said_once() -> None:
    terms = tuple(Term(code, "象牙", (), ("ivory",), Kind.PLAIN, status="verified") for code in ("zh", "ja"))
    result = Mentions(Lexicon(terms), ("ivory",)).check(Evidence(text="象牙"))
    assert sentence(result) == "the text holds \u201c象牙\u201d (Chinese or Japanese, names ivory)"


def test_a_group_tells_what_decided_and_leaves_the_rest_out() -> None:
    evidence = Evidence({"elephant": 0.5, "tiger_skin": 0.1}, "血牙")
    result = AllOf((CODED, AnyOf((ELEPHANT, TIGER_SKIN)))).check(evidence)
    assert "coded word" in sentence(result)
    assert sentence(result).endswith(" and elephant 0.50 reached the threshold 0.30 (elephant_seen)")
    assert "tiger skin" not in sentence(result)


def test_an_unmet_group_tells_what_failed() -> None:
    result = AllOf((CODED, ELEPHANT)).check(Evidence({"elephant": 0.5}))
    assert sentence(result) == "the text holds no coded words for ivory"


def test_a_price_is_told_with_its_bounds() -> None:
    condition = Price("USD", Decimal(100))
    assert sentence(condition.check(Evidence(price=Decimal(120), currency="USD"))) == (
        "the price 120 USD is at least 100 USD"
    )
    assert "unknown" in sentence(condition.check(Evidence()))


def test_lines_give_depth_verdict_and_text_of_every_node() -> None:
    result = AllOf((NoneOf((CODED,)), ELEPHANT)).check(Evidence({"elephant": 0.1}))
    assert [(depth, met) for depth, met, _ in lines(result)] == [(0, False), (1, True), (2, False), (1, False)]
    assert lines(result)[0][2] == "not all of these hold"


@pytest.mark.parametrize("met", [True, False])
def test_a_stored_result_of_an_unknown_kind_still_reads(met: bool) -> None:
    assert "weight" in sentence(Result("weight", met))


def test_a_result_read_back_from_json_reads_the_same() -> None:
    result = AllOf((CODED, ELEPHANT)).check(Evidence({"elephant": 0.5}, "血牙"))
    assert sentence(Result.from_json(result.to_json())) == sentence(result)
