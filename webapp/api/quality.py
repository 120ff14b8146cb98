"""How good the findings are: figures with intervals, agreement, cases that a lead settles, recall audits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.api.access import caller
from webapp.api.findings import DecisionShape, decision_shape
from webapp.api.operations import Room
from webapp.api.paging import Note, Page, Strict, Words
from webapp.db import now
from webapp.extensions import app_pack, db_session
from webapp.models import (
    Decision,
    RecallAudit,
    RecallItem,
    Recheck,
    RecheckKind,
    RecheckPolicy,
    RecheckState,
    Role,
    Verdict,
)
from webapp.services import adjudication, agreement, quality, recall, rechecks, rules, team
from webapp.services.adjudication import NAME_LETTERS
from webapp.services.agreement import Agreement
from webapp.services.errors import NotFound, Refused
from webapp.services.tokens import Scope

room = Room("quality", "How right and how complete findings are, second looks, appeals, recall audits")

DAYS = 30


class PeriodQuery(Strict):
    """[from_at, to_at): the last 30 days unless given."""

    from_at: AwareDatetime | None = None
    to_at: AwareDatetime | None = None

    def period(self) -> tuple[datetime, datetime]:
        to_at = self.to_at or now()
        from_at = self.from_at or to_at - timedelta(days=DAYS)
        if from_at >= to_at:
            raise Refused("The end of the period must lie after its beginning.")
        return from_at, to_at


class FigureShape(BaseModel):
    """A share in [0, 1], but misses are listings, and kappa lies in [-1, 1].

    value, low, high: with a 95 % interval; null where `reason` says why. n: on how many it rests; basis: on which.
    """

    model_config = ConfigDict(from_attributes=True)

    name: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    reason: str
    basis: str


class QualityShape(BaseModel):
    """waiting: second looks that nobody has taken yet; sample_percent: of the decisions that get one."""

    from_at: datetime
    to_at: datetime
    figures: list[FigureShape]
    waiting: int
    sample_percent: int


class IntervalShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    value: float
    low: float
    high: float


class AgreementShape(BaseModel):
    """name: of the rule, the concept or the two people. n: pairs; agreed: the share that said the same.

    kappa: Cohen's, in [-1, 1]; null where `reason` says why.
    """

    model_config = ConfigDict(from_attributes=True)

    name: str
    n: int
    agreed: IntervalShape | None
    kappa: IntervalShape | None
    reason: str


class AgreementsShape(BaseModel):
    overall: AgreementShape
    by_rule: list[AgreementShape]
    by_concept: list[AgreementShape]
    by_pair: list[AgreementShape]


class CaseShape(BaseModel):
    """A dispute between two looks, or an appeal. claim: what an appeal says."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    finding_id: int
    kind: RecheckKind
    state: RecheckState
    claim: str
    raised_by: str
    opened_at: datetime
    closed_at: datetime | None


class WholeCase(CaseShape):
    """may_settle: whether you may say the last word; why_not: else a sentence."""

    first: DecisionShape
    second: DecisionShape | None
    final: DecisionShape | None
    may_settle: bool
    why_not: str


class AppealBody(Strict):
    """claim: what speaks against the decision. raised_by: who says so, where it isn't you."""

    claim: Words
    raised_by: str = Field("", max_length=NAME_LETTERS)


class LastWordBody(Strict):
    verdict: Literal[Verdict.CONFIRM, Verdict.DISMISS]
    note: Note = ""


class PolicyShape(BaseModel):
    """percent: of the rule's decisions that get a second look."""

    rule: str
    percent: float


class PolicyBody(Strict):
    """percent: null where the rule is to have no share of its own, but that of all others."""

    percent: float | None = Field(ge=0, le=100)


class SliceBody(Strict):
    """[from_at, to_at): when the listings were first seen. size: how many of them are looked at."""

    from_at: AwareDatetime
    to_at: AwareDatetime
    size: int = Field(ge=recall.FEWEST, le=recall.MOST)


class StratumShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    population: int
    sampled: int


class PlanShape(BaseModel):
    """population: listings of the period that nothing flagged; size: how many would be looked at."""

    model_config = ConfigDict(from_attributes=True)

    from_at: datetime
    to_at: datetime
    population: int
    size: int
    strata: list[StratumShape]


