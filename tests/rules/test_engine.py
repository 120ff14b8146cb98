from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.conditions import AllOf, AnyOf, Mentions, NoneOf, Price, Score
from rules.engine import evaluate, pack_digest, with_thresholds
from rules.evidence import CONCEPTS, Evidence
from rules.lexicon import Kind, Lexicon, Term
from rules.load import find_pack, load_pack
from rules.model import Condition, Pack, Result, Rule, Severity, Threshold

WILDLIFE = load_pack(find_pack("wildlife"))
IVORY = Mentions(WILDLIFE.lexicon, ("ivory",))


def make_rule(when: Condition, **thresholds: float) -> Rule:
    named = {name: Threshold(name, value, "measured once") for name, value in thresholds.items()}
    return Rule("one", 1, "Suspected one", "ivory", Severity.HIGH, named, when.with_thresholds(named), (), ())


def make_pack(*rules: Rule) -> Pack:
    pack = Pack("small", "Small", "1", rules, "", WILDLIFE.lexicon)
    return replace(pack, digest=pack_digest(pack))


def score(concept: str, name: str) -> Score:
    return Score(concept, Threshold(name, 0.5, ""))


def test_a_finding_names_rule_threshold_score_and_why() -> None:
    (finding,) = evaluate(WILDLIFE, Evidence({"elephant": 0.88}))
    assert (finding.rule, finding.rule_version, finding.severity) == ("elephant_seen", 1, Severity.MEDIUM)
    assert (finding.score, finding.threshold) == (0.88, 0.30)
    assert finding.why == "elephant 0.88 reached the threshold 0.30 (elephant_seen)"
    assert finding.result.met


def test_the_met_score_with_the_largest_margin_decides() -> None:
    when = AnyOf((score("elephant", "low"), score("tiger", "high"), score("ivory", "top")))
    pack = make_pack(make_rule(when, low=0.2, high=0.6, top=0.99))
    (finding,) = evaluate(pack, Evidence({"elephant": 0.5, "tiger": 0.7, "ivory": 0.98}))
    assert (finding.score, finding.threshold) == (0.5, 0.2)


def test_a_met_score_in_an_unmet_branch_does_not_decide() -> None:
    when = AnyOf((AllOf((score("elephant", "a"), IVORY)), score("tiger", "a")))
    (finding,) = evaluate(make_pack(make_rule(when, a=0.3)), Evidence({"elephant": 0.9, "tiger": 0.4}))
    assert finding.score == 0.4


def test_words_alone_give_no_score_and_no_threshold() -> None:
    (finding,) = evaluate(make_pack(make_rule(IVORY)), Evidence(text="elephant ivory"))
    assert finding.score is None and finding.threshold is None


def test_an_absent_concept_flags_nothing() -> None:
    assert evaluate(WILDLIFE, Evidence()) == ()
    assert evaluate(WILDLIFE, Evidence({"other": 1.0})) == ()


def test_the_result_survives_json() -> None:
    (finding,) = evaluate(WILDLIFE, Evidence({"tiger": 0.5}))
    assert Result.from_json(finding.result.to_json()) == finding.result


def test_a_changed_threshold_is_a_new_version_with_a_new_digest() -> None:
    changed = with_thresholds(WILDLIFE, {"elephant_seen": (4, {"elephant_seen": 0.95})})
    rule = changed.find_rule("elephant_seen")
    assert rule is not None and rule.version == 4
    assert rule.thresholds["elephant_seen"].value == 0.95
    assert "set by a person in version 4" in rule.thresholds["elephant_seen"].basis
    assert changed.digest != WILDLIFE.digest
    assert evaluate(changed, Evidence({"elephant": 0.88})) == ()


def test_changing_thresholds_leaves_the_pack_itself_alone() -> None:
    with_thresholds(WILDLIFE, {"elephant_seen": (2, {"elephant_seen": 0.95})})
    assert load_pack(find_pack("wildlife")) == WILDLIFE


