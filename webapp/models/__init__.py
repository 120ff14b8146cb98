"""The tables. Rows of things that the scanner also knows end in `Row`, so that no two classes share a name."""

from webapp.models.audit import AuditEntry
from webapp.models.jobs import Job, JobKind, JobState
from webapp.models.listings import Appearance, ListingRow, PhotoRow, ScoreRow, Source
from webapp.models.people import Role, User
from webapp.models.reports import Report
from webapp.models.review import Decision, FindingRow, FindingState, Verdict
from webapp.models.rules import ThresholdChange
from webapp.models.scans import Scan, ScanPhoto, ScanState

__all__ = [
    "Appearance",
    "AuditEntry",
    "Decision",
    "FindingRow",
    "FindingState",
    "Job",
    "JobKind",
    "JobState",
    "ListingRow",
    "PhotoRow",
    "Report",
    "Role",
    "Scan",
    "ScanPhoto",
    "ScanState",
    "ScoreRow",
    "Source",
    "ThresholdChange",
    "User",
    "Verdict",
]
