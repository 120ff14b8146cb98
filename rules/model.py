"""The records of the rule engine: what a pack holds and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from rules.cascade import Cascade
from rules.evidence import Evidence
from rules.law import Law
from rules.lexicon import Lexicon
from rules.look_alikes import LookAlikes
from rules.reason_codes import ReasonCodes
from rules.wording import Say, as_it_is


class Severity(StrEnum):
    """How soon a person should look; `rank` orders the queue (4 first)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self) + 1


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that decides, with where it comes from: value in [0, 1], `basis` says what it was measured on."""

    name: str
    value: float
    basis: str


@dataclass(frozen=True, slots=True)
class Result:
    """One node of the tree of reasons.

    kind: the condition's word in the rule file (`score`, `mentions`, `all`, `any`, `none`, `price`).
    met: whether the evidence meets it. facts: what was compared, JSON values only
    (for `score`: concept, score, threshold, threshold_name; for `mentions`: terms found, lexicon).
    """

    kind: str
    met: bool
    facts: Mapping[str, Any] = field(default_factory=dict)
    children: tuple["Result", ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "met": self.met,
            "facts": dict(self.facts),
            "children": [child.to_json() for child in self.children],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Result":
        children = tuple(cls.from_json(child) for child in data["children"])
        return cls(data["kind"], data["met"], data["facts"], children)


class Condition(Protocol):
    """One word of a rule's `when`; needs_picture: it cannot be met without a score."""

    @property
    def needs_picture(self) -> bool: ...

    def check(self, evidence: Evidence) -> Result: ...

    def describe(self, say: Say = as_it_is) -> str:
        """What it asks for, as part of a sentence; `say` gives the reader's text for an English one."""
        ...

    def with_thresholds(self, thresholds: Mapping[str, Threshold]) -> "Condition":
        """The same condition with the thresholds of these names in place of its own."""
        ...

    def to_json(self) -> dict[str, Any]:
        """All of it that decides, save the values of thresholds: JSON values only."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A case that a rule file carries to prove itself."""

    name: str
    evidence: Evidence
    flags: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule file. `version` counts from 1 (the file); a changed threshold is the next version."""

    id: str
    version: int
    title: str
    concept: str
    severity: Severity
    thresholds: Mapping[str, Threshold]
    when: Condition
    citations: tuple[str, ...]
    examples: tuple[Example, ...]
    path: Path | None = None

    @property
    def needs_picture(self) -> bool:
        """Whether the rule cannot be met without a score; where not, words alone may flag."""
        return self.when.needs_picture

    @property
    def when_text(self) -> str:
        """What the rule asks for, in plain English."""
        return self.when.describe()


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder of rules. `digest` is the SHA-256 (hex) of what decides.

    That is: rule ids, versions, conditions and thresholds, the lexicon and the cascade (see engine.pack_digest).
    law, look_alikes and reason_codes help a person to decide and flag nothing: a question reworded must not make the
    findings of yesterday look as if other rules had made them. folder: where the pack was read from.
    """

    id: str
    title: str
    version: str
    rules: tuple[Rule, ...]
    digest: str
    lexicon: Lexicon = field(default_factory=Lexicon)
    cascade: Cascade = field(default_factory=Cascade)
    law: Law = field(default_factory=Law)
    look_alikes: LookAlikes = field(default_factory=LookAlikes)
    reason_codes: ReasonCodes = field(default_factory=ReasonCodes)
    folder: Path | None = field(default=None, compare=False)

    def find_rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == rule_id), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that was met. It says "suspected"; no score proves anything.

    score and threshold: of the score condition that decided (the met one with the largest margin), in [0, 1];
    None where only words decided. Where models disagree there is a score and no threshold.
    why: one plain sentence. result: the whole tree of reasons.
    """

    rule: str
    rule_version: int
    title: str
    concept: str
    severity: Severity
    threshold: float | None
    score: float | None
    why: str
    result: Result
