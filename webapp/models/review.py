"""Findings that wait for a person, and what the person decided."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, now
from webapp.models.listings import ListingRow, PhotoRow
from webapp.models.people import User
from webapp.models.scans import Scan


class FindingState(StrEnum):
    """`withdrawn`: nobody had decided, and under the changed rule the evidence flags no more."""

    OPEN = "open"
    ESCALATED = "escalated"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


# What a person has settled; an escalated finding waits for somebody else.
DECIDED = (FindingState.CONFIRMED, FindingState.DISMISSED)


class Verdict(StrEnum):
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    ESCALATE = "escalate"

    @property
    def state(self) -> FindingState:
        return {
            Verdict.CONFIRM: FindingState.CONFIRMED,
            Verdict.DISMISS: FindingState.DISMISSED,
            Verdict.ESCALATE: FindingState.ESCALATED,
        }[self]


QUEUE_FILTERS = ("concept", "rule", "source_id", "seller", "language", "severity")


class FindingRow(Base):
    """One rule met by one picture of one listing (or by the listing's words alone: photo_id is None).

    priority: larger is sooner (services.priority). reasons: Result.to_json(). source_id, seller, language: of the
    listing, beside the state so that the queue can be read in order under each filter.
    appearance_key: `listing id:photo id or 0`, so that the uniqueness below also holds where photo_id is NULL.
    """

    __tablename__ = "findings"
    __table_args__ = (
        UniqueConstraint("appearance_key", "rule"),
        Index("ix_findings_queue", "state", "priority", "id"),
        *(Index(f"ix_findings_queue_{name}", "state", name, "priority", "id") for name in QUEUE_FILTERS),
        # Whether any still follows an older pack, asked at every tick (services.rules.is_applied).
        Index("ix_findings_pack", "state", "pack_digest"),
        # What the overview counts by (services.overview).
        Index("ix_findings_overview", "state", "found_at", "concept", "source_id", "seller", "listing_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    appearance_key: Mapped[str] = mapped_column(String(50))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"), index=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), index=True)
    rule: Mapped[str] = mapped_column(String(80), index=True)
    rule_version: Mapped[int]
    pack_digest: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    concept: Mapped[str] = mapped_column(String(40), index=True)
    severity: Mapped[str] = mapped_column(String(16))
    threshold: Mapped[float | None]
    score: Mapped[float | None]
    model: Mapped[str | None] = mapped_column(String(80))
    model_digest: Mapped[str | None] = mapped_column(String(64))
    primary_absent: Mapped[bool] = mapped_column(default=False)
    why: Mapped[str]
    reasons: Mapped[dict[str, Any]]
    priority: Mapped[float]
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    seller: Mapped[str | None] = mapped_column(String(300))
    language: Mapped[str | None] = mapped_column(String(8))
    state: Mapped[FindingState] = mapped_column(
        Enum(FindingState, native_enum=False, length=16, values_callable=list), default=FindingState.OPEN
    )
    found_at: Mapped[datetime] = mapped_column(default=now, index=True)

    listing: Mapped[ListingRow] = relationship()
    photo: Mapped[PhotoRow | None] = relationship()
    scan: Mapped[Scan] = relationship()
    decisions: Mapped[list["Decision"]] = relationship(back_populates="finding", order_by="Decision.id")


class FindingTerm(Base):
    """A term of the lexicon that the finding's reasons name, so that verdicts can be counted by term."""

    __tablename__ = "finding_terms"
    __table_args__ = (Index("ix_finding_terms_language_term", "language", "term"),)

    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    term: Mapped[str] = mapped_column(String(200), primary_key=True)


class Stage(StrEnum):
    """Which look a decision was: `second` is blind, `adjudication` a lead's between two, `appeal` a lead's on one."""

    FIRST = "first"
    SECOND = "second"
    ADJUDICATION = "adjudication"
    APPEAL = "appeal"


class Decision(Base):
    """What a reviewer decided; never changed: a later one stands beside it, an undone one has a DecisionUndo.

    A second look's decision leaves the finding's state alone. concept: what the reviewer saw, where they said it.
    reason: a code of the pack's reason_codes. batch: what was decided in one act shares it. state_before: the
    finding's. revises_id: the decision that this one corrects. seconds: from the page shown to the decision, None where
    not measured. role: the reviewer's at that time.
    """

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    verdict: Mapped[Verdict] = mapped_column(Enum(Verdict, native_enum=False, length=16, values_callable=list))
    note: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime] = mapped_column(default=now, index=True)
    stage: Mapped[Stage] = mapped_column(
        Enum(Stage, native_enum=False, length=16, values_callable=list), default=Stage.FIRST
    )
    concept: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(40))
    batch: Mapped[str | None] = mapped_column(String(32), index=True)
    state_before: Mapped[str | None] = mapped_column(String(16))
    revises_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    seconds: Mapped[float | None]
    role: Mapped[str | None] = mapped_column(String(16))

    finding: Mapped[FindingRow] = relationship(back_populates="decisions")
    user: Mapped[User] = relationship()
    undo: Mapped["DecisionUndo | None"] = relationship()


