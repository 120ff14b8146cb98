"""Findings that a person opened: what was seen in a blind look and no rule had flagged."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from rules.model import Severity
from webapp.language import say
from webapp.models import FindingRow, FindingState, ListingRow, Scan
from webapp.services import findings

RECALL_AUDIT, SECOND_LOOK = findings.BY_PEOPLE
SEVERITY = Severity.HIGH
UNNAMED = "other"


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

    concept: `other` where the person could not name it. None where the listing came from no scan, so that there is
    nothing to hang a finding on.
    """
    known = (FindingRow.listing_id == listing.id, FindingRow.concept == concept)
    row = session.scalar(select(FindingRow).where(*known, FindingRow.state != FindingState.WITHDRAWN).limit(1))
    scan = scan_of(session, listing)
    if row is not None or scan is None:
        return row
    key = f"{listing.id}:{photo_id or 0}"
    row = session.scalar(select(FindingRow).where(FindingRow.appearance_key == key, FindingRow.rule == rule))
    if row is not None:  # one a picture: it has been seen here before, as something else
        return row
    row = FindingRow(
        appearance_key=key,
        listing_id=listing.id,
        photo_id=photo_id,
        scan_id=scan.id,
        rule=rule,
        rule_version=1,
        pack_digest=scan.pack_digest or "",
        title=title_of(concept, rule),
        concept=concept,
        severity=SEVERITY.value,
        primary_absent=scan.primary_absent,
        why=why_of(concept, rule),
        reasons={"kind": "seen", "met": True, "facts": {"concept": concept, "in": rule, "note": note}, "children": []},
        priority=findings.priority(SEVERITY, None),
        source_id=listing.source_id,
        seller=listing.seller,
        language=listing.language,
        state=state,
    )
    session.add(row)
    session.flush()
    return row


def scan_of(session: Session, listing: ListingRow) -> Scan | None:
    """The scan that saw the listing last, else the newest of its source."""
    last = session.get(Scan, listing.last_scan_id) if listing.last_scan_id else None
    newest = select(Scan).where(Scan.source_id == listing.source_id).order_by(Scan.id.desc()).limit(1)
    return last or session.scalar(newest)


def title_of(concept: str, rule: str) -> str:
    """In English: a finding's title is the same for everybody, as those of rules are."""
    what = "item that a reviewer could not name" if concept == UNNAMED else concept.replace("_", " ")
    return f"Suspected {what} found by a {rule.replace('_', ' ')}"


def why_of(concept: str, rule: str) -> str:
    seen = "something worth a second opinion" if concept == UNNAMED else concept.replace("_", " ")
    return f"a reviewer suspected {seen} in a blind look ({rule.replace('_', ' ')}); no rule had flagged it"


def says_rule(rule: str) -> str:
    """What stands in a table for a rule that is no file."""
    return {RECALL_AUDIT: say("found by a recall audit"), SECOND_LOOK: say("found by a second look")}.get(rule, rule)