def test_a_change_for_a_rule_or_threshold_that_is_gone_is_passed_over() -> None:
    assert with_thresholds(WILDLIFE, {"gone": (2, {"gone": 0.1})}) == WILDLIFE
    changed = with_thresholds(WILDLIFE, {"elephant_seen": (2, {"gone": 0.1})})
    assert evaluate(changed, Evidence({"elephant": 0.31}))


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_a_threshold_outside_zero_to_one_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        with_thresholds(WILDLIFE, {"elephant_seen": (2, {"elephant_seen": value})})


def test_the_digest_does_not_depend_on_order() -> None:
    terms = tuple(reversed(WILDLIFE.lexicon.terms))
    rules = tuple(reversed(WILDLIFE.rules))
    assert pack_digest(replace(WILDLIFE, rules=rules, lexicon=Lexicon(terms))) == WILDLIFE.digest


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"severity": Severity.LOW}, {"concept": "tiger"}, {"when": IVORY}, {"thresholds": {}}]
)
def test_the_digest_follows_all_that_decides(change: dict[str, object]) -> None:
    first = WILDLIFE.find_rule("elephant_seen")
    assert first is not None
    rule = replace(first, **change)  # type: ignore[arg-type]
    rules = tuple(rule if one.id == first.id else one for one in WILDLIFE.rules)
    assert pack_digest(replace(WILDLIFE, rules=rules)) != WILDLIFE.digest


def test_the_digest_follows_the_lexicon() -> None:
    more = Lexicon((*WILDLIFE.lexicon.terms, Term("en", "new word", (), ("ivory",), Kind.CODED)))
    assert pack_digest(replace(WILDLIFE, lexicon=more)) != WILDLIFE.digest


SCORES = st.dictionaries(st.sampled_from(CONCEPTS), st.floats(0, 1))
WORDS = ["ivory", "ox bone", "象牙", "穿山甲", "hàng rừng", "血牙", "tiger skin"]
TEXTS = st.lists(st.text(max_size=20) | st.sampled_from(WORDS), max_size=6).map(" ".join)
EVIDENCE = st.builds(
    Evidence,
    scores=SCORES,
    text=TEXTS,
    price=st.none() | st.decimals(),
    currency=st.none() | st.sampled_from(["USD", "eur", ""]),
)
NAMES = ("a", "b")
WORD_CONDITIONS = st.sampled_from([IVORY, Mentions(WILDLIFE.lexicon, ("ivory",), (Kind.CODED,))])
LEAVES = st.one_of(
    st.builds(score, st.sampled_from(CONCEPTS[:4]), st.sampled_from(NAMES)),
    WORD_CONDITIONS,
    st.builds(Price, st.just("USD"), st.none() | st.just(Decimal(5)), st.none() | st.just(Decimal(50))),
    WORD_CONDITIONS.map(lambda child: NoneOf((child,))),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, min_size=1, max_size=3)
        .map(tuple)
        .flatmap(lambda children: st.sampled_from([AllOf(children), AnyOf(children)]))
    ),
    max_leaves=6,
)


@given(
    st.builds(
        Evidence,
        scores=st.dictionaries(st.text(max_size=8) | st.sampled_from(CONCEPTS), st.floats()),
        text=st.text(),
        price=st.none() | st.decimals(),
        currency=st.none() | st.text(),
    )
)
def test_evaluate_never_raises_and_never_changes_its_answer(evidence: Evidence) -> None:
    assert evaluate(WILDLIFE, evidence) == evaluate(WILDLIFE, evidence)


@given(CONDITIONS, EVIDENCE, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_raising_a_threshold_never_opens_a_finding(
    when: Condition, evidence: Evidence, low: float, high: float, other: float
) -> None:
    low, high = sorted((low, high))
    pack = make_pack(make_rule(when, a=low, b=other))
    raised = with_thresholds(pack, {"one": (2, {"a": high})})
    assert len(evaluate(raised, evidence)) <= len(evaluate(pack, evidence))


@given(CONDITIONS, EVIDENCE)
def test_a_rule_that_needs_a_picture_is_never_met_without_a_score(when: Condition, evidence: Evidence) -> None:
    if when.needs_picture:
        assert not when.check(replace(evidence, scores={})).met