class DecisionUndo(Base):
    """A decision that was taken back soon after; the finding went back to what it was before."""

    __tablename__ = "decision_undos"

    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    undone_at: Mapped[datetime] = mapped_column(default=now)


class ReviewClaim(Base):
    """Who has a listing on the desk, and until when: all of its findings are theirs meanwhile."""

    __tablename__ = "review_claims"

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    claimed_at: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime]

    user: Mapped[User] = relationship()


class ReviewSkip(Base):
    """A finding that a person left to others; it comes back to them after `until`."""

    __tablename__ = "review_skips"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), primary_key=True)
    until: Mapped[datetime]


class RecheckKind(StrEnum):
    """Why a decided finding is looked at again."""

    RULE = "rule"
    SAMPLE = "sample"
    APPEAL = "appeal"


class RecheckState(StrEnum):
    """`waiting` for a second, blind look; `disputed` or an appeal waits for a lead; the others are over."""

    WAITING = "waiting"
    DISPUTED = "disputed"
    AGREED = "agreed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    VOID = "void"


class Recheck(Base):
    """A second look at a decision. `void`: the decision was undone or revised meanwhile.

    first_id, second_id, final_id: the decisions. claim, raised_by: what an appeal says and who raised it.
    """

    __tablename__ = "rechecks"
    __table_args__ = (UniqueConstraint("first_id", "kind"), Index("ix_rechecks_state_id", "state", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), index=True)
    kind: Mapped[RecheckKind] = mapped_column(Enum(RecheckKind, native_enum=False, length=16, values_callable=list))
    state: Mapped[RecheckState] = mapped_column(
        Enum(RecheckState, native_enum=False, length=16, values_callable=list), default=RecheckState.WAITING
    )
    claim: Mapped[str] = mapped_column(default="")
    raised_by: Mapped[str] = mapped_column(String(80), default="system")
    first_id: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    second_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    final_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    opened_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None] = mapped_column(index=True)

    finding: Mapped[FindingRow] = relationship()
    first: Mapped[Decision] = relationship(foreign_keys=[first_id])
    second: Mapped[Decision | None] = relationship(foreign_keys=[second_id])
    final: Mapped[Decision | None] = relationship(foreign_keys=[final_id])


class RecheckPolicy(Base):
    """How many decisions get a second look: `share` in [0, 1] of those under `rule`, or of all where it is None."""

    __tablename__ = "recheck_policies"

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str | None] = mapped_column(String(80), unique=True)
    share: Mapped[float]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(default=now)


class RecallAudit(Base):
    """A random slice of what was not flagged in [from_at, to_at), to estimate what was missed.

    strata: [{name, population, sampled}] in the order of the plan, whose sizes never change. seed: of the draw.
    """

    __tablename__ = "recall_audits"

    id: Mapped[int] = mapped_column(primary_key=True)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    strata: Mapped[list[Any]]
    size: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()
    items: Mapped[list["RecallItem"]] = relationship(back_populates="audit", order_by="RecallItem.id")


class RecallItem(Base):
    """One drawn picture of a listing (or its words alone: photo_id is None) and what a blind look said of it.

    answer: the concept seen, `other` for nothing suspected; None while it waits. finding_id: opened for a miss.
    """

    __tablename__ = "recall_items"
    __table_args__ = (Index("ix_recall_items_audit_id_answer", "audit_id", "answer"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    audit_id: Mapped[int] = mapped_column(ForeignKey("recall_audits.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    stratum: Mapped[str] = mapped_column(String(40))
    answer: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("findings.id"))

    audit: Mapped[RecallAudit] = relationship(back_populates="items")
    listing: Mapped[ListingRow] = relationship()
    photo: Mapped[PhotoRow | None] = relationship()
    user: Mapped[User | None] = relationship()
