"""What reports and case files say of a finding and of all that it rests on: rows as JSON values."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rules.law import LawEntry
from webapp.models import (
    Decision,
    FindingRow,
    ListingEvent,
    ListingRow,
    PhotoRow,
    ScoreRow,
)
from webapp.services.decisions import standing


def describe_law(entry: LawEntry) -> dict[str, Any]:
    same = ("place", "place_name", "text", "citation", "status", "note")
    dates = {"in_force_from": entry.in_force_from, "until": entry.until, "checked_at": entry.checked_at}
    return (
        {name: getattr(entry, name) for name in same}
        | {"kind": entry.kind.value, "concepts": list(entry.concepts), "questions": list(entry.questions)}
        | {name: str(date) if date else None for name, date in dates.items()}
    )


def describe_finding(row: FindingRow, events: Sequence[ListingEvent], legal: Sequence[str]) -> dict[str, Any]:
    same = ("id", "concept", "severity", "title", "rule", "rule_version", "pack_digest", "threshold")
    more = ("score", "model", "model_digest", "primary_absent", "why", "reasons")
    return {name: getattr(row, name) for name in same + more} | {
        "state": row.state.value,
        "found_at": stamp(row.found_at),
        "source": row.listing.source.name,
        "listing": describe_listing(row.listing),
        "events": [describe_event(event) for event in events],
        "photo": describe_photo(row.photo) if row.photo else None,
        "scores": [describe_scores(said) for said in row.photo.scores] if row.photo else [],
        "decisions": describe_decisions(row.decisions),
        "legal": list(legal),
    }


def describe_listing(row: ListingRow) -> dict[str, Any]:
    same = ("id", "url", "title", "description", "currency", "seller", "seller_url", "country", "language")
    return {name: getattr(row, name) for name in same} | {
        "price": str(row.price) if row.price is not None else None,
        "posted_at": stamp(row.posted_at),
        "first_seen_at": stamp(row.first_seen_at),
        "last_seen_at": stamp(row.last_seen_at),
        "removed_at": stamp(row.removed_at),
    }


def describe_event(row: ListingEvent) -> dict[str, Any]:
    return {"at": stamp(row.at), "kind": row.kind.value, "takedown_s": row.takedown_s, "facts": row.facts}


def describe_photo(row: PhotoRow) -> dict[str, Any]:
    same = ("sha256", "pixel_hash", "look_hash", "media_type", "size_bytes", "width_px", "height_px")
    return {name: getattr(row, name) for name in same} | {"purged_at": stamp(row.purged_at)}


def describe_scores(row: ScoreRow) -> dict[str, Any]:
    same = ("model", "model_digest", "by_concept", "top_labels", "counters")
    return {name: getattr(row, name) for name in same} | {"scored_at": stamp(row.scored_at)}


def describe_decisions(rows: Sequence[Decision]) -> list[dict[str, Any]]:
    """All of them: what was taken back or revised is marked, and counts nowhere."""
    kept = {decision.id for decision in standing(rows)}
    return [describe_decision(row) | {"stands": row.id in kept} for row in rows]


def describe_decision(row: Decision) -> dict[str, Any]:
    same = ("id", "note", "reason", "concept", "revises_id", "role")
    return {name: getattr(row, name) for name in same} | {
        "at": stamp(row.decided_at),
        "by": row.user.name,
        "verdict": row.verdict.value,
        "stage": row.stage.value,
        "undone_at": stamp(row.undo.undone_at) if row.undo else None,
    }


def stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
