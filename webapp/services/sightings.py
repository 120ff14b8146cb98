"""Findings that a person opened: what was seen in a blind look where no rule had flagged."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.explain import sentence
from rules.model import Result, Severity
from rules.wording import sayable
from webapp.db import now
from webapp.models import FindingRow, FindingState, ListingRow, Scan
from webapp.services import findings, priority

RECALL_AUDIT, SECOND_LOOK = findings.BY_PEOPLE
SEVERITY = Severity.HIGH
UNNAMED = "other"
TITLES = {
    (RECALL_AUDIT, "other"): sayable("Suspected trade, not named, found by a recall audit"),
    (RECALL_AUDIT, "ivory_product"): sayable("Suspected ivory product found by a recall audit"),
    (RECALL_AUDIT, "ivory"): sayable("Suspected ivory found by a recall audit"),
    (RECALL_AUDIT, "elephant"): sayable("Suspected elephant found by a recall audit"),
    (RECALL_AUDIT, "tiger_skin"): sayable("Suspected tiger skin found by a recall audit"),
    (RECALL_AUDIT, "tiger"): sayable("Suspected tiger found by a recall audit"),
    (RECALL_AUDIT, "tiger_tooth_claw_bone"): sayable("Suspected tiger tooth, claw or bone found by a recall audit"),
    (RECALL_AUDIT, "pangolin_scale"): sayable("Suspected pangolin scale found by a recall audit"),
    (RECALL_AUDIT, "pangolin"): sayable("Suspected pangolin found by a recall audit"),
    (RECALL_AUDIT, "pangolin_claw"): sayable("Suspected pangolin claw found by a recall audit"),
    (SECOND_LOOK, "ivory_product"): sayable("Suspected ivory product found by a second look"),
    (SECOND_LOOK, "ivory"): sayable("Suspected ivory found by a second look"),
    (SECOND_LOOK, "elephant"): sayable("Suspected elephant found by a second look"),
    (SECOND_LOOK, "tiger_skin"): sayable("Suspected tiger skin found by a second look"),
    (SECOND_LOOK, "tiger"): sayable("Suspected tiger found by a second look"),
    (SECOND_LOOK, "tiger_tooth_claw_bone"): sayable("Suspected tiger tooth, claw or bone found by a second look"),
    (SECOND_LOOK, "pangolin_scale"): sayable("Suspected pangolin scale found by a second look"),
    (SECOND_LOOK, "pangolin"): sayable("Suspected pangolin found by a second look"),
    (SECOND_LOOK, "pangolin_claw"): sayable("Suspected pangolin claw found by a second look"),
}


def open_seen(
    session: Session,
    listing: ListingRow,
    photo_id: int | None,
    concept: str,
    rule: str,
    note: str,
    state: FindingState = FindingState.OPEN,
) -> FindingRow | None:
    """The finding of what was seen, opened unless the listing has one of this concept that still counts.

    concept: `other` where the person could not name it. rule: one of findings.BY_PEOPLE. None where the listing came
    from no scan, so that there is nothing to hang a finding on.
    """
    row = known(session, listing, photo_id, concept, rule)
    scan = scan_of(session, listing)
    if row is not None or scan is None:
        return row
    reasons = {"kind": "seen", "met": True, "facts": {"concept": concept, "in": rule, "note": note}, "children": []}
    row = FindingRow(listing=listing, photo_id=photo_id, scan=scan, state=state, **values_of(concept, rule, reasons))
    row.appearance_key = key_of(listing, photo_id)
    row.pack_digest, row.primary_absent = scan.pack_digest or "", scan.primary_absent
    row.source_id, row.seller, row.language = listing.source_id, listing.seller, listing.language
    row.priority = priority.of_row(row, priority.history_of(session, row.source_id, row.seller))
    session.add(row)
    session.flush()
    return row


def values_of(concept: str, rule: str, reasons: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule": rule,
        "rule_version": 1,
        "title": TITLES[rule, concept],
        "concept": concept,
        "severity": SEVERITY.value,
        "why": sentence(Result.from_json(reasons)),
        "reasons": reasons,
        "found_at": now(),
    }


def known(session: Session, listing: ListingRow, photo_id: int | None, concept: str, rule: str) -> FindingRow | None:
    """One of the same concept that still counts; else what people saw here before, as something else: one a picture."""
    same = (FindingRow.listing_id == listing.id, FindingRow.concept == concept)
    row = session.scalar(select(FindingRow).where(*same, FindingRow.state != FindingState.WITHDRAWN).limit(1))
    here = (FindingRow.appearance_key == key_of(listing, photo_id), FindingRow.rule == rule)
    return row or session.scalar(select(FindingRow).where(*here))


def key_of(listing: ListingRow, photo_id: int | None) -> str:
    return f"{listing.id}:{photo_id or 0}"


def scan_of(session: Session, listing: ListingRow) -> Scan | None:
    """The scan that saw the listing last, else the newest of its source."""
    last = session.get(Scan, listing.last_scan_id) if listing.last_scan_id else None
    newest = select(Scan).where(Scan.source_id == listing.source_id).order_by(Scan.id.desc()).limit(1)
    return last or session.scalar(newest)
