"""Of which subjects the audit log speaks of a case: its evidence, and what was made, held or removed of it."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.db import chunks
from webapp.models import (
    AuditEntry,
    Capture,
    CaseFile,
    Decision,
    FindingRow,
    HoldScope,
    LegalHold,
    PhotoRow,
    Purge,
    Report,
)
from webapp.services import archives
from webapp.services.casework.evidence import Scope
from webapp.services.casework.parts import CaseFacts


def subjects_of(session: Session, case: CaseFacts, scope: Scope) -> Iterator[str]:
    """Of the audit log: what was done and looked at."""
    yield f"case:{case.id}"
    numbered = {
        "finding": case.finding_ids,
        "listing": scope.listing_ids,
        "photo": scope.photo_ids,
        "scan": scope.scan_ids,
        "source": scope.source_ids,
        "rule": scope.rules,
    }
    for kind, ids in numbered.items():
        yield from (f"{kind}:{one}" for one in ids)
    for some in chunks(scope.photo_ids):
        digests = session.scalars(select(PhotoRow.sha256).where(PhotoRow.id.in_(some)))
        yield from (f"photo:{sha256}" for sha256 in digests)


def other_subjects(session: Session, case: CaseFacts, scope: Scope) -> list[str]:
    """Reports in whose period one of the findings was found or decided, earlier cases that hold one of them, legal
    holds on them, and removals of their files."""
    moments: list[datetime] = []
    for ids in chunks(case.finding_ids):
        moments += session.scalars(select(FindingRow.found_at).where(FindingRow.id.in_(ids)))
        moments += session.scalars(select(Decision.decided_at).where(Decision.finding_id.in_(ids)))
    periods = session.execute(select(Report.id, Report.from_at, Report.to_at).order_by(Report.id))
    reports = [one.id for one in periods if any(one.from_at <= at < one.to_at for at in moments)]
    earlier = session.execute(
        select(CaseFile.id, CaseFile.selection).where(CaseFile.id < case.id).order_by(CaseFile.id)
    )
    cases = [number for number, selection in earlier if overlaps(selection, case, scope)]
    return [
        *(f"report:{number}" for number in reports),
        *(f"case:{number}" for number in cases),
        *(f"hold:{number}" for number in holds_on(session, case, scope)),
        *(f"purge:{number}" for number in purges_of(session, scope)),
    ]


def overlaps(selection: Mapping[str, Any], case: CaseFacts, scope: Scope) -> bool:
    if "seller" in selection:
        return (selection["source_id"], selection["seller"]) in scope.sellers
    return not set(case.finding_ids).isdisjoint(selection["findings"])


def holds_on(session: Session, case: CaseFacts, scope: Scope) -> list[int]:
    """Of legal holds, released ones too, on the findings, their listings, sellers and sources."""
    targets = {
        HoldScope.FINDING: set(case.finding_ids),
        HoldScope.LISTING: set(scope.listing_ids),
        HoldScope.SOURCE: set(scope.source_ids),
    }
    return [
        hold.id
        for hold in session.scalars(select(LegalHold).order_by(LegalHold.id))
        if hold.target_id in targets.get(hold.scope, ())
        or (hold.scope is HoldScope.SELLER and (hold.target_id, hold.seller) in scope.sellers)
    ]


def purges_of(session: Session, scope: Scope) -> list[int]:
    """By which the log names the removals of these pictures and archives: one entry stands for many files."""
    gone = set[int]()
    for ids in chunks(scope.photo_ids):
        digests = select(PhotoRow.sha256).where(PhotoRow.id.in_(ids), PhotoRow.purged_at.is_not(None))
        gone |= set(session.scalars(select(Purge.id).where(Purge.sha256.in_(digests))))
    for ids in chunks(scope.listing_ids):
        names = session.scalars(select(Capture.archive).where(Capture.listing_id.in_(ids)).distinct())
        gone |= set(session.scalars(select(Purge.id).where(Purge.name.in_([archives.name_of(one) for one in names]))))
    if not gone:
        return []
    told = session.scalars(select(AuditEntry.subject).where(AuditEntry.subject.startswith("purge:")))
    firsts = sorted(int(subject.partition(":")[2]) for subject in told)
    return sorted({firsts[place - 1] for one in gone if (place := bisect_right(firsts, one))})
