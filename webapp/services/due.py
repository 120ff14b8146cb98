"""What may go under the periods in force: listings whose evidence is due, and the files that hang on them alone."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session

from webapp.db import chunks
from webapp.models import (
    Appearance,
    Capture,
    CaseFile,
    Decision,
    DecisionUndo,
    DeliveryState,
    FindingRow,
    FindingState,
    HoldScope,
    Kept,
    LegalHold,
    ListingRow,
    PhotoRow,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckState,
    Report,
    ReportDelivery,
    ReportFile,
    ReportSchedule,
    ReviewClaim,
    Scan,
    ScanPhoto,
    ScanState,
)
from webapp.services import archives, case_files, claims, crawl_logs, holds, photos, report_files, reports
from webapp.services.holds import Held
from webapp.services.retention import EVIDENCE, Terms
from webapp.settings import Settings
from webapp.storage import Store

PAGE = 500
SETTLED = (FindingState.CONFIRMED, FindingState.DISMISSED, FindingState.WITHDRAWN)
OVER = [state for state in ScanState if state.is_over]


@dataclass(frozen=True, slots=True)
class DueFile:
    """A file of the store that may go. sha256: None where it has to be read for that; reason: one sentence."""

    name: str
    sha256: str | None
    size_bytes: int
    policy: Kept
    reason: str


@dataclass(frozen=True)
class Docket:
    """All that says what may go, as it stands now. held: what holds on reports and case files cover."""

    session: Session
    settings: Settings
    place: Store
    terms: Terms
    held: Held

    @cached_property
    def is_any_held(self) -> bool:
        return bool(self.session.scalar(select(exists().where(holds.active()))))

    def files(self) -> Iterator[DueFile]:
        """Every file that may go; read page by page, so that commits may come in between."""
        if self.terms.evidence:
            yield from self.pictures()
            yield from self.archives()
            yield from self.logs()
        yield from self.reports()
        yield from self.cases()

    def pictures(self) -> Iterator[DueFile]:
        last_id, wanted = 0, due_photos(self.terms)
        while rows := self.session.execute(wanted.where(PhotoRow.id > last_id).limit(PAGE)).all():
            shown = listings_by_photo(self.session, [row.id for row in rows])
            every = {listing for ids in shown.values() for listing in ids}
            kept, kinds = self._held(every), kinds_of(self.session, every)
            for row in rows:
                if not shown[row.id] & kept:
                    policy = strongest(kinds, shown[row.id])
                    name = photos.name_of(row.sha256)
                    yield DueFile(name, row.sha256, row.size_bytes, policy, reason_of(policy, self.terms))
            last_id = rows[-1].id

    def archives(self) -> Iterator[DueFile]:
        last, wanted = "", due_archives(self.terms)
        while names := self.session.scalars(wanted.where(Capture.archive > last).limit(PAGE)).all():
            for archive in names:
                shown = listings_of_archive(self.session, archive)
                if not self._held(shown):
                    policy = strongest(kinds_of(self.session, shown), shown)
                    yield from self._sized(archives.name_of(archive), policy)
            last = names[-1]

    def logs(self) -> Iterator[DueFile]:
        """Of scans all of whose listings may go."""
        if Kept.UNFLAGGED not in self.terms.days:
            return
        names: dict[int, list[str]] = {}
        for name in self.place.list(crawl_logs.STORED):
            names.setdefault(scan_of_log(name), []).append(name)
        for ids in chunks(sorted(names)):
            for scan_id in self.session.scalars(due_scans(self.terms).where(Scan.id.in_(ids))).all():
                shown = listings_of_scan(self.session, scan_id)
                if not self._held(shown):
                    policy = strongest(kinds_of(self.session, shown), shown)
                    for name in names[scan_id]:
                        yield from self._sized(name, policy)

    def reports(self) -> Iterator[DueFile]:
        for report_id in self.session.scalars(select(Report.id).order_by(Report.id)).all():
            report = self.session.get_one(Report, report_id)
            if not self.may_report_go(report):
                continue
            reason = self._report_reason(report)
            if report.purged_at is None:
                for name in (reports.name_of(report.sha256), reports.old_name_of(report.sha256)):
                    for file in self._sized(name, Kept.REPORTS, reason):
                        yield replace(file, sha256=report.sha256)
            for one in report.files:
                if one.purged_at is None and self.may_file_go(one.sha256):
                    yield DueFile(name_of_file(one), one.sha256, one.size_bytes, Kept.REPORTS, reason)

    def cases(self) -> Iterator[DueFile]:
        made = select(CaseFile.id).where(CaseFile.purged_at.is_(None), CaseFile.sha256 != "")
        for case_id in self.session.scalars(made.order_by(CaseFile.id)).all():
            case = self.session.get_one(CaseFile, case_id)
            if self.may_case_go(case):
                reason = reason_of(Kept.CASES, self.terms)
                yield DueFile(name_of_case(case), case.sha256, case.size_bytes, Kept.CASES, reason)

    def _held(self, listing_ids: Collection[int]) -> set[int]:
        """By holds on reports and case files; others are in the query."""
        return holds.held_among(self.session, listing_ids, self.held, by_name=False)

    def _sized(self, name: str, policy: Kept, reason: str | None = None) -> Iterator[DueFile]:
        """One file; none where it is not in the store (an archive may wait on the machine that wrote it)."""
        try:
            size_bytes = self.place.size(name)
        except FileNotFoundError:
            return
        yield DueFile(name, None, size_bytes, policy, reason or reason_of(policy, self.terms))

    def may_report_go(self, report: Report) -> bool:
        """A report and its corrections go together: nobody is to be left with one of two that differ."""
        return all(self._is_report_due(one) for one in chain_of(report))

    def _is_report_due(self, report: Report) -> bool:
        days = self._days_of(report)
        if days is None or report.built_at >= replace(self.terms, days={Kept.REPORTS: days}).cutoff(Kept.REPORTS):
            return False
        if report.id in self.held.reports or is_on_its_way(self.session, report):
            return False
        return not self.is_any_held or not self._contains_held(holds.findings_of(self.session, self.settings, report))

    def may_file_go(self, sha256: str) -> bool:
        """Two reports may have been written as the same bytes."""
        theirs = select(Report).join(ReportFile, ReportFile.report_id == Report.id).where(ReportFile.sha256 == sha256)
        return all(self.may_report_go(report) for report in self.session.scalars(theirs))

    def _days_of(self, report: Report) -> int | None:
        schedule = self.session.get(ReportSchedule, report.schedule_id) if report.schedule_id else None
        own = schedule.keep_days if schedule else None
        return own if own is not None else self.terms.days.get(Kept.REPORTS)

    def _report_reason(self, report: Report) -> str:
        days = self._days_of(report)
        return f"The report was built more than {days} days ago."

    def may_case_go(self, case: CaseFile) -> bool:
        if Kept.CASES not in self.terms.days or case.made_at >= self.terms.cutoff(Kept.CASES):
            return False
        if case.id in self.held.cases:
            return False
        return not self.is_any_held or not self._contains_held(holds.findings_of_case(self.session, case))

    def _contains_held(self, finding_ids: frozenset[int]) -> bool:
        """Whether a hold covers a listing of one of these findings."""
        if finding_ids & self.held.findings:
            return True
        for ids in chunks(sorted(finding_ids)):
            listing_ids = self.session.scalars(select(FindingRow.listing_id).where(FindingRow.id.in_(ids))).all()
            if holds.held_among(self.session, set(listing_ids), self.held):
                return True
        return False


def listing_may_go(terms: Terms) -> ColumnElement[bool]:
    """Whether the evidence of the enclosing query's ListingRow is due, nothing about it waits, and no hold names it."""
    due = [
        and_(ListingRow.last_seen_at < terms.cutoff(kind), is_of_kind(kind), ~happened_since(terms.cutoff(kind)))
        for kind in terms.evidence
    ]
    return and_(or_(false(), *due), ~waits(terms.at), ~holds.names_listing())