class RecallShape(BaseModel):
    """seed: of the draw, so that it can be done again. closed_at: null while items wait."""

    id: int
    from_at: datetime
    to_at: datetime
    size: int
    seed: str
    by: str | None
    opened_at: datetime
    closed_at: datetime | None


class CountedShape(StratumShape):
    """answered: looks that are settled; misses: those that found something."""

    answered: int
    misses: int


class FoundShape(BaseModel):
    """What was suspected in a recall audit. finding_id: what it opened."""

    listing_id: int
    answer: str
    note: str
    by: str | None
    answered_at: datetime
    finding_id: int | None


class WholeRecall(RecallShape):
    """misses: of listings, estimated; recall: the share of what there was that was flagged.

    found: what was suspected in it.
    """

    answered: int
    strata: list[CountedShape]
    misses: FigureShape
    recall: FigureShape
    found: list[FoundShape]


@room.operation("GET", "/quality", Scope.READ, query=PeriodQuery, answer=QualityShape)
def get_quality(query: PeriodQuery) -> QualityShape:
    """Precision, recall, misses and agreement of a period, with 95 % intervals."""
    from_at, to_at = query.period()
    found = quality.figures(db_session(), from_at, to_at)
    return QualityShape(
        from_at=from_at,
        to_at=to_at,
        figures=[FigureShape.model_validate(one) for one in found.all()],
        waiting=rechecks.count_waiting(db_session()),
        sample_percent=team.choices(db_session()).second_look_percent,
    )


@room.operation("GET", "/quality/agreement", Scope.READ, query=PeriodQuery, answer=AgreementsShape)
def get_agreement(query: PeriodQuery) -> AgreementsShape:
    """How far two people who look at the same finding agree, by rule, concept and pair."""
    found = agreement.agreements(db_session(), *query.period())
    parts = {name: shapes_of(getattr(found, name)) for name in ("by_rule", "by_concept", "by_pair")}
    return AgreementsShape(overall=AgreementShape.model_validate(found.overall), **parts)


def shapes_of(found: Sequence[Agreement]) -> list[AgreementShape]:
    return [AgreementShape.model_validate(one) for one in found]


@room.operation("GET", "/cases", Scope.READ, answer=Page[CaseShape])
def list_cases() -> Page[CaseShape]:
    """Disputes and appeals that wait for a lead, the oldest first; at most 100."""
    return Page[CaseShape](items=[CaseShape.model_validate(one) for one in adjudication.open_cases(db_session())])


@room.operation("GET", "/cases/<int:case_id>", Scope.READ, Role.LEAD, answer=WholeCase)
def get_case(case_id: int) -> WholeCase:
    """One dispute or appeal with what each person decided."""
    row = rechecks.find(db_session(), case_id)
    if row.kind is not RecheckKind.APPEAL and row.second is None:
        raise NotFound(f"There is no case {case_id}.")  # it waits for its second look, and nobody is told of it
    return case_shape(row)


def case_shape(row: Recheck) -> WholeCase:
    fitness = adjudication.fit_to_settle(db_session(), caller(), row)
    return WholeCase(
        **CaseShape.model_validate(row).model_dump(),
        first=decision_shape(row.first),
        second=said(row.second),
        final=said(row.final),
        may_settle=fitness.may and adjudication.is_open(db_session(), row),
        why_not=fitness.reason,
    )


def said(decision: Decision | None) -> DecisionShape | None:
    return decision_shape(decision) if decision is not None else None


@room.operation(
    "POST",
    "/findings/<int:finding_id>/appeals",
    Scope.REVIEW,
    Role.REVIEWER,
    body=AppealBody,
    answer=CaseShape,
    status=201,
)
def appeal_finding(finding_id: int, body: AppealBody) -> CaseShape:
    """Ask for another decision on a decided finding; a lead says the last word."""
    row = adjudication.appeal(db_session(), caller(), finding_id, body.claim, body.raised_by)
    db_session().commit()
    return CaseShape.model_validate(row)


