"""Rules: their versions, how right and how complete they are, and the words that they look for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rules.lexicon import Kind
from rules.model import Pack, Rule, Severity
from webapp.api.access import caller
from webapp.api.operations import Room
from webapp.api.paging import Page, Strict, Words
from webapp.api.shadow_runs import ShadowRunShape, begun
from webapp.extensions import app_pack, app_settings, db_session
from webapp.models import FindingState, Role
from webapp.services import curves, lexicon, rules, shadow, versions, workbench
from webapp.services.tokens import Scope
from webapp.services.versions import Tally, Version
from webapp.services.workbench import Preview, Shown, Side

room = Room("rules", "What flags, how right it is, and what other thresholds would do")

Share = Annotated[float, Field(ge=0, le=1)]


class EstimateShape(BaseModel):
    """A share with its 95 % interval, all in [0, 1]. total: the items that it rests on."""

    model_config = ConfigDict(from_attributes=True)

    value: float
    low: float
    high: float
    total: int


class TallyShape(BaseModel):
    """precision: of the decided ones, how many people confirmed; null where nothing was decided."""

    flagged: int
    decided: int
    by_state: dict[FindingState, int]
    precision: EstimateShape | None


class ThresholdShape(BaseModel):
    """basis: what the value was measured on."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    value: float
    basis: str


class RuleShape(BaseModel):
    """when: what it asks for, in words. shadow_runs: how many are under way. tally: over all of its versions."""

    id: str
    version: int
    title: str
    concept: str
    severity: Severity
    when: str
    thresholds: list[ThresholdShape]
    citations: list[str]
    shadow_runs: int
    tally: TallyShape


class VersionShape(BaseModel):
    """values: of all thresholds. by, approved_by, reason: null for version 1, which is the rule's file."""

    number: int
    values: dict[str, float]
    by: str | None
    approved_by: str | None
    reason: str | None
    changed_at: datetime | None
    shadow_run_id: int | None
    restores_version: int | None
    tally: TallyShape


class WholeRule(RuleShape):
    """versions: the newest first. pack_digest: SHA-256 of all that decides."""

    versions: list[VersionShape]
    pack: str
    pack_digest: str


class PointShape(BaseModel):
    """flagged: reviewed items at `threshold` and above; null where there is nothing to divide by."""

    model_config = ConfigDict(from_attributes=True)

    threshold: float
    flagged: int
    precision: EstimateShape | None
    recall: EstimateShape | None


class AuditedShape(BaseModel):
    """The recall audits behind a curve. population: listings that nothing flagged, for which the answers stand."""

    model_config = ConfigDict(from_attributes=True)

    answers: int
    missed: int
    population: int
    from_at: datetime
    to_at: datetime


