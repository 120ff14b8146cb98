"""Reports: what was found and decided in a period, frozen with all that it rests on."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.db import now
from webapp.language import say
from webapp.models import (
    Decision,
    FindingRow,
    FindingState,
    ListingEvent,
    ListingRow,
    PhotoRow,
    Report,
    Scan,
    ScoreRow,
    User,
)
from webapp.services import audit, quality, queue, removals, webhooks
from webapp.services.decisions import standing
from webapp.services.errors import Refused
from webapp.settings import Settings
from webapp.storage import open_store

FORMAT = "tuskline-report/1"
STATEMENT = (
    "A score is a suspicion, not a proof: it says how alike a picture is to pictures that a model learned from.",
    "Whether an item is what it looks like, and whether its trade breaks a law, is for a person to find out.",
    "A concept that no installed model sees has no score: where nothing was flagged, something may still be there.",
    "The findings are those found or decided in the period; states and decisions are as they stood when it was built.",
)
ABSENT = "The primary model was not installed when some of these were scored; fallback models spoke in its place."


class ReportError(OSError):
    """The stored content is missing or is not what it was."""


def build(session: Session, settings: Settings, from_at: datetime, to_at: datetime, actor: User | None) -> Report:
    """Freeze the findings found or decided in [from_at, to_at). Raises Refused where the period is empty.

    The content is written under its SHA-256 before the row that names it is committed.
    """
    if from_at >= to_at:
        raise Refused(say("The end of the period must lie after its beginning."))
    content = gather(session, from_at, to_at, actor)
    body = json.dumps(content, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    open_store(settings).put(name_of(sha256), body)
    count = len(content["findings"])
    report = Report(from_at=from_at, to_at=to_at, sha256=sha256, findings_count=count, user=actor)
    session.add(report)
    session.flush()
    who = actor.name if actor else audit.SYSTEM
    audit.record(session, who, "report.build", f"report:{report.id}", sha256=sha256, findings=count)
    webhooks.publish(session, webhooks.Event.REPORT_BUILT, report_id=report.id, sha256=sha256, findings=count)
    return report


def name_of(sha256: str) -> str:
    """Where the content lies in the store."""
    return f"reports/{sha256}.json"


def read(settings: Settings, report: Report) -> dict[str, Any]:
    """The content. Raises ReportError where it is missing or was changed, StoreAwayError."""
    place, name = open_store(settings), name_of(report.sha256)
    try:
        body = place.read(name)
    except FileNotFoundError:
        raise ReportError(
            say(
                "The content of report %(id)s is missing: bring back %(name)s in %(place)s from a backup.",
                id=report.id,
                name=name,
                place=place,
            )
        ) from None
    if hashlib.sha256(body).hexdigest() != report.sha256:
        raise ReportError(
            say("The content of report %(id)s was changed: bring back %(name)s from a backup.", id=report.id, name=name)
        )
    content: dict[str, Any] = json.loads(body)
    return content


def list_reports(session: Session) -> list[Report]:
    return list(session.scalars(select(Report).options(joinedload(Report.user)).order_by(Report.id.desc())))


def find(session: Session, report_id: int) -> Report | None:
    return session.get(Report, report_id)


def gather(session: Session, from_at: datetime, to_at: datetime, actor: User | None) -> dict[str, Any]:
    found = (FindingRow.found_at >= from_at) & (FindingRow.found_at < to_at)
    in_period = (Decision.decided_at >= from_at) & (Decision.decided_at < to_at)
    decided = FindingRow.decisions.any(in_period & ~Decision.undo.has())
    undone = selectinload(FindingRow.decisions).joinedload(Decision.undo)
    query = queue.with_details(select(FindingRow).where(found | decided).order_by(FindingRow.id)).options(undone)
    rows = session.scalars(query).all()
    events = removals.events_by_listing(session, {row.listing_id for row in rows})
    scans = session.scalars(select(Scan).where(Scan.queued_at < to_at, Scan.finished_at >= from_at)).all()
    primary_absent = any(row.primary_absent for row in rows) or any(scan.primary_absent for scan in scans)
    return {
        "format": FORMAT,
        "from": stamp(from_at),
        "to": stamp(to_at),
        "built_at": stamp(now()),
        "built_by": actor.name if actor else audit.SYSTEM,
        "statement": [*STATEMENT, *([ABSENT] if primary_absent else [])],
        "primary_absent": primary_absent,
        "models": models_of(rows, scans),
        "scans": len(scans),
        "figures": figures_of(rows),
        "quality": quality.figures(session, from_at, to_at).to_json(),
        "findings": [describe_finding(row, events.get(row.listing_id, [])) for row in rows],
    }


def models_of(rows: Any, scans: Any) -> list[dict[str, str]]:
    """Every model that spoke in a scan of the period, flagging or not, or whose score opened one of the findings."""
    flagged = {(row.model, row.model_digest) for row in rows if row.model}
    spoke = sorted(flagged | {(model["name"], model["digest"]) for scan in scans for model in scan.models})
    return [{"name": name, "digest": digest} for name, digest in spoke]


def figures_of(rows: Any) -> dict[str, Any]:
    states = Counter(row.state for row in rows)
    return {
        "findings": len(rows),
        "decisions": sum(len(standing(row.decisions)) for row in rows),
        "by_state": {state.value: states[state] for state in FindingState},
        "by_concept": dict(sorted(Counter(row.concept for row in rows).items())),
    }


def describe_finding(row: FindingRow, events: Sequence[ListingEvent]) -> dict[str, Any]:
    same = ("id", "state", "concept", "severity", "title", "rule", "rule_version", "pack_digest", "threshold")
    more = ("score", "model", "model_digest", "primary_absent", "why", "reasons")
    return {name: getattr(row, name) for name in same + more} | {
        "found_at": stamp(row.found_at),
        "source": row.listing.source.name,
        "listing": describe_listing(row.listing),
        "events": [describe_event(event) for event in events],
        "photo": describe_photo(row.photo) if row.photo else None,
        "scores": [describe_scores(said) for said in row.photo.scores] if row.photo else [],
        "decisions": describe_decisions(row.decisions),
    }


def describe_listing(row: ListingRow) -> dict[str, Any]:
    same = ("url", "title", "description", "currency", "seller", "seller_url", "country")
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
    same = ("sha256", "pixel_hash", "media_type", "size_bytes", "width_px", "height_px")
    return {name: getattr(row, name) for name in same}


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
