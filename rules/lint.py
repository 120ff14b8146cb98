"""What a good rule has, beyond being readable: one class a lint, each with a sentence why."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from rules.conditions import AllOf, AnyOf, Mentions, NoneOf
from rules.evidence import Evidence
from rules.explain import sentence
from rules.faults import Fault, suggest
from rules.lexicon import Kind
from rules.load import PackFiles, read_pack
from rules.model import Condition
from rules.phrases import phrases
from rules.rulefile import LintException, RuleFile

VERDICT_WORD = re.compile(r"illegal|unlawful", re.IGNORECASE)


class Lint:
    """A property that every rule must have. id: its name in `exceptions`; why: what goes wrong without it."""

    id: ClassVar[str]
    why: ClassVar[str]
    can_except: ClassVar[bool] = True

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        """Each fault as (key whose line it is about, message); see RuleFile.lines."""
        raise NotImplementedError


class SuspectedTitle(Lint):
    id = "suspected_title"
    why = "a score or a word is a suspicion, and the title is what people repeat"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if not rule_file.rule.title.startswith("Suspected"):
            yield "title", "the title does not begin with \u201cSuspected\u201d"


class NoVerdict(Lint):
    id = "no_verdict"
    why = "whether a trade breaks a law depends on place, age and papers that no picture shows"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        rule = rule_file.rule
        texts = [("title", rule.title), *(("citations", text) for text in rule.citations)]
        texts += [(f"thresholds.{name}", threshold.basis) for name, threshold in rule.thresholds.items()]
        texts += [(f"examples.{number}", example.name) for number, example in enumerate(rule.examples)]
        for key, text in texts:
            if match := VERDICT_WORD.search(text):
                yield key, f"the text says \u201c{match[0]}\u201d; say \u201csuspected\u201d"


class Citation(Lint):
    id = "citation"
    why = "a reviewer must be able to look up what the rule rests on"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if not rule_file.rule.citations:
            yield "citations", "the rule cites nothing"


class FlaggingExample(Lint):
    id = "flagging_example"
    why = "a rule that nothing has been shown to meet may never flag"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if not any(example.flags for example in rule_file.rule.examples):
            yield "examples", "no example flags"


class QuietExample(Lint):
    id = "quiet_example"
    why = "the nearest harmless listing shows where the rule ends"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if all(example.flags for example in rule_file.rule.examples):
            yield "examples", "no example must stay unflagged"


class ExamplesHold(Lint):
    id = "examples_hold"
    why = "an example that fails means that the rule does not do what its writer thinks"
    can_except = False

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        for number, example in enumerate(rule_file.rule.examples):
            result = rule_file.rule.when.check(example.evidence)
            if result.met != example.flags:
                wanted = "must flag" if example.flags else "must not flag"
                yield f"examples.{number}", f"example \u201c{example.name}\u201d {wanted}, but {sentence(result)}"


class QuietOnNothing(Lint):
    id = "quiet_on_nothing"
    why = "a rule that an empty listing meets flags everything"
    can_except = False

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if rule_file.rule.when.check(Evidence()).met:
            yield "when", "the rule flags a listing without picture and words"


class CodedAlone(Lint):
    id = "coded_alone"
    why = "most listings with a coded word are innocent: it counts only together with a score, a price or a plain word"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if met_by_coded_words(rule_file.rule.when):
            yield "when", "a coded word alone flags"


class OwnConcept(Lint):
    id = "own_concept"
    why = "the queue is sorted by the rule's concept, so its `when` must speak of that concept"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        if rule_file.rule.concept not in named_concepts(rule_file.rule.when.to_json()):
            yield "concept", f"`when` does not speak of the concept `{rule_file.rule.concept}`"


class ThresholdBasis(Lint):
    id = "threshold_basis"
    why = "a number whose origin nobody knows cannot be judged or improved"

    def check(self, rule_file: RuleFile) -> Iterator[tuple[str, str]]:
        for name, threshold in rule_file.rule.thresholds.items():
            if len(threshold.basis.split()) < 3:
                yield f"thresholds.{name}", f"threshold `{name}` does not say what it is based on; fill `basis:`"


LINTS: tuple[Lint, ...] = (
    SuspectedTitle(),
    NoVerdict(),
    Citation(),
    FlaggingExample(),
    QuietExample(),
    ExamplesHold(),
    QuietOnNothing(),
    CodedAlone(),
    OwnConcept(),
    ThresholdBasis(),
)


def check_pack(folder: Path) -> list[Fault]:
    """Everything wrong with the pack in `folder`: what cannot be read, what the lints find, examples that fail.

    Rules that could be read are linted even where others could not. Sorted by file and line; empty where all is well.
    """
    files = read_pack(folder)
    faults = [fault for rule_file in files.rule_files for fault in lint_rule(rule_file)]
    return sorted([*files.faults, *faults, *lint_phrases(files)])


def lint_rule(rule_file: RuleFile) -> list[Fault]:
    found = {lint.id: list(lint_faults(lint, rule_file)) for lint in LINTS}
    excepted = {exception.lint for exception in rule_file.exceptions}
    kept = [fault for lint in LINTS for fault in found[lint.id] if not lint.can_except or lint.id not in excepted]
    wrong = [fault for exception in rule_file.exceptions for fault in judge_exception(rule_file, exception, found)]
    return kept + wrong


def lint_faults(lint: Lint, rule_file: RuleFile) -> Iterator[Fault]:
    for key, message in lint.check(rule_file):
        yield Fault(rule_file.path, rule_file.line_of(key), message, f"{lint.id}: {lint.why}")


def judge_exception(rule_file: RuleFile, exception: LintException, found: dict[str, list[Fault]]) -> Iterator[Fault]:
    """What is wrong with an exception itself, so that none stays behind when its cause is gone."""
    lint = next((lint for lint in LINTS if lint.id == exception.lint), None)
    if lint is None:
        message, hint = "is no lint", suggest(exception.lint, found)
    elif not lint.can_except:
        message, hint = "cannot be set aside", lint.why
    elif not found[lint.id]:
        message, hint = "finds nothing here", "take the exception out"
    else:
        return
    yield Fault(rule_file.path, exception.line, f"exception: `{exception.lint}` {message}", hint)


def lint_phrases(files: PackFiles) -> Iterator[Fault]:
    """Verdicts in the texts beside the rules; those of the rules have their own lint, which can be set aside."""
    for phrase in phrases(files.pack) if files.pack else ():
        if phrase.path not in {rule_file.path for rule_file in files.rule_files} and (
            match := VERDICT_WORD.search(phrase.text)
        ):
            hint = f"{NoVerdict.id}: {NoVerdict.why}"
            yield Fault(phrase.path, phrase.line, f"the text says \u201c{match[0]}\u201d; say what it depends on", hint)


def met_by_coded_words(condition: Condition) -> bool:
    """Whether some text that holds coded words, and nothing else besides, can meet the condition."""
    if isinstance(condition, Mentions):
        return any(term.kind is Kind.CODED for term in condition.wanted)
    if isinstance(condition, AllOf):
        return all(met_by_coded_words(child) for child in condition.children)
    if isinstance(condition, AnyOf):
        return any(met_by_coded_words(child) for child in condition.children)
    return isinstance(condition, NoneOf)


def named_concepts(condition: object) -> set[str]:
    """Every concept that a condition's JSON form asks for, save under `none`."""
    if isinstance(condition, list):
        return {concept for part in condition for concept in named_concepts(part)}
    if not isinstance(condition, dict):
        return set()
    own = {condition["concept"]} if "concept" in condition else set(condition.get("concepts", ()))
    below = [named_concepts(part) for word, part in condition.items() if word != "none"]
    return own.union(*below)