class CurveShape(BaseModel):
    """name: of the threshold. items: reviewed ones; confirmed: those that show the concept. capped: there are more."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    points: list[PointShape]
    items: int
    confirmed: int
    sellers: int
    audited: AuditedShape | None
    capped: bool


class ValuesBody(Strict):
    """thresholds: new values by name; those that are not named stay."""

    thresholds: dict[str, Share] = Field(min_length=1, max_length=20)


class ReasonBody(Strict):
    reason: Words


class ProposalBody(ValuesBody, ReasonBody):
    pass


class ShownShape(BaseModel):
    """state: of the finding that stands, null where there is none. reasons: as they would be."""

    listing_id: int
    title: str
    photo_sha256: str | None
    score: float | None
    state: FindingState | None
    reasons: dict[str, Any]


class SideShape(BaseModel):
    """total: of those judged; estimated: of all. by_state: `none` where nothing was flagged before."""

    total: int
    estimated: int
    by_state: dict[str, int]
    by_source: dict[str, int]
    shown: list[ShownShape]


class PreviewShape(BaseModel):
    """listings: those that may change sides; judged: of them, a sample where they are many.

    others_flag, others_unflag: findings of the concept's other rules that come or go with them. hours: what the new
    flags would cost reviewers, at so many seconds a decision; measured: over how many decisions, 0 where assumed.
    """

    listings: int
    judged: int
    flags: SideShape
    unflags: SideShape
    others_flag: int
    others_unflag: int
    to_review: int
    hours: float
    seconds: float
    measured: int


class TermQuery(Strict):
    """q: letters that the term, a variant or a context holds."""

    language: str | None = Field(None, max_length=8)
    concept: str | None = Field(None, max_length=40)
    kind: Kind | None = None
    q: str = Field("", max_length=100)


class TermShape(BaseModel):
    """needs: one of them has to stand in the text besides; not_in: where one stands, the term inside is not seen.

    flagged: findings whose reasons name the term; precision: of the decided ones. A coded word alone never flags.
    """

    language: str
    term: str
    variants: list[str]
    concepts: list[str]
    kind: Kind
    needs: list[str]
    not_in: list[str]
    source: str
    status: str
    flagged: int
    decided: int
    confirmed: int
    precision: EstimateShape | None


def find_rule(rule_id: str, *threshold_names: str) -> tuple[Pack, Rule]:
    """Raises NotFound."""
    pack = app_pack()
    return pack, rules.find_rule(pack, rule_id, *threshold_names)


def tally_shape(tally: Tally) -> TallyShape:
    precision = EstimateShape.model_validate(tally.precision) if tally.precision else None
    by_state = dict.fromkeys(FindingState, 0) | dict(tally.by_state)
    return TallyShape(flagged=tally.flagged, decided=tally.decided, by_state=by_state, precision=precision)


def fields_of(rule: Rule, tallies: Mapping[str, Tally], running: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "version": rule.version,
        "title": rule.title,
        "concept": rule.concept,
        "severity": rule.severity,
        "when": rule.when_text,
        "thresholds": [ThresholdShape.model_validate(one) for one in rule.thresholds.values()],
        "citations": list(rule.citations),
        "shadow_runs": running.get(rule.id, 0),
        "tally": tally_shape(tallies.get(rule.id, Tally())),
    }


@room.operation("GET", "/rules", Scope.READ, answer=Page[RuleShape])
def list_rules() -> Page[RuleShape]:
    """The rules in force."""
    tallies, running = versions.tally_rules(db_session()), versions.count_running(db_session())
    return Page[RuleShape](items=[RuleShape(**fields_of(rule, tallies, running)) for rule in app_pack().rules])


@room.operation("GET", "/rules/<rule_id>", Scope.READ, answer=WholeRule)
def get_rule(rule_id: str) -> WholeRule:
    """One rule with all of its versions, and how often each was right."""
    pack, rule = find_rule(rule_id)
    tallies, running = versions.tally_rules(db_session()), versions.count_running(db_session())
    found = versions.versions(db_session(), app_settings().pack, rule_id)
    return WholeRule(
        **fields_of(rule, tallies, running),
        versions=[version_shape(one) for one in found],
        pack=pack.id,
        pack_digest=pack.digest,
    )


def version_shape(version: Version) -> VersionShape:
    change = version.change
    return VersionShape(
        number=version.number,
        values=dict(version.values),
        by=change.user.name if change else None,
        approved_by=change.approved_by.name if change and change.approved_by else None,
        reason=change.reason if change else None,
        changed_at=change.changed_at if change else None,
        shadow_run_id=change.shadow_run_id if change else None,
        restores_version=change.restores_version if change else None,
        tally=tally_shape(version.tally),
    )


@room.operation("GET", "/rules/<rule_id>/curves", Scope.READ, answer=Page[CurveShape])
def list_curves(rule_id: str) -> Page[CurveShape]:
    """Precision and recall over each threshold of a rule, on what people reviewed."""
    pack, rule = find_rule(rule_id)
    found = curves.curves(db_session(), pack, rule)
    return Page[CurveShape](items=[CurveShape.model_validate(one) for one in found.values()])


@room.operation(
    "POST", "/rules/<rule_id>/preview", Scope.RULES, Role.LEAD, body=ValuesBody, answer=PreviewShape, status=200
)
def preview_thresholds(rule_id: str, body: ValuesBody) -> PreviewShape:
    """What a rule at other thresholds would flag and unflag of what is stored; nothing is changed."""
    pack, rule = find_rule(rule_id, *body.thresholds)
    return preview_shape(workbench.preview(db_session(), pack, rule, body.thresholds))


def preview_shape(found: Preview) -> PreviewShape:
    return PreviewShape(
        listings=found.listings,
        judged=found.judged,
        flags=side_shape(found, found.flags),
        unflags=side_shape(found, found.unflags),
        others_flag=found.others_flag,
        others_unflag=found.others_unflag,
        to_review=found.to_review,
        hours=round(found.hours, 2),
        seconds=found.pace.seconds,
        measured=found.pace.measured,
    )


def side_shape(found: Preview, side: Side) -> SideShape:
    return SideShape(
        total=side.total,
        estimated=found.estimate(side.total),
        by_state=dict(side.by_state),
        by_source=dict(side.by_source),
        shown=[shown_shape(one) for one in side.shown],
    )


def shown_shape(one: Shown) -> ShownShape:
    return ShownShape(
        listing_id=one.listing.id,
        title=one.listing.title,
        photo_sha256=one.photo.sha256 if one.photo else None,
        score=one.met.finding.score,
        state=one.state,
        reasons=one.reasons,
    )


@room.operation(
    "POST",
    "/rules/<rule_id>/shadow-runs",
    Scope.RULES,
    Role.LEAD,
    body=ProposalBody,
    answer=ShadowRunShape,
    status=201,
)
def propose_thresholds(rule_id: str, body: ProposalBody) -> ShadowRunShape:
    """Propose other thresholds: new scans are judged by them too, and nobody is flagged."""
    run = shadow.propose(db_session(), caller(), app_settings().pack, rule_id, body.thresholds, body.reason)
    return begun(run)


@room.operation(
    "POST",
    "/rules/<rule_id>/versions/<int:number>/shadow-runs",
    Scope.RULES,
    Role.LEAD,
    body=ReasonBody,
    answer=ShadowRunShape,
    status=201,
)
def propose_restoring(rule_id: str, number: int, body: ReasonBody) -> ShadowRunShape:
    """Propose the values of an older version, which go the same way as any others."""
    run = shadow.propose_restoring(db_session(), caller(), app_settings().pack, rule_id, number, body.reason)
    return begun(run)


@room.operation("GET", "/lexicon", Scope.READ, query=TermQuery, answer=Page[TermShape])
def list_terms(query: TermQuery) -> Page[TermShape]:
    """The words that rules look for, and how often findings that name them were right."""
    kind = query.kind.value if query.kind else None
    filters = lexicon.TermFilters(query.language, query.concept, kind, query.q)
    found = lexicon.entries(db_session(), app_pack().lexicon, filters)
    return Page[TermShape](items=[term_shape(one) for one in found])


def term_shape(entry: lexicon.Entry) -> TermShape:
    term, figures = entry.term, entry.figures
    precision = EstimateShape.model_validate(figures.precision) if figures.precision else None
    lists: dict[str, Any] = {name: list(getattr(term, name)) for name in ("variants", "concepts", "needs", "not_in")}
    words: dict[str, Any] = {name: getattr(term, name) for name in ("language", "term", "kind", "source", "status")}
    counts: dict[str, Any] = {name: getattr(figures, name) for name in ("flagged", "decided", "confirmed")}
    return TermShape(**words, **lists, **counts, precision=precision)
