"""Evidence in, findings out. Pure: the same pack and evidence always give the same findings."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rules.evidence import Evidence
from rules.explain import sentence
from rules.model import Finding, Pack, Result, Rule, Threshold

# Raised by hand when the code of conditions or lexicon decides otherwise than before on the same files, so that
# the digest then changes too.
MEANING = 2

Changes = Mapping[str, tuple[int, Mapping[str, float]]]


def evaluate(pack: Pack, evidence: Evidence) -> tuple[Finding, ...]:
    """The findings of every rule that the evidence meets, in the order of the pack; never raises on evidence.

    A disagreement of models about a concept is left out where the score of that concept flags by itself.
    """
    checked = [(rule, result) for rule in pack.rules if (result := rule.when.check(evidence)).met]
    settled = {rule.concept for rule, result in checked if any(one.kind == "score" for one in deciding_scores(result))}
    kept = [(rule, result) for rule, result in checked if rule.concept not in settled or not is_disagreement(result)]
    return tuple(make_finding(rule, result) for rule, result in kept)


def is_disagreement(result: Result) -> bool:
    """Whether nothing but a disagreement of models carries the verdict."""
    decided = list(deciding_scores(result))
    return bool(decided) and all(one.kind == "disagree" for one in decided)


def make_finding(rule: Rule, result: Result) -> Finding:
    decided = max(deciding_scores(result), key=margin, default=None)
    return Finding(
        rule=rule.id,
        rule_version=rule.version,
        title=rule.title,
        concept=rule.concept,
        severity=rule.severity,
        threshold=decided.facts["threshold"] if decided and decided.kind == "score" else None,
        score=decided.facts["score"] if decided else None,
        why=sentence(result),
        result=result,
    )


def deciding_scores(result: Result) -> Iterator[Result]:
    """The met conditions on scores that carry the verdict: all groups above them are met."""
    if not result.met:
        return
    if result.kind in ("score", "disagree"):
        yield result
    for child in result.children:
        yield from deciding_scores(child)


def margin(decided: Result) -> float:
    """By how much it was met; a disagreement decides only where no score does."""
    if decided.kind == "disagree":
        return -1.0
    return float(decided.facts["score"] - decided.facts["threshold"])


def with_thresholds(pack: Pack, changes: Changes) -> Pack:
    """The pack with changed thresholds, given as {rule id: (version, {threshold name: value})}; the digest follows.

    Names that the pack does not have are passed over: a stored change may outlive its rule.
    Raises ValueError for a value outside [0, 1].
    """
    rules = tuple(change_rule(rule, *changes[rule.id]) if rule.id in changes else rule for rule in pack.rules)
    changed = replace(pack, rules=rules)
    return replace(changed, digest=pack_digest(changed))


def change_rule(rule: Rule, version: int, values: Mapping[str, float]) -> Rule:
    thresholds = {
        name: change_threshold(threshold, values.get(name, threshold.value), version)
        for name, threshold in rule.thresholds.items()
    }
    return replace(rule, version=version, thresholds=thresholds, when=rule.when.with_thresholds(thresholds))


def change_threshold(threshold: Threshold, value: float, version: int) -> Threshold:
    """The threshold at another value. Its basis then says so: what was measured was the old value."""
    if not 0 <= value <= 1:
        raise ValueError(f"The threshold {threshold.name} must lie in 0 to 1, not at {value}.")
    if value == threshold.value:
        return threshold
    basis = f"set by a person in version {version}; the rule file has {threshold.value:.2f}: {threshold.basis}"
    return replace(threshold, value=float(value), basis=basis)


def pack_digest(pack: Pack) -> str:
    """SHA-256 (hex) over the canonical JSON of all that decides, whatever the order of files and terms."""
    content = {
        "meaning": MEANING,
        "pack": pack.id,
        "version": pack.version,
        "rules": [describe_rule(rule) for rule in sorted(pack.rules, key=lambda rule: rule.id)],
        "lexicon": sorted((term.to_json() for term in pack.lexicon.terms), key=canonical),
        "cascade": pack.cascade.to_json(),
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def describe_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "version": rule.version,
        "concept": rule.concept,
        "severity": str(rule.severity),
        "thresholds": {name: threshold.value for name, threshold in rule.thresholds.items()},
        "when": rule.when.to_json(),
    }


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