def is_of_kind(kind: Kept) -> ColumnElement[bool]:
    confirmed = has_finding(FindingRow.state == FindingState.CONFIRMED)
    waiting = has_finding(FindingRow.state.not_in(SETTLED))
    if kind is Kept.UNFLAGGED:
        return ~has_finding()
    if kind is Kept.CONFIRMED:
        return and_(confirmed, ~waiting)
    return and_(has_finding(), ~confirmed, ~waiting)


def has_finding(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(FindingRow.listing_id == ListingRow.id, *which).correlate(ListingRow)


def happened_since(at: datetime) -> ColumnElement[bool]:
    """Whether something was found on the listing, decided of it or taken back since then."""
    acts = select(FindingRow.id).outerjoin(Decision, Decision.finding_id == FindingRow.id)
    acts = acts.outerjoin(DecisionUndo, DecisionUndo.decision_id == Decision.id)
    late = or_(FindingRow.found_at >= at, Decision.decided_at >= at, DecisionUndo.undone_at >= at)
    return acts.where(FindingRow.listing_id == ListingRow.id, late).correlate(ListingRow).exists()


def waits(at: datetime) -> ColumnElement[bool]:
    """Whether somebody or something still has to look at the listing: a scorer, a second look, a recall audit."""
    pictures = select(ScanPhoto.listing_id).where(claims.PENDING)
    looks = select(FindingRow.listing_id).join(Recheck, Recheck.finding_id == FindingRow.id)
    open_looks = looks.where(Recheck.state.in_((RecheckState.WAITING, RecheckState.DISPUTED)))
    drawn = select(RecallItem.listing_id).join(RecallAudit, RecallAudit.id == RecallItem.audit_id)
    open_drawn = drawn.where(RecallItem.answer.is_(None), RecallAudit.closed_at.is_(None))
    on_desks = select(ReviewClaim.listing_id).where(ReviewClaim.until > at)
    return or_(*(ListingRow.id.in_(ids) for ids in (pictures, open_looks, open_drawn, on_desks)))


def due_photos(terms: Terms) -> Select[int, str, int]:
    """Pictures all of whose listings may go; those that are gone already left out."""
    shown = select(Appearance.photo_id).join(ListingRow, ListingRow.id == Appearance.listing_id)
    # First what may be due at all: it is much less than all there is.
    old = shown.where(ListingRow.last_seen_at < latest_cutoff(terms))
    stays = shown.where(Appearance.photo_id == PhotoRow.id, ~listing_may_go(terms)).correlate(PhotoRow).exists()
    flagged = select(FindingRow.id).join(ListingRow, ListingRow.id == FindingRow.listing_id)
    flagged_stays = flagged.where(FindingRow.photo_id == PhotoRow.id, ~listing_may_go(terms))
    query = select(PhotoRow.id, PhotoRow.sha256, PhotoRow.size_bytes).where(
        PhotoRow.purged_at.is_(None), PhotoRow.id.in_(old), ~stays, ~flagged_stays.correlate(PhotoRow).exists()
    )
    return query.order_by(PhotoRow.id)


def due_archives(terms: Terms) -> Select[Any]:
    """Archives in which every capture is of a listing that may go."""
    of_listings = select(Capture.archive).join(ListingRow, ListingRow.id == Capture.listing_id)
    stay = of_listings.where(~listing_may_go(terms))
    return select(Capture.archive).where(Capture.archive.not_in(stay)).distinct().order_by(Capture.archive)


def due_scans(terms: Terms) -> Select[Any]:
    """Scans that are long over, and whose listings may all go."""
    may_stay = ~listing_may_go(terms)
    pictures = select(ScanPhoto.id).join(ListingRow, ListingRow.id == ScanPhoto.listing_id)
    found = select(FindingRow.id).join(ListingRow, ListingRow.id == FindingRow.listing_id)
    captured = select(Capture.scan_id).join(ListingRow, ListingRow.id == Capture.listing_id)
    seen = select(ListingRow.id).where(ListingRow.last_scan_id == Scan.id, may_stay)
    held = select(LegalHold.target_id).where(holds.active(), LegalHold.scope == HoldScope.SOURCE)
    return select(Scan.id).where(
        Scan.state.in_(OVER),
        Scan.finished_at < terms.cutoff(Kept.UNFLAGGED),
        Scan.source_id.not_in(held),
        ~pictures.where(ScanPhoto.scan_id == Scan.id, may_stay).correlate(Scan).exists(),
        ~found.where(FindingRow.scan_id == Scan.id, may_stay).correlate(Scan).exists(),
        ~seen.correlate(Scan).exists(),
        Scan.id.not_in(captured.where(Capture.scan_id.is_not(None), may_stay)),
    )


def latest_cutoff(terms: Terms) -> datetime:
    return max(terms.cutoff(kind) for kind in terms.evidence)


def listings_by_photo(session: Session, photo_ids: Collection[int]) -> dict[int, set[int]]:
    """The listings that show each picture, or have a finding on it."""
    shown: dict[int, set[int]] = {one: set() for one in photo_ids}
    for table in (Appearance, FindingRow):
        rows = select(table.photo_id, table.listing_id).where(table.photo_id.in_(photo_ids))
        for photo_id, listing_id in session.execute(rows):
            shown[int(photo_id or 0)].add(listing_id)
    return shown


def listings_of_archive(session: Session, archive: str) -> set[int]:
    return set(session.scalars(select(Capture.listing_id).where(Capture.archive == archive).distinct()))


def listings_of_scan(session: Session, scan_id: int) -> set[int]:
    """What a scan saw, found or fetched, as far as rows say."""
    tables = (ScanPhoto, FindingRow, Capture)
    found = {one for table in tables for one in session.scalars(select(table.listing_id).filter_by(scan_id=scan_id))}
    return found | set(session.scalars(select(ListingRow.id).where(ListingRow.last_scan_id == scan_id)))


def kinds_of(session: Session, listing_ids: Collection[int]) -> dict[int, Kept]:
    """What kind of evidence each listing's is; one on which nothing was found is left out."""
    found: dict[int, Kept] = {}
    for ids in chunks(sorted(listing_ids)):
        states = select(FindingRow.listing_id, FindingRow.state).where(FindingRow.listing_id.in_(ids)).distinct()
        for listing_id, state in session.execute(states):
            kind = Kept.CONFIRMED if state is FindingState.CONFIRMED else found.get(listing_id, Kept.DISMISSED)
            found[listing_id] = kind
    return found


def strongest(kinds: Mapping[int, Kept], listing_ids: Collection[int]) -> Kept:
    """Of several listings, what is kept for the weightiest reason."""
    return max((kinds.get(one, Kept.UNFLAGGED) for one in listing_ids), key=EVIDENCE.index, default=Kept.UNFLAGGED)


def chain_of(report: Report) -> list[Report]:
    """The report, what it corrects, what corrects it, and so on."""
    first = report
    while first.corrects is not None:
        first = first.corrects
    found, waiting = [], [first]
    while waiting:
        found.append(one := waiting.pop())
        waiting.extend(one.corrections)
    return found


def is_on_its_way(session: Session, report: Report) -> bool:
    """Whether it still has to be handed over somewhere."""
    mine = ReportDelivery.report_id == report.id, ReportDelivery.state == DeliveryState.PENDING
    return bool(session.scalar(select(exists().where(*mine))))


def scan_of_log(name: str) -> int:
    return int(name.split("/")[1])


def name_of_file(file: ReportFile) -> str:
    return report_files.name_of(file.sha256)


def name_of_case(case: CaseFile) -> str:
    return case_files.name_of(case.sha256)


def reason_of(kind: Kept, terms: Terms) -> str:
    days = terms.days.get(kind, 0)
    if kind is Kept.UNFLAGGED:
        return f"Nothing was found on its listings, and they were last seen more than {days} days ago."
    if kind is Kept.DISMISSED:
        return f"What was found on its listings was dismissed, and nothing has happened for more than {days} days."
    if kind is Kept.CONFIRMED:
        return f"All on its listings is decided, and nothing has happened for more than {days} days."
    return f"The case file was made more than {days} days ago."
