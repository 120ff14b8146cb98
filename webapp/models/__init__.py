"""The tables. Rows of things that the scanner also knows end in `Row`, so that no two classes share a name."""

from webapp.models.audit import AuditEntry
from webapp.models.crawls import (
    Capture,
    CrawledPage,
    ListingEvent,
    ListingEventKind,
    ListingVersion,
    QuotaUse,
    StoppedHost,
)
from webapp.models.jobs import Job, JobKind, JobState
from webapp.models.listings import Appearance, ListingRow, PhotoRow, ScoreRow, Source
from webapp.models.people import Role, User
from webapp.models.processes import WorkerProcess
from webapp.models.reports import Report
from webapp.models.review import Decision, FindingRow, FindingState, Verdict
from webapp.models.rules import ThresholdChange
from webapp.models.scans import PictureState, Scan, ScanPhoto, ScanState
from webapp.models.schedules import Overlap, Schedule

__all__ = [
    "Appearance",
    "AuditEntry",
    "Capture",
    "CrawledPage",
    "Decision",
    "FindingRow",
    "FindingState",
    "Job",
    "JobKind",
    "JobState",
    "ListingEvent",
    "ListingEventKind",
    "ListingRow",
    "ListingVersion",
    "Overlap",
    "PhotoRow",
    "PictureState",
    "QuotaUse",
    "Report",
    "Role",
    "Scan",
    "ScanPhoto",
    "ScanState",
    "Schedule",
    "ScoreRow",
    "Source",
    "StoppedHost",
    "ThresholdChange",
    "User",
    "Verdict",
    "WorkerProcess",
]
