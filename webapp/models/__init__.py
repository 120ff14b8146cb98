"""The tables. Rows of things that the scanner also knows end in `Row`, so that no two classes share a name."""

from webapp.models.audit import AuditEntry, AuditSeal, SealedEntry
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
from webapp.models.listings import Appearance, ListingRow, ListingText, NearPhoto, PhotoBand, PhotoRow, ScoreRow, Source
from webapp.models.people import ApiToken, RecoveryCode, Reveal, Role, SavedFilter, TeamSetting, User
from webapp.models.processes import WorkerProcess
from webapp.models.reports import Report
from webapp.models.review import (
    Decision,
    DecisionUndo,
    FindingRow,
    FindingState,
    FindingTerm,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckKind,
    RecheckPolicy,
    RecheckState,
    ReviewClaim,
    ReviewSkip,
    Stage,
    Verdict,
)
from webapp.models.rules import ShadowHit, ShadowRun, ShadowState, ThresholdChange
from webapp.models.scans import PictureState, Scan, ScanPhoto, ScanState
from webapp.models.schedules import Overlap, Schedule
from webapp.models.webhooks import DeliveryState, Webhook, WebhookDelivery

__all__ = [
    "ApiToken",
    "Appearance",
    "AuditEntry",
    "AuditSeal",
    "Capture",
    "CrawledPage",
    "Decision",
    "DecisionUndo",
    "DeliveryState",
    "FindingRow",
    "FindingState",
    "FindingTerm",
    "Job",
    "JobKind",
    "JobState",
    "ListingEvent",
    "ListingEventKind",
    "ListingRow",
    "ListingText",
    "ListingVersion",
    "NearPhoto",
    "Overlap",
    "PhotoBand",
    "PhotoRow",
    "PictureState",
    "QuotaUse",
    "RecallAudit",
    "RecallItem",
    "Recheck",
    "RecheckKind",
    "RecheckPolicy",
    "RecheckState",
    "RecoveryCode",
    "Report",
    "Reveal",
    "ReviewClaim",
    "ReviewSkip",
    "Role",
    "SavedFilter",
    "Scan",
    "ScanPhoto",
    "ScanState",
    "Schedule",
    "ScoreRow",
    "SealedEntry",
    "ShadowHit",
    "ShadowRun",
    "ShadowState",
    "Source",
    "Stage",
    "StoppedHost",
    "TeamSetting",
    "ThresholdChange",
    "User",
    "Verdict",
    "Webhook",
    "WebhookDelivery",
    "WorkerProcess",
]
