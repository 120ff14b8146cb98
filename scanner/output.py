"""A scanned photo as one line: JSON for programs, a sentence for people."""

import json
from typing import Any

from rules.evidence import CONCEPTS
from rules.model import Finding
from scanner.records import ScannedPhoto


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
        "findings": [_finding(finding) for finding in scanned.findings],
        "failure": scanned.failure,
    }
    return json.dumps(line, ensure_ascii=False)


def to_sentence(scanned: ScannedPhoto) -> str | None:
    """What a person should see of it: its findings or its failure; None where there is neither."""
    if scanned.failure:
        return f"FAILED   {scanned.photo.location}: {scanned.failure}"
    lines = [f"{finding.severity.upper():8} {scanned.photo.location}: {finding.why}" for finding in scanned.findings]
    return "\n".join(lines) or None


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
