"""Evidence that was left alone for so many days, with its bytes in the store."""

import hashlib
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy.orm import Session

from tests.factories import add, make_finding, make_listing, make_photo, make_scan
from webapp.db import now
from webapp.models import (
    Capture,
    CaseFile,
    Decision,
    FindingRow,
    FindingState,
    Kept,
    ListingRow,
    PhotoRow,
    Report,
    ReportFile,
    RetentionPolicy,
    User,
    Verdict,
)
from webapp.services import archives, due, photos, reports
from webapp.settings import Settings
from webapp.storage import Store, open_store

VERDICTS = {FindingState.CONFIRMED: Verdict.CONFIRM, FindingState.DISMISSED: Verdict.DISMISS}
_numbers = count(1)


def days_ago(days: float) -> datetime:
    return now() - timedelta(days=days)


class Shelves:
    """A session, the settings and the store that rows and bytes are put into."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self.session = session
        self.settings = settings
        self.place: Store = open_store(settings)

    def policy(self, **days: int) -> None:
        """In force at once, since they were set long ago."""
        for kind, number in days.items():
            add(self.session, RetentionPolicy(kind=Kept(kind), days=number, changed_at=days_ago(400)))

    def listing(self, days: float, **fields: object) -> ListingRow:
        """Last seen so many days ago."""
        return make_listing(self.session, first_seen_at=days_ago(days), last_seen_at=days_ago(days), **fields)

    def photo(self, listing: ListingRow) -> PhotoRow:
        body = f"picture {next(_numbers)}".encode()
        photos.store(self.place, body)
        return make_photo(self.session, listing, body)

    def finding(
        self, listing: ListingRow, photo: PhotoRow | None, state: FindingState, days: float, user: User | None = None
    ) -> FindingRow:
        """Found, and decided where the state says so, that many days ago."""
        row = make_finding(self.session, listing, photo, state=state, found_at=days_ago(days), words_only=photo is None)
        if user is not None and state in VERDICTS:
            verdict = VERDICTS[state]
            add(self.session, Decision(finding=row, user=user, verdict=verdict, decided_at=days_ago(days)))
        return row

    def archive(self, *listings: ListingRow, body: bytes = b"a record") -> str:
        """Its name in the store; one capture of each listing."""
        archive = f"tuskline-{next(_numbers)}.warc.gz"
        self.place.put(archives.name_of(archive), body)
        for listing in listings:
            said = {"record_id": f"urn:uuid:{next(_numbers)}", "sha256": "0" * 64, "captured_at": listing.last_seen_at}
            add(self.session, Capture(listing_id=listing.id, url=listing.url, archive=archive, **said))
        return archives.name_of(archive)

    def report(self, days: float, *findings: FindingRow, **fields: object) -> Report:
        body = f'{{"format": 2, "number": {next(_numbers)}}}\n'.encode()
        body += b"".join(f'{{"id": {one.id}}}\n'.encode() for one in findings)
        sha256 = hashlib.sha256(body).hexdigest()
        self.place.put(reports.name_of(sha256), body)
        period = {"from_at": days_ago(days + 1), "to_at": days_ago(days)}
        return add(
            self.session,
            Report(**period, sha256=sha256, findings_count=len(findings), built_at=days_ago(days), **fields),
        )

    def report_file(self, report: Report, body: bytes | None = None) -> ReportFile:
        body = body or f"file {next(_numbers)}".encode()
        row = ReportFile(report=report, format=f"csv{next(_numbers)}", language="en", size_bytes=len(body))
        row.sha256 = hashlib.sha256(body).hexdigest()
        add(self.session, row)
        self.place.put(due.name_of_file(row), body)
        return row

    def case(self, days: float, **selection: object) -> CaseFile:
        body = f"bundle {next(_numbers)}".encode()
        row = CaseFile(selection=selection, findings_count=1, size_bytes=len(body), manifest_sha256="0" * 64)
        row.sha256, row.made_at = hashlib.sha256(body).hexdigest(), days_ago(days)
        add(self.session, row)
        self.place.put(due.name_of_case(row), body)
        return row

    def log(self, listing: ListingRow, days: float) -> str:
        """Of a scan that saw the listing."""
        scan = make_scan(self.session, listing.source, finished_at=days_ago(days))
        listing.last_scan_id = scan.id
        name = f"crawls/{scan.id}/{next(_numbers)}.jsonl.gz"
        self.place.put(name, b"a line")
        return name
