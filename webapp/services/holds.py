"""Legal holds: while one is not released, nothing that it covers is removed, whatever a policy says.

A hold on a finding, a listing, a seller or a source covers its listings with all their pictures, archives and crawl
logs, and every report and case file that contains one of their findings. A hold on a report or a case file covers that
file, and the listings of all findings in it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.db import chunks, now
from webapp.language import say
from webapp.models import (
    CaseFile,
    Decision,
    FindingRow,
    HoldScope,
    LegalHold,
    ListingRow,
    ListingVersion,
    Report,
    Source,
    User,
)
from webapp.services import audit, case_files, reports, users
from webapp.services.errors import NotFound, Refused
from webapp.services.reports import ReportError
from webapp.settings import Settings

REASON_LETTERS = 2000
RETENTION_LOCK = 0x7455_5055  # of PostgreSQL's advisory locks; any number that nothing else here takes
TARGETS: dict[HoldScope, type[Any]] = {
    HoldScope.FINDING: FindingRow,
    HoldScope.LISTING: ListingRow,
    HoldScope.SELLER: Source,
    HoldScope.SOURCE: Source,
    HoldScope.REPORT: Report,
    HoldScope.CASE: CaseFile,
}


@dataclass(frozen=True, slots=True)
class Held:
    """What holds on reports and case files cover, which their own rows don't say. findings: ids of those in them."""

    reports: frozenset[int] = frozenset()
    cases: frozenset[int] = frozenset()
    findings: frozenset[int] = frozenset()


def lock(session: Session) -> None:
    """One at a time, until the commit: whoever places a hold, and whoever removes files.

    A hold that is placed while a purge runs waits for the few files at hand and then protects all others.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(RETENTION_LOCK)))
    else:  # SQLite has one writer: a statement that writes makes it us
        session.execute(update(LegalHold).where(LegalHold.id == 0).values(reason=""))


def place(
    session: Session, user: User | None, scope: HoldScope, target_id: int, reason: str, seller: str | None = None
) -> LegalHold:
    """Hold what `scope` and `target_id` name; of a seller, the source and the name. The caller commits.

    Raises NotFound where there is nothing of that kind, Refused without a reason.
    """
    reason, seller = checked(reason), seller if scope is HoldScope.SELLER else None
    check_target(session, scope, target_id, seller)
    lock(session)
    hold = LegalHold(scope=scope, target_id=target_id, seller=seller, reason=reason, placed_by=user)
    session.add(hold)
    session.flush()
    note(session, user, "hold.place", hold, reason)
    return hold


def release(session: Session, user: User | None, hold_id: int, reason: str) -> LegalHold:
    """From now on policies may remove again what it covered. The caller commits. Raises NotFound and Refused."""
    reason = checked(reason)
    hold = find(session, hold_id)
    ended = {"released_at": now(), "release_reason": reason, "released_by_id": user.id if user else None}
    mine = update(LegalHold).where(LegalHold.id == hold_id, LegalHold.released_at.is_(None)).values(**ended)
    if session.scalar(mine.returning(LegalHold.id)) is None:
        raise Refused(say("Hold %(number)s was released already.", number=hold_id))
    session.refresh(hold)
    note(session, user, "hold.release", hold, reason)
    return hold


def checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused(say("Say why, with who asked for it: whoever reads it later has to know."))
    if len(reason) > REASON_LETTERS:
        raise Refused(say("Shorten the reason to %(most)s letters.", most=REASON_LETTERS))
    return reason


def check_target(session: Session, scope: HoldScope, target_id: int, seller: str | None) -> None:
    if session.get(TARGETS[scope], target_id) is None:
        raise NotFound(say("There is nothing of that number that could be held."))
    if scope is HoldScope.SELLER:
        known = exists().where(ListingRow.source_id == target_id, ListingRow.seller == (seller or ""))
        if not seller or not session.scalar(select(known)):
            raise NotFound(say("No listing of that source names that seller."))


def note(session: Session, user: User | None, action: str, hold: LegalHold, reason: str) -> None:
    facts = {"scope": hold.scope.value, "target": hold.target_id, "reason": reason}
    if hold.seller:
        facts["seller"] = hold.seller
    audit.record(session, users.name_of(user), action, f"hold:{hold.id}", **facts)


def find(session: Session, hold_id: int) -> LegalHold:
    """Raises NotFound."""
    hold = session.get(LegalHold, hold_id)
    if hold is None:
        raise NotFound(say("There is no hold %(number)s.", number=hold_id))
    return hold


def list_holds(session: Session, *, released: bool = False, limit: int | None = None) -> list[LegalHold]:
    """Those in force, or those that were released; the newest first."""
    is_over = LegalHold.released_at.is_not(None) if released else active()
    query = select(LegalHold).where(is_over).order_by(LegalHold.id.desc()).limit(limit)
    return list(session.scalars(query.options(joinedload(LegalHold.placed_by), joinedload(LegalHold.released_by))))


def active() -> ColumnElement[bool]:
    return LegalHold.released_at.is_(None)


def on(session: Session, scope: HoldScope, target_id: int) -> list[LegalHold]:
    """Holds in force on just that; of a source, not those on its sellers."""
    mine = select(LegalHold).where(active(), LegalHold.scope == scope, LegalHold.target_id == target_id)
    return list(session.scalars(mine.order_by(LegalHold.id)))


def of_listing(session: Session, settings: Settings, listing: ListingRow) -> list[LegalHold]:
    """Every hold in force that covers the listing, the oldest first."""
    return [hold for hold in reversed(list_holds(session)) if is_covered(session, settings, hold, listing)]


def is_covered(session: Session, settings: Settings, hold: LegalHold, listing: ListingRow) -> bool:
    if hold.scope in (HoldScope.REPORT, HoldScope.CASE):
        return bool(held_among(session, [listing.id], read_one(session, settings, hold), by_name=False))
    covers = select(ListingRow.id).where(ListingRow.id == listing.id, names_listing(LegalHold.id == hold.id))
    return session.scalar(covers) is not None


def names_listing(which: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Whether a hold on a finding, a listing, a seller or a source covers the enclosing query's ListingRow.

    which: of these holds alone. A seller is everybody whom the listing ever named: a new name leads out of no hold.
    """
    those = and_(active(), which) if which is not None else active()
    listings = select(LegalHold.target_id).where(those, LegalHold.scope == HoldScope.LISTING)
    sources = select(LegalHold.target_id).where(those, LegalHold.scope == HoldScope.SOURCE)
    of_findings = select(FindingRow.listing_id).join(LegalHold, LegalHold.target_id == FindingRow.id)
    findings = of_findings.where(those, LegalHold.scope == HoldScope.FINDING)
    said = ListingVersion.fields["seller"].as_string()
    before = exists().where(ListingVersion.listing_id == ListingRow.id, said == LegalHold.seller)
    is_theirs = or_(LegalHold.seller == ListingRow.seller, before.correlate(LegalHold, ListingRow))
    sellers = exists().where(
        those, LegalHold.scope == HoldScope.SELLER, LegalHold.target_id == ListingRow.source_id, is_theirs
    )
    return or_(
        ListingRow.id.in_(listings),
        ListingRow.source_id.in_(sources),
        ListingRow.id.in_(findings),
        sellers.correlate(ListingRow),
    )