@room.operation(
    "POST", "/cases/<int:case_id>/settle", Scope.REVIEW, Role.LEAD, body=LastWordBody, answer=WholeCase, status=200
)
def settle_case(case_id: int, body: LastWordBody) -> WholeCase:
    """Say the last word in a dispute or an appeal, which sets the finding's state."""
    row = adjudication.settle(db_session(), caller(), case_id, body.verdict, body.note)
    db_session().commit()
    return case_shape(row)


@room.operation("GET", "/quality/policies", Scope.READ, answer=Page[PolicyShape])
def list_policies() -> Page[PolicyShape]:
    """Rules that have a share of second looks of their own."""
    return Page[PolicyShape](items=[policy_shape(row) for row in rechecks.policies(db_session())])


def policy_shape(row: RecheckPolicy) -> PolicyShape:
    return PolicyShape(rule=row.rule or "", percent=round(row.share * 100, 6))


@room.operation("PUT", "/quality/policies/<rule_id>", Scope.REVIEW, Role.LEAD, body=PolicyBody)
def set_policy(rule_id: str, body: PolicyBody) -> None:
    """Set how many of a rule's decisions get a second look."""
    rules.find_rule(app_pack(), rule_id)
    rechecks.set_policy(db_session(), caller(), rule_id, body.percent)
    db_session().commit()


@room.operation("POST", "/recall-audits/plan", Scope.REVIEW, Role.LEAD, body=SliceBody, answer=PlanShape)
def plan_recall_audit(body: SliceBody) -> PlanShape:
    """What a recall audit would look at; nothing is stored."""
    pack = app_pack()
    return PlanShape.model_validate(recall.plan(db_session(), pack, body.from_at, body.to_at, body.size))


@room.operation("POST", "/recall-audits", Scope.REVIEW, Role.LEAD, body=SliceBody, answer=RecallShape, status=201)
def start_recall_audit(body: SliceBody) -> RecallShape:
    """Draw a random slice of what nothing flagged and put it before the reviewers, blind."""
    pack = app_pack()
    row = recall.start(db_session(), pack, caller(), body.from_at, body.to_at, body.size)
    db_session().commit()
    return RecallShape(**fields_of(row))


@room.operation("GET", "/recall-audits", Scope.READ, answer=Page[RecallShape])
def list_recall_audits() -> Page[RecallShape]:
    """Recall audits, the newest first."""
    return Page[RecallShape](items=[RecallShape(**fields_of(row)) for row in recall.audits(db_session())])


def fields_of(row: RecallAudit) -> dict[str, Any]:
    names = ("id", "from_at", "to_at", "size", "opened_at", "closed_at")
    same = {name: getattr(row, name) for name in names}
    # A seed has up to 62 bits: as a number, many a program would round it.
    return same | {"seed": str(row.seed), "by": row.user.name if row.user else None}


@room.operation("GET", "/recall-audits/<int:audit_id>", Scope.READ, answer=WholeRecall)
def get_recall_audit(audit_id: int) -> WholeRecall:
    """One recall audit with what it tells of what was missed."""
    return whole_recall(recall.find(db_session(), audit_id))


def whole_recall(row: RecallAudit) -> WholeRecall:
    estimate = recall.estimate(db_session(), row)
    misses, share = quality.recall_of_audit(db_session(), row, estimate)
    return WholeRecall(
        **fields_of(row),
        answered=estimate.answered,
        strata=[CountedShape.model_validate(one) for one in estimate.strata],
        misses=FigureShape.model_validate(misses),
        recall=FigureShape.model_validate(share),
        found=[found_shape(one) for one in recall.finds(db_session(), row)],
    )


def found_shape(item: RecallItem) -> FoundShape:
    names = ("listing_id", "answer", "note", "answered_at", "finding_id")
    return FoundShape(**{name: getattr(item, name) for name in names}, by=item.user.name if item.user else None)


@room.operation("POST", "/recall-audits/<int:audit_id>/close", Scope.REVIEW, Role.LEAD, answer=WholeRecall)
def close_recall_audit(audit_id: int) -> WholeRecall:
    """End a recall audit as it stands: what is not answered stays missing, and the interval says so."""
    row = recall.close(db_session(), caller(), audit_id)
    db_session().commit()
    return whole_recall(row)
