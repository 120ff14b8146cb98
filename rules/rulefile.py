"""One rule file: YAML to a Rule, with the lines that lints point at."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rules.document import Item, read_document
from rules.evidence import CONCEPTS, Evidence
from rules.faults import Fault, shorten, suggest
from rules.grammar import Grammar, is_currency
from rules.lexicon import Lexicon
from rules.model import Example, Rule, Severity, Threshold

REQUIRED = ("id", "title", "concept", "severity", "when")
OPTIONAL = ("thresholds", "citations", "examples", "exceptions")
EXAMPLE_REQUIRED = ("name", "flags")
EXAMPLE_OPTIONAL = ("scores", "said", "text", "seller", "price", "currency", "country")


@dataclass(frozen=True, slots=True)
class LintException:
    """A lint that a rule file sets aside, and why."""

    lint: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule as it stands in its file. lines: of each top-level key, `thresholds.<name>` and `examples.<number>`."""

    rule: Rule
    path: Path
    lines: Mapping[str, int]
    exceptions: tuple[LintException, ...] = ()

    def line_of(self, key: str) -> int:
        return self.lines.get(key, 1)


def read_rule(path: Path, lexicon: Lexicon, faults: list[Fault], taken: dict[str, Path]) -> RuleFile | None:
    """The rule in `path`; None where it has any fault, which is then in `faults`.

    taken: the ids of the files read before and where they stand; the file's own is added.
    """
    found: list[Fault] = []
    document = read_document(path, found)
    rule_file = build_rule(document, lexicon, taken) if document else None
    faults.extend(found)
    return None if found else rule_file


def build_rule(document: Item, lexicon: Lexicon, taken: dict[str, Path]) -> RuleFile | None:
    fields = document.fields(REQUIRED, OPTIONAL)
    lines = document.key_lines()
    rule_id = read_id(fields["id"], taken) if "id" in fields else None
    title = fields["title"].text(max_chars=200) if "title" in fields else None
    concept = fields["concept"].choice(CONCEPTS, "concept") if "concept" in fields else None
    severity = fields["severity"].choice([*Severity], "severity") if "severity" in fields else None
    thresholds = read_thresholds(fields["thresholds"], lines) if "thresholds" in fields else {}
    grammar = Grammar(thresholds, lexicon)
    when = grammar.read(fields["when"]) if "when" in fields else None
    report_unused(fields, grammar)
    citations = fields["citations"].texts() if "citations" in fields else ()
    examples = read_examples(fields["examples"], lines) if "examples" in fields else ()
    exceptions = read_exceptions(fields["exceptions"]) if "exceptions" in fields else ()
    if rule_id is None or title is None or concept is None or severity is None or when is None:
        return None
    rule = Rule(
        id=rule_id,
        version=1,
        title=title,
        concept=concept,
        severity=Severity(severity),
        thresholds=thresholds,
        when=when,
        citations=citations,
        examples=examples,
        path=document.path,
    )
    return RuleFile(rule, document.path, lines, exceptions)


def read_id(item: Item, taken: dict[str, Path]) -> str | None:
    value = item.name("id")
    if value in taken:
        item.fault(f"id `{value}` is taken by {taken[value].name}", "give each rule its own id")
    if value is not None and value != item.path.stem:
        item.fault(f"id `{value}` is not the file's name `{shorten(item.path.stem)}`", f"rename to {value}.yaml")
    if value is not None:
        taken.setdefault(value, item.path)
    return value


def read_thresholds(item: Item, lines: dict[str, int]) -> dict[str, Threshold]:
    """Thresholds by name. One with a fault is in it too, so that its mention in `when` is no second fault."""
    thresholds = {}
    for name, key_item, value_item in item.pairs():
        key_item.name("threshold")
        lines[f"thresholds.{name}"] = key_item.line
        fields = value_item.fields(required=("value",), optional=("basis",))
        value = fields["value"].share() if "value" in fields else None
        basis = fields["basis"].text() if "basis" in fields else None
        thresholds[name] = Threshold(name, 1.0 if value is None else value, basis or "")
    return thresholds


def report_unused(fields: Mapping[str, Item], grammar: Grammar) -> None:
    if "thresholds" not in fields or "when" not in fields:
        return
    for name, key_item, _ in fields["thresholds"].pairs() if grammar.thresholds else ():
        if name not in grammar.used:
            key_item.fault(f"threshold `{shorten(name)}` is not used in `when`", "use it or take it out")


def read_examples(item: Item, lines: dict[str, int]) -> tuple[Example, ...]:
    examples = []
    for number, entry in enumerate(item.entries()):
        lines[f"examples.{number}"] = entry.line
        example = read_example(entry)
        if example is not None:
            examples.append(example)
    return tuple(examples)


def read_example(item: Item) -> Example | None:
    fields = item.fields(EXAMPLE_REQUIRED, EXAMPLE_OPTIONAL)
    name = fields["name"].text(max_chars=200) if "name" in fields else None
    flags = fields["flags"].truth() if "flags" in fields else None
    evidence = Evidence(
        scores=read_scores(fields["scores"]) if "scores" in fields else {},
        said=read_said(fields["said"]) if "said" in fields else {},
        text=read_optional(fields, "text") or "",
        seller=read_optional(fields, "seller"),
        price=read_price(fields),
        currency=read_currency(fields),
        country=read_optional(fields, "country"),
    )
    return None if name is None or flags is None else Example(name, evidence, flags)


def read_optional(fields: Mapping[str, Item], key: str) -> str | None:
    return fields[key].text(max_chars=20_000) if key in fields else None


def read_price(fields: Mapping[str, Item]) -> Decimal | None:
    return fields["price"].decimal() if "price" in fields else None


def read_currency(fields: Mapping[str, Item]) -> str | None:
    currency = read_optional(fields, "currency")
    if currency is not None and not is_currency(currency):
        fields["currency"].fault(f"unknown currency `{shorten(currency)}`", "three capitals, as in USD or CNY")
    return currency


def read_scores(item: Item) -> dict[str, float]:
    scores = {}
    for concept, key_item, value_item in item.pairs():
        if concept not in CONCEPTS:
            key_item.fault(f"unknown concept `{shorten(concept)}`", suggest(concept, CONCEPTS))
        score = value_item.share()
        if score is not None:
            scores[concept] = score
    return scores


def read_said(item: Item) -> dict[str, dict[str, float]]:
    """Who gave which score: {concept: {model: score}}."""
    said: dict[str, dict[str, float]] = {}
    for concept, key_item, value_item in item.pairs():
        if concept not in CONCEPTS:
            key_item.fault(f"unknown concept `{shorten(concept)}`", suggest(concept, CONCEPTS))
        given = ((model, one.share()) for model, _, one in value_item.pairs())
        said[concept] = {model: score for model, score in given if score is not None}
    return said


def read_exceptions(item: Item) -> tuple[LintException, ...]:
    exceptions = []
    for entry in item.entries():
        fields = entry.fields(required=("lint", "reason"))
        lint = fields["lint"].text() if "lint" in fields else None
        reason = fields["reason"].text() if "reason" in fields else None
        if lint is not None and reason is not None:
            exceptions.append(LintException(lint, reason, entry.line))
    return tuple(exceptions)