def read(session: Session, settings: Settings) -> Held:
    """What the holds on reports and case files cover, as they stand now. Raises StoreAwayError."""
    of_files = select(LegalHold).where(active(), LegalHold.scope.in_((HoldScope.REPORT, HoldScope.CASE)))
    each = [read_one(session, settings, hold) for hold in session.scalars(of_files)]
    return Held(
        frozenset().union(*(one.reports for one in each)),
        frozenset().union(*(one.cases for one in each)),
        frozenset().union(*(one.findings for one in each)),
    )


def read_one(session: Session, settings: Settings, hold: LegalHold) -> Held:
    if hold.scope is HoldScope.REPORT:
        report = session.get_one(Report, hold.target_id)
        return Held(reports=frozenset({report.id}), findings=findings_of(session, settings, report))
    case = session.get_one(CaseFile, hold.target_id)
    return Held(cases=frozenset({case.id}), findings=findings_of_case(session, case))


def findings_of_case(session: Session, case: CaseFile) -> frozenset[int]:
    """The ids of the findings in it: as the audit log has them, else as it was asked for."""
    known = case_files.findings_of(session, case) or case.selection.get("findings")
    return frozenset(known if known is not None else case_files.ids_of_seller(session, case.selection))


_contents: dict[str, frozenset[int]] = {}  # by the content's digest: it never changes, and a purge asks many times
CONTENTS_KEPT = 64


def findings_of(session: Session, settings: Settings, report: Report) -> frozenset[int]:
    """The ids of the report's findings; where its content can't be read, of all that its period may hold."""
    known = _contents.get(report.sha256)
    if known is None:
        try:
            known = frozenset(int(one["id"]) for one in reports.read(settings, report).findings())
        except ReportError:
            return frozenset(session.scalars(select(FindingRow.id).where(may_be_in(report))))
        if len(_contents) >= CONTENTS_KEPT:
            _contents.clear()
        _contents[report.sha256] = known
    return known


def may_be_in(report: Report) -> ColumnElement[bool]:
    decided = (Decision.decided_at >= report.from_at) & (Decision.decided_at < report.to_at)
    found = (FindingRow.found_at >= report.from_at) & (FindingRow.found_at < report.to_at)
    return or_(found, FindingRow.decisions.any(decided))


def held_among(session: Session, listing_ids: Collection[int], held: Held, *, by_name: bool = True) -> set[int]:
    """Those of the listings that a hold covers; by_name: also by a hold that names_listing knows."""
    found: set[int] = set()
    for ids in chunks(sorted(listing_ids)):
        if by_name:
            found.update(session.scalars(select(ListingRow.id).where(ListingRow.id.in_(ids), names_listing())))
        if held.findings:
            theirs = select(FindingRow.listing_id, FindingRow.id).where(FindingRow.listing_id.in_(ids))
            found.update(listing for listing, finding in session.execute(theirs) if finding in held.findings)
    return found
