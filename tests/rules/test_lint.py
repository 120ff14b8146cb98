from pathlib import Path

import pytest

from rules.lint import LINTS, check_pack
from tests.rules.packs import LEXICON, PACK, RULE, write_pack

WHEN = "  score: {concept: elephant, threshold: seen}"
CODED = "mentions: {concepts: [ivory], kind: coded}"
IVORY_RULE = """\
id: elephant_seen
title: Suspected ivory
concept: ivory
severity: low
when:
  WHEN
citations: [a book]
examples:
  - {name: both, flags: true, text: ivory of ox bone, price: 10, currency: USD}
  - {name: none, flags: false, text: ivory lace}
"""
# For each lint: what to change in the good rule, and the line and message that must come of it.
FAILING = {
    "suspected_title": (RULE.replace("Suspected elephant", "Elephant"), 2, "does not begin with"),
    "no_verdict": (RULE.replace("Suspected elephant", "Suspected illegal elephant"), 2, "says \u201cillegal\u201d"),
    "citation": (RULE.replace("citations:\n  - CITES Appendix I\n", ""), 1, "the rule cites nothing"),
    "flagging_example": (RULE.replace("0.8}", "0.1}").replace("flags: true", "flags: false"), 13, "no example flags"),
    "quiet_example": (RULE.replace("0.1}", "0.7}").replace("flags: false", "flags: true"), 13, "must stay unflagged"),
    "examples_hold": (RULE.replace("0.8}", "0.2}"), 14, "must flag, but elephant 0.20 stayed below the threshold"),
    "quiet_on_nothing": (IVORY_RULE.replace("WHEN", f"none: [{{{CODED}}}]"), 5, "without picture and words"),
    "coded_alone": (IVORY_RULE.replace("WHEN", CODED), 5, "a coded word alone flags"),
    "own_concept": (RULE.replace("concept: elephant\ns", "concept: tiger\ns"), 3, "does not speak of the concept"),
    "threshold_basis": (
        RULE.replace("    basis: measured on twenty pictures\n", ""),
        6,
        "does not say what it is based",
    ),
}


def check(folder: Path, rule: str) -> list[tuple[str, int, str]]:
    faults = check_pack(write_pack(folder / "pack", elephant_seen=rule))
    return [(fault.hint.split(":")[0], fault.line, fault.message) for fault in faults]


def test_a_good_rule_has_no_fault(tmp_path: Path) -> None:
    assert check(tmp_path, RULE) == []


def test_every_lint_has_a_failing_case_and_a_sentence_why() -> None:
    assert {lint.id for lint in LINTS} == set(FAILING)
    assert all(len(lint.why.split()) > 5 for lint in LINTS)


@pytest.mark.parametrize("lint", FAILING)
def test_a_lint_finds_its_fault_at_its_line(tmp_path: Path, lint: str) -> None:
    rule, line, message = FAILING[lint]
    found = check(tmp_path, rule)
    assert any(name == lint and at == line and message in text for name, at, text in found), found


@pytest.mark.parametrize(
    "text", ["basis: an illegal count of pictures", "- Law against ILLEGAL trade", "name: illegally"]
)
def test_no_text_of_a_rule_gives_a_verdict(tmp_path: Path, text: str) -> None:
    old = {"basis": "basis: measured on twenty pictures", "- Law": "- CITES Appendix I", "name:": "name: a teapot"}
    rule = RULE.replace(old[text[:5]], text)
    assert [name for name, _, _ in check(tmp_path, rule)] == ["no_verdict"]


@pytest.mark.parametrize(
    ("when", "is_allowed"),
    [
        (f"all: [{{{CODED}}}, {{price: {{currency: USD, at_least: 5}}}}]", True),
        (f"all: [{{{CODED}}}, {{mentions: {{concepts: [ivory]}}}}]", True),
        (f"any: [{{{CODED}}}, {{price: {{currency: USD, at_least: 5}}}}]", False),
        (f"all: [{{{CODED}}}, {{none: [{{mentions: {{concepts: [ivory]}}}}]}}]", False),
        ("mentions: {concepts: [ivory], kind: either}", False),
        (f"all: [{{{CODED}}}, {{{CODED}}}]", False),
    ],
)
def test_a_coded_word_must_have_company_however_it_is_nested(tmp_path: Path, when: str, is_allowed: bool) -> None:
    found = check(tmp_path, IVORY_RULE.replace("WHEN", when))
    assert ("coded_alone" not in [name for name, _, _ in found]) is is_allowed, found


def test_an_exception_with_a_reason_sets_a_lint_aside(tmp_path: Path) -> None:
    rule = RULE.replace("Suspected elephant", "Elephant") + EXCEPTION.format("suspected_title", "a test")
    assert check(tmp_path, rule) == []


EXCEPTION = "exceptions:\n  - lint: {}\n    reason: {}\n"


@pytest.mark.parametrize(
    ("lint", "reason", "message"),
    [
        ("citation", "none needed", "`citation` finds nothing here"),
        ("citatoin", "none needed", "`citatoin` is no lint"),
        ("examples_hold", "too hard", "`examples_hold` cannot be set aside"),
        ("citation", '""', "the text is empty"),
    ],
)
def test_an_exception_that_excepts_nothing_is_a_fault(tmp_path: Path, lint: str, reason: str, message: str) -> None:
    found = check(tmp_path, RULE + EXCEPTION.format(lint, reason))
    assert any(message in text for _, _, text in found), found


def test_a_failing_example_cannot_be_set_aside(tmp_path: Path) -> None:
    found = check(tmp_path, RULE.replace("0.8}", "0.2}") + EXCEPTION.format("examples_hold", "too hard"))
    assert next(name for name, _, _ in found) == "examples_hold"


def test_an_exception_without_a_reason_is_a_fault(tmp_path: Path) -> None:
    found = check(tmp_path, RULE + "exceptions:\n  - lint: citation\n")
    assert [text for _, _, text in found] == ["`reason` is missing"]


def test_rules_that_could_be_read_are_linted_beside_those_that_could_not(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack", elephant_seen=FAILING["suspected_title"][0], broken="a: [")
    assert [fault.path.name for fault in check_pack(folder)] == ["broken.yaml", "elephant_seen.yaml"]


def test_the_title_of_a_pack_gives_no_verdict(tmp_path: Path) -> None:
    pack = PACK.replace("Suspected", "Illegal")
    assert [fault.path.name for fault in check_pack(write_pack(tmp_path / "pack", pack=pack))] == ["pack.yaml"]


def test_a_lexicon_alone_does_not_make_a_fault(tmp_path: Path) -> None:
    assert check_pack(write_pack(tmp_path / "pack", lexicon=LEXICON)) == []
