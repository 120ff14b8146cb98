"""A scanned photo as one line: JSON for programs, a sentence for people."""

import json
from typing import Any

from rules.evidence import CONCEPTS
from rules.model import Finding
from scanner.records import ScannedPhoto, Scores

SHOWN_FROM = 0.05  # a model's smaller scores are noise to a reader


def to_json(scanned: ScannedPhoto, primary_absent: bool) -> str:
    """One JSON object. A concept that no model which spoke can see has the score null: unknown, not zero."""
    said = scanned.scores[0] if scanned.scores else None
    line = {
        "path": scanned.photo.location,
        "listing": scanned.photo.listing.url if scanned.photo.listing else None,
        "sha256": scanned.sha256,
        "model": said.model if said else None,
        "model_digest": said.model_digest if said else None,
        "primary_absent": primary_absent,
        "scores": {concept: _rounded(said.by_concept.get(concept)) for concept in CONCEPTS} if said else None,
        "labels": [[label, _rounded(score)] for label, score in said.top_labels] if said else None,
        "said": [_said(one) for one in scanned.scores],
        "findings": [_finding(finding) for finding in scanned.findings],
        "failure": scanned.failure,
    }
    return json.dumps(line, ensure_ascii=False)


def to_sentence(scanned: ScannedPhoto) -> str | None:
    """What a person should see of it: its failure and its findings (of words, too); None where there is neither."""
    lines = [f"FAILED   {scanned.photo.location}: {scanned.failure}"] if scanned.failure else []
    lines += [f"{finding.severity.upper():8} {scanned.photo.location}: {finding.why}" for finding in scanned.findings]
    return "\n".join(lines) or None


def to_table(scanned: ScannedPhoto) -> str:
    """The picture and one line a model: who said what; then its failure and its findings."""
    said = [f"  {one.model:32} {_in_words(one)}" for one in scanned.scores]
    return "\n".join([scanned.photo.location, *said, *filter(None, [to_sentence(scanned)])])


def _in_words(said: Scores) -> str:
    """The concepts that a model gives the most to, what it names against them, and its own likeliest label."""
    shown = [*said.by_concept.items(), *said.counters.items()]
    best = sorted((one for one in shown if one[1] >= SHOWN_FROM and one[0] != "other"), key=lambda one: -one[1])[:3]
    words = ", ".join(f"{name.replace('_', ' ')} {score:.2f}" for name, score in best) or "nothing of ours"
    label, score = said.top_labels[0]
    return f"{words} (its own words: {label} {score:.2f})"


def _said(said: Scores) -> dict[str, Any]:
    """What one of the models said; `scores` and `labels` of the line are those of the first."""
    return {
        "model": said.model,
        "model_digest": said.model_digest,
        "scores": {concept: _rounded(score) for concept, score in said.by_concept.items()},
        "look_alikes": {name: _rounded(score) for name, score in said.counters.items()},
        "labels": [[label, _rounded(score)] for label, score in said.top_labels],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "rule_version": finding.rule_version,
        "title": finding.title,
        "concept": finding.concept,
        "severity": str(finding.severity),
        "threshold": finding.threshold,
        "score": _rounded(finding.score),
        "why": finding.why,
    }


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
